"""Custom entities: Benchling's rules for them, and all-or-nothing upserts."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from .state import Entity, TenantState

Json = dict[str, Any]


class Refusal(Exception):
    """One row is refused, with the tenant's message."""


def key_of(name: str) -> str:
    """Names, aliases and registry ids are one namespace, whatever their case."""
    return name.strip().casefold()


class Upsert:
    """One upsert request: rows are applied one by one, and all are undone if one fails."""

    def __init__(self, state: TenantState, app_id: str) -> None:
        self.state, self.app_id = state, app_id
        self.undo: list[Callable[[], None]] = []
        self.errors: dict[int, str] = {}
        self.touched: list[Entity] = []
        self.created: set[str] = set()

    def run(self, rows: list[Json]) -> bool:
        """Apply all rows. Return False, with every row undone, if one was refused."""
        seen: dict[str, int] = {}
        for index, row in enumerate(rows):
            id_ = row["entityRegistryId"]
            if id_ in seen and self.state.switches.duplicate_ids == "reject":
                self.errors[index] = f"Duplicate entity registry ID '{id_}' in request."
            seen[id_] = index
        pairs: list[tuple[int, Json, Entity]] = []
        for index, row in enumerate(rows):
            self._guarded(index, lambda i=index, r=row: pairs.append((i, r, self._apply(r))))
        for index, row, entity in pairs:
            self._guarded(index, lambda e=entity, r=row: self._link(e, r))
        if self.errors:
            for step in reversed(self.undo):
                step()
            return False
        for entity in self.touched:
            kind = "created" if entity.id in self.created else "updated"
            self.state.counters["objects_written"] += 1
            self.state.counters[f"objects_{kind}"] += 1
            self.state.writes[entity.entity_registry_id] += 1
        return True

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
        if row["schemaId"] in state.hidden or row["registryId"] in state.hidden:
            raise Refusal("You do not have permission to write to this schema.")
        if message := state.refuse.get(id_):
            raise Refusal(message)
        known = state.by_registry_id.get((row["registryId"], id_))
        entity = state.entities[known] if known else self._create(row)
        if known:
            self._check_known(entity, row)
            self._remember(entity)
        self._rename(entity, row["name"])
        self._set_fields(entity, row, schema)
        if row.get("folderId"):
            folder = state.folders.get(row["folderId"])
            if folder is None or folder["archiveRecord"] or row["folderId"] in state.hidden:
                raise Refusal("The folder does not exist or you do not have permission to use it.")
            entity.folder_id = row["folderId"]
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
        self._take(entity, entity.entity_registry_id, "registry ID")
        return entity

    def _check_known(self, entity: Entity, row: Json) -> None:
        if entity.schema_id != row["schemaId"]:
            if self.state.switches.other_schema == "move":
                was_of = entity.schema_id
                self.undo.append(lambda: setattr(entity, "schema_id", was_of))
                entity.schema_id, entity.fields = row["schemaId"], {}
                return
            raise Refusal(f"Entity {entity.entity_registry_id} belongs to another schema.")
        mode = self.state.switches.archived_match
        if entity.archived and "archiveRecord" not in row and mode == "fail":
            raise Refusal(f"Entity {entity.entity_registry_id} is archived.")
        if entity.archived and ("archiveRecord" in row or mode == "unarchive"):
            was = entity.archived
            entity.archived = None
            self.undo.append(lambda: setattr(entity, "archived", was))

    def _remember(self, entity: Entity) -> None:
        was = (entity.name, dict(entity.fields), entity.folder_id, entity.modified_at)

        def restore() -> None:
            entity.name, entity.fields, entity.folder_id, entity.modified_at = was

        self.undo.append(restore)

    def _rename(self, entity: Entity, name: str) -> None:
        if not name.strip():
            raise Refusal("Name must not be empty.")
        if entity.name and key_of(entity.name) == key_of(name):
            entity.name = name
            return
        old = entity.name
        self._take(entity, name, "name")
        if old:
            self._drop(entity, old)
        entity.name = name

    def _take(self, entity: Entity, name: str, what: str) -> None:
        place = (entity.registry_id, key_of(name))
        holders = self.state.taken.setdefault(place, Counter())
        others = [id_ for id_ in holders if id_ != entity.id and holders[id_] > 0]
        if others:
            other = self.state.entities[others[0]].entity_registry_id
            raise Refusal(f"The {what} '{name}' is not unique: it is already in use by {other}.")
        holders[entity.id] += 1
        self.undo.append(lambda: self._decrease(place, entity.id))

    def _drop(self, entity: Entity, name: str) -> None:
        place = (entity.registry_id, key_of(name))
        self._decrease(place, entity.id)
        self.undo.append(lambda: self.state.taken[place].update([entity.id]))

    def _decrease(self, place: tuple[str, str], entity_id: str) -> None:
        holders = self.state.taken[place]
        holders[entity_id] -= 1
        if holders[entity_id] <= 0:
            del holders[entity_id]

    def _set_fields(self, entity: Entity, row: Json, schema: Json) -> None:
        given = row.get("fields") or {}
        definitions = {
            key: definition
            for definition in schema["fieldDefinitions"]
            if not definition["archiveRecord"]
            for key in self._keys(definition)
        }
        fields = dict(entity.fields) if self.state.switches.omitted_fields == "keep" else {}
        for key, item in given.items():
            definition = definitions.get(key)
            if definition is None:
                raise Refusal(f"Field '{key}' does not exist on schema {schema['name']}.")
            if not definition["type"].endswith("_link"):
                fields[definition["id"]] = self._checked(definition, item.get("value"))
        for definition in schema["fieldDefinitions"]:
            linked = definition["type"].endswith("_link") and any(
                given.get(key, {}).get("value") for key in self._keys(definition)
            )
            empty = fields.get(definition["id"]) in (None, [])
            if definition["isRequired"] and not definition["archiveRecord"] and empty \
                    and not linked:  # fmt: skip
                raise Refusal(f"Field '{definition['name']}' is required.")
        entity.fields = fields

    def _keys(self, definition: Json) -> tuple[str, ...]:
        mode = self.state.switches.field_keys
        return {
            "name": (definition["name"],),
            "id": (definition["id"],),
            "either": (definition["name"], definition["id"]),
        }[mode]

    def _checked(self, definition: Json, value: Any) -> Any:
        if value is None:
            return [] if definition["isMulti"] else None
        if definition["isMulti"] != isinstance(value, list):
            shape = "a list" if definition["isMulti"] else "a single value"
            raise Refusal(f"Field '{definition['name']}' takes {shape}.")
        for item in value if isinstance(value, list) else [value]:
            if not _fits(self.state, definition, item):
                raise Refusal(
                    f"Invalid value for field '{definition['name']}' of type "
                    f"{definition['type']}: {item!r}."
                )
        return value

    def _link(self, entity: Entity, row: Json) -> None:
        schema = self.state.schemas[entity.schema_id]
        for definition in schema["fieldDefinitions"]:
            if not definition["type"].endswith("_link"):
                continue
            for key in self._keys(definition):
                if key in (row.get("fields") or {}):
                    value = row["fields"][key].get("value")
                    many = isinstance(value, list)
                    items = value if many else [value]
                    ids = [self._target(definition, item, entity) for item in items]
                    entity.fields[definition["id"]] = ids if many else ids[0]

    def _target(self, definition: Json, item: Any, entity: Entity) -> str | None:
        if item is None:
            return None
        id_ = item
        if isinstance(item, dict):
            place = (entity.registry_id, str(item.get("entityRegistryId")))
            id_ = self.state.by_registry_id.get(place, "")
        target = self.state.entities.get(id_)
        wanted = definition.get("schemaId")
        if target is None or (wanted and target.schema_id != wanted):
            shown = item.get("entityRegistryId") if isinstance(item, dict) else item
            raise Refusal(f"Field '{definition['name']}': linked entity '{shown}' not found.")
        return str(id_)


def _fits(state: TenantState, definition: Json, value: Any) -> bool:
    kind = definition["type"]
    if kind in ("text", "long_text"):
        return isinstance(value, str)
    if kind == "boolean":
        return isinstance(value, bool)
    if kind in ("integer", "float"):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        least, most = definition.get("numericMin"), definition.get("numericMax")
        return (
            math.isfinite(value)
            and (kind == "float" or isinstance(value, int))
            and (least is None or value >= least)
            and (most is None or value <= most)
        )
    if kind == "dropdown":
        options = state.dropdowns[definition["dropdownId"]]["options"]
        return any(o["id"] == value and not o["archiveRecord"] for o in options)
    if kind == "json":
        return isinstance(value, dict)
    return isinstance(value, str) and _is_time(value, kind)


def _is_time(value: str, kind: str) -> bool:
    try:
        if kind == "date":
            return bool(re.fullmatch(r"\d{4}-\d\d-\d\d", value)) and bool(date.fromisoformat(value))
        return datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def rename(state: TenantState, app_id: str, entity: Entity, body: Json) -> None:
    """Change an entity's name or registry id. Raise Refusal without a change if it is refused."""
    upsert = Upsert(state, app_id)
    known = set(body) - {"name", "entityRegistryId"}
    if known:
        raise Refusal(f"This sandbox cannot update {', '.join(sorted(known))} of one entity.")
    if entity.archived:
        raise Refusal(f"Entity {entity.entity_registry_id} is archived.")
    if message := state.refuse.get(body.get("entityRegistryId", entity.entity_registry_id)):
        raise Refusal(message)
    try:
        if "entityRegistryId" in body:
            old, new = entity.entity_registry_id, body["entityRegistryId"]
            upsert._take(entity, new, "registry ID")
            upsert._drop(entity, old)
            state.by_registry_id[entity.registry_id, new] = entity.id
            if old != new:
                del state.by_registry_id[entity.registry_id, old]
            entity.entity_registry_id = new
        if "name" in body:
            upsert._rename(entity, body["name"])
    except Refusal:
        for step in reversed(upsert.undo):
            step()
        raise
    entity.modified_at = state.clock.stamp()
    state.counters["objects_written"] += 1
    state.counters["objects_updated"] += 1
    state.writes[entity.entity_registry_id] += 1


