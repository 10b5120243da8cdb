"""Runs: how one is asked for, claimed, kept alive, and brought to its end.

Every trigger (cron, admin, canvas) comes through `request`. Work is done in slices: each claims
the run by a lease with a fencing number, and every write renews the lease first, so a holder
whose lease was taken over can write nothing.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from urllib.parse import urlsplit

from django.conf import settings
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from registry_sync import __version__
from registry_sync.core.problems import SyncError
from registry_sync.models import EntityError, Lane, RunLog, SyncRun

logger = logging.getLogger(__name__)
T = TypeVar("T")


def lease_time() -> timedelta:
    """Say how long a silent holder keeps a run: with the reconciler's 30 s, under two minutes."""
    return timedelta(seconds=settings.LEASE_SECONDS)


class LeaseLost(Exception):
    """Another holder has this run, or it was cancelled: stop at once and write nothing."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write for one run, as long as `fence` is still the run's newest number."""

    run_id: int
    fence: int


def tenant_host() -> str:
    """Name the tenant by its host, as webhooks and people do."""
    return (urlsplit(settings.BENCHLING_URL).netloc or settings.BENCHLING_URL).lower()


def active() -> SyncRun | None:
    """Find the run that is queued or running for this app, if any."""
    return SyncRun.objects.filter(
        tenant=tenant_host(), app_id=settings.BENCHLING_APP_ID, status__in=SyncRun.ACTIVE
    ).first()


def latest_lane() -> Lane | None:
    """Find the lane that this deployment's app synced last."""
    mine = SyncRun.objects.filter(
        tenant=tenant_host(), app_id=settings.BENCHLING_APP_ID, lane__isnull=False
    )
    last = mine.select_related("lane").first()
    return last.lane if last else None


def request(
    *,
    kind: SyncRun.Kind,
    trigger: SyncRun.Trigger,
    actor: str = "",
    reads_all: bool = False,
    only: Iterable[str] = (),
    only_cause: str = "",
    since: datetime | None = None,
    rerun_of: SyncRun | None = None,
) -> tuple[SyncRun, bool]:
    """Ask for a run. Return it and True, or the run that is already active and False."""
    wanted = SyncRun(
        tenant=tenant_host(),
        app_id=settings.BENCHLING_APP_ID,
        kind=kind,
        reads_all=reads_all,
        trigger=trigger,
        actor=actor,
        only=list(only),
        only_cause=only_cause,
        since_asked=since,
        rerun_of=rerun_of,
        service_version=__version__,
    )
    try:
        _past_the_frozen(wanted.save)
    except IntegrityError:
        # The partial unique constraint is the lock: exactly one of many triggers gets through.
        existing = active()
        if existing is None:  # it ended between the two statements
            return request(
                kind=kind,
                trigger=trigger,
                actor=actor,
                reads_all=reads_all,
                only=only,
                only_cause=only_cause,
                since=since,
                rerun_of=rerun_of,
            )
        return existing, False
    return wanted, True


def _past_the_frozen(write: Callable[[], T]) -> T:
    """Write to a run's row, which a process that was frozen in a transaction may hold locked.

    SQLite has one lock for everything and a timeout on it. PostgreSQL waits for ever, and its own
    timeout on idle transactions does not end one that was frozen in the middle of a message; so
    we end the connection of a process that has been silent for most of a lease.
    """
    deadline = time.monotonic() + 2 * lease_time().total_seconds()
    while True:
        try:
            with transaction.atomic():
                if connection.vendor == "postgresql":
                    with connection.cursor() as cursor:
                        cursor.execute("SELECT set_config('lock_timeout', '500ms', true)")
                return write()
        except OperationalError:
            if connection.vendor != "postgresql" or time.monotonic() > deadline:
                raise
            _end_frozen_connections()


def _end_frozen_connections() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
            "current_database() AND usename = current_user AND wait_event_type = 'Client' "
            "AND application_name = current_setting('application_name') "
            "AND xact_start IS NOT NULL AND state_change < %s",
            [timezone.now() - lease_time() * 2 / 3],
        )


def claim(run_id: int) -> Lease | None:
    """Take the lease of an active run that nobody holds; None when somebody does, or it pauses."""
    now = timezone.now()
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=now)
    claimable = SyncRun.objects.filter(
        free, pk=run_id, status__in=SyncRun.ACTIVE, paused_at__isnull=True
    )
    taken = _past_the_frozen(
        lambda: claimable.update(
            fence=F("fence") + 1,
            lease_until=now + lease_time(),
            lease_holder=f"{socket.gethostname()}:{os.getpid()}",
            heartbeat=now,
            status=SyncRun.Status.RUNNING,
        )
    )
    if not taken:
        return None
    SyncRun.objects.filter(pk=run_id, started_at__isnull=True).update(started_at=now)
    fence = SyncRun.objects.values_list("fence", flat=True).get(pk=run_id)
    return Lease(run_id, fence)


def renew(lease: Lease) -> None:
    """Prove that the lease is still ours and prolong it; the first statement of every write.

    Raises LeaseLost when another holder took over or the run was ended.
    """
    now = timezone.now()
    held = SyncRun.objects.filter(
        pk=lease.run_id, fence=lease.fence, status=SyncRun.Status.RUNNING
    ).update(lease_until=now + lease_time(), heartbeat=now)
    if not held:
        raise LeaseLost(f"Run {lease.run_id} is no longer ours.")


def release(lease: Lease, *, waiting_until: datetime | None = None) -> None:
    """Give the run back between two slices, so that the next one can claim it at once."""
    SyncRun.objects.filter(pk=lease.run_id, fence=lease.fence).update(
        lease_until=None, waiting_until=waiting_until
    )


