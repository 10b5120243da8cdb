"""JSON values as people read them, in pages, commands and spreadsheets."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from registry_sync.core.secrets import shortened
from registry_sync.core.text import storable

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


JSON_WORDS = {None: "null", True: "true", False: "false"}
DEEPEST_SHOWN = 20
"""Levels of lists and objects that a message shows."""
UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters and halves of surrogate pairs."""


def in_message(value: Any, most: int) -> str:
    """Return a value as a sentence shows it: text in quotes, and true, false and null as in JSON.

    Of a long one, the first `most` characters are shown, on one line.
    """
    if value is None or isinstance(value, bool):
        return JSON_WORDS[value]
    text = value if isinstance(value, str) else readable(storable(value, DEEPEST_SHOWN))
    cut = f"{shortened(text, most)}{'…' if len(text) > most else ''}"
    line = UNSEEN.sub(lambda sign: " " if sign[0].isspace() else "\ufffd", cut)
    return f"“{line}”" if isinstance(value, str) else line


def is_blank(value: Any) -> bool:
    """Return whether there is nothing to show."""
    return value is None or value in ("", [], {})


def is_link(value: Any) -> bool:
    """Return whether a value is a link to an entity: `{"entityRegistryId": …}`."""
    return isinstance(value, dict) and set(value) == {LINK}


def joined(parts: list[str]) -> str:
    """Return parts in one line, divided by semicolons where a part has a comma itself."""
    return ("; " if any("," in part for part in parts) else ", ").join(parts)
