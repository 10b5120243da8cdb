"""What every mapping rule offers, and the table that they register in."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

from registry_sync.benchling.schema import FieldDefinition
from registry_sync.core.registration import registrar
from registry_sync.core.setting import Setting
from registry_sync.core.types import Json
from registry_sync.mapping.values import is_empty
from registry_sync.source.answers.marks import as_sent
from registry_sync.source.paths import ABSENT

MOST_SHOWN = 200
"""Characters of a value that a message shows."""

MINUS = "\u2212"
"""The minus sign, which some locales write for a hyphen."""


class RuleError(ValueError):
    """A rule that cannot be read, or cannot be applied to a value; its text says why."""


class Rule:
    """One rule of a field. The constructor reads its settings and raises RuleError for bad ones."""

    name: ClassVar[str]
    label: ClassVar[str]
    """What people choose it by."""
    about: ClassVar[str]
    """One line for the docs."""
    settings: ClassVar[dict[str, Setting]] = {}
    """The keys it knows beside `rule`."""
    also: ClassVar[Json] = {}
    """What its JSON Schema demands beside its settings' own types."""
    gives_value: ClassVar[bool] = False
    """Whether it gives a value where the record has none."""
    on_blank: ClassVar[bool] = False
    """Whether it is applied to null and blank text, too."""
    on_lists: ClassVar[bool] = False
    """Whether it is applied to a list as a whole, rather than to its items."""
    cuts: ClassVar[bool] = False
    """Whether it cuts text out of text, so that what is left may count as empty."""

    def __init__(self, raw: Json) -> None:
        """Read the settings."""

    def bind(self, definition: FieldDefinition) -> None:
        """Learn the field that the rule is for. Raise RuleError if it does not fit."""

    def __call__(self, value: Any) -> Any:
        """Return what the rule makes of a raw value. Raise RuleError if it does not fit."""
        if value is ABSENT or (is_empty(value) and not self.on_blank):
            return value
        if isinstance(value, list) and not self.on_lists:
            return [self(item) for item in value]
        return self.apply(value)

    def apply(self, value: Any) -> Any:
        """Return what the rule makes of one value that is not empty. Raise RuleError."""
        return value


RULES: dict[str, type[Rule]] = {}
"""The rules, by their name in Mapping Rules."""
register = registrar(RULES, "name")
"""Decorator: add a class to the table under its name in Mapping Rules."""


def quoted(value: Any) -> str:
    """Return a value as a message shows it: the beginning of a long one."""
    return as_sent(value if isinstance(value, str) else as_sent(value, MOST_SHOWN), MOST_SHOWN)


def read_decimal(text: str, shown: str) -> Decimal:
    """Return a number exactly; `shown` is how an error quotes it. Raise RuleError."""
    try:
        number = Decimal(text.replace(MINUS, "-"))
    except InvalidOperation as error:
        raise RuleError(f"{quoted(shown)} is not a number") from error
    if not number.is_finite() or "_" in text or number.adjusted() > 308:
        raise RuleError(f"{quoted(shown)} is not a number")
    return number


def plain_number(number: Decimal) -> int | float | str:
    """Return a number as JSON has it; one below the smallest float stays text, not 0."""
    if number == number.to_integral_value():
        return int(number)
    return float(number) or str(number)
