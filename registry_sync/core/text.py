"""Text as it is compared and stored: name keys, and what any database can hold."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence
from typing import Any

import orjson

DEEPEST = 100
"""Levels of lists and objects in one value; more would exhaust the stack."""


def storable(value: Any, levels: int = 2 * DEEPEST) -> Any:
    """Return JSON that PostgreSQL can store: without NUL characters and lone surrogates.

    What is nested deeper than `levels` is cut.
    https://www.postgresql.org/docs/current/datatype-json.html
    """
    if isinstance(value, dict) and _is_storable(value, levels):
        return value
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")
    if not isinstance(value, (list, dict)):
        return value
    if not levels:
        return "…"
    if isinstance(value, list):
        return [storable(item, levels - 1) for item in value]
    return {storable(key): storable(item, levels - 1) for key, item in value.items()}


def _is_storable(value: Any, levels: int) -> bool:
    """Return whether JSON is storable as it is; False also where that would take long to see."""
    try:
        body = orjson.dumps(value)
    except TypeError:  # half of a surrogate pair, an integer beyond 64 bits, or very deep
        return False
    # As many brackets as levels are needed to be too deep, and most records have fewer.
    return rb"\u0000" not in body and body.count(b"{") + body.count(b"[") <= levels


def number_of(count: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun, in the plural where needed: 1 record, 2,000 records."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {plural or f'{noun}s'}"


def are(count: int) -> str:
    """Return the verb that goes with a number: is, or are."""
    return "is" if count == 1 else "are"


def were(count: int) -> str:
    """Return the verb of the past that goes with a number: was, or were."""
    return "was" if count == 1 else "were"


def as_key(text: str) -> int | None:
    """Return the primary key that an address names; None for a text that is none."""
    return int(text) if text.isdecimal() and len(text) < 19 else None


LONGEST_ID = 255
"""The most characters of an id: of a registry id in Benchling, and of this app's columns for ids.
https://benchling.com/api/reference (entityRegistryId)
"""
LONGEST_KEY = 500
"""Characters of a name's key: a row of a PostgreSQL index holds 2,704 bytes."""


def name_key(text: str) -> str:
    """Return the key by which names are compared: trimmed, case-folded, in Unicode's NFC.

    A long key ends with a digest of the rest.
    """
    key = text.strip().casefold()
    if not key.isascii():
        key = unicodedata.normalize("NFC", key)
    if len(key) <= LONGEST_KEY:
        return key
    digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return f"{key[: LONGEST_KEY - len(digest) - 1]}…{digest}"


def first_ids(ids: Sequence[str]) -> str:
    """Return the first ids as a list in words."""
    return ", ".join(ids[:3]) + (", …" if len(ids) > 3 else "")
