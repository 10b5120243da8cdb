"""Arithmetic of the source's time: floor it, subtract the lag, never lose a record at the edge.

Times are compared with `>=` everywhere. An overlap costs reads, not writes, because the ledger
recognizes what is unchanged.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

LAG = timedelta(minutes=5)
"""The lag unless one is set: how long a change may take to be seen by a reader."""
BLIND_LAG = timedelta(hours=37)
"""The lag unless one is set, if records have no time to go by: the registry's filter may read the
time in any zone (12 hours west of UTC at most), go by a clock that is behind, or compare texts, in
which `2026-01-05 15:00` comes before `2026-01-05T02:00`: a day more."""
CLOCK_SLACK = timedelta(minutes=5)
"""By how much the clocks of a registry's several servers, and ours, may differ."""
GRANULARITIES: dict[str, timedelta] = {
    "microsecond": timedelta(microseconds=1),
    "millisecond": timedelta(milliseconds=1),
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
}
"""By word: the shortest time that a source can distinguish."""


def floor(when: datetime, granularity: timedelta) -> datetime:
    """Return a time rounded down to what the source can distinguish."""
    midnight = when.replace(hour=0, minute=0, second=0, microsecond=0)
    return when - (when - midnight) % granularity


def since_from(watermark: datetime, lag: timedelta, granularity: timedelta) -> datetime:
    """Return the time from which the next run asks: the watermark less the lag, floored, in UTC."""
    return floor(watermark.astimezone(UTC) - lag, granularity)


def next_since(
    watermark: datetime, overlap: timedelta, granularity: timedelta, *, held: bool
) -> datetime:
    """Return the time from which the next run asks.

    A `held` watermark is the last run's `since`, which the overlap was already subtracted from.
    """
    return since_from(watermark, timedelta() if held else overlap, granularity)


def settled(
    newest: datetime | None,
    requested_at: datetime | None,
    since: datetime | None,
    *,
    by_cursor: bool,
    held: bool,
) -> datetime | None:
    """Return the watermark of a run that ends.

    It is the `newest` time read; where records have none (or not `by_cursor`), `requested_at`. If
    the list moved in each reading (`held`), it does not pass this run's `since`, which is None
    where everything was read: then the next run reads everything.
    """
    if held:
        return since
    return (newest or requested_at) if by_cursor else (requested_at or newest)


def asked_at(date_header: datetime | None, own_clock: datetime) -> datetime:
    """Return when the registry was asked: by the earlier of its `Date` header and our own clock.

    If the header is ahead of the clock that records are dated by, what changes in the gap would be
    passed over. Where it is behind, more is read than needed, and nothing is lost.
    """
    return own_clock if date_header is None else min(date_header, own_clock)


def ignores_filter(older: int, on_page: int, collection: int, total: int | None) -> bool:
    """Return whether records that are older than asked for show that the filter is ignored.

    One that is honoured brings a few of them: with a placeholder for a date, or since a part of
    them changed. So what counts is their share of the `collection`. If the registry says on a page
    that has more to follow that nearly all of it will come (`total`), their share of that page
    (`on_page` records) is enough.
    """
    if older < 2:
        return False
    foreseen = total is not None and total * 10 >= collection * 9 and older * 10 >= on_page * 9
    return older * 2 >= collection or foreseen


def advance(
    current: datetime | None, seen: datetime | None, server_date: datetime | None
) -> datetime | None:
    """Return the watermark after a new time was seen: never past the source's clock, never back.

    A record dated in the future would otherwise hide everything that changes until then.
    """
    if seen is None:
        return current
    capped = min(seen, server_date) if server_date is not None else seen
    return capped if current is None or capped > current else current
