"""Arithmetic of the source's time: floor it, subtract the lag, never lose a record at the edge.

Times are compared with `>=` everywhere. An overlap costs reads, not writes, because the ledger
recognizes what is unchanged.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

Granularity = Literal["microsecond", "millisecond", "second", "minute", "hour", "day"]
_UNITS: dict[str, timedelta] = {
    "microsecond": timedelta(microseconds=1),
    "millisecond": timedelta(milliseconds=1),
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
}


def floor(when: datetime, granularity: Granularity) -> datetime:
    """Return a time rounded down to what the source can distinguish."""
    midnight = when.replace(hour=0, minute=0, second=0, microsecond=0)
    return when - (when - midnight) % _UNITS[granularity]


def since_from(watermark: datetime, lag: timedelta, granularity: Granularity) -> datetime:
    """Return the time from which the next run asks: the watermark less the lag, floored, in UTC."""
    return floor(watermark.astimezone(UTC) - lag, granularity)


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
