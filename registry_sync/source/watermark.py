"""Arithmetic of the source's time: floor it, subtract the lag, never lose a row at the edge.

Compared with `>=` everywhere; an overlap costs reading, not writing, because the ledger drops
what is unchanged.
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
    """Cut a time down to what the source can tell apart; never up."""
    midnight = when.replace(hour=0, minute=0, second=0, microsecond=0)
    return when - (when - midnight) % _UNITS[granularity]


def since_from(watermark: datetime, lag: timedelta, granularity: Granularity) -> datetime:
    """Say from when the next run asks: the watermark, less the lag, floored. In UTC."""
    return floor(watermark.astimezone(UTC) - lag, granularity)


def advance(
    current: datetime | None, seen: datetime | None, server_date: datetime | None
) -> datetime | None:
    """Move a watermark to the newest time seen, never past the source's own clock, never back.

    A record dated in the future would otherwise hide everything changed until then.
    """
    if seen is None:
        return current
    capped = min(seen, server_date) if server_date is not None else seen
    return capped if current is None or capped > current else current
