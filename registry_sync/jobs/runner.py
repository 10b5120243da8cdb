"""Work a run slice by slice, in an RQ worker or a command, and record how each slice ended.

RQ only wakes workers. A job holds nothing but a run's id; the worker that gets the lease works.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from enum import Enum

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone

from registry_sync import ledger, runs
from registry_sync.benchling.errors import Refused, Wait
from registry_sync.benchling.syncs import label_of
from registry_sync.canvas.watch import CanvasWatch
from registry_sync.core import log_context, stopping, tracing
from registry_sync.core.problems import SyncError
from registry_sync.jobs.following import follow, follow_plan, reread_linked, retry_linked
from registry_sync.models import Installation, Lane, SyncRun
from registry_sync.monitoring import heartbeat
from registry_sync.monitoring.alert_check import update_alerts
from registry_sync.reporting import app_status
from registry_sync.runs import estimate
from registry_sync.runs.queue import enqueue
from registry_sync.sync.clients import client_of_settings, impatient_client, source_of
from registry_sync.sync.delivery.dry_run_log import LoggedFindings
from registry_sync.sync.gates import allowances
from registry_sync.sync.listener import Listener, NullListener
from registry_sync.sync.pacing import Pacer, Terms
from registry_sync.sync.pipeline import work_run
from registry_sync.sync.plans.requirement import give_up_plan

logger = logging.getLogger(__name__)

CHECK_EVERY = 5.0
"""Seconds between two checks, while waiting, whether the run was paused or cancelled."""


class SliceEnd(Enum):
    """How a slice ended."""

    DONE = "done"
    MORE = "more"
    WAITING = "waiting"
    BUSY = "busy"


def terms_of_settings() -> Terms:
    """Return the operator's settings for a run."""
    return Terms(
        private_key=settings.BENCHLING_PRIVATE_KEY,
        batch_size=settings.BATCH_SIZE,
        in_flight=settings.IN_FLIGHT,
        objects_per_hour=settings.OBJECTS_PER_HOUR,
        slice_seconds=settings.SLICE_SECONDS,
        full_after=timedelta(days=settings.FULL_SYNC_EVERY_DAYS),
        great_change_percent=settings.GREAT_CHANGE_PERCENT,
        plan_days=settings.PLAN_DAYS,
    )


def work_slice(run_id: int, listener: Listener | None = None, *, looks: bool = True) -> SliceEnd:
    """Claim a run and work one slice of it. A run that fails is ended here, with its cause.

    A caller who looks for alerts itself once the run has ended says so by `looks`.
    """
    lease = runs.claim(run_id)
    if lease is None:
        return SliceEnd.BUSY
    run = SyncRun.objects.select_related("lane").get(pk=run_id)
    lane = run.lane.schema_name if run.lane else ""
    with log_context.bind(run=run.pk, lane=lane), tracing.in_run_trace(_trace_key(run)):
        with tracing.span("slice"):
            end = _work_claimed(run, lease, listener, looks=looks)
        if end is SliceEnd.DONE:
            _trace_end(run)
            heartbeat.report(run.pk)
        return end


def _trace_key(run: SyncRun) -> str:
    return f"{run.tenant} {run.app_id} {run.pk}"


def _trace_end(run: SyncRun) -> None:
    began = run.started_at or run.created_at
    ended = run.finished_at or timezone.now()
    tracing.write_run_span(_trace_key(run), began, ended, kind=run.kind, status=run.status)


def _work_claimed(
    run: SyncRun, lease: runs.Lease, listener: Listener | None, *, looks: bool
) -> SliceEnd:
    reported_to, end = listener or NullListener(), None
    found = LoggedFindings(run, reported_to)
    watched = CanvasWatch(run, impatient_client(), found if run.dry_run else reported_to)
    pacer = Pacer(run, lease, terms_of_settings(), client_of_settings, watched)
    try:
        end = _work(run, lease, pacer)
        if run.dry_run and end is SliceEnd.DONE:
            found.write()
        return end
    except (OperationalError, InterfaceError):
        run.status = SyncRun.Status.RUNNING  # its end may have been rolled back
        run.refresh_from_db(fields=["status"])
        raise
    finally:
        if run.lane is not None and not run.is_active:
            allowances.void_outdated(run.lane)
        follow(run)
        if (planned := follow_plan(run)) is not None and listener is None:
            enqueue(planned.pk)  # who watches a run works on what follows it
        for linked in [*retry_linked(run), *reread_linked(run)]:
            enqueue(linked.pk)
        if not stopping.requested():  # the next slice, or the reconciler, draws
            watched.draw()
        if looks or end is not SliceEnd.DONE:
            update_alerts()


def _work(run: SyncRun, lease: runs.Lease, pacer: Pacer) -> SliceEnd:
    try:
        if run.trigger == SyncRun.Trigger.CANVAS:
            pacer.session.open()  # a scientist is waiting to see it
        _refuse_deactivated()
        done = work_run(pacer, source_of)
    except runs.LeaseLost:
        return SliceEnd.BUSY
    except Wait as wait:
        _release_waiting(run, lease, pacer, wait)
        return SliceEnd.WAITING
    except stopping.Stopping:
        runs.release(lease)
        return SliceEnd.MORE
    except (OperationalError, InterfaceError):
        raise  # nothing can be recorded: the lease runs out, and the reconciler takes over
    except Exception as error:
        _fail(run, lease, pacer, _cause(run, error))
        return SliceEnd.DONE
    _clear_config_fault(run)
    if done:
        return SliceEnd.DONE
    if runs.is_paused(run):
        pacer.session.progress(runs.paused_sentence(run), at_once=True)
    runs.release(lease)
    return SliceEnd.MORE


