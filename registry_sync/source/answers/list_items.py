"""The items of an answer's list: records, and what is none. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from registry_sync.core.types import Json
from registry_sync.source.answers.decoding import Unusable
from registry_sync.source.answers.doubled_keys import DoubledKey
from registry_sync.source.answers.marks import as_sent
from registry_sync.source.answers.record_guess import objects_in, select


@dataclass(frozen=True, slots=True)
class RecordList:
    """The records of an answer, and what its list has that are none.

    `doubt` is why everything must be read to know better, "" if there is no doubt. `refused` has
    the registry's errors about single records, by the `id()` of the record. `doubled` are keys that
    the answer has several times outside of its records. `place` is the path of an empty list, as
    far as this answer alone shows it. `news` are keys of a page that another one named, and that
    has no records, which no page with records had.
    """

    records: list[Json] = field(default_factory=list)
    strays: list[Any] = field(default_factory=list)
    doubt: str = ""
    refused: dict[int, str] = field(default_factory=dict)
    doubled: Sequence[DoubledKey] = ()
    place: str = ""
    news: Sequence[str] = ()

    @property
    def count(self) -> int:
        """Return the number of items of the list."""
        return len(self.records) + len(self.strays)


def sorted_out(items: list[Any], place: str) -> RecordList:
    """Return a list's records, and its other items apart. Raise Unusable if it has no record."""
    records = [item for item in items if isinstance(item, dict)]
    if len(records) == len(items):
        return RecordList(records)
    strays = [item for item in items if not isinstance(item, dict)]
    first = next((item for item in strays if item is not None), None)
    if records or first is None:
        return RecordList(records, strays)
    if isinstance(first, list):
        raise Unusable(
            f"its list at {named(place)} has rows without the names of their columns, where "
            "objects were expected",
            "requests objects from the registry, if it has a parameter for that; no setting here "
            "can read such rows",
        )
    raise Unusable(
        f"its list at {named(place)} has no records but {as_sent(first, 60)}",
        "checks with the registry's owner what this list is; if the records are elsewhere, the "
        f"integration owner {select('…')}",
    )


def named(place: str) -> str:
    """Return a place as messages name it."""
    return "the top" if place == "$" else place


def is_nil(value: Any) -> bool:
    """Return whether an object stands for null, as XML does it: `{"@xsi:nil": "true"}`."""
    if not isinstance(value, dict) or len(value) != 1:
        return False
    [(key, nil)] = value.items()
    named = key.rpartition(":")[2].lstrip("@$#_").lower() in ("nil", "null")
    return named and str(nil).lower() in ("true", "1")


def lone_objects(body: Any, is_record: Callable[[Any], bool]) -> set[str]:
    """Return where an answer has an object that may be a record, "$" if it is one itself."""
    if not isinstance(body, dict):
        return set()
    inner = {path for path, value in objects_in(body) if is_record(value)}
    return inner | ({"$"} if is_record(body) else set())
