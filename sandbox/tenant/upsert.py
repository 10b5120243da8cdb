"""Upserts: Benchling's rules for custom entities, all rows or none.

https://benchling.com/api/reference (bulkUpsertCustomEntities)
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from .errors import LOCKED, Refusal
from .field_values import check_required, links_given, plain_values
from .namespace import LONGEST_NAME, Namespace
from .state import Entity, TenantState

Json = dict[str, Any]


def check_lock(state: TenantState, registry_id: str) -> None:
    """Raise Refusal if entities are being registered in this registry."""
    running = any(
        task["registry"] == registry_id and task["status"] == "RUNNING"
        for task in state.tasks.values()
    )
    if running and not state.switches.granular_locking:
        raise Refusal(LOCKED)


class Upsert:
    """One upsert request: rows are applied one by one, and all are undone if one fails."""

    def __init__(self, state: TenantState, app_id: str) -> None:
        self.state, self.app_id = state, app_id
        self.undo: list[Callable[[], object]] = []
        self.names = Namespace(state, self.undo)
        self.errors: dict[int, str] = {}
        self.touched: list[Entity] = []
        self.created: set[str] = set()

    def run(self, rows: list[Json]) -> bool:
        """Apply all rows. Return False, with every row undone, if one was refused."""
        seen: set[str] = set()
        for index, row in enumerate(rows):
            id_ = row["entityRegistryId"]
            if id_ in seen and self.state.switches.duplicate_ids == "reject":
                self.errors[index] = f"Duplicate entity registry ID '{id_}' in request."
            seen.add(id_)
        pairs: list[tuple[int, Json, Entity]] = []
        for index, row in enumerate(rows):
            self._guarded(index, lambda i=index, r=row: pairs.append((i, r, self._apply(r))))
        for index, row, entity in pairs:
            self._guarded(index, lambda e=entity, r=row: self._link(e, r))
        if self.errors:
            self.take_back()
            return False
        for entity in self.touched:
            self.state.count_write(entity, created=entity.id in self.created)
        return True

    def take_back(self) -> None:
        """Undo everything that was done, the last first."""
        for step in reversed(self.undo):
            step()
        self.undo.clear()

    def _guarded(self, index: int, step: Callable[[], None]) -> None:
        try:
            step()
        except Refusal as refusal:
            self.errors.setdefault(index, str(refusal))

    def _apply(self, row: Json) -> Entity:
        state, id_ = self.state, row["entityRegistryId"]
        schema = state.schemas.get(row["schemaId"])
        if schema is None or schema["archiveRecord"]:
            raise Refusal("The schema is archived or does not exist.")
        if row["registryId"] != schema["registryId"]:
            raise Refusal(f"The schema {schema['name']} is not of this registry.")
        if message := state.refuse.get(id_):
            raise Refusal(message)
        known = state.by_registry_id.get((row["registryId"], id_))
        entity = state.entities[known] if known else self._create(row)
        if known:
            self._remember(entity)
            self._check_known(entity, row)
        self.names.rename(entity, row["name"])
        self._set_fields(entity, row, schema)
        self._set_rest(entity, row)
        entity.modified_at = state.clock.stamp()
        self.touched.append(entity)
        return entity

    def _create(self, row: Json) -> Entity:
        state = self.state
        now = state.clock.stamp()
        entity = Entity(
            id=state.new_id("bfi"), name="", registry_id=row["registryId"],
            entity_registry_id=row["entityRegistryId"], schema_id=row["schemaId"], fields={},
            creator=self.app_id, created_at=now, modified_at=now,
        )  # fmt: skip
        place = (entity.registry_id, entity.entity_registry_id)
        state.entities[entity.id] = entity
        state.by_registry_id[place] = entity.id
        self.undo.append(lambda: (state.entities.pop(entity.id), state.by_registry_id.pop(place)))
        self.created.add(entity.id)
        self.names.take(entity, entity.entity_registry_id, "registry ID")
        return entity

    def _remember(self, entity: Entity) -> None:
        before = copy.deepcopy(vars(entity))
        self.state.keep_version(entity)
        self.undo.append(lambda: vars(entity).update(before))

    def _check_known(self, entity: Entity, row: Json) -> None:
        if entity.schema_id != row["schemaId"]:
            if self.state.switches.other_schema != "move":
                raise Refusal(f"Entity {entity.entity_registry_id} belongs to another schema.")
            entity.schema_id, entity.fields = row["schemaId"], {}
        mode = self.state.switches.archived_match
        if entity.archived and "archiveRecord" not in row and mode == "fail":
            raise Refusal(f"Entity {entity.entity_registry_id} is archived.")
        if "archiveRecord" in row or mode == "unarchive":
            entity.archived = None

    def _set_fields(self, entity: Entity, row: Json, schema: Json) -> None:
        given = row.get("fields") or {}
        keeps = self.state.switches.omitted_fields == "keep"
        fields = dict(entity.fields) if keeps else {}
        fields |= plain_values(self.state, schema, given)
        check_required(self.state, schema, fields, given)
        entity.fields = fields

    def _set_rest(self, entity: Entity, row: Json) -> None:
        """Set what has no field: aliases, custom fields, authors and folder."""
        clears = self.state.switches.omitted_fields == "clear"
        if "aliases" in row or clears:
            self.names.alias(entity, row.get("aliases") or [])
        if "customFields" in row or clears:
            entity.custom_fields = _custom_values(row.get("customFields") or {})
        if "authorIds" in row or clears:
            entity.authors = self._authors(row.get("authorIds") or [])
        if row.get("folderId"):
            folder = self.state.folders.get(row["folderId"])
            if folder is None or folder["archiveRecord"]:
                raise Refusal("The folder is archived or does not exist.")
            entity.folder_id = row["folderId"]
        elif clears:
            entity.folder_id = None

    def _authors(self, ids: list[str]) -> list[str]:
        for id_ in ids:
            if id_ not in self.state.users and id_ not in self.state.apps:
                raise Refusal(f"The author {id_} does not exist.")
        return list(dict.fromkeys(ids))

    def _link(self, entity: Entity, row: Json) -> None:
        schema = self.state.schemas[entity.schema_id]
        for definition, value in links_given(self.state, schema, row.get("fields") or {}):
            many = isinstance(value, list)
            if value is not None and many != definition["isMulti"]:
                shape = "a list" if definition["isMulti"] else "a single value"
                raise Refusal(f"Field '{definition['name']}' takes {shape}.")
            ids = [self._target(definition, item, entity) for item in (value if many else [value])]
            entity.fields[definition["id"]] = ids if many else ids[0]

    def _target(self, definition: Json, item: Any, entity: Entity) -> str | None:
        if item is None:
            return None
        id_, shown = item, item
        if isinstance(item, dict):
            shown = str(item.get("entityRegistryId"))
            id_ = self.state.by_registry_id.get((entity.registry_id, shown), "")
        target = self.state.entities.get(str(id_))
        wanted = definition.get("schemaId")
        if target is None or (wanted and target.schema_id != wanted):
            raise Refusal(f"Field '{definition['name']}': linked entity '{shown}' not found.")
        return target.id


def _custom_values(given: Json) -> dict[str, str]:
    """Return custom fields by name. Raise Refusal for one that is too long, or has no value."""
    values = {name: item.get("value") for name, item in given.items()}
    for name, value in values.items():
        if not isinstance(value, str) or not name.strip():
            raise Refusal(f"Custom field '{name[:50]}' needs a name and a value.")
        if max(len(name), len(value)) > LONGEST_NAME:
            raise Refusal(f"Custom field '{name[:50]}' has too many characters.")
    return values
