"""Rules for text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from registry_sync.core.setting import Setting, one_of
from registry_sync.core.types import Json
from registry_sync.mapping.rules.base import Rule, RuleError, register


@register("as_is")
class AsIs(Rule):
    """Changes nothing."""

    label = "as is"
    about = "The default: the value as it is"

    def __call__(self, value: Any) -> Any:
        return value


@register("trim")
class Trim(Rule):
    """Removes blanks around text."""

    label = "trim"
    about = "Removes spaces around text"
    on_blank = True
    cuts = True

    def apply(self, value: Any) -> Any:
        return value.strip() if isinstance(value, str) else value


@register("case")
class Case(Rule):
    """Changes the case of text."""

    label = "case"
    about = "Changes the case of text"
    CASES: dict[str, Callable[[str], str]] = {
        "upper": str.upper,
        "lower": str.lower,
        "title": str.title,
    }
    settings = {
        "to": Setting(
            "The case.", one_of(*CASES), example="upper", required=True,
            hint="upper, lower or title",
        )
    }  # fmt: skip

    def __init__(self, raw: Json) -> None:
        to = raw.get("to")
        if not isinstance(to, str) or to not in self.CASES:
            raise RuleError("rule case needs `to`: upper, lower or title")
        self._change = self.CASES[to]

    def apply(self, value: Any) -> Any:
        return self._change(value) if isinstance(value, str) else value
