"""Records that stand for deleted ones: CouchDB, Kinto, Microsoft Graph, JSON:API, Salesforce …

A mark alone is not enough, as some registries keep whole records under it. A tombstone has a mark
and nothing to write: no name, or no value at any mapped path. `@removed` is certain.
https://docs.couchdb.org/en/stable/api/database/changes.html
https://learn.microsoft.com/en-us/graph/delta-query-overview
https://docs.kinto-storage.org/en/stable/api/1.x/records.html
https://docs.oasis-open.org/odata/odata-json-format/v4.01/odata-json-format-v4.01.html
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

from registry_sync.core.epochs import is_number, read_odata
from registry_sync.core.types import Json
from registry_sync.mapping.model import Mapping
from registry_sync.mapping.values import is_empty
from registry_sync.source.answers import marks

FLAGS = frozenset({
    "deleted", "isdeleted", "removed", "isremoved", "tombstone", "istombstone", "trashed",
    "istrashed", "intrash", "deletedflag", "isdeletedflag", "deleteflag", "deletionflag",
    "deletionindicator",
})  # fmt: skip
TIMES = frozenset({
    "deletedat", "deletedon", "deleteddate", "deleteddatetime", "deletedtime", "deletiontime",
    "deletiontimestamp", "removedat", "removedon", "removeddate", "dateremoved", "datedeleted",
    "deletiondate", "deletedtimestamp", "deletedatutc", "deletedonutc", "trashedat",
})  # fmt: skip
STATES = frozenset({"status", "state", "recordstatus"})
EVENTS = frozenset({"action", "changetype", "event", "eventtype", "op", "operation"})
"""Where an entry of a list of changes says what happened."""
NEVER = ((1, 1970), (9999, 9999))
"""First and last years of times that stand for none: they are the least or greatest of a system."""
INNER = frozenset({"meta", "metadata", "attributes", "fields", "doc", "document"})
CERTAIN = ("@removed", "@odata.removed")


def tombstone_path(record: Any) -> str:
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
    telling = FLAGS | TIMES | STATES | EVENTS | INNER
    certain = (*CERTAIN, "@odata.context")
    return tuple(key for key in keys if key in certain or _plain(key) in telling)


def doubled_mark(record: Json, mapping: Mapping) -> tuple[str, str]:
    """Return the path of a key with several values of which one says that its record is deleted.

    Its text goes with it. Both are "" if there is none, and where it is synced as a value.
    """
    for key in _telling(tuple(record)):
        value = record[key]
        places = [(key, key, value)]
        if isinstance(value, dict) and _plain(key) in INNER:
            places = [(f"{key}.{inner}", inner, held) for inner, held in value.items()]
        for path, last, held in places:
            twice = marks.twice_in(held)
            if twice and _may_say_deleted(last, twice) and not _is_mapped(path, mapping):
                return path, twice
    return "", ""


def is_tombstone(record: Json, mapping: Mapping) -> bool:
    """Return whether a record stands for a deleted one, and has nothing to write."""
    mark = tombstone_path(record)
    if not mark:
        return False
    if mark in CERTAIN or mark == "@odata.context" or not _names(mapping.name(record)):
        return True
    fed = [m for m in mapping.fields if m.path]
    if not fed or _is_mapped(mark, mapping):
        return False
    return all(m.is_missing(record) or is_empty(m.nulls(m.given(record))) for m in fed)


def says_deleted(record: Json, mapping: Mapping) -> bool:
    """Return whether a record says that it is deleted, where that is not synced as a value."""
    mark = tombstone_path(record)
    return bool(mark) and not _is_mapped(mark, mapping)


def _is_mapped(mark: str, mapping: Mapping) -> bool:
    return any(mapped.path == mark for mapped in mapping.fields)


def _may_say_deleted(key: str, twice: str) -> bool:
    """Return whether one of several values says that a record is deleted."""
    for written in marks.unmarked(twice).split(" / "):
        try:
            if _says_deleted(key, json.loads(written)):
                return True
        except ValueError:  # it is cut
            continue
    return False


def _says_deleted(key: str, value: Any) -> bool:
    plain = _plain(key)
    if marks.is_marked(value):
        return False
    if key in CERTAIN or (key == "@odata.context" and str(value).endswith("$deletedEntity")):
        return True
    if plain in FLAGS:
        return _is_raised(value)
    if plain in TIMES:
        return value is True or _is_time(value)
    if plain in EVENTS:
        return isinstance(value, str) and value.strip().lower() in ("delete", "deleted")
    words = value.values() if isinstance(value, dict) else (value,)  # {"id": 3, "name": "Deleted"}
    return plain in STATES and any(
        isinstance(word, str) and word.strip().lower() in FLAGS for word in words
    )


def _is_raised(flag: Any) -> bool:
    """Return whether a flag is set: by a yes, by the time of the deletion, or by an object.

    Graph's `deleted` is an object, which may be empty; `{"value": false}` is not set.
    """
    if isinstance(flag, dict):
        return not flag or any(value not in (False, None) for value in flag.values())
    if isinstance(flag, str):
        return _is_yes(flag) or (len(flag.strip()) >= 8 and _is_time(flag))
    return isinstance(flag, (int, float)) and (flag == 1 or flag > 1e8)


def _is_time(value: Any) -> bool:
    """Return whether a value is a time at which something happened, in whatever format.

    `0001-01-01`, `1970-01-01`, `9999-12-31` and words such as `never` are none.
    """
    if is_number(value):
        return float(value) > 0
    if not isinstance(value, str):
        return False
    try:
        odata = read_odata(value.strip())
    except ValueError:
        return False
    found = re.search(r"(?<!\d)\d{4}(?!\d)", value)
    year = odata[0].year if odata else int(found[0]) if found else None
    if year is None:
        return any(sign.isdigit() for sign in value)
    return year > 0 and not any(first <= year <= last for first, last in NEVER)


def _is_yes(value: Any) -> bool:
    return isinstance(value, str) and value.strip().lower() in ("true", "yes", "y", "1", "t", "x")


def _names(value: Any) -> bool:
    if isinstance(value, str):
        return bool(value.strip())
    return isinstance(value, (int, float)) and not isinstance(value, bool)


@lru_cache(maxsize=4096)
def _plain(key: str) -> str:
    return "".join(sign for sign in key.lower() if sign.isalnum())
