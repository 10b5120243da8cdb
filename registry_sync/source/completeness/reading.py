"""One reading of a registry's list, page by page, and the signs that the list moved.

A list that moves under its reader passes records over: in a list sorted by the time of change and
paged by a count, each edit moves all later records by one. What is kept of a reading has one size,
however long the list is, and goes with the run's row from process to process. Pure.
"""

from __future__ import annotations

import base64
import contextlib
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from operator import le
from urllib.parse import parse_qsl, urlsplit

from registry_sync.core.late_patterns import pattern
from registry_sync.core.text import number_of
from registry_sync.core.types import Json
from registry_sync.source.loop_detection import position_mark
from registry_sync.source.watermark import CLOCK_SLACK

READINGS = 3
"""How often a list is read in one run, at most, until a reading shows no sign."""
EXAMPLES = 3
DATE_STEP = timedelta(seconds=1)
"""A `Date` header has whole seconds."""
COUNTING = pattern(r"page|offset|skip|start|from|first|index|pos", re.IGNORECASE)
NOT_COUNTING = pattern(r"size|limit|per|count|max|token|cursor|after|key|id|date|time|since", re.I)
PLACES = pattern(r"id$|^id|date|time|since|seq|size|limit|per|version|key$", re.I)
"""Names of parameters whose number is a record's own, or another's."""
LEAST_COUNT = 2
LARGEST_COUNT = 10_000_000
"""A greater number in a link is no place in a list, but a date or an id."""
MODULUS = 1 << 128


@dataclass(slots=True)
class Reading:
    """What is known of one reading so far.

    `number` counts the readings of a run, `attempt` those of the same window. `rows` counts the
    records on its pages where not all of them are synced, and `total` is what the registry counts
    of them; `came` counts the records of all pages. `again` counts the records that came on an
    earlier page already, with `examples` of their ids, and `slid` the pages that did not begin
    where the page before ended. `late` counts those that changed after the first page was requested
    (`began`, ISO). `digest` stands for the set of records, each with its content, and `before` is
    that of the attempt before; "" is unknown. `signs` are the first attempt's, in words;
    `has_moved`: some are more than a count. `place` marks the position that follows; `paused`:
    nothing of that page was read yet. `held`: no attempt could be trusted. `dated`: `began` is
    the registry's time. `edited` counts those that came again only because they changed since it
    began. `blind`: it went on by counts that no total, and no record of the page
    before, would show to be wrong after a deletion.
    """

    number: int = 1
    attempt: int = 1
    began: str = ""
    dated: bool = False
    pages: int = 0
    counted: bool = False
    rows: int = 0
    total: int = 0
    again: int = 0
    examples: list[str] = field(default_factory=list)
    late: int = 0
    late_example: str = ""
    rising: bool = True
    falling: bool = True
    last_id: str = ""
    digest: str = "0"
    before: str = ""
    signs: list[str] = field(default_factory=list)
    has_moved: bool = False
    slid: int = 0
    came: int = 0
    place: str = ""
    paused: bool = False
    held: bool = False
    blind: bool = False
    edited: int = 0

    @classmethod
    def of(cls, kept: Json) -> Reading:
        """Return a reading as `kept` in a run's row."""
        return cls(**kept)

    def kept(self) -> Json:
        """Return it as JSON."""
        return asdict(self)

    def afresh(self) -> Reading:
        """Return the reading of another window, from its first page."""
        return Reading(number=self.number + 1)

    def once_more(self) -> Reading:
        """Return the next attempt at the same window."""
        return Reading(
            number=self.number + 1,
            attempt=self.attempt + 1,
            before=self.digest,
            signs=self.signs,
            has_moved=self.has_moved,
        )

    # -- following ---------------------------------------------------------------------------

    def is_next(self, position: Json | None) -> bool:
        """Return whether a position follows the last page that was recorded."""
        return position is not None and self.place == position_mark(position)

    def interrupt(self) -> None:
        """Forget what does not hold if pages come a second time, because a process was killed."""
        self.digest, self.last_id = "", ""

    def follow(self, next_position: Json | None, ids: Iterable[str]) -> None:
        """Follow one more page: the ids of its records, and where the next one is."""
        self.pages += 1
        self.paused = False
        self.place = position_mark(next_position)
        read = list(ids)
        self.came += len(read)
        chain = [self.last_id, *read] if self.last_id else read
        self.rising = self.rising and _is_rising(chain)
        self.falling = self.falling and _is_rising(chain[::-1])
        self.last_id = chain[-1] if chain else ""
        counts = counts_records(next_position, self.came)
        self.counted = self.counted or counts
        self.blind = self.blind or (counts and "after" not in (next_position or {}))

    def count_rows(self, rows: int, total: int | None) -> None:
        """Count the records of a page of which not all are synced, and the registry's total."""
        self.rows += rows
        self.total = max(self.total, total or 0)

    def follow_times(self, times: Iterable[tuple[str, datetime | None]], latest: datetime) -> None:
        """Note the records of a page that changed after the first page was requested.

        A time after `latest` is no edit, but a date in the future.
        """
        if not self.began:
            return
        since = datetime.fromisoformat(self.began) + DATE_STEP
        for external_id, when in times:
            if when is not None and since < when <= latest:
                self.late += 1
                self.late_example = self.late_example or external_id

    def add(self, raw_hashes: Iterable[str]) -> None:
        """Add records that came for the first time in this reading to its digest."""
        if self.digest:
            total = sum(int(raw_hash or "0", 16) for raw_hash in raw_hashes)
            self.digest = f"{(int(self.digest, 16) + total) % MODULUS:x}"

    def come_again(self, external_id: str, when: datetime | None, *, changed: bool) -> None:
        """Note a record that came on an earlier page already.

        In a list that goes on after a record, not after a count, one that is edited comes
        again at its end: there a form that `changed` since the first page is no sign.
        """
        began = datetime.fromisoformat(self.began) if self.began else None
        lately = when is None or began is None or when >= began - CLOCK_SLACK
        if changed and lately and not self.counted:
            self.edited += 1
            return
        self.again += 1
        if len(self.examples) < EXAMPLES and external_id not in self.examples:
            self.examples.append(external_id)

    # -- judging -----------------------------------------------------------------------------

    def moved(self, *, stable_order: bool | None) -> list[str]:
        """Return the signs that the list moved while it was read, in words.

        An order by id is stable: an edit moves nothing. `stable_order` is what the settings say.
        """
        found = []
        if self.again:
            named = ", ".join(self.examples) + (", …" if self.again > len(self.examples) else "")
            found.append(f"{number_of(self.again, 'record')} came again on a later page ({named})")
        if self.slid:
            found.append(
                f"{number_of(self.slid, 'page')} did not begin where the page before ended"
            )
        ordered = stable_order or self.rising or self.falling
        if self.late and self.counted and self.pages > 1 and not ordered:
            found.append(f"{self.late_example} was changed while it was read by counted pages")
        return found

    def exceeds(self, total: int | None) -> bool:
        """Return whether more records came than the registry counts, edits while reading apart."""
        return total is None or self.came - self.edited > total

    @property
    def agrees(self) -> bool:
        """Return whether it brought the same records as the attempt before."""
        return bool(self.digest) and self.digest == self.before


