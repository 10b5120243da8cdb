"""Answers whose records are not in a list of objects, where no setting can select them. Pure."""

from __future__ import annotations

from typing import Any

from registry_sync.core.late_patterns import pattern
from registry_sync.core.types import Json

INSTEAD = (
    "requests a list of objects from the registry, if it has a parameter for that; no setting here "
    "can read this form"
)
LEAST = 2
"""Records, or columns, from which on a form is known."""
JSON_TEXT = pattern(r"\s*(?:\{\s*\"|\[\s*[\[{])")


def other_form(body: Any) -> str:
    """Return in which other form an answer has its records, as a part of a sentence; or ""."""
    if isinstance(body, str):
        return "JSON inside a text" if JSON_TEXT.match(body) else ""
    if not isinstance(body, dict):
        return ""
    for path, value in (("", body), *body.items()):
        where = f" at {path}" if path else ""
        if isinstance(value, str) and JSON_TEXT.match(value):
            return f"JSON inside a text{where}"
        if isinstance(value, dict) and _is_map(value):
            return f"an object{where} with one record at each key"
        if isinstance(value, dict) and _has_columns(value):
            return f"an object{where} with one list for each field"
    return ""


def _is_map(value: Json) -> bool:
    """Return whether an object has a record at each key: `{"K-1": {…}, "K-2": {…}}`."""
    held = list(value.values())
    if len(held) < LEAST or not all(isinstance(each, dict) and each for each in held):
        return False
    return bool(held[0].keys() & held[1].keys())


def _has_columns(value: Json) -> bool:
    """Return whether an object has a list for each field: `{"id": [1, 2], "name": ["A", "B"]}`."""
    held = [each for each in value.values() if isinstance(each, list) and each]
    plain = all(not isinstance(item, (dict, list)) for each in held for item in each)
    return len(held) >= LEAST and plain and len({len(each) for each in held}) == 1
