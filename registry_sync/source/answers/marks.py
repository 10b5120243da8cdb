"""Marks in text for what a registry's JSON does not say properly. Pure.

A value that is nearly JSON must not fail its whole page, and must not pass for another value
either. So what is wrong with it stays in its text as half of a surrogate pair, which nothing can
store: a field that maps it is refused, with its record, and all others are read.
"""

from __future__ import annotations

import json
from typing import Any

from registry_sync.core.late_patterns import pattern
from registry_sync.core.readable import in_message
from registry_sync.core.secrets import shortened

MOST_SHOWN = 80
"""Characters of a value that a sentence shows."""
NO_VALUE = "\udc00"
"""Before a bare word or number that is not JSON, such as NaN or 007."""
TWICE = "\udc01"
"""Around a key that its object has several times, and behind the values: key, values."""
BACKSLASH = "\udc5c"
"""A backslash that begins no escape of JSON."""
DOUBLED = pattern(f"{TWICE}([^{TWICE}]*){TWICE}([^{TWICE}]*){TWICE}")
BAD_BYTE = pattern("[\udc80-\udcff]")
"""A byte that is no text in the answer's charset, as Python's surrogateescape writes it."""


def fault_in(text: str) -> str:
    """Return what is wrong in a text, to follow it in a sentence; "" if it has no mark."""
    if text.startswith(NO_VALUE):
        return "is not a JSON value" if len(text) > 1 else "has no value, which is not JSON"
    if found := DOUBLED.search(text):
        return (
            f"is several values: an object has the key “{shortened(found[1], 60)}” more than once"
        )
    if BACKSLASH in text:
        return "contains a backslash that is no JSON escape"
    if found := BAD_BYTE.search(text):
        byte = f"0x{ord(found[0]) - 0xDC00:02X}"
        return f"contains the byte {byte}, which is not valid in the answer's charset"
    return ""


def first_marked(value: Any) -> str:
    """Return the first text that has a mark: a value, or an item of its lists; "" if none has."""
    if isinstance(value, list):
        return next(filter(None, map(first_marked, value)), "")
    return value if isinstance(value, str) and not value.isascii() and fault_in(value) else ""


def twice_in(value: Any) -> str:
    """Return the first mark of several values in the place of one; "" if there is none."""
    if isinstance(value, list):
        return next(filter(None, map(twice_in, value)), "")
    return value if isinstance(value, str) and value[:1] == TWICE else ""


def is_marked(value: Any) -> bool:
    """Return whether a value, or an item of a list, has a mark."""
    return bool(first_marked(value))


def as_sent(value: Any, most: int = MOST_SHOWN) -> str:
    """Return a value of a record as a sentence shows it, without its marks."""
    return in_message(unmarked(value) if isinstance(value, str) else value, most)


def written_json(value: Any) -> str:
    """Return JSON as the registry wrote it, or nearly so."""
    return unmarked(json.dumps(value, ensure_ascii=False).replace(NO_VALUE, ""))


def unmarked(text: str) -> str:
    """Return a text as the registry wrote it, with bad bytes as `\\xE9`."""
    text = DOUBLED.sub(r"\2", text) if TWICE in text else text
    text = text.removeprefix(NO_VALUE).replace(BACKSLASH, "\\")
    return BAD_BYTE.sub(lambda found: f"\\x{ord(found[0]) - 0xDC00:02X}", text)
