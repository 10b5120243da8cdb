"""The items of the app's configuration that hold a mapping: what they must be, and writing it.

An app cannot delete rows, only empty them; whether it can create rows is undocumented.
https://docs.benchling.com/docs/app-configuration
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from registry_sync.benchling.client import Client
from registry_sync.benchling.sync_place import Place
from registry_sync.benchling.syncs import ROWS
from registry_sync.core.json_text import parse_json
from registry_sync.core.secrets import SECRET, public_address, without_secrets
from registry_sync.core.types import Json

Path = tuple[str, ...]
Items = Mapping[Path, Json]
"""The existing items, by path."""
Wanted = dict[Path, tuple[str, str | None]]
"""By path: the type of an item, and the value that it must have (None: empty)."""
NAME_FIELD, RULES = "External Name Field", "Mapping Rules"
CONNECTOR, API_URL = "Connector Settings", "API URL"
UNREADABLE = "(not valid JSON; not shown, because it may contain a secret)"
SCHEMA, FIELD, PATH = "Entity Schema", "Benchling Field", "External API Field Name"
SECURE_TEXT = "secure_text"


@dataclass(frozen=True, slots=True)
class Write:
    """One item to create (`item_id` is None) or change."""

    path: Path
    kind: str
    value: str | None
    item_id: str | None

    @property
    def makes_row(self) -> bool:
        """Return whether this creates an item of a row."""
        return self.item_id is None and self.path[0] == ROWS

    def __str__(self) -> str:
        shown = "(empty)" if self.value is None else self.value
        return f"{' › '.join(self.path)}: {shown}"


def by_path(items: Iterable[Json]) -> dict[Path, Json]:
    """Return raw items by their path."""
    return {tuple(item["path"]): item for item in items}


def rows_wanted(stored: Items, rows: Sequence[tuple[str, str]], place: Place) -> Wanted:
    """Return what the rows must be, for pairs of a field's id and a path; spare rows are emptied.

    A field keeps the row that already feeds it, so that as little as possible is written. Rows of
    other syncs stay as they are.
    """
    every = dict.fromkeys(path[1] for path in stored if len(path) > 1 and path[0] == ROWS)
    names = [name for name in every if place.has_row(name, stored)]
    fields = [field_id for field_id, _ in rows]
    kept: dict[str, str] = {}
    for name in names:
        fed = value_of(stored, (ROWS, name, SCHEMA, FIELD)) or ""
        if fed in fields and fed not in kept:
            kept[fed] = name
    free = [name for name in names if name not in kept.values()]
    number = len(every)
    target: Wanted = {}
    for field_id, path in rows:
        row = kept.get(field_id)
        if row is None and free:
            row = free.pop(0)
        if row is None:
            number += 1
            row = f"Row {number}"
        target[ROWS, row, SCHEMA] = ("entity_schema", place.schema_id)
        target[ROWS, row, SCHEMA, FIELD] = ("field", field_id)
        target[ROWS, row, PATH] = ("text", path)
    for row in free:
        target[ROWS, row, SCHEMA, FIELD] = ("field", None)
        target[ROWS, row, PATH] = ("text", None)
    return target


def mapping_wanted(
    stored: Items, rows: Sequence[tuple[str, str]], rules: Json, name_field: str, place: Place
) -> Wanted:
    """Return what every item of a mapping must be; without a `name_field` that item stays."""
    target = rows_wanted(stored, rows, place)
    target[place.path(RULES)] = ("json", json.dumps(rules) if rules else None)
    if name_field:
        target[place.path(NAME_FIELD)] = ("text", name_field)
    return target


def value_of(stored: Items, path: Path) -> str | None:
    """Return an item's value as text; None if it is empty or missing."""
    value = (stored.get(path) or {}).get("value")
    if value in (None, ""):
        return None
    return json.dumps(value) if isinstance(value, (dict, list)) else str(value)


def same_setting(one: str | None, other: str | None) -> bool:
    """Return whether two items' values are equal; JSON is compared by content."""
    if one == other or not (one or other):
        return True
    try:
        return bool(parse_json(one or "null") == parse_json(other or "null"))
    except ValueError:
        return False


def with_wanted(stored: Items, target: Wanted) -> Items:
    """Return the items as they are once `target` is written."""
    written = {
        path: {**(stored.get(path) or {}), "value": value} for path, (_, value) in target.items()
    }
    return {**stored, **written}


def needed_writes(stored: Items, target: Wanted) -> list[Write]:
    """Return what must be written: rows to create come first, because a tenant may refuse them."""
    changed = [
        Write(path, kind, value, (stored.get(path) or {}).get("id"))
        for path, (kind, value) in target.items()
        if not same_setting(value_of(stored, path), value)
    ]
    return sorted(changed, key=lambda write: (not write.makes_row, write.value is None))


def write_all(client: Client, todo: Sequence[Write], before_each: Callable[[Write], None]) -> None:
    """Write items one by one. Raise Refused at the first that Benchling refuses."""
    for write in todo:
        before_each(write)
        client.set_configuration_item(list(write.path), write.kind, write.value, write.item_id)


def remembered(stored: Items) -> list[list[Any]]:
    """Return items and their values, without secrets, to find later what has changed."""
    kept = [path for path, item in stored.items() if item.get("type") != SECURE_TEXT]
    return [[list(path), public(path, value_of(stored, path))] for path in kept]


def public(path: Path, value: str | None) -> str | None:
    """Return an item's value without secrets that someone typed where none belong."""
    if value is None or path[-1] not in (API_URL, CONNECTOR):
        return value
    if path[-1] == API_URL:
        return public_address(value)
    try:
        settings = parse_json(value)
    except ValueError:
        return value if not SECRET.match(" ".join(value.split())) else UNREADABLE
    hidden = without_secrets(settings)
    return value if hidden == settings else json.dumps(hidden)


def changed_since(stored: Items, before: Iterable[Sequence[Any]]) -> dict[Path, Any]:
    """Return the items that are not as they were remembered, with the values they had then."""
    then = {tuple(path): value for path, value in before}
    now = {tuple(path): value for path, value in remembered(stored)}
    paths = dict.fromkeys([*then, *now])
    return {p: then.get(p) for p in paths if not same_setting(then.get(p), now.get(p))}
