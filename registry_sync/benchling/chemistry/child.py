"""The child process that reads structures by RDKit: one JSON text a line in, one answer a line out.

It ends with its standard input. A structure that crashes RDKit, or takes too long, ends only it.
https://www.rdkit.org/docs/GettingStartedInPython.html
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

from rdkit import Chem, rdBase
from rdkit.Chem.Descriptors import MolWt  # type: ignore[attr-defined]

POSITION = re.compile(r"position (\d+)")


def read_structure(text: str) -> dict[str, Any]:
    """Return the canonical forms of a structure, or its `fault` in words."""
    mol = _unchecked(text)
    if isinstance(mol, str):
        return {"fault": mol}
    for problem in Chem.DetectChemistryProblems(mol):
        return {"fault": _named(problem, mol)}
    Chem.SanitizeMol(mol)
    Chem.AssignStereochemistry(mol, cleanIt=True, force=True)
    for atom in mol.GetAtoms():
        atom.SetAtomMapNum(0)
    plain = Chem.RemoveHs(mol)
    if not plain.GetNumAtoms():
        return {"fault": "has no atoms"}
    parts = [(Chem.MolToSmiles(part), part) for part in Chem.GetMolFrags(plain, asMols=True)]
    largest = _largest([part for _, part in parts])
    kept = sorted({smiles for (smiles, _), is_largest in zip(parts, largest, strict=True)
                   if is_largest})  # fmt: skip
    rest = [smiles for smiles, _ in parts]
    rest.remove(kept[0])
    return {"whole": Chem.MolToSmiles(plain), "largest": kept, "stripped": sorted(rest)}


def _largest(parts: list[Any]) -> list[bool]:
    """Return which fragments are the largest by heavy atoms, by all atoms or by weight.

    Benchling's rule for fragments of one size is not published: each of them may be the one.
    """
    sizes = [
        (part.GetNumHeavyAtoms(), Chem.AddHs(part).GetNumAtoms(), MolWt(part)) for part in parts
    ]
    heaviest = max(size[0] for size in sizes)
    if sum(size[0] == heaviest for size in sizes) == 1:
        return [size[0] == heaviest for size in sizes]
    most = [max(size[n] for size in sizes if size[0] == heaviest) for n in (1, 2)]
    return [
        size[0] == heaviest and (size[1] == most[0] or abs(size[2] - most[1]) < 0.01)
        for size in sizes
    ]


def _unchecked(text: str) -> Any:
    """Return a molecule whose chemistry is not checked yet, or why the text cannot be read."""
    with _Log() as log:
        if "\n" in text or "\r" in text:
            mol = Chem.MolFromMolBlock(text, sanitize=False, removeHs=False)
        else:
            options = Chem.SmilesParserParams()
            for name in ("sanitize", "removeHs", "parseName", "allowCXSMILES"):
                setattr(options, name, False)
            mol = Chem.MolFromSmiles(text, options)
    if mol is not None:
        mol.UpdatePropertyCache(strict=False)
        return mol
    message = log.text()
    if "\n" in text or "\r" in text:
        return f"cannot be read as a molfile: {message or 'RDKit gave no reason'}"
    found = POSITION.search(log.everything())
    where = f" at position {found[1]}" if found else ""
    reason = message.split(" for input")[0].split(" while parsing")[0]
    reason = reason.removeprefix("SMILES Parse Error: ")
    return f"is not a valid SMILES{where}: {reason or 'RDKit gave no reason'}"


def _named(problem: Any, mol: Any) -> str:
    """Return a chemistry problem with its atom, counted from 1 as in the text."""
    kind, message = problem.GetType(), problem.Message()
    if kind == "KekulizeException":
        atoms = ", ".join(str(index + 1) for index in problem.GetAtomIndices())
        return f"has aromatic atoms that no double bonds fit (atoms {atoms})"
    index = problem.GetAtomIdx()
    symbol = mol.GetAtomWithIdx(index).GetSymbol()
    if "valence" in message:
        return f"has an impossible valence at atom {index + 1} ({symbol})"
    return f"has a fault at atom {index + 1} ({symbol}): {message}"


class _Log:
    """Collects what RDKit logs, without times."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._stderr = sys.stderr

    def __enter__(self) -> _Log:
        sys.stderr = self
        return self

    def __exit__(self, *exc: object) -> None:
        sys.stderr = self._stderr

    def write(self, text: str) -> int:
        self._lines.append(text)
        return len(text)

    def flush(self) -> None:
        """Do nothing: the lines lie in memory."""

    def everything(self) -> str:
        """Return all that was logged."""
        return "".join(self._lines)

    def text(self) -> str:
        """Return the first line that says what is wrong."""
        for line in self.everything().splitlines():
            message = re.sub(r"^(RDKit \w+: )?\[[\d:]+\] ?", "", line).strip()
            if message and not set(message) <= set("~^ "):
                return message[:200]
        return ""


def main() -> None:
    """Answer each line of the standard input."""
    rdBase.LogToPythonStderr()
    for line in sys.stdin:
        try:
            answer = read_structure(json.loads(line))
        except Exception as error:
            answer = {"fault": f"cannot be read: {error}"[:300]}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
