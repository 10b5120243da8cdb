"""Updates: rows name their entity by its id in Benchling, and change what they name.

https://benchling.com/api/reference (bulkUpdateDNASequences)
"""

from __future__ import annotations

from typing import Any

from .entity_types import TYPES
from .errors import Refusal
from .state import Entity
from .writing import Writing

Json = dict[str, Any]


class Update(Writing):
    """One update request; links are named by ids in Benchling alone."""

    key, what = "id", "ID"

    def registry_of(self, row: Json) -> str:
        entity = self.state.entities.get(row["id"])
        return entity.registry_id if entity else ""

    def _apply(self, row: Json) -> Entity:
        state = self.state
        entity = state.entities.get(row["id"])
        if entity is None or not self._is_of_type(entity):
            raise Refusal(f"Item not found: {row['id']}.")
        if entity.archived:
            raise Refusal(f"Entity {entity.entity_registry_id or entity.name} is archived.")
        new_id = row.get("entityRegistryId", entity.entity_registry_id)
        if message := state.refuse.get(new_id) or state.refuse.get(entity.entity_registry_id):
            raise Refusal(message)
        if row.get("schemaId", entity.schema_id) != entity.schema_id:
            raise Refusal("This sandbox cannot move an entity to another schema.")
        self._remember(entity)
        self._give_id(entity, new_id)
        self.names.rename(entity, row.get("name", entity.name))
        if "fields" in row:
            self._set_fields(entity, row, keeps=True)
        self._set_rest(entity, row, clears=False)
        parts = TYPES[state.schemas[entity.schema_id]["type"]].parts
        drops = state.switches.unfitting_drawings == "drop"
        entity.parts = parts.changed(entity.parts, parts.read(row), drops=drops)
        return entity

    def _is_of_type(self, entity: Entity) -> bool:
        return not self.type or self.state.schemas[entity.schema_id]["type"] == self.type

    def _give_id(self, entity: Entity, new: str) -> None:
        old, state = entity.entity_registry_id, self.state
        if new == old:
            return
        if not old or not new:
            raise Refusal("The entity is not registered.")
        self.names.take(entity, new, "registry ID")
        self.names.free(entity, old)
        places = [(entity.registry_id, new), (entity.registry_id, old)]
        state.by_registry_id[places[0]] = state.by_registry_id.pop(places[1])
        self.undo.append(
            lambda: state.by_registry_id.update({places[1]: state.by_registry_id.pop(places[0])})
        )
        entity.entity_registry_id = new
