"""Records that stand for deleted ones: CouchDB, Kinto, Microsoft Graph, JSON:API, Salesforce …

A mark alone is not enough, as some registries keep whole records under it. A tombstone has a mark
and nothing to write: no name, or no value at any mapped path. `@removed` is certain.
https://docs.couchdb.org/en/stable/api/database/changes.html
https://learn.microsoft.com/en-us/graph/delta-query-overview
https://docs.kinto-storage.org/en/stable/api/1.x/records.html
https://docs.oasis-open.org/odata/odata-json-format/v4.01/odata-json-format-v4.01.html
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from registry_sync.core.types import Json
from registry_sync.mapping.model import Mapping
from registry_sync.mapping.values import is_empty

FLAGS = frozenset({"deleted", "isdeleted", "removed", "isremoved", "tombstone", "istombstone"})
TIMES = frozenset({
    "deletedat", "deletedon", "deleteddate", "deleteddatetime", "deletedtime", "deletiontime",
    "deletiontimestamp", "removedat",
})  # fmt: skip
STATES = frozenset({"status", "state", "recordstatus"})
INNER = frozenset({"meta", "metadata", "attributes", "fields", "doc", "document"})
CERTAIN = ("@removed", "@odata.removed")


def mark_of(record: Any) -> str:
    """Return the path at which a record says that it is deleted, or "".

    An entry of the list that is no object says nothing.
    """
    if not isinstance(record, dict):
        return ""
    for key in _telling(tuple(record)):
        value = record[key]
        if _says_deleted(key, value):
            return key
        if isinstance(value, dict) and _plain(key) in INNER:
            for inner, held in value.items():
                if _says_deleted(inner, held):
                    return f"{key}.{inner}"
    return ""


@lru_cache(maxsize=64)
def _telling(keys: tuple[str, ...]) -> tuple[str, ...]:
    """Return which keys of a record can say anything. Most records of a list have the same keys."""
    telling = FLAGS | TIMES | STATES | INNER
    certain = (*CERTAIN, "@odata.context")
    return tuple(key for key in keys if key in certain or _plain(key) in telling)


def is_tombstone(record: Json, mapping: Mapping) -> bool:
    """Return whether a record stands for a deleted one, and has nothing to write."""
    mark = mark_of(record)
    if not mark:
        return False
    if mark in CERTAIN or mark == "@odata.context" or not _names(mapping.name(record)):
        return True
    fed = [m for m in mapping.fields if m.path]
    if not fed or _is_mapped(mark, mapping):
        return False
    return all(m.is_missing(record) or is_empty(m.given(record)) for m in fed)


def is_marked(record: Json, mapping: Mapping) -> bool:
    """Return whether a record says that it is deleted, where that is not synced as a value."""
    mark = mark_of(record)
    return bool(mark) and not _is_mapped(mark, mapping)


def _is_mapped(mark: str, mapping: Mapping) -> bool:
    return any(mapped.path == mark for mapped in mapping.fields)


def _says_deleted(key: str, value: Any) -> bool:
    plain = _plain(key)
    if key in CERTAIN or (key == "@odata.context" and str(value).endswith("$deletedEntity")):
        return True
    if plain in FLAGS:  # Graph's `deleted` is an object, which may be empty
        return isinstance(value, dict) or value is True or value == 1 or _is_yes(value)
    if plain in TIMES:
        return isinstance(value, (str, int)) and bool(value)
    return plain in STATES and isinstance(value, str) and value.strip().lower() in FLAGS


def _is_yes(value: Any) -> bool:
    return isinstance(value, str) and value.strip().lower() in ("true", "yes", "y", "1")


def _names(value: Any) -> bool:
    if isinstance(value, str):
        return bool(value.strip())
    return isinstance(value, (int, float)) and not isinstance(value, bool)


@lru_cache(maxsize=4096)
def _plain(key: str) -> str:
    return "".join(sign for sign in key.lower() if sign.isalnum())
