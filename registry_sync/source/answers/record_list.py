"""Where the records are in an answer, as learned from answers that had some. Pure.

An answer without records does not show where they would be: it has null there, or the key is
missing, or there is no body at all. So the place is kept, and another list is never taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from registry_sync.core.types import Json
from registry_sync.source.answers.decoding import Unusable
from registry_sync.source.answers.list_items import (
    RecordList,
    is_nil,
    lone_objects,
    named,
    sorted_out,
)
from registry_sync.source.answers.marks import as_sent
from registry_sync.source.answers.nothing_found import only_say_nothing
from registry_sync.source.answers.odd_pages import leaves_out_list, news, no_list
from registry_sync.source.answers.record_guess import (
    ASIDE,
    Ambiguous,
    Guess,
    guess,
    is_usual,
    lists_in,
    select,
    word,
)
from registry_sync.source.path_parents import compile_parents
from registry_sync.source.paths import ABSENT, compile_path, is_filter

UNKNOWN_PLACE = "it is not known where the registry's records are, and this answer does not show it"
NEW_LIST = "the registry's answer has a new list at"
MOST_KEPT = 50
EMPTY: tuple[Any, ...] = (None, "", {}, [], "null", "[]")


@dataclass(frozen=True, slots=True)
class Memory:
    """What earlier answers of a registry showed.

    `records_at` is the path where records were, "" if it is not known. `beside` are other lists
    in such answers ("$" if the answer itself has an id), and `keys` those of a record.
    `holds_records`: records of this registry are in Benchling. `knows(ids)` tells whether one of
    them has such an id.
    """

    records_at: str = ""
    beside: Sequence[str] = ()
    keys: Sequence[str] = ()
    holds_records: bool = False
    knows: Callable[[list[str]], bool] = lambda ids: False


class RecordFinder:
    """Finds the records of one registry's answers, and learns where they are.

    `identify` returns a record's id, None if it has none.
    """

    def __init__(
        self, selector: str, identify: Callable[[Json], str | None], memory: Memory | None = None
    ) -> None:
        self._selector, self.identify = selector, identify
        self._memory = memory = memory or Memory()
        self.learned = memory.records_at if selector in ("", memory.records_at) else ""
        self._beside = set(memory.beside) if self.learned else set()
        self._keys = tuple(memory.keys) if self.learned else ()
        self._suspects: set[str] = set()
        self._envelope: set[str] = set()  # the keys of answers that had records

    def facts(self) -> Json:
        """Return what was learned, to be kept; {} if nothing was."""
        if not self.learned:
            return {}
        newest = [*sorted(self._suspects), *self._memory.beside, *sorted(self._beside)]
        beside = sorted([p for p in dict.fromkeys(newest) if p in self._beside][:MOST_KEPT])
        return {"records_at": self.learned, "beside": beside, "record_keys": list(self._keys)}

    def resume(self, place: str) -> None:
        """Go on from a position that an earlier reader of these pages kept."""
        self.learned = self.learned or place

    def add_to(self, position: Json) -> Json:
        """Return a position with what a later reader needs, which nothing else keeps yet."""
        if not self.learned or self.learned == self._memory.records_at:
            return position
        return {**position, "records_at": self.learned}

    @property
    def place(self) -> str:
        """Return the path where the records are, "" if it is not known."""
        return self._selector or self.learned

    @property
    def expects_empty(self) -> bool:
        """Return whether this registry gave records before, so that an answer may be empty."""
        return bool(self.learned) or self._memory.holds_records

    def nothing(self, *, whole: bool) -> RecordList:
        """Return what an answer without a body means."""
        unsure = self._memory.holds_records and not self.learned and not whole
        return RecordList(doubt=UNKNOWN_PLACE if unsure else "")

    def unsure(self, message: str) -> RecordList:
        """Return what an answer means that has nothing but words."""
        return RecordList(doubt=f"the registry's answer has no records, but says: {message:.100}")

    def strange(self, body: Any) -> str:
        """Return how an answer without a list differs from those that had one; "" if it may not."""
        return no_list(body, self.place, self._envelope)

    def news(self, body: Any) -> list[str]:
        """Return the keys of an answer without records that no answer with some had."""
        return news(body, self.place, self._envelope)

    def count(self, body: Any) -> int:
        """Return how many records an answer has that is not read."""
        try:
            if place := self.place:
                return self._at(place, body, whole=True, later=True).count
            return self._first(body, whole=True)[1].count
        except Unusable:
            return 0

    def find(self, body: Any, *, whole: bool, later: bool) -> RecordList:
        """Return the records of an answer. Raise Unusable.

        `whole`: everything was requested. `later`: other pages came before this one.
        """
        if place := self.place:
            found = self._at(place, body, whole=whole, later=later)
        else:
            place, found = self._first(body, whole=whole)
        if self._says_nothing(found):
            found = RecordList()  # nothing is learned of where the records are
        if found.records and not found.doubt:
            self._learn(place, body, found.records[0])
        return found if found.count else replace(found, place=place)

    def _says_nothing(self, found: RecordList) -> bool:
        """Return whether a list has no record, and only says that nothing was found."""
        if found.strays or not only_say_nothing(found.records):
            return False
        return not any(map(self.identify, found.records))

    # -- at a place --------------------------------------------------------------------------

    def _at(self, place: str, body: Any, *, whole: bool, later: bool) -> RecordList:
        value = compile_path(place.removesuffix("[*]"))(body)
        if isinstance(value, list):
            return sorted_out(value, place) if value or whole or later else self._quiet(body)
        if is_filter(place):
            return RecordList([] if value is ABSENT else [value])
        if value in EMPTY or is_nil(value) or (value is False and place == self.learned):
            return RecordList() if whole or later else self._quiet(body)
        found = self._object(value, place) if isinstance(value, dict) else None
        if found is not None:
            return found
        if value is ABSENT or value is body:
            return self._missing(place, body, whole=whole, later=later)
        failure = f"its answer has {as_sent(value, 60)} at {place}, where a list of records was"
        there = select(*(lists_in(body) or ["…"]))
        raise Unusable(f"{failure} expected", f"checks with the registry's owner why, or {there}")

    def _quiet(self, body: Any) -> RecordList:
        """Return an empty list of changes, in doubt if another one has what may be them."""
        others = [] if self._selector else self._others(body)
        moved = [path for path in others if self._is_like(path, body)]
        self._suspects.update(moved)
        return RecordList(doubt=f"{NEW_LIST} {named(moved[0])}" if moved else "")

    def _object(self, value: Json, place: str) -> RecordList | None:
        """Return an object as a list, if it is one record or maps keys to records."""
        items = list(value.values())
        if all(isinstance(item, dict) or item is None for item in items):
            records = [item for item in items if item is not None]
            if records and (self._selector or all(map(self.is_record, records))):
                return sorted_out(items, place)
        own = place != "$" or bool(self._selector)
        is_record = self.is_record(value) if own else self._is_bare(value)
        return RecordList([value]) if is_record else None

    def _missing(self, place: str, body: Any, *, whole: bool, later: bool) -> RecordList:
        """Return what an answer means that has no list at a place."""
        if place != self.learned:
            return self._never_seen(place, body, whole=whole)
        if body in EMPTY:
            return RecordList()
        if self._is_bare(body):
            return RecordList([body])
        if not whole and lone_objects(body, self.is_record) - self._beside:
            return RecordList(doubt="the registry's answer is an object that may be a record")
        if not isinstance(body, (dict, list)):
            raise Unusable(f"its answer is {as_sent(body, 60)}, without a list at {place}")
        # Past its end, a registry may list something else.
        moved = [path for path in self._others(body) if not later or self._is_like(path, body)]
        if not moved:
            return RecordList()
        self._suspects.update(() if later else moved)  # each read of later pages is to see them
        if whole:
            raise Unusable(
                f"its records were at {named(place)} before, where it has none now, but it has a "
                f"list at {named(moved[0])}",
                f"checks with the registry's owner which it is, and {select(*moved)}",
            )
        return RecordList(doubt=f"{NEW_LIST} {named(moved[0])}")

    def _never_seen(self, place: str, body: Any, *, whole: bool) -> RecordList:
        """Return what it means that a place, where no records were seen yet, has no list."""
        if any(above in EMPTY for above in compile_parents(place)(body)):
            return RecordList()
        if self._memory.holds_records and not whole:
            return RecordList(doubt=UNKNOWN_PLACE)
        paths = [path for path in lists_in(body) if path != place]
        absent = compile_path(place.removesuffix("[*]"))(body) is ABSENT and not paths
        if absent and leaves_out_list(body, self.is_record):
            return RecordList()  # some servers leave out an empty list
        raise Unusable(f"its answer has no list of records at {place}", select(*(paths or ["…"])))

    # -- the first time ----------------------------------------------------------------------

    def _first(self, body: Any, *, whole: bool) -> tuple[str, RecordList]:
        """Return where records seem to be, and what is there."""
        unsure = self._memory.holds_records and not whole
        try:
            found = self._guessed(body)
        except Unusable:
            if unsure:
                return "", RecordList(doubt=UNKNOWN_PLACE)
            raise
        listed = sorted_out(found.items, found.path)
        if not (whole or listed.count or unsure) and (others := self._others(body)):
            doubt = f"{named(found.path)} was never seen with records, but there is a list at "
            return "", RecordList(doubt=doubt + named(others[0]))
        if unsure and not found.usual:
            return "", RecordList(listed.records, listed.strays, UNKNOWN_PLACE)
        return found.path, listed

    def _guessed(self, body: Any) -> Guess:
        try:
            return guess(body, self.is_record)
        except Ambiguous as error:
            found = (self.identify(item) for item in error.guess.items if isinstance(item, dict))
            if self._memory.knows([external_id for external_id in found if external_id]):
                return error.guess
            raise

    # -- what is learned ---------------------------------------------------------------------

    def _learn(self, place: str, body: Any, record: Json) -> None:
        if place != self.learned:
            self.learned, self._keys, self._beside = place, (), set()
        if not self._keys:
            self._keys = tuple(list(record)[:MOST_KEPT])
        if not isinstance(body, dict) or record is body:
            return
        self._envelope |= body.keys()
        self._beside |= {path for path in lists_in(body) if path != place} | self._suspects
        self._beside |= lone_objects(body, self.is_record)

    def is_record(self, value: Any) -> bool:
        """Return whether an object has an id as records have, and does not map ids to objects."""
        return (
            isinstance(value, dict)
            and not all(isinstance(item, dict) for item in value.values())
            and self.identify(value) is not None
        )

    def _is_like(self, path: str, body: Any) -> bool:
        """Return whether a list is at a usual key, or is like the records and no setting is set."""
        like = not self._selector and any(map(self._has_keys, lists_in(body)[path]))
        return is_usual(path) or like

    def _has_keys(self, value: Any) -> bool:
        common = len(set(value) & set(self._keys)) if self.is_record(value) else 0
        return common > 1 and 3 * common >= 2 * len(value)

    def _is_bare(self, body: Any) -> bool:
        return "$" not in self._beside and self._has_keys(body)

    def _others(self, body: Any) -> list[str]:
        """Return where an answer has records that no answer had before beside its own."""
        return [
            path
            for path, items in lists_in(body).items()
            if path not in self._beside
            and word(path) not in ASIDE
            and any(self.is_record(item) for item in items)
        ]