def add_by_hand(state: TenantState, row: Json, *, creator: str = "ent_person") -> Entity:
    """Create an entity as a user would. Raise Refusal like an upsert."""
    upsert = Upsert(state, creator)
    before = Counter(state.counters), Counter(state.writes)
    if not upsert.run([row]):
        raise Refusal(upsert.errors[0])
    state.counters, state.writes = before
    entity = upsert.touched[0]
    for alias in row.get("aliases") or ():
        upsert._take(entity, alias, "alias")
        entity.aliases.append(alias)
    return entity


def edit_by_hand(state: TenantState, entity: Entity, **changes: Any) -> None:
    """Edit an entity as a user does: `name`, `archived` (a reason or None), fields by name."""
    for name, value in changes.items():
        if name == "name":
            Upsert(state, "ent_person")._rename(entity, value)
        elif name == "archived":
            entity.archived = value
        else:
            entity.fields[state.field_id(entity.schema_id, name)] = value
    entity.modified_at = state.clock.stamp()


def rendered(state: TenantState, entity: Entity, url: str) -> Json:
    """Return an entity as the API does."""
    schema = state.schemas[entity.schema_id]
    return {
        "id": entity.id,
        "name": entity.name,
        "entityRegistryId": entity.entity_registry_id,
        "registryId": entity.registry_id,
        "schema": {"id": schema["id"], "name": schema["name"]},
        "fields": {
            d["name"]: _field(state, d, entity.fields.get(d["id"]))
            for d in schema["fieldDefinitions"]
            if not d["archiveRecord"]
        },
        "customFields": {},
        "aliases": list(entity.aliases),
        "authors": [],
        "creator": {"id": entity.creator, "name": entity.creator, "handle": entity.creator},
        "folderId": entity.folder_id,
        "archiveRecord": {"reason": entity.archived} if entity.archived else None,
        "registrationOrigin": {"originEntryId": None, "registeredAt": entity.created_at},
        "createdAt": entity.created_at,
        "modifiedAt": entity.modified_at,
        "apiURL": f"{url}/api/v2/custom-entities/{entity.id}",
        "url": f"/sandbox/f/{entity.id}",
        "webURL": f"{url}/sandbox/f/{entity.id}",
    }


def _field(state: TenantState, definition: Json, value: Any) -> Json:
    if value is None and definition["isMulti"]:
        value = []
    shown = None if value in (None, []) else str(state._shown(definition, value)) \
        if not isinstance(value, list) else ", ".join(str(state._shown(definition, v))
                                                      for v in value)  # fmt: skip
    return {
        "value": value,
        "type": definition["type"],
        "isMulti": definition["isMulti"],
        "displayValue": shown,
        "textValue": shown,
    }
