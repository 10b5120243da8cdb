"""What a value looks like: a SMILES, a CAS number, a sequence, a date, and how dates are written.

Pure, and no chemistry: each look is decided from the text alone, so it is evidence, not proof.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from registry_sync.core.iso8601 import read_iso

ATOM = r"\[[^\[\]]+\]|Br|Cl|[BCNOPSFI]|[bcnops]|\*"
TOKENS = re.compile(rf"(?:{ATOM}|[-=#$:/\\.~]|\(|\)|%\d\d|\d)+")
STRUCTURE = re.compile(r"[=#()\[\]\d]|[cnos]{3}")
INCHIKEY = re.compile(r"[A-Z]{14}-[A-Z]{10}-[A-Z]")
CAS = re.compile(r"(\d{2,7})-(\d{2})-(\d)")
NUCLEOTIDES = re.compile(r"[ACGTUNacgtun]{10,}")
AMINO_ACIDS = re.compile(r"[ACDEFGHIKLMNPQRSTVWXY]{20,}\*?")
COMMA_NUMBER = re.compile(r"[+-]?\d+(,\d+)?")
FORMATS = (
    "%d.%m.%Y", "%d.%m.%y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d-%m-%Y", "%m-%d-%Y", "%Y.%m.%d",
    "%d %b %Y", "%d-%b-%Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%Y%m%d",
)  # fmt: skip
"""Ways to write a day, besides ISO's own."""


def is_smiles(text: str) -> bool:
    """Return whether a text is written as a SMILES: its tokens, its brackets, its ring closures."""
    if not TOKENS.fullmatch(text) or text.count("(") != text.count(")"):
        return False
    outside = re.sub(r"\[[^\[\]]+\]", "*", text)
    rings = re.findall(r"%\d\d|\d", outside)
    return all(rings.count(ring) % 2 == 0 for ring in set(rings)) and _nested(outside)


def has_structure(text: str) -> bool:
    """Return whether a SMILES has more than a chain of letters, which a word may be as well."""
    return bool(STRUCTURE.search(text))


def _nested(text: str) -> bool:
    depth = 0
    for sign in text:
        depth += (sign == "(") - (sign == ")")
        if depth < 0:
            return False
    return depth == 0


def is_inchikey(text: str) -> bool:
    """Return whether a text is an InChIKey."""
    return bool(INCHIKEY.fullmatch(text))


def is_inchi(text: str) -> bool:
    """Return whether a text is an InChI of version 1."""
    return text.startswith(("InChI=1/", "InChI=1S/"))


def is_cas(text: str) -> bool:
    """Return whether a text is a CAS number whose check digit is right.

    https://www.cas.org/training/documentation/chemical-substances/checkdig
    """
    found = CAS.fullmatch(text)
    if not found:
        return False
    digits = [int(digit) for digit in reversed(found[1] + found[2])]
    return sum(place * digit for place, digit in enumerate(digits, 1)) % 10 == int(found[3])


def is_nucleotides(text: str) -> bool:
    """Return whether a text is a sequence of DNA or RNA."""
    return bool(NUCLEOTIDES.fullmatch(text))


def is_protein(text: str) -> bool:
    """Return whether a text is a protein sequence, and not DNA in the same letters."""
    return bool(AMINO_ACIDS.fullmatch(text)) and not is_nucleotides(text)


def is_iso_date(text: str) -> bool:
    """Return whether a text is a date without a time, as ISO 8601 writes it."""
    try:
        return not isinstance(read_iso(text), datetime)
    except ValueError:
        return False


LOOKS: dict[str, tuple[str, Callable[[str], bool]]] = {
    "inchikey": ("InChIKeys", is_inchikey),
    "inchi": ("InChIs", is_inchi),
    "cas": ("CAS numbers with the right check digit", is_cas),
    "nucleotides": ("nucleotide sequences", is_nucleotides),
    "protein": ("protein sequences", is_protein),
    "smiles": ("SMILES", is_smiles),
}
"""By name: what its values are called, and how one is recognized."""
ENOUGH = 0.9
"""Share of the values that must look alike before anything is made of it."""


def look_of(values: Sequence[Any]) -> tuple[str, int]:
    """Return what texts look like, by name in LOOKS, and how many of them do; "" for nothing."""
    texts = [value.strip() for value in values if isinstance(value, str) and value.strip()]
    if not texts or len(texts) < len(values):
        return "", 0
    for name, (_, test) in LOOKS.items():
        count = sum(map(test, texts))
        if count < ENOUGH * len(texts):
            continue
        if name == "smiles" and not any(map(has_structure, texts)):
            continue
        return name, count
    return "", 0


def date_formats(texts: Sequence[str]) -> list[str]:
    """Return the formats that read every one of these texts, besides ISO's own."""
    return [form for form in FORMATS if all(_reads(text, form) for text in texts)]


def _reads(text: str, form: str) -> bool:
    try:
        when = datetime.strptime(text.strip(), form)
    except ValueError:
        return False
    return 1700 < when.year < 2200


def has_decimal_comma(values: Sequence[Any]) -> bool:
    """Return whether texts are numbers with a decimal comma, and cannot be thousands."""
    texts = [value.strip() for value in values if isinstance(value, str)]
    with_comma = [text for text in texts if "," in text]
    if not with_comma or not all(COMMA_NUMBER.fullmatch(text) for text in texts):
        return False
    # 1,234 may be either; 1,2 and 1,2345 are no thousands, and neither is 0,123.
    return any(
        len(text.partition(",")[2]) != 3 or text.lstrip("+-").startswith("0") for text in with_comma
    )
