"""Raw and canonical values: what is empty, what is the same, what can be stored."""

from __future__ import annotations

import math
from typing import Any

from registry_sync.benchling.entity_types.parts import PART_KEYS, holds_part, same_part
from registry_sync.core.json_text import is_too_deep
from registry_sync.core.text import DEEPEST
from registry_sync.core.types import Json


class Misfit(ValueError):
    """A value does not fit its field; `code` is the cause, and the text completes "it …".

    `option` is the missing option's label. `rule` is a mapping rule by which the value fits.
    `item` is the one of several values that is meant.
    """

    def __init__(
        self, code: str, text: str, *, option: str | None = None, rule: Json | None = None
    ) -> None:
        super().__init__(text)
        self.code = code
        self.option = option
        self.rule = rule
        self.item: Any = None


def is_empty(value: Any) -> bool:
    """Return whether a value is null, blank text, or a list of nothing else."""
    if isinstance(value, list):
        return all(map(is_empty, value))
    return value is None or (isinstance(value, str) and not value.strip())


def same(one: Any, other: Any) -> bool:
    """Return whether two canonical values are equal, also after a database returned one of them.

    1 is 1.0 and not true; PostgreSQL returns 6e23 as an integer.
    """
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return one == other or repr(_as_float(one)) == repr(_as_float(other))
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return bool(one == other)


def same_value(field_id: str, one: Any, other: Any) -> bool:
    """Return whether two values of a field or part are equal, each as sent or as read back."""
    return same_part(field_id, one, other) if field_id in PART_KEYS else same(one, other)


def holds_value(field_id: str, sent: Any, current: Any) -> bool:
    """Return whether what was read from Benchling is what it makes of a value that was sent.

    Salts of a structure do not count: Benchling strips them.
    """
    return holds_part(field_id, sent, current) if field_id in PART_KEYS else same(sent, current)


def kind_of(value: Any) -> str:
    """Return what JSON calls a value, with its article."""
    names = {dict: "an object", list: "a list", bool: "yes/no", str: "text", type(None): "empty"}
    return names.get(type(value), "a number")


def can_be_stored(text: str) -> bool:
    """Return whether a text can be sent and stored: no NUL, no half of a surrogate pair."""
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            return False
    return "\x00" not in text


def check_depth(value: Any) -> None:
    """Refuse a value that is nested too deeply to be walked through safely. Raise Misfit."""
    if not is_too_deep(value):
        return
    misfit = Misfit("wrong_type", f"is nested more than {DEEPEST} levels deep")
    misfit.item = "…"
    raise misfit


def _as_float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf
