"""Who changed what, as an entity's audit log has it.

https://help.benchling.com/hc/en-us/articles/19617775113229
"""

from __future__ import annotations

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
    """One write of an entity, and who made it."""

    at: str
    user: str
    transaction: str
    before: Json | None
    """The entity as it was; None for one that was created."""
    after: Json


def seen(entity: Entity) -> Json:
    """Return an entity as it is, to be compared with what it becomes.

    Values are replaced and never changed in place, so a copy of what holds them is enough.
    """
    return {
        name: value.copy() if isinstance(value, (dict, list)) else value
        for name, value in vars(entity).items()
    }


def record(state: TenantState, entity: Entity, before: Json | None, user: str) -> None:
    """Keep that an entity was written; `before` is None for one that was created.

    What has changed is found when the log is exported: most logs are never read.
    """
    after = {"name": entity.name} if before is None else seen(entity)
    event = Event(state.clock.stamp(), user, state.new_id("txn"), before, after)
    state.history.setdefault(entity.id, []).append(event)


def _changes(state: TenantState, entity: Entity, event: Event) -> Iterator[tuple[str, Any, Any]]:
    """Yield each property that an event changed: its name, and its old and new value."""
    before, after = event.before, event.after
    if before is None:
        yield "Created", None, after["name"]
        return
    for key, word in WORDS.items():
        if before[key] != after[key]:
            yield word, before[key], after[key]
    for key in sorted(before["parts"].keys() | after["parts"].keys()):
        if before["parts"].get(key) != after["parts"].get(key):
            yield key, before["parts"].get(key), after["parts"].get(key)
    for definition in state.schemas[entity.schema_id]["fieldDefinitions"]:
        old, new = (values["fields"].get(definition["id"]) for values in (before, after))
        if (old or None) != (new or None):
            shown = (_shown(state, definition, value) for value in (old, new))
            yield f"Field: {definition['name']}", *shown


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
        for action, old, new in _changes(state, entity, event):
            writer.writerow(_row(state, entity, event) | _change(action, old, new))
    return out.getvalue()


def _row(state: TenantState, entity: Entity, event: Event) -> Json:
    return {
        "Timestamp (UTC)": event.at,
        "Name": state.users.get(event.user, event.user),
        "User": event.user,
        "Transaction ID": event.transaction,
        "Item": entity.name,
        "Item Developer ID": entity.id,
        "Item ID": entity.entity_registry_id,
        "Item Type": state.schemas[entity.schema_id]["name"],
    }


def _change(action: str, old: Any, new: Any) -> Json:
    what = "Created" if action == "Created" else "Updated"
    return {
        "Event Description": f"Entity: {what}",
        "Action": action,
        "Old Value": _text(old),
        "New Value": _text(new),
    }


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)
