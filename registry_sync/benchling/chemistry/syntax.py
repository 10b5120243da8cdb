"""What a structure's text shows without RDKit: whether its syntax can be one.

http://opensmiles.org/opensmiles.html
"""

from __future__ import annotations

import re

TOKEN = re.compile(
    r"(?P<bracket>\[[^\[\]]+\])|(?P<atom>Cl|Br|[BCNOPSFIbcnops*])|(?P<ring>%\d\d|%\(\d+\)|\d)"
    r"|(?P<open>\()|(?P<close>\))|(?P<bond>[-=#$:/\\~])|(?P<dot>\.)"
)
BRACKET = re.compile(
    r"\[\d*([A-Z][a-z]?|[a-z][a-z]?|\*)(@{1,2}(TH|AL|SP|TB|OH)?\d*)?(H\d*)?"
    r"([+-]{1,3}|[+-]\d+)?(:\d+)?\]"
)
COUNTS = re.compile(r"^\s*(\d{1,3})\s*(\d{1,3}).*V2000\s*$")


def foreign_letter(text: str) -> str:
    """Return why a text with a letter outside of ASCII is no SMILES; "" if it has none."""
    at = next((at for at, sign in enumerate(text, start=1) if not sign.isascii()), 0)
    return f"is not a valid SMILES at position {at}: “{text[at - 1]}”" if at else ""


def fault_of_smiles(text: str) -> str:
    """Return why a text is no SMILES, with the position; "" if its syntax is right."""
    at, depth, before = 0, 0, ""
    rings: set[str] = set()
    while at < len(text):
        token = TOKEN.match(text, at)
        if token is None:
            return f"is not a valid SMILES at position {at + 1}: “{text[at]}”"
        kind = str(token.lastgroup)
        if kind == "bracket" and not BRACKET.fullmatch(token[0]):
            return f"is not a valid SMILES at position {at + 1}: “{token[0]}”"
        if kind in ("ring", "close", "bond", "open") and before in ("", "dot"):
            return f"is not a valid SMILES at position {at + 1}: “{token[0]}” follows no atom"
        if kind == "ring":
            rings ^= {token[0]}
        depth += {"open": 1, "close": -1}.get(kind, 0)
        if depth < 0:
            return f"is not a valid SMILES at position {at + 1}: a bracket closes that is not open"
        at, before = token.end(), kind
    if depth:
        return f"is not a valid SMILES at position {len(text)}: a bracket is not closed"
    if rings:
        return f"is not a valid SMILES: the ring {min(rings)} is not closed"
    return "" if before not in ("bond", "dot", "open") else "is not a valid SMILES: it ends early"


def fault_of_molfile(text: str) -> str:
    """Return why a text is no molfile, with the line; "" if its counts fit its lines."""
    lines = text.splitlines()
    if not any(line.startswith("M  END") for line in lines):
        return "cannot be read as a molfile: it has no line “M  END”"
    if any("V3000" in line for line in lines[:4]):
        return ""
    counts = COUNTS.match(lines[3]) if len(lines) > 3 else None
    if counts is None:
        return "cannot be read as a molfile: line 4 has no counts of atoms and bonds"
    atoms, bonds = int(counts[1]), int(counts[2])
    end = next(n for n, line in enumerate(lines) if line.startswith("M  END"))
    if end < 4 + atoms + bonds:
        return (
            f"cannot be read as a molfile: line 4 announces {atoms} atoms and {bonds} bonds, but "
            f"it ends at line {end + 1}"
        )
    return "" if atoms else "has no atoms"
