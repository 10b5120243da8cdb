"""Structures as texts (SMILES, or a molfile), read by RDKit where it is installed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from registry_sync.benchling.chemistry import process, syntax
from registry_sync.benchling.chemistry.process import CHILD, LONGEST, NoAnswer, TooLong

KEPT = 4096
"""Structures that a process remembers: those of a page are read several times."""


class StructureFault(ValueError):
    """A text that is no structure; its text completes “it …”, with the atom or the position."""


class StructureUnread(StructureFault):
    """A text that RDKit did not read, which may pass: it was killed, or the machine was busy."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A structure's canonical forms; all are empty where RDKit is not installed."""

    whole: str = ""
    largest: tuple[str, ...] = ()
    """The fragment that Benchling keeps; several where some are of one size."""
    stripped: tuple[str, ...] = ()
    """The other fragments: salts and solvents."""


def available() -> bool:
    """Return whether RDKit is installed (requirements-chem.txt)."""
    return process.is_available()


def is_molfile(text: str) -> bool:
    """Return whether a structure is written as a molfile rather than as SMILES."""
    return "\n" in text or "\r" in text


def parse_structure(text: str) -> Parsed:
    """Return a structure's canonical forms. Raise StructureFault for what cannot be one.

    What could not be read this time (StructureUnread) is tried again when it is next asked for.
    """
    try:
        found = _read(text, available())
    except TooLong as error:
        raise StructureUnread(f"could not be read within {LONGEST:g} seconds") from error
    except NoAnswer as error:
        raise StructureUnread("could not be read: RDKit ended twice while it did") from error
    if isinstance(found, str):
        raise StructureFault(found)
    return found


@lru_cache(maxsize=KEPT)
def _read(text: str, by_rdkit: bool) -> Parsed | str:
    """Return the canonical forms, or the fault. Raise NoAnswer, which is not remembered."""
    if not is_molfile(text) and (fault := syntax.foreign_letter(text)):
        return fault  # RDKit leaves it and what follows out
    if not by_rdkit:
        check = syntax.fault_of_molfile if is_molfile(text) else syntax.fault_of_smiles
        return check(text) or Parsed()
    answer = _ask_child(text)
    if "fault" in answer:
        return str(answer["fault"])
    return Parsed(str(answer["whole"]), tuple(answer["largest"]), tuple(answer["stripped"]))


def _ask_child(text: str) -> dict[str, Any]:
    """Return RDKit's answer; a child that ended may have been killed, so another is asked."""
    try:
        return CHILD.ask(text)
    except TooLong:
        raise
    except NoAnswer:
        return CHILD.ask(text)


def is_same_structure(one: str, other: str) -> bool:
    """Return whether two texts are one structure, salts included."""
    if one == other:
        return True
    try:
        first, second = parse_structure(one), parse_structure(other)
    except StructureFault:
        return False
    return first.whole != "" and first.whole == second.whole


def holds_structure(sent: str, original: str | None, canonical: str, *, exactly: bool) -> bool:
    """Return whether Benchling holds a structure that was sent; False if that cannot be known.

    `original` is what Benchling says it was given as SMILES, `canonical` what it made of it.
    `exactly`: it must have been given the same salts, too, where it says what it was given.
    """
    is_original = original is not None and not is_molfile(sent)
    if is_original and (exactly or not available()) and not is_same_structure(sent, original or ""):
        return False
    if not available():
        return is_original
    try:
        sent_forms, held_forms = parse_structure(sent), parse_structure(canonical)
    except StructureFault:
        return False
    return bool(set(held_forms.largest) & set(sent_forms.largest))
