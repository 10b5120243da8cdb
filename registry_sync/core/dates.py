"""Times and durations in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

YEAR = 365.25
"""Days of a year."""


def stamp(when: datetime | None, *, seconds: bool = False) -> str:
    """Return a time with its day and zone, in UTC."""
    if when is None:
        return "an unknown time"
    exact = when.astimezone(UTC)
    return f"{exact:%Y-%m-%d %H:%M:%S} UTC" if seconds else f"{exact:%Y-%m-%d %H:%M} UTC"


def duration(length: timedelta) -> str:
    """Return a length of time in words: at most two units, rounded."""
    minutes = round(length.total_seconds() / 60)
    if minutes < 1:
        return "a minute"
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(round(minutes / 10) * 10, 60)
    if hours < 10:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours + (minutes >= 30), 24)
    if not days:
        return f"{hours} h"
    if days >= 2 * YEAR:
        return f"{days / YEAR:,.0f} years"
    return f"{days} d {hours} h" if hours else f"{days} d"
