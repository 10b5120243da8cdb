"""How old the last good run of a lane is, and whether that is acceptable."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from django.db.models import QuerySet
from django.utils import timezone

from registry_sync import runs
from registry_sync.core.text import number_of
from registry_sync.models import AlertSettings, Lane, Pulse, SyncRun
from registry_sync.monitoring.lane_runs import runs_of

MOVES = ("phase", "position", "read", "unchanged", "created", "updated", "failed", "repeated",
         "retried")  # fmt: skip
"""Columns of a run of which one changes where it makes progress."""
FreshnessState = Literal["ok", "never", "busy", "stale"]
STUCK = timedelta(hours=1)
"""A run whose counts, position and phase have not changed for this long makes no progress."""


@dataclass(frozen=True, slots=True)
class Freshness:
    """Whether runs succeed often enough.

    `text` says it in words; `since` is the time of the last good run, or of the first run where
    none was good.
    """

    state: FreshnessState
    text: str
    since: datetime | None = None


def limits() -> AlertSettings:
    """Return this app's alert settings, or unsaved defaults if there are none."""
    return AlertSettings.objects.of_app().first() or AlertSettings(**runs.app_key())


def counted_runs(lane: Lane | None) -> QuerySet[SyncRun]:
    """Return the runs that show whether a lane's sync works, newest first.

    Runs of all records, whoever started them, and none that were cancelled.
    """
    rows = runs.whole_runs(runs_of(lane))
    return rows.exclude(status=SyncRun.Status.CANCELLED).order_by("-id")


def check_freshness(lane: Lane | None, limit: AlertSettings | None = None) -> Freshness:
    """Return whether the last good run is recent enough, or an active one makes progress."""
    now, hours = timezone.now(), (limit or limits()).no_good_run_hours
    counted = counted_runs(lane).only("created_at", "finished_at")  # the rest of a row is long
    last = counted.filter(status__in=SyncRun.GOOD).first()
    first = None if last else counted.order_by("id").first()
    since = last.finished_at if last else first.created_at if first else None
    if since is None:
        return Freshness("never", "never synced")
    if now - since <= timedelta(hours=hours):
        return Freshness("ok", "ok", since) if last else Freshness("never", "never synced", since)
    if (active := runs.active(lane)) is not None and (excuse := _excuse(active, now)):
        return Freshness("busy", excuse, since)
    hours_passed = int((now - since) / timedelta(hours=1))
    text = f"stale: no good run for {number_of(hours_passed, 'hour')} (limit {hours:,})"
    if active is not None and active.paused_at is not None:
        text += f"; run {active.pk} is paused"
    return Freshness("stale", text, since)


def _excuse(run: SyncRun, now: datetime) -> str:
    """Return why an active run needs more time; "" if nothing shows that it does."""
    if run.paused_at is not None:
        return ""
    if run.waiting_until is not None and run.waiting_until > now:
        return (
            f"waiting for {run.waiting_for or 'its next attempt'} until "
            f"{run.waiting_until:%Y-%m-%d %H:%M} UTC"
        )
    pulse = Pulse.objects.filter(tenant=run.tenant, app_id=run.app_id, run_id=run.pk).first()
    moved = pulse.moved_at if pulse else run.started_at
    alive = run.heartbeat is not None and now - run.heartbeat < 3 * runs.lease_time()
    if alive and moved is not None and now - moved < STUCK:
        return f"run {run.pk} is making progress: {number_of(run.read, 'record')} read"
    return ""


def record_pulse() -> None:
    """Record when each active run was last seen to make progress."""
    last_pulses = dict(Pulse.objects.of_app().values_list("run_id", "pulse"))
    rows = SyncRun.objects.of_app().filter(status__in=SyncRun.ACTIVE)
    active = {run.pk: run for run in rows.only("tenant", "app_id", *MOVES)}
    for run in active.values():
        if last_pulses.get(run.pk) != (pulse := _pulse(run)):
            key: dict[str, Any] = {"tenant": run.tenant, "app_id": run.app_id, "run_id": run.pk}
            values = {"pulse": pulse, "moved_at": timezone.now()}
            Pulse.objects.update_or_create(**key, defaults=values)
    if over := last_pulses.keys() - active.keys():
        Pulse.objects.of_app().filter(run_id__in=over).delete()


def _pulse(run: SyncRun) -> str:
    place = [getattr(run, name) for name in MOVES]
    return hashlib.sha256(json.dumps(place, sort_keys=True).encode()).hexdigest()[:32]
