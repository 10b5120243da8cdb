"""Molecules: their structures, which come back canonicalised and without their salts.

https://help.benchling.com/hc/en-us/articles/14964897279373
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from .errors import Refusal
from .parts import Parts

Json = dict[str, Any]
INVALID = "The chemical structure is invalid: it cannot be parsed as {}."


class Structure(Parts):
    """A molecule's structure."""

    def read(self, row: Json) -> Json:
        given = row.get("chemicalStructure")
        if given is None:
            return {}
        kind, value = given.get("structureFormat", "smiles"), given.get("value") or ""
        return {
            "canonicalizedSmiles": canonical(kind, value),
            "originalSmiles": value if kind == "smiles" else None,
        }

    def shown(self, parts: Json) -> Json:
        return {
            "canonicalizedSmiles": parts.get("canonicalizedSmiles", ""),
            "originalSmiles": parts.get("originalSmiles"),
        }

    def seen(self, parts: Json) -> dict[str, str]:
        sent = parts.get("originalSmiles") or "a molfile"
        return {"Structure": parts.get("canonicalizedSmiles", ""), "As it was given": sent}

    def residues(self, parts: Json) -> str:
        return str(parts.get("canonicalizedSmiles", ""))


@lru_cache(maxsize=20_000)
def canonical(kind: str, value: str) -> str:
    """Return a structure as Benchling keeps it: its largest fragment, as canonical SMILES.

    Explicit hydrogens, atom maps and labels are dropped, stereo is written out, and bonds are
    kekulized. `kind` is "smiles" or "molfile". Raise Refusal for what is no structure.
    """
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        read = Chem.MolFromMolBlock if kind == "molfile" else Chem.MolFromSmiles
        molecule = read(value) if value.strip() else None
        if molecule is None or not molecule.GetNumAtoms():
            raise Refusal(INVALID.format("a molfile" if kind == "molfile" else "SMILES"))
        largest = max(
            (_plain(Chem, part) for part in Chem.GetMolFrags(molecule, asMols=True)),
            key=lambda smiles: _size(Chem, smiles),
        )
        # The order of atoms decides where double bonds go, so they are put into a canonical one.
        kept = Chem.MolFromSmiles(largest)
        Chem.Kekulize(kept, clearAromaticFlags=True)
        return str(Chem.MolToSmiles(kept, kekuleSmiles=True))


def _plain(chem: Any, part: Any) -> str:
    for atom in part.GetAtoms():
        atom.SetAtomMapNum(0)
    return str(chem.MolToSmiles(chem.RemoveHs(part)))


def _size(chem: Any, smiles: str) -> tuple[int, int, str]:
    """Return what makes one fragment larger than another: heavy atoms, then all atoms."""
    molecule = chem.MolFromSmiles(smiles)
    return molecule.GetNumHeavyAtoms(), chem.AddHs(molecule).GetNumAtoms(), smiles
