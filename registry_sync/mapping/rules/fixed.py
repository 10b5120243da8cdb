"""Rules that give a value where the record has none."""

from __future__ import annotations

from typing import Any

from registry_sync.core.types import Json
from registry_sync.mapping.rules.base import Rule, RuleError, register
from registry_sync.mapping.values import is_empty
from registry_sync.source.paths import ABSENT


@register("constant")
class Constant(Rule):
    """Gives the same value for every record."""

    label = "constant"
    about = "the same value for every record"
    settings = {"value": "value"}
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
    about = "a value for records that have none"
    settings = {"value": "value where there is none"}

    def __call__(self, value: Any) -> Any:
        return self._value if value is ABSENT or is_empty(value) else value
