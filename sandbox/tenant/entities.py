"""Entities changed one by one: by the API's update, and by people in Benchling's own pages."""

from __future__ import annotations

from collections import Counter
from typing import Any

from .errors import Refusal
from .namespace import Namespace
from .state import Entity, TenantState
from .upsert import Upsert

Json = dict[str, Any]
UPDATABLE = {"name", "entityRegistryId"}


def rename(state: TenantState, entity: Entity, body: Json) -> None:
    """Change an entity's name or registry id. Raise Refusal without a change if it is refused."""
    if more := set(body) - UPDATABLE:
        raise Refusal(f"This sandbox cannot update {', '.join(sorted(more))} of one entity.")
    if entity.archived:
        raise Refusal(f"Entity {entity.entity_registry_id} is archived.")
    new = body.get("entityRegistryId", entity.entity_registry_id)
    if not entity.entity_registry_id or not new:
        raise Refusal("The entity is not registered.")
    if message := state.refuse.get(new):
        raise Refusal(message)
    upsert = Upsert(state, "")
    upsert._remember(entity)
    try:
        _give_id(state, upsert.names, entity, new)
        upsert.names.rename(entity, body.get("name", entity.name))
    except Refusal:
        upsert.take_back()
        raise
    entity.modified_at = state.clock.stamp()
    state.count_write(entity, created=False)


def _give_id(state: TenantState, names: Namespace, entity: Entity, new: str) -> None:
    old = entity.entity_registry_id
    if new == old:
        return
    names.take(entity, new, "registry ID")
    names.free(entity, old)
    places = [(entity.registry_id, new), (entity.registry_id, old)]
    state.by_registry_id[places[0]] = state.by_registry_id.pop(places[1])
    names.undo.append(
        lambda: state.by_registry_id.update({places[1]: state.by_registry_id.pop(places[0])})
    )
    entity.entity_registry_id = new


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
