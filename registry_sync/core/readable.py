"""JSON values as people read them, in pages, commands and spreadsheets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

EMPTY = "–"
LINK = "entityRegistryId"
"""The key of a link's value: the registry id of the entity that it points at."""


def readable(value: Any, label: Callable[[str], str] = str, *, empty: str = EMPTY) -> str:
    """Return a value without quotes, brackets or braces: "yes", "5.2", "one, two", "unit: mg".

    `label` gives the text to show for a string, for example an option's label for its id. `empty`
    stands for null, an empty text and an empty list.
    """
    if is_blank(value):
        return empty
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return label(value)
    if isinstance(value, list):
        return joined([readable(item, label, empty=empty) for item in value])
    if isinstance(value, dict):
        if is_link(value):
            return str(value[LINK])
        parts = [f"{key}: {readable(item, label, empty=empty)}" for key, item in value.items()]
        return joined(parts)
    return str(value)


def is_blank(value: Any) -> bool:
    """Return whether there is nothing to show."""
    return value is None or value in ("", [], {})


def is_link(value: Any) -> bool:
    """Return whether a value is a link to an entity: `{"entityRegistryId": …}`."""
    return isinstance(value, dict) and set(value) == {LINK}


def joined(parts: list[str]) -> str:
    """Return parts in one line, divided by semicolons where a part has a comma itself."""
    return ("; " if any("," in part for part in parts) else ", ").join(parts)
