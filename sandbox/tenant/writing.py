"""Rows written in one request: applied one by one, and all undone if one is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from . import audit
from .constraints import broken
from .entity_types import TYPES
from .errors import LOCKED, Refusal
from .field_values import check_required, links_given, plain_values, target_of
from .namespace import LONGEST_NAME, Namespace
from .state import Entity, TenantState

Json = dict[str, Any]


def check_lock(state: TenantState, registry_id: str) -> None:
    """Raise Refusal if entities are being registered in this registry."""
    running = any(
        task["status"] == "RUNNING" and task["registry"] == registry_id
        for task in state.tasks.values()
    )
    if running and not state.switches.granular_locking:
        raise Refusal(LOCKED)


class Writing:
    """One request that writes entities; its subclasses say how a row finds its entity."""

    key: ClassVar[str]
    """The key of a row that names its entity."""
    what: ClassVar[str]

    def __init__(self, state: TenantState, app_id: str, type_: str = "") -> None:
        self.state, self.app_id, self.type = state, app_id, type_
        self.undo: list[Callable[[], object]] = []
        self.names = Namespace(state, self.undo)
        self.errors: dict[int, str] = {}
        self.before: dict[str, Json] = {}
        self.touched: list[Entity] = []
        self.created: set[str] = set()

    def run(self, rows: list[Json]) -> bool:
        """Apply all rows. Return False, with every row undone, if one was refused."""
        seen: set[str | None] = set()
        for index, row in enumerate(rows):
            id_ = row.get(self.key)
            if id_ in seen and self.state.switches.duplicate_ids == "reject":
                self.errors[index] = f"Duplicate {self.what} '{id_}' in request."
            seen.add(id_)
        pairs: list[tuple[int, Json, Entity]] = []
        for index, row in enumerate(rows):
            self._guarded(index, lambda i=index, r=row: pairs.append((i, r, self._written(r))))
        for index, row, entity in pairs:
            self._guarded(index, lambda e=entity, r=row: self._link(e, r))
        for index, reason in broken(self.state, [(index, entity) for index, _, entity in pairs]):
            self.errors.setdefault(index, reason)
        if self.errors:
            self.take_back()
            return False
        for entity in self.touched:
            self.state.count_write(entity, created=entity.id in self.created)
        for id_ in {entity.id for entity in self.touched}:
            audit.record(self.state, self.state.entities[id_], self.before.get(id_), self.app_id)
        return True

    def registry_of(self, row: Json) -> str:
        """Return the registry that a row's entity is in, "" for one that is not registered."""
        raise NotImplementedError

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

    def _written(self, row: Json) -> Entity:
        entity = self._apply(row)
        entity.modified_at = self.state.clock.stamp()
        self.touched.append(entity)
        return entity

    def _apply(self, row: Json) -> Entity:
        """Write all but the links of a row. Raise Refusal if it cannot be written."""
        raise NotImplementedError

    def _check_type(self, schema: Json) -> None:
        if self.type and schema["type"] != self.type:
            raise Refusal(f"The schema {schema['name']} is not for {TYPES[self.type].label}.")

    def _remember(self, entity: Entity) -> None:
        before = audit.seen(entity)
        if entity.id not in self.created:
            self.before.setdefault(entity.id, before)
        self.state.keep_version(entity)
        self.undo.append(lambda: vars(entity).update(before))

    def _set_fields(self, entity: Entity, row: Json, *, keeps: bool) -> None:
        schema, given = self.state.schemas[entity.schema_id], row.get("fields") or {}
        fields = dict(entity.fields) if keeps else {}
        fields |= plain_values(self.state, schema, given)
        check_required(self.state, schema, fields, given)
        entity.fields = fields

    def _set_rest(self, entity: Entity, row: Json, *, clears: bool) -> None:
        """Set what has no field: aliases, custom fields, authors and folder."""
        if "aliases" in row or clears:
            held = entity.aliases if self.state.switches.aliases == "add" else []
            self.names.alias(entity, [*held, *(row.get("aliases") or [])])
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
        return target_of(self.state, definition, item, item)


def _custom_values(given: Json) -> dict[str, str]:
    """Return custom fields by name. Raise Refusal for one that is too long, or has no value."""
    values = {name: item.get("value") for name, item in given.items()}
    for name, value in values.items():
        if not isinstance(value, str) or not name.strip():
            raise Refusal(f"Custom field '{name[:50]}' needs a name and a value.")
        if max(len(name), len(value)) > LONGEST_NAME:
            raise Refusal(f"Custom field '{name[:50]}' has too many characters.")
    return values
