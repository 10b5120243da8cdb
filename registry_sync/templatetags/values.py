"""`{{ value|shown }}`: a field's value as a person reads it."""

from __future__ import annotations

import json
from typing import Any

from django import template

register = template.Library()


@register.filter
def shown(value: Any) -> str:
    """Write a value: an empty one in words, a link by what it points at, a list in one line."""
    if value is None or value == "" or value == []:
        return "(empty)"
    if isinstance(value, dict) and set(value) == {"entityRegistryId"}:
        return str(value["entityRegistryId"])
    if isinstance(value, list):
        return ", ".join(shown(item) for item in value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, bool)) else str(value)


@register.filter
def plain(text: str) -> str:
    """Write a sentence of a canvas without its emphasis."""
    return text.replace("**", "")


@register.filter
def rule(value: Any) -> str:
    """Write a mapping rule as it stands in Mapping Rules."""
    if value in (None, "", []):
        return "as is"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
