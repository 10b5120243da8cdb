"""How a run is requested, paused, resumed, cancelled and ended.

Every trigger (cron, admin, canvas) calls `request_run`. The work is done in slices under a lease.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from django.db import IntegrityError
from django.db.models import F
from django.utils import timezone

from registry_sync import __version__
from registry_sync.core.dates import stamp
from registry_sync.core.problems import SyncError
from registry_sync.models import Lane, Plan, SyncRun
from registry_sync.runs.database_clock import database_now
from registry_sync.runs.deployment import app_key, current_lanes
from registry_sync.runs.lease import NOT_WAITING, Lease, save_columns, write_past_frozen
from registry_sync.runs.queries import active
from registry_sync.runs.run_log import log

ATTEMPTS = 10


def request_run(
    *,
    kind: SyncRun.Kind,
    trigger: SyncRun.Trigger,
    lane: Lane | None = None,
    actor: str = "",
    reads_all: bool = False,
    only: Iterable[str] = (),
    only_cause: str = "",
    since: datetime | None = None,
    rerun_of: SyncRun | None = None,
    retries_all: bool = False,
    plan: Plan | None = None,
) -> tuple[SyncRun, bool]:
    """Request a run of a lane. Return it and True, or the lane's active run and False.

    Without a lane, it is that of `rerun_of`, or the only one that is configured. Otherwise the run
    finds its lane when it reads the configuration.
    `only` are the external ids of a pilot or of a retry, `only_cause` the code of the errors to
    retry, `since` the time to read from instead of the watermark. With `retries_all`, every open
    error is retried as well. `plan` is the one that a run applies.
    """
    new_run = SyncRun(
        **app_key(),
        lane=lane or _lane_of(rerun_of),
        kind=kind,
        reads_all=reads_all,
        trigger=trigger,
        actor=actor,
        only=list(only),
        only_cause=only_cause,
        since_asked=since,
        rerun_of=rerun_of,
        retries_all=retries_all,
        plan=plan,
        service_version=__version__,
    )
    new_run.heartbeat = database_now()  # while it is new, its requester is about to queue it
    return _insert(new_run)


def _insert(new_run: SyncRun) -> tuple[SyncRun, bool]:
    """Insert a run and return it and True, or the active run of its lane and False.

    The partial unique constraint is the lock: only one of several triggers succeeds.
    """
    attempt = 1
    while True:
        try:
            write_past_frozen(new_run.save)
            return new_run, True
        except IntegrityError:
            if (existing := active(new_run.lane)) is not None:
                return existing, False
            if attempt == ATTEMPTS:
                raise
            attempt += 1  # the active run has just ended: try again


def _lane_of(rerun: SyncRun | None) -> Lane | None:
    lanes = current_lanes()
    if rerun is not None and rerun.lane in lanes:
        return rerun.lane
    return lanes[0] if len(lanes) == 1 else None


def finish(run: SyncRun, lease: Lease, status: SyncRun.Status, **values: object) -> None:
    """End the run. Raise LeaseLost when it has another holder or has ended."""
    save_columns(
        run,
        lease,
        status=status,
        finished_at=timezone.now(),
        lease_until=None,
        phase_seconds=run.phase_seconds,
        waits=run.waits,
        **NOT_WAITING,
        **values,
    )


def fail(run: SyncRun, lease: Lease, error: SyncError) -> None:
    """End the run as FAILED, with its cause and its remedy. Raise LeaseLost."""
    log(run, "ERROR", error.with_remedy, in_summary=True)
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
    """Pause an active run after its current batch. Return False when it has already ended."""
    return _control(run, paused_at=timezone.now(), paused_by=actor, paused_reason=reason)


def resume(run: SyncRun) -> bool:
    """Let a paused run continue where it stopped. Return False when it has already ended.

    What it waited for is asked again, because the operator may have lifted the limit since.
    """
    return _control(run, **NOT_WAITING, paused_at=None, paused_by="", paused_reason="")


def cancel(
    run: SyncRun,
    *,
    actor: str,
    reason: str,
    ending: Callable[[SyncRun], None] = lambda run: None,
) -> bool:
    """Cancel an active run at once; its holder can no longer write.

    Return False when it has already ended. `ending` is called in the same transaction.
    """
    return _control(
        run,
        ending,
        status=SyncRun.Status.CANCELLED,
        finished_at=timezone.now(),
        fence=F("fence") + 1,
        lease_until=None,
        **NOT_WAITING,
        paused_at=None,
        error=f"Cancelled by {actor}: {reason}",
        error_code="cancelled",
        remedy="What was written stays. The next run continues where the last good one ended.",
    )


def _control(
    run: SyncRun, ending: Callable[[SyncRun], None] = lambda run: None, /, **values: object
) -> bool:
    def write() -> bool:
        active = SyncRun.objects.filter(pk=run.pk, status__in=SyncRun.ACTIVE)
        done = bool(active.update(**values))
        run.refresh_from_db()
        if done:
            ending(run)
        return done

    return write_past_frozen(write)


def is_paused(run: SyncRun) -> bool:
    """Read from the database whether this run is paused, by whom and why. Return whether it is."""
    run.refresh_from_db(fields=["paused_at", "paused_by", "paused_reason"])
    return run.paused_at is not None


def paused_sentence(run: SyncRun) -> str:
    """Return who paused a run, since when and why."""
    return f"Paused by {run.paused_by} at {stamp(run.paused_at)}: {run.paused_reason}"


def waiting_sentence(run: SyncRun) -> str:
    """Return what a waiting run waits for, and until when, in UTC."""
    waits = f"Waiting for {run.waiting_for}" if run.waiting_for else "Waiting"
    return f"{waits}; next try at {stamp(run.waiting_until, seconds=True)}."
