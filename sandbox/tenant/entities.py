"""Entities changed by people, in Benchling's own pages."""

from __future__ import annotations

from collections import Counter
from typing import Any

from .entity_types import TYPES
from .errors import Refusal
from .namespace import Namespace
from .state import Entity, TenantState
from .upsert import Upsert

Json = dict[str, Any]


def add_by_hand(state: TenantState, row: Json, *, creator: str = "ent_person") -> Entity:
    """Create an entity as a user would. Raise Refusal like an upsert."""
    upsert = Upsert(state, creator)
    before = Counter(state.counters), Counter(state.writes)
    if not upsert.run([row]):
        raise Refusal(upsert.errors[0])
    state.counters, state.writes = before
    return upsert.touched[0]


def edit_by_hand(state: TenantState, entity: Entity, **changes: Any) -> None:
    """Edit an entity as a user does: `name`, `archived` (a reason or None), fields by name."""
    state.keep_version(entity)
    for name, value in changes.items():
        if name == "name":
            Namespace(state, []).rename(entity, value)
        elif name == "archived":
            entity.archived = value
        else:
            entity.fields[state.field_id(entity.schema_id, name)] = value
    entity.modified_at = state.clock.stamp()


def draw_by_hand(state: TenantState, entity: Entity, **parts: Any) -> None:
    """Change what an entity has beside fields, such as `annotations`, `bases`, or its structure.

    Raise Refusal for what does not fit.
    """
    state.keep_version(entity)
    kind = TYPES[state.schemas[entity.schema_id]["type"]]
    entity.parts = kind.parts.changed(entity.parts, kind.parts.read(parts), drops=True)
    entity.modified_at = state.clock.stamp()


def merge_by_hand(state: TenantState, duplicate: Entity, survivor: Entity) -> None:
    """Merge a duplicate into another entity of its schema, as a registry's admin does.

    The duplicate is archived and unregistered; its name, registry id and aliases become aliases of
    the survivor, links to it point at the survivor, and a custom field of the survivor names it.
    https://help.benchling.com/hc/en-us/articles/9684256435597
    """
    for entity in (duplicate, survivor):
        state.keep_version(entity)
        entity.modified_at = state.clock.stamp()
    names = Namespace(state, [])
    left = [duplicate.name, duplicate.entity_registry_id, *duplicate.aliases]
    for name in left:
        names.free(duplicate, name)
    del state.by_registry_id[duplicate.registry_id, duplicate.entity_registry_id]
    survivor.custom_fields["Merged"] = duplicate.entity_registry_id
    duplicate.aliases, duplicate.archived = [], "Other"
    duplicate.registry_id = duplicate.entity_registry_id = ""
    names.alias(survivor, [*survivor.aliases, *left])
    for entity in state.entities.values():
        _redirect(state, entity, duplicate.id, survivor.id)


def _redirect(state: TenantState, entity: Entity, old: str, new: str) -> None:
    for key, value in entity.fields.items():
        if value == old:
            entity.fields[key] = new
        elif isinstance(value, list) and old in value:
            entity.fields[key] = [new if item == old else item for item in value]
