"""What an update says nothing about: values that are not mapped, and what has no field."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from registry_sync.core.types import Json

NAMED = {
    "fields": "values that are not mapped",
    "aliases": "its aliases",
    "customFields": "its custom fields",
    "authorIds": "its authors",
    "folderId": "its folder",
}
"""Each kind by the key that an upsert has for it, in words.

https://benchling.com/api/reference (bulkUpsertCustomEntities)
"""
KINDS = tuple(NAMED)
WORDS = {
    "aliases": "aliases", "customFields": "custom fields", "authorIds": "authors",
    "folderId": "folder",
}  # fmt: skip
"""The kinds that are no field, as an auditor reads them."""
_READ: dict[str, Callable[[Json], Any]] = {
    "aliases": lambda raw: list(raw.get("aliases") or ()),
    "customFields": lambda raw: dict(raw.get("customFields") or {}),
    "authorIds": lambda raw: [str(author["id"]) for author in raw.get("authors") or ()],
    "folderId": lambda raw: raw.get("folderId") or "",
}


def held_beside(body: Json, raw: Json, keys: Mapping[str, str]) -> Json:
    """Return, by kind, what an entity has that a body leaves out.

    `raw` is the entity as Benchling returns it, `keys` the names of fields whose values the body
    names otherwise.
    """
    values = {
        keys.get(name, name): field_value["value"]
        for name, field_value in (raw.get("fields") or {}).items()
        if field_value and field_value.get("value") not in (None, [])
    }
    other_fields = {name: value for name, value in values.items() if name not in body["fields"]}
    rest = {kind: read({} if kind in body else raw) for kind, read in _READ.items()}
    return {"fields": other_fields, **rest}


def is_lost(before: Any, now: Any) -> bool:
    """Return whether something that was there is gone."""
    if isinstance(before, (dict, list)):
        return not set(before) <= set(now)
    return bool(before) and before != now


def add_left_out(body: Json, beside: Json, kinds: Sequence[str]) -> None:
    """Give a body what it leaves out."""
    for kind in kinds:
        if kind == "fields":
            for name, value in beside[kind].items():
                body["fields"].setdefault(name, {"value": value})
        elif beside[kind]:
            body.setdefault(kind, beside[kind])
