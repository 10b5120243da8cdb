"""The rule for values that count as null."""

from __future__ import annotations

from typing import Any

from registry_sync.core.setting import LIST, Setting, one_of
from registry_sync.core.types import Json
from registry_sync.mapping.rules.base import Rule, RuleError, register
from registry_sync.source.answers.blanks import ABSENT_WORDS, Absence, EmptyValues


@register("empty")
class Empty(Rule):
    """Replaces the settings `endpoint.absent` and `endpoint.empty_values` for one field."""

    label = "empty"
    about = "What counts as empty for this field, instead of the connector's settings"
    settings = {
        "empty_values": Setting(
            "Values that count as null.", LIST,
            example=[False, "N/A"], hint='values, for example [false, "N/A"]',
        ),
        "absent": Setting(
            "What a path that is missing from a record does.", one_of(*ABSENT_WORDS),
            example="clear", hint="missing: keep or clear",
        ),
    }  # fmt: skip
    also = {"anyOf": [{"required": ["empty_values"]}, {"required": ["absent"]}]}
    on_blank = True
    on_lists = True

    def __init__(self, raw: Json) -> None:
        values, absent = raw.get("empty_values"), raw.get("absent")
        if not raw.keys() & self.settings.keys():
            raise RuleError("rule empty needs `empty_values`, `absent`, or both")
        if not isinstance(values, list) and "empty_values" in raw:
            raise RuleError('rule empty takes a list as `empty_values`, such as [false, "N/A"]')
        if "absent" in raw and absent not in ABSENT_WORDS:
            raise RuleError("rule empty takes keep or clear as `absent`")
        self.absent: Absence = absent or ""
        self.empty_values = EmptyValues(tuple(values)) if isinstance(values, list) else None

    def apply(self, value: Any) -> Any:
        return nulled(value, self.empty_values) if self.empty_values else value


def nulled(value: Any, empty: EmptyValues) -> Any:
    """Return None for a value that counts as null, and a list with None for such items."""
    if value in empty:
        return None
    if isinstance(value, list):
        return [nulled(item, empty) for item in value]
    return value
