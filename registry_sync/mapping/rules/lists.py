"""Rules for lists and labels."""

from __future__ import annotations

from typing import Any

from registry_sync.core.setting import OBJECT, Setting, SettingType, one_of
from registry_sync.core.types import Json
from registry_sync.mapping.rules.base import Rule, RuleError, quoted, register


@register("split")
class Split(Rule):
    """Splits text into a list, without empty parts."""

    label = "split"
    about = "One text to several values"
    settings = {
        "separator": Setting(
            "The text between two values.",
            SettingType("text", {"type": "string", "minLength": 1}),
            example=";", required=True, hint="separator",
        )
    }  # fmt: skip
    on_lists = True
    cuts = True

    def __init__(self, raw: Json) -> None:
        separator = raw.get("separator")
        if not isinstance(separator, str) or not separator:
            raise RuleError("rule split needs a `separator`")
        self._separator = separator

    def apply(self, value: Any) -> Any:
        items = value if isinstance(value, list) else [value]
        parts = [
            part.strip() if isinstance(part, str) else part
            for item in items
            for part in (item.split(self._separator) if isinstance(item, str) else [item])
        ]
        return [part for part in parts if part != ""]


@register("labels")
class Labels(Rule):
    """Replaces the registry's values by those of a table."""

    label = "label table"
    about = "Replaces labels with those of a table"
    settings = {
        "table": Setting(
            "Benchling's values by the registry's.", OBJECT, example={"sol": "Solution"},
            required=True, hint="one per line: registry = Benchling",
        ),
        "otherwise": Setting(
            "What happens to a value that is not in the table.", one_of("error", "keep"), "error",
            "keep",
            hint="otherwise: error or keep",
        ),
    }  # fmt: skip

    def __init__(self, raw: Json) -> None:
        self._table, self._otherwise = raw.get("table"), raw.get("otherwise", "error")
        if not isinstance(self._table, dict) or self._otherwise not in ("error", "keep"):
            raise RuleError("rule labels needs a `table`, and `otherwise` error or keep")

    def apply(self, value: Any) -> Any:
        key = value if isinstance(value, str) else _label(value)
        assert isinstance(self._table, dict)
        if key in self._table:
            return self._table[key]
        if self._otherwise == "keep":
            return value
        raise RuleError(f"{quoted(value)} is not in the label table")


def _label(value: Any) -> str:
    """Return a value as the key of a JSON table: `true`, and 1 for 1.0."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
