"""Mapping Rules: what is done to a raw value before it is fitted to its Benchling field.

Pure functions. JSON keyed by field id; one rule, or a list of them applied in order:
`{"tsf_1": "trim", "tsf_2": [{"rule": "number", "decimal": ","}, {"rule": "unit", "factor": 10}]}`.
Rules besides `default` and `constant` leave null and empty or blank text as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from registry_sync.core.types import Json
from registry_sync.mapping.values import is_empty
from registry_sync.source.paths import ABSENT

Step = Callable[[Any], Any]


class RuleError(ValueError):
    """A rule that cannot be applied to a value, or cannot be read; its text says why."""


KEYS: dict[str, tuple[str, ...]] = {
    "as_is": (),
    "trim": (),
    "case": ("to",),
    "number": ("decimal", "thousands"),
    "date": ("format", "timezone"),
    "unit": ("factor",),
    "split": ("separator",),
    "labels": ("table", "otherwise"),
    "constant": ("value",),
    "default": ("value",),
}


def parse_rule(raw: object) -> tuple[Step, ...]:
    """Read the rules of one field. Raises RuleError."""
    steps = raw if isinstance(raw, list) else [raw]
    return tuple(_step({"rule": step} if isinstance(step, str) else step) for step in steps)


def gives_value(raw: object) -> bool:
    """Say whether a rule gives a value even where the record has none."""
    steps = raw if isinstance(raw, list) else [raw]
    return any(isinstance(s, dict) and s.get("rule") in ("constant", "default") for s in steps)


def apply(steps: Iterable[Step], value: Any) -> Any:
    """Apply rules in order. Raises RuleError where one does not fit the value."""
    for step in steps:
        value = step(value)
    return value


def _step(raw: object) -> Step:
    name = raw.get("rule") if isinstance(raw, dict) else raw
    if not isinstance(raw, dict) or not isinstance(name, str) or name not in KEYS:
        raise RuleError(f"rule {name!r} is none of {', '.join(KEYS)}")
    unknown = set(raw) - {"rule", *KEYS[name]}
    if unknown:
        raise RuleError(f"rule {name} does not know {', '.join(sorted(unknown))}")
    return _each(_BUILDERS[name](raw), name)


def _each(step: Step, name: str) -> Step:
    """Apply a step to each item of a list, and leave what is empty alone."""
    if name in ("constant", "default"):
        return step

    def apply_to(value: Any) -> Any:
        if value is ABSENT or (is_empty(value) and name != "trim"):
            return value
        if isinstance(value, list) and name != "split":
            return [apply_to(item) for item in value]
        return step(value)

    return apply_to


def _as_is(raw: Json) -> Step:
    return lambda value: value


def _trim(raw: Json) -> Step:
    return lambda value: value.strip() if isinstance(value, str) else value


def _case(raw: Json) -> Step:
    cases: dict[str, Callable[[str], str]] = {
        "upper": str.upper,
        "lower": str.lower,
        "title": str.title,
    }
    to = raw.get("to")
    if not isinstance(to, str) or to not in cases:
        raise RuleError("rule case needs `to`: upper, lower or title")
    change = cases[to]
    return lambda value: change(value) if isinstance(value, str) else value


def _number(raw: Json) -> Step:
    decimal, thousands = raw.get("decimal", "."), raw.get("thousands", "")
    if decimal not in (".", ",") or thousands == decimal or not isinstance(thousands, str):
        raise RuleError("rule number takes `decimal` . or , and another `thousands` separator")

    apart = re.escape(thousands)
    # Where thousands are set apart, they must stand where they do in a number: `1.234,5` read
    # with a comma for thousands is no 1.2345. Indians set apart two digits, and last three.
    whole = rf"\d+|\d{{1,3}}(?:{apart}\d{{2,3}})*{apart}\d{{3}}" if thousands else r"\d+"
    form = re.compile(
        rf"[+-]?(?:(?:{whole})(?:{re.escape(decimal)}\d*)?|{re.escape(decimal)}\d+)(?:[eE][+-]?\d+)?"
    )

    def read(value: Any) -> Any:
        if isinstance(value, bool):
            raise RuleError(f"{value} is no number")
        if isinstance(value, (int, float)):
            return value
        text = str(value).strip()
        if not form.fullmatch(text):
            by = f", with {thousands!r} between thousands" if thousands else ""
            raise RuleError(f"{text!r} is no number with {decimal!r} before its decimals{by}")
        plain = text.replace(thousands, "") if thousands else text
        number = _decimal(plain.replace(",", "."), text)
        # What no float holds stays text: the field takes it exactly, or says what is lost.
        short = _plain_number(number)
        lossy = isinstance(short, float) and Decimal(repr(short)) != number
        return str(number) if lossy else short

    return read


def _unit(raw: Json) -> Step:
    factor = raw.get("factor")
    if isinstance(factor, bool) or not isinstance(factor, (int, float, str)):
        raise RuleError("rule unit needs a number as `factor`")
    by = _decimal(str(factor), str(factor))
    if not by:
        raise RuleError("rule unit needs a `factor` other than 0")

    def scale(value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise RuleError(f"{value!r} is no number")
        # Decimals: 0.1 mg is 100 µg, not 100.00000000000001.
        return _plain_number(_decimal(str(value), str(value)) * by)

    return scale


def _date(raw: Json) -> Step:
    form, zone = raw.get("format"), raw.get("timezone")
    if not isinstance(form, str) or "%" not in form:
        raise RuleError("rule date needs a `format` such as %d.%m.%Y")
    _check_format(form)
    try:
        tz = ZoneInfo(zone) if zone else None
    except (KeyError, ValueError, OSError, TypeError) as error:
        raise RuleError(f"rule date: {zone!r} is no time zone") from error
    timed = any(mark in form for mark in ("%H", "%I", "%M", "%S", "%c", "%X", "%T", "%p"))

    def read(value: Any) -> Any:
        try:
            when = datetime.strptime(str(value).strip(), form)
        except ValueError as error:
            raise RuleError(f"{value!r} is no date of the form {form}") from error
        if not timed:
            return when.date().isoformat()
        return (when.replace(tzinfo=tz) if tz and when.tzinfo is None else when).isoformat()

    return read


def _check_format(form: str) -> None:
    """See that a format can be read by, and that no year is made up."""
    try:
        datetime.strptime(datetime(2001, 2, 3, 4, 5, 6).strftime(form), form)
    except ValueError as error:
        raise RuleError(f"rule date cannot read by the `format` {form}: {error}") from error
    if not re.search(r"%[YyGcx]", form):
        raise RuleError(f"rule date needs a year (%Y) in its `format`, which {form} has not")


def _split(raw: Json) -> Step:
    separator = raw.get("separator")
    if not isinstance(separator, str) or not separator:
        raise RuleError("rule split needs a `separator`")

    def split(value: Any) -> Any:
        items = value if isinstance(value, list) else [value]
        parts = [
            part.strip() if isinstance(part, str) else part
            for item in items
            for part in (item.split(separator) if isinstance(item, str) else [item])
        ]
        return [part for part in parts if part != ""]

    return split


def _labels(raw: Json) -> Step:
    table, otherwise = raw.get("table"), raw.get("otherwise", "error")
    if not isinstance(table, dict) or otherwise not in ("error", "keep"):
        raise RuleError("rule labels needs a `table`, and `otherwise` error or keep")

    def translate(value: Any) -> Any:
        key = value if isinstance(value, str) else _label(value)
        if key in table:
            return table[key]
        if otherwise == "keep":
            return value
        raise RuleError(f"{value!r} is not in the label table")

    return translate


def _label(value: Any) -> str:
    """Write a value as it stands in a JSON table: `true`, and 1 for 1.0."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _constant(raw: Json) -> Step:
    if "value" not in raw:
        raise RuleError("rule constant needs a `value`")
    return lambda value: raw["value"]


def _default(raw: Json) -> Step:
    if "value" not in raw:
        raise RuleError("rule default needs a `value`")
    return lambda value: raw["value"] if value is ABSENT or is_empty(value) else value


def _decimal(text: str, shown: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise RuleError(f"{shown!r} is no number") from error
    if not number.is_finite() or "_" in text or number.adjusted() > 308:
        raise RuleError(f"{shown!r} is no number")
    return number


def _plain_number(number: Decimal) -> int | float | str:
    if number == number.to_integral_value():
        return int(number)
    return float(number) or str(number)  # smaller than any float: no 0


_BUILDERS: dict[str, Callable[[Json], Step]] = {
    "as_is": _as_is,
    "trim": _trim,
    "case": _case,
    "number": _number,
    "date": _date,
    "unit": _unit,
    "split": _split,
    "labels": _labels,
    "constant": _constant,
    "default": _default,
}
