"""What must be unique beside names: sequences, fields, and structures.

https://help.benchling.com/hc/en-us/articles/9684246643981
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from typing import Any

from .entity_types import TYPES
from .state import Entity, TenantState

Json = dict[str, Any]
Key = tuple[Hashable, ...]


def broken(state: TenantState, written: Iterable[tuple[int, Entity]]) -> Iterator[tuple[int, str]]:
    """Yield the index of each written row that takes what another entity has, and why.

    Archived entities and those that are not registered hold nothing.
    """
    wanted = [(index, entity, key, what) for index, entity in written
              for key, what in _keys(state, entity)]  # fmt: skip
    if not wanted:
        return
    ours = {entity.id for _, entity, _, _ in wanted}
    held = {
        key: entity
        for entity in state.entities.values()
        if entity.id not in ours and entity.registry_id and not entity.archived
        for key, _ in _keys(state, entity)
    }
    for index, entity, key, what in wanted:
        holder = held.setdefault(key, entity)
        if holder.id != entity.id:
            yield index, f"The {what} is not unique: it is in use by {holder.entity_registry_id}."


def _keys(state: TenantState, entity: Entity) -> Iterator[tuple[Key, str]]:
    """Yield what an entity alone may have, with its name in a sentence."""
    schema = state.schemas[entity.schema_id]
    constraint, parts = schema["constraint"] or {}, TYPES[schema["type"]].parts
    residues = parts.residues(entity.parts)
    if schema["type"] == "molecule":
        if residues and (state.switches.unique_structures or constraint.get("hasUniqueResidues")):
            yield (entity.registry_id, residues), "chemical structure"
    elif residues and constraint.get("hasUniqueResidues"):
        yield (entity.schema_id, residues), "sequence"
    names = constraint.get("fieldDefinitionNames") or ()
    named = {f["name"]: f["id"] for f in schema["fieldDefinitions"]}
    values = [entity.fields.get(named[name]) for name in names]
    if names and None not in values:
        key = tuple(tuple(v) if isinstance(v, list) else v for v in values)
        yield (entity.schema_id, tuple(names), key), f"value of {', '.join(names)}"
