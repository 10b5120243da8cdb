"""Sequences: bases and amino acids, and what people draw on them.

An upsert requires the drawings and replaces them; an update keeps those that it does not name.
The end of a drawing is exclusive, and the end of the sequence is written as 0.
https://benchling.com/api/reference (DnaAnnotation)
"""

from __future__ import annotations

from typing import Any, ClassVar

from .errors import Refusal
from .parts import Parts

Json = dict[str, Any]
DNA, RNA = "ACGTRYSWKMBDHVN", "ACGURYSWKMBDHVN"
SHOWN = 24
"""Letters that the tenant's page shows of a sequence."""
AMINO_ACIDS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ*"


def checked(residues: str, alphabet: str, what: str) -> str:
    """Return a sequence as it was sent. Raise Refusal for a letter outside of its alphabet."""
    for position, letter in enumerate(residues, start=1):
        if letter.upper() not in alphabet:
            raise Refusal(f"Invalid {what} '{letter}' at position {position}.")
    return residues


def _fits(drawing: Json, length: int) -> bool:
    """Return whether a drawing lies on a sequence of so many letters."""
    spans = drawing.get("regions") or [drawing]
    return all(
        0 <= span.get("start", 0) < length and 0 < span.get("end", length) <= length
        for span in spans
    )


def _ends(drawing: Json, old: int, new: int) -> Json:
    """Return a drawing with one end written as another, in its regions too."""
    out = {**drawing, **({"end": new} if drawing.get("end") == old else {})}
    if "regions" in drawing:
        out["regions"] = [_ends(region, old, new) for region in drawing["regions"]]
    return out


class Sequence(Parts):
    """A sequence of letters with drawings on it."""

    letters: ClassVar[str]
    """The key of the sequence itself."""
    alphabet: str
    what: ClassVar[str]
    unit: ClassVar[str] = "bp"

    def read(self, row: Json) -> Json:
        found = {key: row[key] for key in self.drawings if key in row}
        if self.letters in row:
            found[self.letters] = checked(row[self.letters], self.alphabet, self.what)
        return found

    def changed(self, parts: Json, new: Json, *, drops: bool) -> Json:
        both = {**parts, **new}
        length = len(both.get(self.letters, ""))
        for key in self.drawings:
            if key in new:
                both[key] = [_ends(drawing, 0, length) for drawing in new[key]]
            wrong = [d for d in both.get(key, ()) if not _fits(d, length)]
            if wrong and (key in new or not drops):
                name = wrong[0].get("name") or "without a name"
                raise Refusal(f"One of {key}, {name!r:.100}, is outside of the sequence.")
            both[key] = [d for d in both.get(key, ()) if d not in wrong]
        return both

    def shown(self, parts: Json) -> Json:
        letters = parts.get(self.letters, "")
        return {
            self.letters: letters,
            "length": len(letters),
            **{
                key: [_ends(drawing, len(letters), 0) for drawing in parts.get(key, ())]
                for key in self.drawings
            },
        }

    def seen(self, parts: Json) -> dict[str, str]:
        letters = str(parts.get(self.letters, ""))
        way = ", circular" if parts.get("isCircular") else ""
        short = letters if len(letters) <= SHOWN else f"{letters[:SHOWN]}…"
        return {"Sequence": f"{len(letters):,} {self.unit}{way}: {short}"}

    def residues(self, parts: Json) -> str:
        return str(parts.get(self.letters, "")).upper()


class DnaBases(Sequence):
    """A DNA sequence, a plasmid if it is circular."""

    letters, alphabet, what = "bases", DNA, "base"
    drawings = ("annotations", "primers", "parts", "translations")

    def read(self, row: Json) -> Json:
        circular = {"isCircular": row["isCircular"]} if "isCircular" in row else {}
        return {**super().read(row), **circular}

    def shown(self, parts: Json) -> Json:
        return {
            **super().shown(parts),
            "isCircular": parts.get("isCircular", False),
            "transcriptions": [],
            "dnaAlignmentIds": [],
        }


class AminoAcids(Sequence):
    """An AA sequence."""

    letters, alphabet, what, unit = "aminoAcids", AMINO_ACIDS, "amino acid", "aa"
    drawings = ("annotations",)


class OligoBases(Sequence):
    """A DNA or RNA oligo; its bases may be absent."""

    letters, what = "bases", "base"

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.alphabet = DNA if kind == "DNA" else RNA

    def shown(self, parts: Json) -> Json:
        return {**super().shown(parts), "nucleotideType": self.kind, "annotations": []}
