"""Dates and times in ISO 8601, which is stricter than `datetime.fromisoformat`.

Python takes any character for the separator, a fraction without a mark, and what follows an
offset, so that `20260105123012Z` becomes 23:01:00. A text is therefore checked against this
grammar first. What it does not have is refused: weeks without a day, fractions of a minute,
offsets of 60 minutes or with seconds, the leap second (:60), and 24:00, whose day is unclear.
https://www.rfc-editor.org/rfc/rfc3339#appendix-A
"""

from __future__ import annotations

import re
from datetime import date, datetime

_DATE = r"\d{4}-\d\d-\d\d|\d{8}|\d{4}-W\d\d-\d|\d{4}W\d{3}"
_HOUR, _SIXTY = r"(?:[01]\d|2[0-3])", r"[0-5]\d"
_SECOND = rf"{_SIXTY}(?:[.,]\d+)?"
_CLOCK = rf"{_HOUR}(?::{_SIXTY}(?::{_SECOND})?|{_SIXTY}(?:{_SECOND})?)?"
_OFFSET = rf"[Zz]|[+-]{_HOUR}(?::?{_SIXTY})?"
_ISO = re.compile(rf"(?:{_DATE})([Tt ]{_CLOCK}(?:{_OFFSET})?)?", re.ASCII)


def read_iso(text: str) -> date | datetime:
    """Return what a text says: a `date` if it has no time of day, else a `datetime`.

    The datetime has an offset only if the text has one. Digits beyond the microsecond are cut.
    Raise ValueError for a text that is not ISO 8601, and for a day that does not exist.
    """
    found = _ISO.fullmatch(text)
    if found is None:
        raise ValueError(f"“{text}” is not a date or time in ISO 8601")
    if found[1] is None:
        return date.fromisoformat(text)
    return datetime.fromisoformat(f"{text[:-1]}Z" if text.endswith("z") else text)