def _release_waiting(run: SyncRun, lease: runs.Lease, pacer: Pacer, wait: Wait) -> None:
    """Report why the run waits, in its log and its session, and release it until then."""
    run.waiting_until, run.waiting_for = wait.until, wait.reason
    runs.count_wait(run, wait.reason, (wait.until - timezone.now()).total_seconds())
    time_left = estimate.time_left_sentence(run, per_hour=settings.OBJECTS_PER_HOUR)
    text = f"{runs.waiting_sentence(run)} {time_left}".strip()
    runs.log(run, "INFO", text)
    with _despite_faults(run, "update"):
        pacer.session.progress(text, at_once=True)
    runs.release(lease, waiting_until=wait.until, reason=wait.reason, waits=run.waits)


def _cause(run: SyncRun, error: Exception) -> SyncError:
    """Return the error that ends the run, for whatever stopped its slice."""
    if isinstance(error, SyncError):
        return error
    if isinstance(error, Refused):
        return _unexpected_refusal(error)
    logger.error("The run failed with an internal error", exc_info=error)
    return internal_error(error)


def _refuse_deactivated() -> None:
    if Installation.objects.of_app().filter(deactivated_at__isnull=False).exists():
        raise SyncError(
            "The app was deactivated in Benchling.",
            remedy="A Benchling admin must activate it again. The next run then continues where "
            "the last good one ended.",
            kind="benchling",
            code="deactivated",
        )


def _clear_config_fault(run: SyncRun) -> None:
    """Clear the fault of an earlier configuration: a slice has just worked with this one.

    It knows of its own lane only; the faults of others stay until they work.
    """
    installation = Installation.objects.of_app().exclude(config_fault="").first()
    if installation is None or _concerns_others(installation.config_fault, run.lane):
        return
    installation.config_fault, installation.config_checked_at = "", timezone.now()
    installation.save(update_fields=["config_fault", "config_checked_at"])


def _concerns_others(fault: str, lane: Lane | None) -> bool:
    others = [other.element for other in runs.current_lanes() if other != lane]
    if lane is None or not others:
        return False
    named = any(label_of(element) in fault for element in others if element)
    return named or (lane.element != "" and label_of(lane.element) not in fault)


def tune_garbage_collector() -> None:
    """Exclude import-time objects from garbage collection, and collect less often.

    Records have no reference cycles, so they are freed without it. Call it once per process.
    """
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def work_to_end(run_id: int, listener: Listener | None = None, *, looks: bool = True) -> SyncRun:
    """Work slice after slice in this process, with waits between, and return the run.

    It returns early when another holder has the run, or this process was asked to stop. `looks` is
    as in `work_slice`.
    """
    while True:
        end = work_slice(run_id, listener, looks=looks)
        run = SyncRun.objects.select_related("lane").get(pk=run_id)
        if end is SliceEnd.BUSY or not run.is_active or stopping.requested():
            return run
        if end is SliceEnd.WAITING and run.waiting_until is not None:
            try:
                _sleep_until(run, run.waiting_until)
            except stopping.Stopping:
                return run


def _sleep_until(run: SyncRun, until: datetime) -> None:
    """Wait until a time of the database, or until the run is cancelled or paused.

    Raise Stopping.
    """
    active = SyncRun.objects.filter(pk=run.pk, status__in=SyncRun.ACTIVE, paused_at__isnull=True)
    while (remaining := (until - runs.database_now()).total_seconds()) > 0 and active.exists():
        stopping.sleep_or_stop(min(remaining, CHECK_EVERY), grace=0)


def _fail(run: SyncRun, lease: runs.Lease, pacer: Pacer, error: SyncError) -> None:
    """End a run as FAILED. A cause that repeats does not open a session each time."""
    try:
        give_up_plan(run, lease)
        with _despite_faults(run, "open"):
            if not run.session_id and not runs.repeats_last_failure(run, error):
                app_status.Session(run, lease, pacer.client).open()
        with transaction.atomic():
            runs.fail(run, lease, error)
            ledger.end_reported(run)
    except runs.LeaseLost:
        return
    pacer.leave_lease()  # `runs.fail` gave it up, also for a run that stopped before its line
    with _despite_faults(run, "close"):
        app_status.close_session(run, pacer.client)


@contextmanager
def _despite_faults(run: SyncRun, verb: str) -> Iterator[None]:
    """Go on whatever App Status raises: what broke the run may break its session too."""
    try:
        yield
    except (runs.LeaseLost, OperationalError, InterfaceError):
        raise
    except stopping.Stopping:
        logger.info(
            "The reconciler must %s the App Status session", verb, extra=runs.log_extra(run)
        )
    except Exception:
        logger.exception("Could not %s the App Status session", verb, extra=runs.log_extra(run))


def _unexpected_refusal(refused: Refused) -> SyncError:
    return SyncError(
        f"Benchling refused a request ({refused.status}): {refused.message}",
        remedy="A Benchling admin must check the app's permissions. The run's log has the details.",
        kind="benchling",
        code=f"benchling_{refused.status}",
    )


def internal_error(error: Exception) -> SyncError:
    """Return the error of a run that failed for a reason that no code expects."""
    return SyncError(
        f"An internal error occurred ({type(error).__name__}).",
        remedy="The operator must find the traceback in the service's log and report it. The next "
        "run continues where the last good one ended.",
        kind="transient",
        code="internal",
    )