def counts_records(position: Json | None, records_read: int = 0) -> bool:
    """Return whether a position is a number of records or pages, not a place after a record.

    A token whose only number is that of the `records_read` so far is one, also in base64.
    """
    if not position:
        return False
    if "offset" in position or "page" in position:
        return True
    query = parse_qsl(urlsplit(str(position.get("url", ""))).query)
    found = position.get("by", {})  # a token's parameter, as `auto` concluded it
    param = found.get("cursor_param") or found.get("cursor_body_path", "")
    values = [*query, (param, str(position.get("cursor", "")))]
    return any(
        _is_count(name, value) or _holds(name, value, records_read) for name, value in values
    )


def _is_count(name: str, value: str) -> bool:
    plain = value.isdecimal() and int(value) < LARGEST_COUNT
    return plain and bool(COUNTING.search(name)) and not NOT_COUNTING.search(name)


def _holds(name: str, token: str, records_read: int) -> bool:
    if records_read < LEAST_COUNT or PLACES.search(name):
        return False
    texts = [token]
    with contextlib.suppress(ValueError):
        padded = token + "=" * (-len(token) % 4)
        texts.append(base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii"))
    return any(re.findall(r"\d+", text) == [str(records_read)] for text in texts)


def is_settled(*, signs: bool, attempt: int, agrees: bool, complete: bool, twice: bool) -> bool:
    """Return whether what was read can be all there is.

    One reading without a sign is enough, unless the list is known to have no order (`twice`). After
    a sign, two attempts that agree are: then the list has the same records on several pages. So is
    as many distinct records, in all attempts together, as the registry counts (`complete`).
    """
    if agrees:
        return True
    if attempt > 1 and complete:
        return True
    return not signs and not twice


def _is_rising(ids: list[str]) -> bool:
    """Return whether no id comes before the one it follows; the same id may come again."""
    if not any(map(str.isdecimal, ids)):  # a page of them is compared in C
        return all(map(le, ids, ids[1:]))
    return all(one == other or _precedes(one, other) for one, other in pairwise(ids))


def _precedes(one: str, other: str) -> bool:
    if one.isdecimal() and other.isdecimal():
        return int(one) < int(other)
    return one < other
