"""Values of records compared with values that people write in settings: as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Key = tuple[str, Any]
DEEPEST = 5
"""Objects within objects in which `leaves` looks."""


def key_of(value: Any) -> Key:
    """Return what a JSON value is compared by: 1 is 1.0, and neither is true or "1"."""
    if isinstance(value, str):
        return "text", value
    if isinstance(value, bool) or value is None:
        return "word", value
    if isinstance(value, (int, float)):
        return "number", value
    return "json", json.dumps(value, sort_keys=True, default=repr)


def distinct(records: Iterable[Any]) -> list[Any]:
    """Return JSON values without those that came before, alike in everything."""
    return list({key_of(record): record for record in records}.values())


def keys_of(values: Iterable[Any]) -> frozenset[Key]:
    """Return the keys of several values."""
    return frozenset(map(key_of, values))


def leaves(value: Any, path: str = "", depth: int = DEEPEST) -> Iterator[tuple[str, Any]]:
    """Yield the values in a JSON object that are no objects, with their paths: `filter.state`."""
    for key, inner in value.items() if isinstance(value, Mapping) and depth else ():
        at = f"{path}.{key}" if path else str(key)
        if isinstance(inner, Mapping):
            yield from leaves(inner, at, depth - 1)
        else:
            yield at, inner
