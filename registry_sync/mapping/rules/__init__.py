"""Mapping Rules: what is done to a raw value before it is fitted to its Benchling field.

JSON keyed by field id; one rule, or a list of them that are applied in order:
`{"tsf_1": "trim", "tsf_2": [{"rule": "number", "decimal": ","}, {"rule": "unit", "factor": 10}]}`.
Rules other than `default` and `constant` leave null and empty or blank text as they are.

To add a rule, add a class with `@register("its_name")` to a module here; import a new module below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from registry_sync.core.json_text import numbers_unlike_json
from registry_sync.mapping.rules import dates, empties, fixed, lists, numbers, texts  # noqa: F401
from registry_sync.mapping.rules.base import RULES, Rule, RuleError

__all__ = ["RULES", "Rule", "RuleError", "Step", "apply", "gives_value", "parse_rule"]

Step = Callable[[Any], Any]
"""One rule, ready to be applied to a value."""


def parse_rule(raw: object) -> tuple[Rule, ...]:
    """Return the rules of one field. Raise RuleError."""
    return tuple(_parse_one(step) for step in _steps(raw))


def gives_value(raw: object) -> bool:
    """Return whether a field's rules give a value even where the record has none."""
    return any(
        isinstance(step, dict)
        and isinstance(step.get("rule"), str)
        and step["rule"] in RULES
        and RULES[step["rule"]].gives_value
        for step in _steps(raw)
    )


def apply(steps: Iterable[Step], value: Any) -> Any:
    """Return a value after some rules, in order. Raise RuleError if one does not fit the value."""
    for step in steps:
        value = step(value)
    return value


def _steps(raw: object) -> list[object]:
    return raw if isinstance(raw, list) else [raw]


def _parse_one(raw: object) -> Rule:
    settings = {"rule": raw} if isinstance(raw, str) else raw
    name = settings.get("rule") if isinstance(settings, dict) else settings
    if not isinstance(settings, dict) or not isinstance(name, str) or name not in RULES:
        raise RuleError(f"rule “{name}” is not one of {', '.join(RULES)}")
    for where, number in numbers_unlike_json(settings):
        raise RuleError(f"rule {name}: {where} must be a finite number, not {number}")
    kind = RULES[name]
    if unknown := set(settings) - {"rule", *kind.settings}:
        raise RuleError(f"rule {name} does not have the setting {', '.join(sorted(unknown))}")
    return kind(settings)
