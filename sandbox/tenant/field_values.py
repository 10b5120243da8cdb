"""Which values a field takes. https://docs.benchling.com/docs/entity-fields"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from .errors import Refusal
from .state import TenantState

Json = dict[str, Any]
LONGEST = {"text": 255, "long_text": 10_000}
"""Characters that a field of text holds."""
LINKED = {
    "custom_entity": ("entity_link", "custom_entity_link"),
    "molecule": ("entity_link", "molecule_link"),
    "aa_sequence": ("entity_link", "aa_sequence_link"),
    **dict.fromkeys(
        ("dna_sequence", "dna_oligo", "rna_oligo"), ("entity_link", "dna_sequence_link")
    ),
}
"""The fields that link an entity, by its type."""


def keys_of(state: TenantState, definition: Json) -> tuple[str, ...]:
    """Return by which keys an upsert may name a field."""
    return {
        "name": (definition["name"],),
        "id": (definition["id"],),
        "either": (definition["name"], definition["id"]),
    }[state.switches.field_keys]


def is_link(definition: Json) -> bool:
    """Return whether a field's values are other objects of Benchling."""
    return str(definition["type"]).endswith("_link")


def links_given(state: TenantState, schema: Json, given: Json) -> Iterator[tuple[Json, Any]]:
    """Yield each link field that a row names, and its value."""
    for definition in schema["fieldDefinitions"]:
        if is_link(definition):
            for key in keys_of(state, definition):
                if key in given:
                    yield definition, (given[key] or {}).get("value")


def target_of(state: TenantState, definition: Json, id_: str, shown: str) -> str:
    """Return the id of the entity that a link names. Raise Refusal if the field cannot link it."""
    target = state.entities.get(str(id_))
    wanted = definition.get("schemaId")
    if (
        target is None
        or (wanted and target.schema_id != wanted)
        or definition["type"] not in LINKED[state.schemas[target.schema_id]["type"]]
    ):
        raise Refusal(f"Field '{definition['name']}': linked entity '{shown}' not found.")
    return target.id


def plain_values(state: TenantState, schema: Json, given: Json) -> Json:
    """Return a row's values by field id, links left out. Raise Refusal for one that does not fit.

    `given` is the row's `fields`: by name or id, each `{"value": …}`.
    """
    definitions = {
        key: definition
        for definition in schema["fieldDefinitions"]
        if not definition["archiveRecord"]
        for key in keys_of(state, definition)
    }
    values: Json = {}
    for key, item in given.items():
        definition = definitions.get(key)
        if definition is None:
            raise Refusal(f"Field '{key}' does not exist on schema {schema['name']}.")
        if not is_link(definition):
            values[definition["id"]] = checked(state, definition, (item or {}).get("value"))
    return values


def check_required(state: TenantState, schema: Json, fields: Json, given: Json) -> None:
    """Raise Refusal if a required field has no value, in the entity or in the row."""
    linked = {definition["id"] for definition, value in links_given(state, schema, given) if value}
    for definition in schema["fieldDefinitions"]:
        empty = fields.get(definition["id"]) in (None, []) and definition["id"] not in linked
        if definition["isRequired"] and not definition["archiveRecord"] and empty:
            raise Refusal(f"Field '{definition['name']}' is required.")


def checked(state: TenantState, definition: Json, value: Any) -> Any:
    """Return a field's value as it is kept. Raise Refusal for one that does not fit."""
    if value is None:
        return [] if definition["isMulti"] else None
    if definition["isMulti"] != isinstance(value, list):
        shape = "a list" if definition["isMulti"] else "a single value"
        raise Refusal(f"Field '{definition['name']}' takes {shape}.")
    for item in value if isinstance(value, list) else [value]:
        if not _fits(state, definition, item):
            raise Refusal(
                f"Invalid value for field '{definition['name']}' of type "
                f"{definition['type']}: {item!r:.100}."
            )
        longest = LONGEST.get(definition["type"])
        if longest and len(item) > longest:
            raise Refusal(f"Field '{definition['name']}' takes at most {longest:,} characters.")
    return value


def _fits(state: TenantState, definition: Json, value: Any) -> bool:
    kind = definition["type"]
    if kind in ("integer", "float"):
        return _is_number(definition, value)
    if kind == "dropdown":
        options = state.dropdowns[definition["dropdownId"]]["options"]
        return any(o["id"] == value and not o["archiveRecord"] for o in options)
    plain = {"text": str, "long_text": str, "boolean": bool, "json": dict}.get(kind)
    if plain is not None:
        return isinstance(value, plain)
    return isinstance(value, str) and _is_time(value, kind)


def _is_number(definition: Json, value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return False
    least, most = definition.get("numericMin"), definition.get("numericMax")
    return (
        (definition["type"] == "float" or isinstance(value, int))
        and (least is None or value >= least)
        and (most is None or value <= most)
    )


def _is_time(value: str, kind: str) -> bool:
    try:
        if kind == "date":
            return bool(re.fullmatch(r"\d{4}-\d\d-\d\d", value)) and bool(date.fromisoformat(value))
        return datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False
