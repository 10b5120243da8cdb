"""The setting that clears a field, written out for values that look as if they meant “empty”."""

from __future__ import annotations

import json
from typing import Any

from registry_sync.benchling.entity_types.parts import PART_KEYS
from registry_sync.benchling.schema import FieldDefinition

MEANT_AS_EMPTY = frozenset({
    "n/a", "#n/a", "n.a.", "na", "nan", "nil", "none", "null", "undefined", "unknown",
    "not available", "not specified", "-", "--", "–", "—", "?", ".", "false",
    "0000-00-00", "0000-00-00 00:00:00", "0001-01-01", "0001-01-01t00:00:00",
})  # fmt: skip
"""Texts by which registries say that there is no value, in lower case."""


def empty_hint(value: Any, field: FieldDefinition) -> str:
    """Return what the integration owner sets if a refused value means “empty”; "" if it does not.

    Of a list, its first such item counts.
    """
    found = [item for item in (value if isinstance(value, list) else [value]) if _is_odd(item)]
    if not found or (field.type == "boolean" and found[0] is False):
        return ""
    word = json.dumps(found[0], ensure_ascii=False)
    settings = json.dumps({"endpoint": {"empty_values": [found[0]]}}, ensure_ascii=False)
    alone = _rule(field, empty_values=[found[0]])
    if field.type == "boolean":  # there, the connector's settings do not count
        return (
            f"If {word} means “empty” in this registry, the integration owner sets {alone} in "
            "Mapping Rules."
        )
    hint = (
        f"If {word} means “empty” in this registry, the integration owner sets {settings} in "
        f"Connector Settings{for_field_alone(field, empty_values=[found[0]])}."
    )
    if found[0] is False and field.type in ("text", "long_text"):
        table = {"rule": "labels", "table": {"false": "false", "true": "true"}}
        hint += f" If it is meant as text, the rule is {json.dumps({field.id: table})}."
    return hint


def for_field_alone(field: FieldDefinition, **settings: Any) -> str:
    """Return the words that offer the rule `empty`; "" for a part, which takes no rules."""
    if field.id in PART_KEYS:
        return ""
    return f", or for this field alone {_rule(field, **settings)} in Mapping Rules"


def _rule(field: FieldDefinition, **settings: Any) -> str:
    return json.dumps({field.id: {"rule": "empty", **settings}}, ensure_ascii=False)


def _is_odd(value: Any) -> bool:
    if value == {} or (value == 0 and type(value) is int):
        return True
    return value is False or (isinstance(value, str) and value.strip().casefold() in MEANT_AS_EMPTY)