def save(run: SyncRun, lease: Lease, **values: object) -> None:
    """Write some columns of the run under its lease, and set them on `run`."""
    with transaction.atomic():
        renew(lease)
        SyncRun.objects.filter(pk=run.pk).update(**values)
    for name, value in values.items():
        setattr(run, name, value)


def finish(run: SyncRun, lease: Lease, status: SyncRun.Status, **values: object) -> None:
    """End the run. Raises LeaseLost when it is no longer ours to end."""
    save(
        run,
        lease,
        status=status,
        finished_at=timezone.now(),
        lease_until=None,
        waiting_until=None,
        **values,
    )


def fail(run: SyncRun, lease: Lease, error: SyncError) -> None:
    """End the run FAILED with its one cause and its one remedy."""
    log(run, "ERROR", f"{error.message} {error.remedy}")
    finish(
        run,
        lease,
        SyncRun.Status.FAILED,
        error=error.message,
        error_code=error.code,
        error_kind=error.kind,
        remedy=error.remedy,
    )


def pause(run: SyncRun, *, actor: str, reason: str) -> bool:
    """Ask an active run to stop after what is on its way, until `resume`; False when it ended."""
    return _control(run, paused_at=timezone.now(), paused_by=actor, paused_reason=reason)


def resume(run: SyncRun) -> bool:
    """Let a paused run go on where it was; False when it ended."""
    return _control(run, paused_at=None, paused_by="", paused_reason="")


def cancel(run: SyncRun, *, actor: str, reason: str) -> bool:
    """End an active run at once; False when it ended before. Its holder can write nothing more."""
    return _control(
        run,
        status=SyncRun.Status.CANCELLED,
        finished_at=timezone.now(),
        fence=F("fence") + 1,
        lease_until=None,
        waiting_until=None,
        paused_at=None,
        error=f"{actor} cancelled it: {reason}",
        error_code="cancelled",
        remedy="What was written stays. The next run starts from where the last good one ended.",
    )


def _control(run: SyncRun, **values: object) -> bool:
    active = SyncRun.objects.filter(pk=run.pk, status__in=SyncRun.ACTIVE)
    done = bool(_past_the_frozen(lambda: active.update(**values)))
    run.refresh_from_db()
    return done


def is_paused(run: SyncRun) -> bool:
    """Ask the database whether a person wants this run to pause, and by whom and why."""
    run.refresh_from_db(fields=["paused_at", "paused_by", "paused_reason"])
    return run.paused_at is not None


def paused_sentence(run: SyncRun) -> str:
    """Say who paused a run, since when and why."""
    return f"Paused by {run.paused_by} at {run.paused_at:%H:%M} UTC: {run.paused_reason}"


def log(run: SyncRun, level: str, text: str) -> None:
    """Keep a line of what the run said, as it comes."""
    text = text.replace("\x00", "\ufffd")  # PostgreSQL takes none
    logger.log(logging.getLevelName(level), "run=%s %s", run.pk, text)
    RunLog.objects.create(run=run, at=timezone.now(), level=level, text=text)


def warn(run: SyncRun, lease: Lease, code: str, text: str) -> None:
    """Keep a warning once per run: it makes the run end COMPLETED_WITH_WARNINGS."""
    if any(warning["code"] == code for warning in run.warnings):
        return
    save(run, lease, warnings=[*run.warnings, {"code": code, "text": text}])
    log(run, "WARNING", text)


def good_runs(lane: Lane) -> QuerySet[SyncRun]:
    """List the runs that the next one may start from, newest first.

    Dry runs, retries, pilots and `--since` runs never count.
    """
    return lane.runs.filter(
        status__in=SyncRun.GOOD,
        kind__in=[SyncRun.Kind.INCREMENTAL, SyncRun.Kind.FULL],
        since_asked__isnull=True,
        only=[],
    ).order_by("-id")


def open_errors(lane: Lane) -> QuerySet[EntityError]:
    """List what is not in Benchling, without what a person dismissed."""
    return lane.errors.filter(closed_at__isnull=True, dismissed_at__isnull=True)


def repeats_last_failure(run: SyncRun, error: SyncError) -> bool:
    """Say whether the previous run failed for the same cause and has told so within a day."""
    told = (
        SyncRun.objects.filter(tenant=run.tenant, app_id=run.app_id, pk__lt=run.pk)
        .exclude(kind=SyncRun.Kind.DRY_RUN)
        .order_by("-id")
    )
    since = timezone.now() - timedelta(days=1)
    for earlier in told[:200]:
        if earlier.status != SyncRun.Status.FAILED or earlier.error_code != error.code:
            return False
        if earlier.session_id:
            return earlier.created_at >= since
    return False


def fails_lately(run: SyncRun) -> bool:
    """Say whether the previous run failed and somebody was told within a day."""
    before = SyncRun.objects.filter(tenant=run.tenant, app_id=run.app_id, pk__lt=run.pk)
    last = before.exclude(kind=SyncRun.Kind.DRY_RUN).order_by("-id").first()
    if last is None or last.status != SyncRun.Status.FAILED:
        return False
    told = before.filter(created_at__gte=timezone.now() - timedelta(days=1))
    return told.exclude(session_id="").exists()


def stranded() -> QuerySet[SyncRun]:
    """List active runs that nobody works on and that need not wait: their lease has run out."""
    now = timezone.now()
    quiet = now - lease_time() / 6
    return SyncRun.objects.filter(
        Q(lease_until__isnull=True) | Q(lease_until__lt=now),
        Q(waiting_until__isnull=True) | Q(waiting_until__lte=now),
        Q(heartbeat__isnull=True) | Q(heartbeat__lt=quiet),
        status__in=SyncRun.ACTIVE,
        paused_at__isnull=True,
        created_at__lt=quiet,
    )
