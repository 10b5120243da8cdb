"""A sample of records: every path that is in it, and the values each path gives. Pure.

Paths are written in the grammar of `paths`; one that would not give back the very value it was
found at is left out, so whatever is listed here can be mapped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from registry_sync.core.types import Json
from registry_sync.source.paths import ABSENT, PathError, compile_path

DEEPEST, MOST = 6, 500
PLAIN = re.compile(r"[^.\[\]\"'*{}$@\s]([^.\[\]\"'*{}]*[^.\[\]\"'*{}\s])?")
NAMES, VALUE = ("name", "key", "type", "label"), "value"


def paths_of(records: Sequence[Json]) -> list[str]:
    """Return the paths of a sample, in the order of its records: at most 500."""
    found: dict[str, None] = {}
    for record in records:
        for path, value in _walk(record, (), 0):
            if path not in found and _gives(path, record, value):
                found[path] = None
            if len(found) >= MOST:
                return list(found)
    return list(found)


def values_of(records: Sequence[Json], path: str) -> list[Any]:
    """Return the values at a path, null and empty text left out; lists are given whole."""
    get = compile_path(path)
    values = (get(record) for record in records)
    return [value for value in values if value is not ABSENT and not _is_empty(value)]


def flat(values: Sequence[Any]) -> list[Any]:
    """Return single values: the items of lists in their place."""
    singles = [v for value in values for v in (value if isinstance(value, list) else [value])]
    return [value for value in singles if not _is_empty(value)]


def _is_empty(value: Any) -> bool:
    return value is None or value == [] or (isinstance(value, str) and not value.strip())


def _walk(value: Any, keys: tuple[str, ...], depth: int) -> Iterator[tuple[str, Any]]:
    """Yield each path below a value; what holds objects is opened, not given."""
    if isinstance(value, dict) and depth < DEEPEST:
        for key, inner in value.items():
            yield from _walk(inner, (*keys, key), depth + 1)
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        yield from _in_list(value, keys)
    elif keys and not isinstance(value, dict) and (path := _written(keys)) is not None:
        yield path, value


def _in_list(items: list[Any], keys: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """Yield the paths into a list of objects: named ones by their name, and each key of all."""
    at = _written(keys)
    objects = [item for item in items if isinstance(item, dict)]
    if at is None:
        return
    for label in NAMES:
        if not all(isinstance(item.get(label), str) and VALUE in item for item in objects):
            continue
        for item in objects:
            if "'" not in item[label]:
                same = [o[VALUE] for o in objects if o[label] == item[label]]
                path = f"{at}[?{label}=='{item[label]}'].{VALUE}"
                yield path, same[0] if len(same) == 1 else same
        return
    for key in dict.fromkeys(key for item in objects for key in item):
        values = [item[key] for item in objects if key in item]
        if PLAIN.fullmatch(key) and not any(isinstance(value, (dict, list)) for value in values):
            yield f"{at}[*].{key}", values


def _written(keys: tuple[str, ...]) -> str | None:
    """Write keys as a path; None where the grammar cannot."""
    if all(PLAIN.fullmatch(key) for key in keys):
        return ".".join(keys)
    parts = []
    for key in keys:
        if PLAIN.fullmatch(key) and re.fullmatch(r"\w+", key):
            parts.append(key)
            continue
        quote = '"' if '"' not in key else "'"
        if quote in key or "\\" in key:
            return None
        parts.append(f"{quote}{key}{quote}")
    return ".".join(parts)


def _gives(path: str, record: Json, value: Any) -> bool:
    try:
        read = compile_path(path)(record)
    except PathError:
        return False
    return type(read) is type(value) and bool(read == value)
