"""Keys that occur more than once in one JSON object, with several values. Pure.

Parsers keep the last value without a word. RFC 8259 calls such objects unpredictable, so neither
value may be written. https://datatracker.ietf.org/doc/html/rfc8259#section-4
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from registry_sync.core.secrets import shortened
from registry_sync.core.types import Json
from registry_sync.source.answers.marks import TWICE, unmarked, written_json

ESCAPED = (b"\\u003a", b"\\u003A")
"""How JSON may write a colon in a text without the character itself."""
MOST_SHOWN = 60
MOST_VALUES = 3
"""Values of one key that are shown; an object can have thousands."""
MOST_MARKED = 10
"""Values of one key that a mark keeps: one of them may say that a record is deleted."""


@dataclass(frozen=True, slots=True)
class DoubledKey:
    """A key that an object of an answer has several times; the object itself has the last value."""

    owner: Json
    key: str
    values: tuple[Any, ...]

    def mark(self) -> None:
        """Put a mark in the place of each value, so that nothing takes it for one."""
        self.owner[self.key] = _marked(self.key, self.values)

    def in_words(
        self, between: str, hide: Callable[[str], str] = str, most: int = MOST_VALUES
    ) -> str:
        """Return its first values as JSON without what `hide` removes, and how many more it has."""
        values = list(dict.fromkeys(map(written_json, self.values)))
        shown = [shortened(hide(value), MOST_SHOWN) for value in values[:most]]
        more = len(values) - len(shown)
        return between.join([*shown, f"{more:,} more"] if more else shown)


def may_have_doubled_keys(content: bytes, parsed: Any) -> bool:
    """Return whether a body may have more keys than came of it; False is certain.

    Each key has one colon, and each colon of a text is in its copy. This takes half as long as
    parsing; a parser that sees each key takes several times as long.
    """
    if b"\\" in content and any(colon in content for colon in ESCAPED):
        return True
    try:
        return content.count(b":") != orjson.dumps(parsed).count(b":")
    except orjson.JSONEncodeError:  # it reads deeper than it writes
        return True


def object_of(pairs: Sequence[tuple[str, Any]], found: list[DoubledKey]) -> Json:
    """Return an object of its keys and values, and add to `found` what it has several times."""
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    by_key: dict[str, list[Any]] = {}
    for key, value in pairs:
        by_key.setdefault(key, []).append(value)
    for key, values in by_key.items():
        if _differ(values):
            found.append(DoubledKey(made, key, tuple(values)))
    return made


def _differ(values: Sequence[Any]) -> bool:
    return len(values) > 1 and len({json.dumps(value, sort_keys=True) for value in values}) > 1


def mark_within(records: Iterable[Json], doubled: Sequence[DoubledKey]) -> list[DoubledKey]:
    """Mark the keys that records have several times, and return those outside of records.

    What another of these keys dropped is neither, but a part of its values.
    """
    inside: set[int] = set()
    for record in records:
        _add(record, inside)
    for one in doubled:
        _add([*one.values[:-1]], inside)
    for one in doubled:
        if id(one.owner) in inside:
            one.mark()
    return [one for one in doubled if id(one.owner) not in inside]


def _add(value: Any, inside: set[int]) -> None:
    if isinstance(value, dict):
        inside.add(id(value))
    elif not isinstance(value, list):
        return
    for held in value.values() if isinstance(value, dict) else value:
        _add(held, inside)


def _marked(key: str, values: Sequence[Any]) -> Any:
    """Return a mark; of objects and lists in their own form, so that a path to within finds it."""
    if all(isinstance(value, dict) for value in values):
        by_name: dict[str, list[Any]] = {}
        for value in values:
            for name, held in value.items():
                by_name.setdefault(name, []).append(held)
        return {
            name: _marked(key, held) if _differ(held) or len(held) < len(values) else held[-1]
            for name, held in by_name.items()
        }
    if all(isinstance(value, list) for value in values) and any(values):
        return [_marked(key, [item for value in values for item in value])]
    shown = DoubledKey({}, key, tuple(values)).in_words(" / ", most=MOST_MARKED)
    return f"{TWICE}{unmarked(key)}{TWICE}{shown}{TWICE}"
