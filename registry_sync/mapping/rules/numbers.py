"""Rules for numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any

from registry_sync.benchling.schema import FieldDefinition
from registry_sync.core.setting import FILLED, TEXT, Setting, SettingType, one_of
from registry_sync.core.types import Json
from registry_sync.mapping.rules.base import (
    MINUS,
    Rule,
    RuleError,
    plain_number,
    quoted,
    read_decimal,
    register,
)
from registry_sync.mapping.units import (
    Converter,
    UnitFault,
    converter,
    folded,
    is_same_unit,
    is_unit,
)

WITH_UNIT = re.compile(r"\s*(?P<number>[+-]?[\d.]+(?:[eE][+-]?\d+)?)\s*(?P<unit>[^\d\s].*?)\s*")

ALIKE = str.maketrans({**dict.fromkeys("\u00a0\u2007\u2009\u202f", " "), "\u2019": "'", MINUS: "-"})
"""What looks like a blank, an apostrophe or a minus is read as one: many locales write those."""
FACTOR = SettingType(
    "number, also as text",
    {
        "anyOf": [
            {"type": "number", "not": {"const": 0}},
            {
                "type": "string",
                "pattern": r"^\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*$",
                "not": {"pattern": r"^\s*[+-]?[0.]+([eE].*)?\s*$"},
            },
        ]
    },
)


@register("number")
class Number(Rule):
    """Reads numbers that are written as text."""

    label = "number"
    about = "Text to number; text in another format is an error"
    settings = {
        "decimal": Setting(
            "The decimal separator.", one_of(".", ","), ".", ",", hint="decimal sign"
        ),
        "thousands": Setting(
            "The thousands separator.", TEXT, "", ".", hint="thousands sign"
        ),
    }  # fmt: skip
    also = {
        "if": {"properties": {"decimal": {"const": ","}}, "required": ["decimal"]},
        "then": {"properties": {"thousands": {"not": {"const": ","}}}},
        "else": {"properties": {"thousands": {"not": {"const": "."}}}},
    }

    def __init__(self, raw: Json) -> None:
        self._decimal, self._thousands = raw.get("decimal", "."), raw.get("thousands", "")
        wrong = self._thousands == self._decimal or not isinstance(self._thousands, str)
        if self._decimal not in (".", ",") or wrong:
            raise RuleError(
                "rule number takes `decimal` . or , and a different `thousands` separator"
            )
        self._apart = self._thousands.translate(ALIKE)
        self._form = re.compile(_form(self._decimal, self._apart))

    def apply(self, value: Any) -> Any:
        if isinstance(value, bool):
            raise RuleError(f"{value} is not a number")
        if isinstance(value, (int, float)):
            return value
        text = str(value).strip()
        plain = text.translate(ALIKE)
        if not self._form.fullmatch(plain):
            between = f" and “{self._thousands}” between thousands" if self._thousands else ""
            raise RuleError(
                f"{quoted(text)} is not a number with “{self._decimal}” before its "
                f"decimals{between}"
            )
        plain = plain.replace(self._apart, "") if self._apart else plain
        number = read_decimal(plain.replace(",", "."), text)
        # What a float cannot hold stays text: the field takes it exactly, or says what is lost.
        short = plain_number(number)
        lossy = isinstance(short, float) and Decimal(repr(short)) != number
        return str(number) if lossy else short


def _form(decimal: str, thousands: str) -> str:
    """Return the pattern of a number.

    Separators of thousands must stand where they belong: `1.234,5`, read with a comma for
    thousands, is not 1.2345. Indian numbers separate two digits, and the last three.
    """
    apart, point = re.escape(thousands), re.escape(decimal)
    whole = rf"\d+|\d{{1,3}}(?:{apart}\d{{2,3}})*{apart}\d{{3}}" if thousands else r"\d+"
    return rf"[+-]?(?:(?:{whole})(?:{point}\d*)?|{point}\d+)(?:[eE][+-]?\d+)?"


def number_rule(text: str) -> Json | None:
    """Return the rule that reads a text as a number; None if there is none, or two that differ."""
    found: dict[Any, Json] = {}
    for decimal, apart in ((",", ""), (",", "."), (".", ","), (",", " "), (".", " "), (".", "'")):
        settings = {"decimal": decimal} if decimal != "." else {}
        rule = {"rule": "number", **settings, **({"thousands": apart} if apart else {})}
        with suppress(RuleError):
            found.setdefault(Number(rule).apply(text), rule)
    return next(iter(found.values())) if len(found) == 1 else None


def unit_behind(texts: Sequence[str], target: str) -> str:
    """Return the unit behind the number in each text, if it converts to `target`; else ""."""
    parts = [WITH_UNIT.fullmatch(text) for text in texts]
    units = {folded(found["unit"]): found["unit"] for found in parts if found is not None}
    if None in parts or len(units) != 1:
        return ""
    unit = next(iter(units.values()))
    try:
        converter(unit, target)
    except UnitFault:
        return ""
    return unit


@register("unit")
class Unit(Rule):
    """Converts a number, in decimals: 0.1 mg is 100 µg, not 100.00000000000001.

    By a factor, or from the registry's unit into the field's own one.
    """

    label = "unit"
    about = "Multiplies a number, or converts its unit to the field's, in decimal arithmetic"
    settings = {
        "factor": Setting("The factor, other than 0.", FACTOR, example=1000, hint="factor"),
        "from": Setting(
            "The unit of the registry's values. They are converted to the unit of the field in "
            "Benchling.", FILLED, example="g/L", hint="unit of the registry",
        ),
    }  # fmt: skip
    also = {"anyOf": [{"required": ["factor"]}, {"required": ["from"]}]}

    def __init__(self, raw: Json) -> None:
        factor, self.unit = raw.get("factor", 1), raw.get("from")
        if not raw.keys() & self.settings.keys():
            raise RuleError("rule unit needs a `factor`, or the registry's unit as `from`")
        if "from" in raw and (not isinstance(self.unit, str) or not self.unit.strip()):
            raise RuleError("rule unit takes a unit such as g/L as `from`")
        if isinstance(factor, bool) or not isinstance(factor, (int, float, str)):
            raise RuleError("rule unit needs a number as `factor`")
        if not str(factor).isascii():
            raise RuleError(f"rule unit: {quoted(factor)} is not a number")
        self._factor = read_decimal(str(factor), str(factor))
        if not self._factor:
            raise RuleError("rule unit needs a `factor` other than 0")
        self._convert: Converter | None = None

    def bind(self, definition: FieldDefinition) -> None:
        if self.unit is None:
            return
        if not definition.unit:
            raise RuleError(f"rule unit: the field “{definition.name}” has no unit in Benchling")
        try:
            self._convert = converter(self.unit, definition.unit)
        except UnitFault as fault:
            raise RuleError(f"rule unit: {fault}") from fault

    def apply(self, value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise RuleError(f"{quoted(value)} is not a number")
        number = self._read(str(value)) * self._factor
        return plain_number(self._convert(number) if self._convert else number)

    def _read(self, text: str) -> Decimal:
        """Read a number, or one with the rule's own unit behind it. Another unit is an error."""
        try:
            return read_decimal(text, text)
        except RuleError:
            parts = WITH_UNIT.fullmatch(text)
            if parts is None or not self.unit:
                raise
            if not is_same_unit(parts["unit"], self.unit):
                if not is_unit(parts["unit"]):
                    raise
                raise RuleError(
                    f"{quoted(text)} is in {parts['unit']}, and the rule converts from {self.unit}"
                ) from None
        return read_decimal(parts["number"], text)
