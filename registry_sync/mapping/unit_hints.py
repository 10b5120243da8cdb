"""What to do about a number that has a unit behind it, where no rule says so."""

from __future__ import annotations

import json
from typing import Any

from registry_sync.benchling.schema import FieldDefinition
from registry_sync.mapping.rules.numbers import WITH_UNIT, unit_behind
from registry_sync.mapping.units import is_unit

NUMBERS = ("integer", "float")


def unit_hint(value: Any, field: FieldDefinition, external_id: str) -> str:
    """Return who must act about a value such as `5 mg` of a field for numbers; "" for others."""
    found = WITH_UNIT.fullmatch(value) if isinstance(value, str) else None
    if field.type not in NUMBERS or found is None or not is_unit(found["unit"]):
        return ""
    unit = found["unit"]
    rule = json.dumps({field.id: {"rule": "unit", "from": unit}}, ensure_ascii=False)
    if not field.unit:
        return (
            f"The value is in {unit}, and the field “{field.name}” has no unit in Benchling. A "
            "Benchling admin gives it one; the integration owner then adds "
            f"{rule} to Mapping Rules."
        )
    if unit_behind([value], field.unit):
        return (
            f"The integration owner adds {rule} to Mapping Rules, which converts the registry's "
            f"{unit} to the field's {field.unit}, or the registry's owner corrects {external_id}."
        )
    return (
        f"The value is in {unit}, which cannot be converted to the field's unit {field.unit}: the "
        f"registry's owner corrects {external_id}, or the integration owner maps another path to "
        f"“{field.name}”."
    )
