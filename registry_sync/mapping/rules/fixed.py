"""Rules that give a value where the record has none."""

from __future__ import annotations

from typing import Any

from registry_sync.core.setting import ANY, Setting
from registry_sync.core.types import Json
from registry_sync.mapping.rules.base import Rule, RuleError, register
from registry_sync.mapping.values import is_empty
from registry_sync.source.paths import ABSENT


@register("constant")
class Constant(Rule):
    """Gives the same value for every record."""

    label = "constant"
    about = "The same value for every record"
    settings = {
        "value": Setting("The value.", ANY, example="external", required=True, hint="value")
    }
    gives_value = True

    def __init__(self, raw: Json) -> None:
        if "value" not in raw:
            raise RuleError(f"rule {self.name} needs a `value`")
        self._value = raw["value"]

    def __call__(self, value: Any) -> Any:
        return self._value


@register("default")
class Default(Constant):
    """Gives a value for records without one."""

    label = "default"
    about = "A value for records that have none"
    settings = {
        "value": Setting(
            "The value of records without one.", ANY, example="unknown", required=True,
            hint="value where there is none",
        )
    }  # fmt: skip

    def __call__(self, value: Any) -> Any:
        return self._value if value is ABSENT or is_empty(value) else value
