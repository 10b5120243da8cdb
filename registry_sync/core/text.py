"""Text as it is compared and stored: name keys, and what any database can hold."""

from __future__ import annotations

import hashlib
import unicodedata
from typing import Any

DEEPEST = 100
"""Levels of lists and objects in one value: more have no meaning, and exhaust the stack."""


def storable(value: Any, levels: int = 2 * DEEPEST) -> Any:
    """Return JSON that PostgreSQL takes: it refuses NUL characters and lone surrogates.

    What is nested deeper than `levels` is cut.
    """
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")
    if not isinstance(value, (list, dict)):
        return value
    if not levels:
        return "…"
    if isinstance(value, list):
        return [storable(item, levels - 1) for item in value]
    return {storable(key): storable(item, levels - 1) for key, item in value.items()}


LONGEST_KEY = 500
"""Characters of a name's key: a row of PostgreSQL's indexes holds 2,704 bytes."""


def name_key(text: str) -> str:
    """Write a name as names are compared: trimmed, case-folded, in one Unicode form.

    A long one ends with a digest of its rest.
    """
    key = unicodedata.normalize("NFC", text.strip().casefold())
    if len(key) <= LONGEST_KEY:
        return key
    rest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return f"{key[: LONGEST_KEY - len(rest) - 1]}…{rest}"
