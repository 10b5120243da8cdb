"""Upserts: rows find their entity by registry id, or create it.

https://benchling.com/api/reference (bulkUpsertCustomEntities)
"""

from __future__ import annotations

from typing import Any

from .entity_types import TYPES
from .errors import Refusal
from .field_values import target_of
from .state import Entity
from .writing import Writing

Json = dict[str, Any]


class Upsert(Writing):
    """One upsert request."""

    key, what = "entityRegistryId", "entity registry ID"

    def registry_of(self, row: Json) -> str:
        return str(row["registryId"])

    def _apply(self, row: Json) -> Entity:
        state, id_ = self.state, row["entityRegistryId"]
        schema = state.schemas.get(row["schemaId"])
        if schema is None or schema["archiveRecord"]:
            raise Refusal("The schema is archived or does not exist.")
        if row["registryId"] != schema["registryId"]:
            raise Refusal(f"The schema {schema['name']} is not of this registry.")
        self._check_type(schema)
        if message := state.refuse.get(id_):
            raise Refusal(message)
        known = state.by_registry_id.get((row["registryId"], id_))
        entity = state.entities[known] if known else self._create(row, schema)
        if known:
            self._remember(entity)
            self._check_known(entity, row)
        self.names.rename(entity, row["name"])
        omitted = state.switches.omitted_fields
        self._set_fields(entity, row, keeps=omitted == "keep")
        self._set_rest(entity, row, clears=omitted == "clear")
        # What is drawn on a sequence is what the row names, and nothing else.
        parts = TYPES[schema["type"]].parts
        kept = {key: value for key, value in entity.parts.items() if key not in parts.drawings}
        drops = state.switches.unfitting_drawings == "drop"
        entity.parts = parts.changed(kept, parts.read(row), drops=drops)
        return entity

    def _create(self, row: Json, schema: Json) -> Entity:
        state = self.state
        now = state.clock.stamp()
        entity = Entity(
            id=state.new_id(TYPES[schema["type"]].prefix), name="", registry_id=row["registryId"],
            entity_registry_id=row["entityRegistryId"], schema_id=row["schemaId"], fields={},
            creator=self.app_id, created_at=now, modified_at=now,
        )  # fmt: skip
        state.entities[entity.id] = entity
        self.undo.append(lambda: state.entities.pop(entity.id))
        self.created.add(entity.id)
        if entity.registry_id:
            place = (entity.registry_id, entity.entity_registry_id)
            state.by_registry_id[place] = entity.id
            self.undo.append(lambda: state.by_registry_id.pop(place))
            self.names.take(entity, entity.entity_registry_id, "registry ID")
        return entity

    def _check_known(self, entity: Entity, row: Json) -> None:
        if entity.schema_id != row["schemaId"]:
            old, new = (self.state.schemas[id_] for id_ in (entity.schema_id, row["schemaId"]))
            if self.state.switches.other_schema != "move" or old["type"] != new["type"]:
                raise Refusal(f"Entity {entity.entity_registry_id} belongs to another schema.")
            entity.schema_id, entity.fields = row["schemaId"], {}
        mode = self.state.switches.archived_match
        if entity.archived and "archiveRecord" not in row and mode == "fail":
            raise Refusal(f"Entity {entity.entity_registry_id} is archived.")
        if "archiveRecord" in row or mode == "unarchive":
            entity.archived = None

    def _target(self, definition: Json, item: Any, entity: Entity) -> str | None:
        if isinstance(item, dict):
            shown = str(item.get("entityRegistryId"))
            id_ = self.state.by_registry_id.get((entity.registry_id, shown), "")
            return target_of(self.state, definition, id_, shown)
        return super()._target(definition, item, entity)
