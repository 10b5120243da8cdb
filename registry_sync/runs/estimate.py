"""How long a run will still take, as far as that can be said honestly.

Three things set the pace: the work itself, our own cap on objects an hour, and Benchling's, which
is known only once it was met. Where too little is known, nothing is said.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from registry_sync.core.dates import duration
from registry_sync.models import SyncRun
from registry_sync.runs import quota as hourly

ENOUGH_SECONDS = 5.0
ENOUGH_RECORDS = 500


def left(run: SyncRun, *, per_hour: int, now: datetime | None = None) -> timedelta | None:
    """Estimate what is left of a run that reads everything; None where nothing can be said.

    `per_hour` is our own cap on objects an hour, 0 for none.
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
            return None  # the limit was met just now: how much it lets through is not known yet
        seconds = max(seconds, objects * passed / since)
    if per_hour:
        beyond = objects - hourly.room(run, per_hour=per_hour)
        seconds = max(seconds, max(0.0, beyond) * 3600 / per_hour)
    return timedelta(seconds=seconds)


def said(run: SyncRun, *, per_hour: int) -> str:
    """Say in words how long is left and until when, in UTC; "" where nothing can be said."""
    time_left, now = left(run, per_hour=per_hour), timezone.now()
    if time_left is None:
        return ""
    end = now + time_left
    day = "" if end.date() == now.date() else f"{end:%d %b} "
    return f"About {duration(time_left)} left, until {day}{end:%H:%M} UTC."
