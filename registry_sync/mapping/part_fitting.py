"""Fitting one value to a part: structures, sequences, aliases, authors, folders."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Any

from registry_sync.benchling import chemistry
from registry_sync.benchling.schema import FieldDefinition
from registry_sync.mapping.values import Misfit, can_be_stored, kind_of

DNA = "ACGTRYSWKMBDHVN"
ALPHABETS = {
    "dna": (DNA, "DNA"),
    "rna": (DNA.replace("T", "U"), "RNA"),
    "aa": ("ABCDEFGHIJKLMNOPQRSTUVWXYZ*", "amino acids"),
}
"""The letters of each alphabet, with those for several bases, and its name.

https://iupac.qmul.ac.uk/misc/naseq.html
"""
HINTS = {
    ("dna", "U"): "; U is a base of RNA, and DNA has T",
    ("rna", "T"): "; T is a base of DNA, and RNA has U",
}
PREFIXED = re.compile(r"([drm][ACGTU]){2,}")
"""Bases in the notation of oligo suppliers, such as `rArCrG`: its prefixes are letters, too."""
LONGEST_ALIAS = 255
API_ID = re.compile(r"[a-z]+_\w+", re.ASCII)
TOPOLOGIES = {"circular": True, "linear": False}
SEVERAL = re.compile(r"^\$\$\$\$[^\S\n]*\n\s*\S", re.MULTILINE)
COUNTS = re.compile(r"V[23]000\s*$")
Fitted = tuple[Any, str]


def fit_structure(value: Any, field: FieldDefinition) -> Fitted:
    """Return a structure as it is sent. Raise Misfit with the atom or the position."""
    text = _text(value)
    if field.type == "molfile" and not chemistry.is_molfile(text):
        raise Misfit("invalid_structure", "is one line, not a molfile")
    if field.type == "smiles":
        text = text.strip()
        if chemistry.is_molfile(text):
            text = "has several lines, which SMILES have not; molfiles are mapped by `molfile`"
            raise Misfit("invalid_structure", text)
    if SEVERAL.search(text):
        raise Misfit("invalid_structure", "has several molecules, and an entity has one")
    try:
        chemistry.parse_structure(text)
    except chemistry.StructureUnread as fault:
        raise Misfit("structure_unread", str(fault)) from fault
    except chemistry.StructureFault as fault:
        hint = _lost_lines(text) if field.type == "molfile" else ""
        raise Misfit("invalid_structure", f"{fault}{hint}") from fault
    return text, ""


def _lost_lines(text: str) -> str:
    """Return that a molfile lost lines at its start: its counts are on the fourth line."""
    lines = text.splitlines()
    at = next((n for n, line in enumerate(lines, 1) if COUNTS.search(line)), 4)
    return f"; its fourth line must have the counts, which are on line {at}" if at != 4 else ""


def fit_sequence(value: Any, field: FieldDefinition) -> Fitted:
    """Return a sequence, in the record's case. Raise Misfit with the position."""
    text = _text(value).strip()
    letters, name = ALPHABETS[field.type]
    if field.type != "aa" and PREFIXED.fullmatch(text):
        raise Misfit(
            "invalid_sequence", f"has bases with a prefix, such as {text[:2]}, which Benchling "
            "would read as two letters"
        )  # fmt: skip
    wrong = re.search(f"[^{re.escape(letters + letters.lower())}]", text)
    if wrong is None:
        return text, ""
    sign, at = wrong[0], wrong.start() + 1
    hint = HINTS.get((field.type, sign.upper()), "")
    misfit = Misfit("invalid_sequence", f"has {_sign(sign)} at position {at}, which is no letter "
                    f"of {name}{hint}")  # fmt: skip
    misfit.item = text[max(0, at - 10) : at + 10]
    raise misfit


def _sign(sign: str) -> str:
    """Return a character in words; one that may look like a letter, or like nothing, by number."""
    if sign in "-.":
        return "a gap"
    if sign in "\r\n":
        return "a line break"
    if sign.isspace():
        return "a blank"
    return f"“{sign}”" if sign.isascii() else f"“{sign}” (U+{ord(sign):04X})"


def fit_topology(value: Any, field: FieldDefinition) -> Fitted:
    """Return whether a sequence is circular. Raise Misfit."""
    if isinstance(value, bool):
        return value, ""
    whole = isinstance(value, float) and value.is_integer()
    word = str(int(value) if whole else value).strip().lower()
    if word in TOPOLOGIES:
        return TOPOLOGIES[word], ""
    if word in ("true", "yes", "y", "1", "false", "no", "n", "0"):
        return word in ("true", "yes", "y", "1"), "text or number to yes/no"
    raise Misfit("wrong_type", "is neither circular nor linear, nor yes or no")


def fit_alias(value: Any, field: FieldDefinition) -> Fitted:
    """Return an alias. Raise Misfit."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise Misfit("wrong_type", f"is {kind_of(value)}, not text")
    whole = isinstance(value, float) and value.is_integer()
    text = str(int(value) if whole else value).strip()
    if not can_be_stored(text):
        raise Misfit("unreadable_text", "contains a character that cannot be stored")
    if len(text) > LONGEST_ALIAS:
        raise Misfit("wrong_type", f"has {len(text)} characters; the maximum is {LONGEST_ALIAS}")
    return text, "" if isinstance(value, str) else "number to text"


def fit_author(value: Any, field: FieldDefinition) -> Fitted:
    """Return an author's id. Raise Misfit for what is no API id, such as an e-mail address."""
    text, note = fit_alias(value, field)
    if not API_ID.fullmatch(text):
        raise Misfit("wrong_type", "is not the API id of a Benchling user, such as ent_a0SApq3z")
    return text, note


def fit_folder(value: Any, field: FieldDefinition) -> Fitted:
    """Return the id of a folder that is named by its id or its name. Raise Misfit."""
    text = str(value).strip()
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise Misfit("wrong_type", f"is {kind_of(value)}, not a folder's name or id")
    options = [each for each in field.options or () if not each.archived]
    if any(each.id == text for each in options):
        return text, ""
    named = [] if field.type == "folder_id" else [e for e in options if e.label == text]
    named = named or [
        e for e in options if field.type == "folder" and _folded(e.label) == _folded(text)
    ]
    if len(named) == 1:
        return named[0].id, ""
    if named:
        raise Misfit("folder_ambiguous", "is the name of several folders; name one by its API id")
    raise Misfit("folder_missing", "is no folder that the app sees in Benchling")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Misfit("wrong_type", f"is {kind_of(value)}, not text")
    if not can_be_stored(value):
        raise Misfit("unreadable_text", "contains a character that cannot be stored")
    return value


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", " ".join(text.split()).casefold())


PART_FITTERS: dict[str, Callable[[Any, FieldDefinition], Fitted]] = {
    "smiles": fit_structure,
    "molfile": fit_structure,
    "dna": fit_sequence,
    "rna": fit_sequence,
    "aa": fit_sequence,
    "topology": fit_topology,
    "aliases": fit_alias,
    "authors": fit_author,
    "folder": fit_folder,
    "folder_id": fit_folder,
}
"""By the type of a part's definition; no field of a schema has such a type."""
