"""Mapping Rules: what is done to a raw value before it is fitted to its Benchling field.

Pure functions. JSON keyed by field id; one rule, or a list of them applied in order:
`{"tsf_1": "trim", "tsf_2": [{"rule": "number", "decimal": ","}, {"rule": "unit", "factor": 10}]}`.
Rules besides `default` and `constant` leave null and empty text as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from .paths import ABSENT

Json = dict[str, Any]
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
    if not isinstance(raw, dict) or raw.get("rule") not in KEYS:
        name = raw.get("rule") if isinstance(raw, dict) else raw
        raise RuleError(f"rule {name!r} is none of {', '.join(KEYS)}")
    name = raw["rule"]
    unknown = set(raw) - {"rule", *KEYS[name]}
    if unknown:
        raise RuleError(f"rule {name} does not know {', '.join(sorted(unknown))}")
    return _each(_BUILDERS[name](raw), name)


def _each(step: Step, name: str) -> Step:
    """Apply a step to each item of a list, and leave what is empty alone."""
    if name in ("constant", "default"):
        return step

    def apply_to(value: Any) -> Any:
        if value is ABSENT or value is None or value == "":
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
    cases: dict[object, Callable[[str], str]] = {
        "upper": str.upper,
        "lower": str.lower,
        "title": str.title,
    }
    if raw.get("to") not in cases:
        raise RuleError("rule case needs `to`: upper, lower or title")
    change = cases[raw["to"]]
    return lambda value: change(value) if isinstance(value, str) else value


def _number(raw: Json) -> Step:
    decimal, thousands = raw.get("decimal", "."), raw.get("thousands", "")
    if decimal not in (".", ",") or thousands == decimal or not isinstance(thousands, str):
        raise RuleError("rule number takes `decimal` . or , and another `thousands` separator")

    def read(value: Any) -> Any:
        if isinstance(value, bool):
            raise RuleError(f"{value} is no number")
        if isinstance(value, (int, float)):
            return value
        text = str(value).strip()
        plain = text.replace(thousands, "") if thousands else text
        if decimal == ",":
            if "." in plain:
                raise RuleError(f"{text!r} is no number with a decimal comma")
            plain = plain.replace(",", ".")
        return _plain_number(_decimal(plain, text))

    return read


def _unit(raw: Json) -> Step:
    factor = raw.get("factor")
    if isinstance(factor, bool) or not isinstance(factor, (int, float, str)):
        raise RuleError("rule unit needs a number as `factor`")
    by = _decimal(str(factor), str(factor))

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
        key = value if isinstance(value, str) else str(value)
        if key in table:
            return table[key]
        if otherwise == "keep":
            return value
        raise RuleError(f"{value!r} is not in the label table")

    return translate


def _constant(raw: Json) -> Step:
    if "value" not in raw:
        raise RuleError("rule constant needs a `value`")
    return lambda value: raw["value"]


def _default(raw: Json) -> Step:
    if "value" not in raw:
        raise RuleError("rule default needs a `value`")
    return lambda value: (
        raw["value"] if value is ABSENT or value is None or value in ("", []) else value
    )


def _decimal(text: str, shown: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise RuleError(f"{shown!r} is no number") from error
    if not number.is_finite() or "_" in text or number.adjusted() > 308:
        raise RuleError(f"{shown!r} is no number")
    return number


def _plain_number(number: Decimal) -> int | float:
    return int(number) if number == number.to_integral_value() else float(number)


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
