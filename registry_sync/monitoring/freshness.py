"""How long the last good run is ago, and whether that is right: for alerts, monitors and doctor."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from registry_sync import runs
from registry_sync.models import AlertSettings, Pulse, SyncRun

State = Literal["ok", "never", "busy", "stale"]
STUCK = timedelta(hours=1)
"""A run whose counts, position and phase stood still for so long makes no progress."""


@dataclass(frozen=True, slots=True)
class Freshness:
    """Whether runs are good often enough, in a word and in words; `since` is the last good one."""

    state: State
    text: str
    since: datetime | None = None


def limits() -> AlertSettings:
    """Give this app's alert settings, or the defaults where nobody has set any."""
    mine = {"tenant": runs.tenant_host(), "app_id": settings.BENCHLING_APP_ID}
    return AlertSettings.objects.filter(**mine).first() or AlertSettings(**mine)


def counted() -> QuerySet[SyncRun]:
    """List this app's runs that tell whether the sync works, newest first.

    Incremental and full runs of all records, whoever started them; no dry runs, retries, pilots
    or `--since` runs, and none that a person cancelled.
    """
    return (
        SyncRun.objects.filter(
            tenant=runs.tenant_host(),
            app_id=settings.BENCHLING_APP_ID,
            kind__in=[SyncRun.Kind.INCREMENTAL, SyncRun.Kind.FULL],
            since_asked__isnull=True,
            only=[],
        )
        .exclude(status=SyncRun.Status.CANCELLED)
        .order_by("-id")
    )


def judge(limit: AlertSettings | None = None) -> Freshness:
    """Say whether the last good run is young enough, or an active one excuses that it is not."""
    now, hours = timezone.now(), (limit or limits()).no_good_run_hours
    last = counted().filter(status__in=SyncRun.GOOD).first()
    first = None if last else counted().order_by("id").first()
    since = last.finished_at if last else first.created_at if first else None
    if since is None:
        return Freshness("never", "never synced")
    if now - since <= timedelta(hours=hours):
        return Freshness("ok", "ok", since) if last else Freshness("never", "never synced", since)
    if (active := runs.active()) is not None and (excuse := _excuse(active, now)):
        return Freshness("busy", excuse, since)
    gone = int((now - since) / timedelta(hours=1))
    text = f"stale: no good run for {gone:,} hours (limit {hours:,})"
    if active is not None and active.paused_at is not None:
        text += f"; run {active.pk} is paused"
    return Freshness("stale", text, since)


def _excuse(run: SyncRun, now: datetime) -> str:
    """Say why an active run needs more time; "" where nothing speaks for it."""
    if run.paused_at is not None:
        return ""
    if run.waiting_until is not None and run.waiting_until > now:
        return f"waiting for limits until {run.waiting_until:%Y-%m-%d %H:%M} UTC"
    pulse = Pulse.objects.filter(tenant=run.tenant, app_id=run.app_id, run_id=run.pk).first()
    moved = pulse.moved_at if pulse else run.started_at
    alive = run.heartbeat is not None and now - run.heartbeat < 3 * runs.lease_time()
    if alive and moved is not None and now - moved < STUCK:
        return f"run {run.pk} makes progress: {run.read:,} records read"
    return ""


def feel_pulse() -> None:
    """Note when the active run was last seen to move."""
    run = runs.active()
    if run is None:
        return
    place = (
        run.phase, run.position, run.read, run.unchanged, run.created, run.updated, run.failed,
        run.repeated, run.retried,
    )  # fmt: skip
    pulse = hashlib.sha256(json.dumps(place, sort_keys=True).encode()).hexdigest()[:32]
    mine = Pulse.objects.filter(tenant=run.tenant, app_id=run.app_id)
    if not mine.filter(run_id=run.pk, pulse=pulse).exists():
        values = {"run_id": run.pk, "pulse": pulse, "moved_at": timezone.now()}
        Pulse.objects.update_or_create(tenant=run.tenant, app_id=run.app_id, defaults=values)
