"""Asking for what changed since a time of the sample: all that is later must come, and no more.

It tells a filter from a list that has the newest first, and from a filter by another time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from registry_sync.core.text import number_of
from registry_sync.core.types import Json
from registry_sync.source.client import Source
from registry_sync.source.filter_probe import LONG_AGO

MOST = 1000
"""Records that are read of what a filter brings."""
Outcome = Literal["fits", "ignored", "nothing", "short", "refused"]
TimeOf = Callable[[Json], datetime | None]


@dataclass(frozen=True, slots=True)
class Sample:
    """The times of records by their id, those of the first page, and how many it has."""

    times: dict[str, datetime]
    first: tuple[datetime, ...]
    page_size: int

    @property
    def oldest(self) -> datetime:
        return min(self.first)

    @property
    def moment(self) -> datetime | None:
        """Return a time at which some of the first page are older, and others not; or None."""
        times = sorted(self.times.values())
        return next((when for when in times[len(times) // 2 :] if when > self.oldest), None)

    def later(self, since: datetime) -> set[str]:
        """Return the ids of records that are certainly later than a time, or its day."""
        day = {name for name, when in self.times.items() if when >= since + timedelta(days=1)}
        return day or {name for name, when in self.times.items() if when > since}


@dataclass(frozen=True, slots=True)
class Tried:
    """What a filter did; `seen` is it in words, or how it was refused."""

    outcome: Outcome
    seen: str = ""


def try_filter(source: Source, time_of: TimeOf, sample: Sample) -> Tried:
    """Return what comes by a filter, as `source` sends it. Raise SourceError if it is refused."""
    moment = sample.moment
    return _from(source, time_of, sample, moment) if moment else _all(source, sample)


def _from(source: Source, time_of: TimeOf, sample: Sample, since: datetime) -> Tried:
    """Judge what came for a time in the middle of the sample."""
    pages = source.pages(since)
    records = list(next(pages).records)
    if not records:
        return Tried("nothing")
    if not _fits(records, time_of, sample, since):
        return Tried("ignored")
    for page in pages:
        records += page.records
        if len(records) >= MOST:
            break
    at = f"{since:%Y-%m-%d %H:%M:%S} UTC"
    if not _fits(records, time_of, sample, since):
        return Tried("ignored")  # by the links to further pages
    ids = {source.identify(record) for record in records}
    if (missing := sample.later(since) - ids) and len(records) < MOST:
        count = number_of(len(missing), "later record")
        return Tried("short", f"Of {at}, {count} did not come, such as {min(missing)}")
    records_text = number_of(len(records), "record")
    return Tried(
        "fits", f"{at}, {records_text} came, none of them older, and none later was missing."
    )


def _fits(
    records: Sequence[Json],
    time_of: TimeOf,
    sample: Sample,
    since: datetime,
) -> bool:
    times = [when for record in records if (when := time_of(record)) is not None]
    day = since.replace(hour=0, minute=0, second=0, microsecond=0)
    if len(times) < len(records):
        return False
    return min(times) >= since or min(times) >= day > sample.oldest


def _all(source: Source, sample: Sample) -> Tried:
    """Judge whether all come for a time long ago and none for a later one."""
    at = sample.oldest + timedelta(days=1)
    if next(source.pages(at)).records:
        return Tried("ignored")
    if len(next(source.pages(LONG_AGO)).records) < sample.page_size:
        return Tried("nothing")
    return Tried("fits", f"{at:%Y-%m-%d} nothing came, and of {LONG_AGO:%Y-%m-%d} everything.")
