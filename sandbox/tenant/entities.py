"""Entities changed by people, in Benchling's own pages."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

from . import audit
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


@contextlib.contextmanager
def _changing(state: TenantState, user: str, *entities: Entity) -> Iterator[None]:
    """Note what a user changes of entities, and when."""
    before = {entity.id: audit.seen(entity) for entity in entities}
    for entity in entities:
        state.keep_version(entity)
    yield
    for entity in entities:
        entity.modified_at = state.clock.stamp()
        audit.record(state, entity, before[entity.id], user)


def edit_by_hand(
    state: TenantState, entity: Entity, *, user: str = "ent_ada", **changes: Any
) -> None:
    """Edit an entity as a user does: `name`, `archived` (a reason or None), fields by name."""
    with _changing(state, user, entity):
        for name, value in changes.items():
            if name == "name":
                Namespace(state, []).rename(entity, value)
            elif name == "archived":
                entity.archived = value
            else:
                entity.fields[state.field_id(entity.schema_id, name)] = value


def draw_by_hand(
    state: TenantState, entity: Entity, *, user: str = "ent_ada", **parts: Any
) -> None:
    """Change what an entity has beside fields, such as `annotations`, `bases`, or its structure.

    Raise Refusal for what does not fit.
    """
    kind = TYPES[state.schemas[entity.schema_id]["type"]]
    with _changing(state, user, entity):
        entity.parts = kind.parts.changed(entity.parts, kind.parts.read(parts), drops=True)


def merge_by_hand(
    state: TenantState, duplicate: Entity, survivor: Entity, *, user: str = "ent_ada"
) -> None:
    """Merge a duplicate into another entity of its schema, as a registry's admin does.

    The duplicate is archived and unregistered; its name, registry id and aliases become aliases of
    the survivor, links to it point at the survivor, and a custom field of the survivor names it.
    https://help.benchling.com/hc/en-us/articles/9684256435597
    """
    linked = [e for e in state.entities.values() if _links(e, duplicate.id)]
    with _changing(state, user, *{e.id: e for e in (duplicate, survivor, *linked)}.values()):
        names = Namespace(state, [])
        left = [duplicate.name, duplicate.entity_registry_id, *duplicate.aliases]
        for name in left:
            names.free(duplicate, name)
        del state.by_registry_id[duplicate.registry_id, duplicate.entity_registry_id]
        survivor.custom_fields["Merged"] = duplicate.entity_registry_id
        duplicate.aliases, duplicate.archived = [], "Other"
        duplicate.registry_id = duplicate.entity_registry_id = ""
        names.alias(survivor, [*survivor.aliases, *left])
        for entity in linked:
            _redirect(entity, duplicate.id, survivor.id)


def _links(entity: Entity, id_: str) -> bool:
    """Return whether a field of an entity links another one."""
    return any(
        value == id_ or (isinstance(value, list) and id_ in value)
        for value in entity.fields.values()
    )


def _redirect(entity: Entity, old: str, new: str) -> None:
    for key, value in entity.fields.items():
        if value == old:
            entity.fields[key] = new
        elif isinstance(value, list) and old in value:
            entity.fields[key] = [new if item == old else item for item in value]
