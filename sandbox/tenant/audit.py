"""Who changed what, as an entity's audit log has it.

https://help.benchling.com/hc/en-us/articles/19617775113229
"""

from __future__ import annotations

import copy
import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .state import Entity, TenantState

Json = dict[str, Any]
COLUMNS = (
    "Timestamp (UTC)", "Name", "User", "Transaction ID", "Event Description", "Action",
    "Old Value", "New Value", "Item", "Item Developer ID", "Item ID", "Item Type",
)  # fmt: skip
OPTIONAL = ("Name", "Transaction ID", "Item Type")
WORDS = {"name": "Name", "entity_registry_id": "Registry ID", "archived": "Archived",
         "aliases": "Aliases", "custom_fields": "Custom fields", "authors": "Authors",
         "folder_id": "Folder"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Event:
    """One value of an entity as someone changed it."""

    at: str
    user: str
    transaction: str
    action: str
    old: Any
    new: Any


def seen(entity: Entity) -> Json:
    """Return an entity as it is, to be compared with what it becomes."""
    return copy.deepcopy(vars(entity))


def record(state: TenantState, entity: Entity, before: Json | None, user: str) -> None:
    """Keep what has changed of an entity; `before` is None for one that was created."""
    now, number = state.clock.stamp(), state.new_id("txn")
    events = state.history.setdefault(entity.id, [])
    if before is None:
        events.append(Event(now, user, number, "Created", None, entity.name))
        return
    events += [
        Event(now, user, number, action, old, new)
        for action, old, new in _changes(state, entity, before)
    ]


def _changes(state: TenantState, entity: Entity, before: Json) -> Iterator[tuple[str, Any, Any]]:
    after = vars(entity)
    for key, word in WORDS.items():
        if before[key] != after[key]:
            yield word, before[key], after[key]
    for key in before["parts"].keys() | after["parts"].keys():
        if before["parts"].get(key) != after["parts"].get(key):
            yield key, before["parts"].get(key), after["parts"].get(key)
    for definition in state.schemas[entity.schema_id]["fieldDefinitions"]:
        old, new = (values["fields"].get(definition["id"]) for values in (before, after))
        if (old or None) != (new or None):
            yield (
                f"Field: {definition['name']}",
                _shown(state, definition, old),
                _shown(state, definition, new),
            )


def _shown(state: TenantState, definition: Json, value: Any) -> Any:
    if isinstance(value, list):
        return [state.shown(definition, item) for item in value]
    return state.shown(definition, value)


def as_csv(state: TenantState, entity: Entity) -> str:
    """Return an entity's audit log, the earliest first, with the columns that the tenant shows."""
    form = state.switches.audit_log
    columns = [c for c in COLUMNS if form != "required" or c not in OPTIONAL]
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, extrasaction="ignore")
    writer.writerow({c: f"Column {n}" if form == "unknown" else c for n, c in enumerate(columns)})
    for event in state.history.get(entity.id, ()):
        writer.writerow(_row(state, entity, event))
    return out.getvalue()


def _row(state: TenantState, entity: Entity, event: Event) -> Json:
    what = "Created" if event.action == "Created" else "Updated"
    return {
        "Timestamp (UTC)": event.at,
        "Name": state.users.get(event.user, event.user),
        "User": event.user,
        "Transaction ID": event.transaction,
        "Event Description": f"Entity: {what}",
        "Action": event.action,
        "Old Value": _text(event.old),
        "New Value": _text(event.new),
        "Item": entity.name,
        "Item Developer ID": entity.id,
        "Item ID": entity.entity_registry_id,
        "Item Type": state.schemas[entity.schema_id]["name"],
    }


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)
