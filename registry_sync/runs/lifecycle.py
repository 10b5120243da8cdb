"""Runs: how one is asked for, claimed, kept alive, and brought to its end.

Every trigger (cron, admin, canvas) comes through `request`. Work is done in slices: each claims
the run by a lease with a fencing number, and every write renews the lease first, so a holder
whose lease was taken over can write nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import IntegrityError
from django.db.models import F
from django.utils import timezone

from registry_sync import __version__
from registry_sync.core.problems import SyncError
from registry_sync.models import SyncRun
from registry_sync.runs.deployment import app_key
from registry_sync.runs.lease import NOT_WAITING, Lease, save, write_past_frozen
from registry_sync.runs.queries import active
from registry_sync.runs.run_log import log


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
        **app_key(),
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
        write_past_frozen(wanted.save)
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


def finish(run: SyncRun, lease: Lease, status: SyncRun.Status, **values: object) -> None:
    """End the run. Raises LeaseLost when it is no longer ours to end."""
    save(
        run,
        lease,
        status=status,
        finished_at=timezone.now(),
        lease_until=None,
        **NOT_WAITING,
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
        **NOT_WAITING,
        paused_at=None,
        error=f"{actor} cancelled it: {reason}",
        error_code="cancelled",
        remedy="What was written stays. The next run starts from where the last good one ended.",
    )


def _control(run: SyncRun, **values: object) -> bool:
    active = SyncRun.objects.filter(pk=run.pk, status__in=SyncRun.ACTIVE)
    done = bool(write_past_frozen(lambda: active.update(**values)))
    run.refresh_from_db()
    return done


def is_paused(run: SyncRun) -> bool:
    """Ask the database whether a person wants this run to pause, and by whom and why."""
    run.refresh_from_db(fields=["paused_at", "paused_by", "paused_reason"])
    return run.paused_at is not None


def paused_sentence(run: SyncRun) -> str:
    """Say who paused a run, since when and why."""
    return f"Paused by {run.paused_by} at {run.paused_at:%H:%M} UTC: {run.paused_reason}"


def waiting_sentence(run: SyncRun) -> str:
    """Return what a waiting run waits for, and until when, in UTC."""
    what = f"Waiting for {run.waiting_for}" if run.waiting_for else "Waiting"
    return f"{what}; next try at {run.waiting_until:%H:%M:%S} UTC."
