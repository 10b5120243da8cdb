"""Conversion between entities and Benchling's JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Mapping as Dict
from typing import Any

from registry_sync.benchling.schema import EntitySchema, FieldDefinition
from registry_sync.core.types import Json
from registry_sync.mapping.fitting import fit
from registry_sync.mapping.model import UNKNOWN, Entity, Mapping
from registry_sync.mapping.values import Misfit, can_be_stored

TEXTS = frozenset({"text", "long_text"})


def payload(
    entity: Entity,
    schema: EntitySchema,
    *,
    registry_id: str,
    folder_id: str | None,
    by_id: bool = False,
    is_new: bool = False,
) -> Json:
    """Return one row of a bulk upsert, its fields by their current names, or by id.

    Of a new entity it has what Benchling requires of it beside its parts.

    https://benchling.com/api/reference (bulkUpsertCustomEntities)
    """
    names = {d.id: d.id if by_id else d.name for d in schema.fields}
    kind = schema.entity_type
    parts = kind.part_keys()
    row: Json = {
        "entityRegistryId": entity.registry_id,
        "name": entity.name,
        "registryId": registry_id,
        "schemaId": schema.id,
        # An unknown value is left out, which leaves it unchanged.
        "fields": {
            names[key]: {"value": value}
            for key, value in entity.fields.items()
            if key not in parts and value != UNKNOWN
        },
    }
    kind.put_parts(row, entity.fields, is_new=is_new)
    if folder_id:
        row.setdefault("folderId", folder_id)
    return row


def canonical_fields(raw: Json, schema: EntitySchema, targets: Dict[str, str]) -> Json:
    """Return the canonical values, by field id, of an entity read from Benchling.

    `targets` has the registry id for each Benchling id that it may link to. A value that cannot
    be read back becomes UNKNOWN, so that the entity is written again rather than trusted.
    """
    fields: Json = {}
    raw_fields = raw.get("fields") or {}
    for definition in schema.fields:
        if definition.name not in raw_fields:
            continue
        value = (raw_fields[definition.name] or {}).get("value")
        if value is None or value == []:
            fields[definition.id] = [] if definition.is_multi else None
        elif isinstance(value, list):
            items = [_read_back(item, definition, targets) for item in value]
            fields[definition.id] = UNKNOWN if UNKNOWN in items else items
        else:
            fields[definition.id] = _read_back(value, definition, targets)
    return fields | schema.entity_type.read_parts(raw)


def _read_back(value: Any, definition: FieldDefinition, targets: Dict[str, str]) -> Any:
    kind = definition.type
    if kind == "dropdown":
        return value
    if type(value) is str and kind in TEXTS and can_be_stored(value):
        return value  # as `fit` would, for most values of most entities
    if definition.is_link:
        found = targets.get(str(value))
        return {"entityRegistryId": found} if found else UNKNOWN
    try:
        return fit(value, definition, str, limits=False)[0]
    except (Misfit, KeyError):
        return UNKNOWN


def external_id_of(registry_id: str, mapping: Mapping, schema_id: str = "") -> str | None:
    """Return the external id behind a registry id; None if it does not fit the template.

    `schema_id` names the schema of a link's target; else the id is of the mapping's own.
    """
    template = mapping.template_of(schema_id or mapping.schema_id)
    before, _, after = template.partition("{id}")
    fits = registry_id.startswith(before) and registry_id.endswith(after)
    if not registry_id or not fits or len(registry_id) <= len(before) + len(after):
        return None
    return registry_id[len(before) : len(registry_id) - len(after)]


def linked_ids(page: Sequence[Json], fields: Iterable[FieldDefinition]) -> set[str]:
    """Return the Benchling ids that a page of entities links to by these fields."""
    names = {definition.name for definition in fields if definition.is_link}
    found: set[str] = set()
    for raw in page:
        for name in names & set(raw.get("fields") or {}):
            value = raw["fields"][name].get("value")
            found.update(value if isinstance(value, list) else [value] if value else [])
    return found
