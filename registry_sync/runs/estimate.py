"""Estimate how long a run will still take.

Three things set the pace: the work itself, the app's own limit of objects per hour, and
Benchling's, which is known only after it was reached. Without enough data there is no estimate.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from registry_sync.core.dates import duration, stamp
from registry_sync.models import SyncRun
from registry_sync.runs import quota as hourly

ENOUGH_SECONDS = 5.0
ENOUGH_RECORDS = 500


def time_left(run: SyncRun, *, per_hour: int, now: datetime | None = None) -> timedelta | None:
    """Return the estimated rest of a run that reads everything, or None without enough data.

    `per_hour` is the app's own limit of objects per hour, 0 for none.
    """
    now = now or timezone.now()
    seen, worked = run.read - run.retried, sum(run.phase_seconds.values())
    if not (run.reads_all and run.source_total) or seen < ENOUGH_RECORDS or worked < ENOUGH_SECONDS:
        return None
    records = max(0, run.source_total - seen)
    written = run.created + run.updated
    objects = records * written / seen
    seconds = records * worked / seen
    if run.limited_at is not None:
        passed = (now - run.limited_at).total_seconds()
        since = written - run.limited_written
        if since <= 0 or passed <= 0:
            return None  # just reached: the pace it allows is not known yet
        seconds = max(seconds, objects * passed / since)
    if per_hour:
        beyond = objects - hourly.room(run, per_hour=per_hour)
        seconds = max(seconds, max(0.0, beyond) * 3600 / per_hour)
    return timedelta(seconds=seconds)


def time_left_sentence(run: SyncRun, *, per_hour: int) -> str:
    """Return the time left and when the run will end, in UTC; "" without enough data."""
    remaining, now = time_left(run, per_hour=per_hour), timezone.now()
    if remaining is None:
        return ""
    return f"About {duration(remaining)} left, until {stamp(now + remaining)}."
