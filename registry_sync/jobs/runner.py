"""What RQ workers and the command run: compose the clients, work a slice, see to its end.

RQ is only the wake-up. A job carries a run's id and nothing else; whoever gets the lease works.
"""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import Enum

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, transaction
from django.utils import timezone

from registry_sync.benchling.client import Client, Refused, Wait
from registry_sync.canvas import drawing as canvas
from registry_sync.canvas import text as words
from registry_sync.core.problems import SyncError
from registry_sync.drafts import preview
from registry_sync.models import Installation, MappingDraft, SyncRun
from registry_sync.monitoring import alerts, outbox
from registry_sync.reporting import app_status
from registry_sync.runs import estimate
from registry_sync.runs import lifecycle as runs
from registry_sync.sync.clients import client_of_settings as client_of_settings
from registry_sync.sync.clients import impatient_client as impatient_client
from registry_sync.sync.clients import source_of as source_of
from registry_sync.sync.delivery import dry_run_log as findings
from registry_sync.sync.pipeline import Line, Listener, Nobody, Terms
from registry_sync.webhooks import enqueue as doorbell
from registry_sync.webhooks import receive as webhooks

logger = logging.getLogger(__name__)

WAITING_FOR = "Waiting for "
"""How the line of a run's log begins that says what it waits for."""
SLICE_TIMEOUT = 1800
"""Seconds RQ lets one slice take: a slice ends by itself long before, save when it isolates."""


CANVAS_EVERY = 5.0
"""Seconds between two drawings of a canvas while a run goes on."""
CANVAS_SHARE = 2.0
"""Seconds more for each canvas that shows it: 15 of the 300 requests in 30 s are the most."""
LOOK_EVERY = 5.0
"""Seconds between two looks, while waiting, for what a person may have decided."""


class End(Enum):
    """How a slice ended."""

    DONE = "done"
    MORE = "more"
    WAITING = "waiting"
    BUSY = "busy"


def terms_of_settings() -> Terms:
    """Collect what the operator set."""
    return Terms(
        private_key=settings.BENCHLING_PRIVATE_KEY,
        batch_size=settings.BATCH_SIZE,
        in_flight=settings.IN_FLIGHT,
        objects_per_hour=settings.OBJECTS_PER_HOUR,
        slice_seconds=settings.SLICE_SECONDS,
        full_after=timedelta(days=settings.FULL_SYNC_EVERY_DAYS),
        great_change_percent=settings.GREAT_CHANGE_PERCENT,
    )


def work_slice(run_id: int, listener: Listener | None = None) -> End:
    """Claim a run and work one slice of it; a run that fails is ended here, with its reason."""
    lease = runs.claim(run_id)
    if lease is None:
        return End.BUSY
    run = SyncRun.objects.select_related("lane").get(pk=run_id)
    client = client_of_settings()
    heard = findings.Kept(run, listener or Nobody()) if run.dry_run else listener or Nobody()
    watched = CanvasWatch(run, impatient_client(), heard)
    line = Line(run, lease, client, source_of, terms_of_settings(), watched)
    try:
        return _work(run, lease, client, line)
    finally:
        watched.look()
        look_for_alerts()


def look_for_alerts(*, send: bool = False) -> None:
    """Note what is worth telling, and tell it (`send`); whatever goes wrong there fails no run."""
    try:
        alerts.look()
        if send:
            outbox.send_due()
    except DatabaseError as error:  # the operator reads one line of it, not a stack
        logger.warning("Alerts were not looked at: the database cannot be used: %s", error)
    except Exception:
        logger.exception("Alerts could not be looked at or sent; they are tried again")


def _work(run: SyncRun, lease: runs.Lease, client: Client, line: Line) -> End:
    try:
        if run.trigger == SyncRun.Trigger.CANVAS:
            line.session.open()  # a scientist waits to see something
        _refuse_deactivated()
        done = line.work()
    except runs.LeaseLost:
        return End.BUSY
    except Wait as wait:
        text = f"{WAITING_FOR}{wait.reason}; next try at {wait.until:%H:%M:%S} UTC."
        text = f"{text} {estimate.said(run, per_hour=settings.OBJECTS_PER_HOUR)}".strip()
        runs.log(run, "INFO", text)
        line.session.progress(text, at_once=True)
        runs.release(lease, waiting_until=wait.until)
        return End.WAITING
    except SyncError as error:
        _fail(run, lease, client, error)
        return End.DONE
    except Refused as refused:
        _fail(run, lease, client, _unexpected_refusal(refused))
        return End.DONE
    except (OperationalError, InterfaceError):
        raise  # nothing can be recorded: the lease runs out, and the reconciler takes over
    except Exception as error:
        logger.exception("run=%s failed for a reason of our own", run.pk)
        _fail(run, lease, client, _our_fault(error))
        return End.DONE
    _configuration_holds()
    if done:
        return End.DONE
    if runs.is_paused(run):
        line.session.progress(runs.paused_sentence(run), at_once=True)
    runs.release(lease)
    return End.MORE


def _refuse_deactivated() -> None:
    here = Installation.objects.filter(
        tenant=runs.tenant_host(), app_id=settings.BENCHLING_APP_ID, deactivated_at__isnull=False
    )
    if here.exists():
        raise SyncError(
            "The app was deactivated in Benchling.",
            remedy="A Benchling admin activates it again; the next run then goes on where the last "
            "good one ended.",
            kind="benchling",
            code="deactivated",
        )


def _configuration_holds() -> None:
    """Forget what an earlier configuration broke: a slice has just worked with this one."""
    Installation.objects.filter(
        tenant=runs.tenant_host(), app_id=settings.BENCHLING_APP_ID
    ).exclude(config_fault="").update(config_fault="", config_checked_at=timezone.now())


class CanvasWatch:
    """Shows a run's progress in canvases, at most every few seconds, and passes it on."""

    def __init__(self, run: SyncRun, client: Client, inner: Listener) -> None:
        self.run, self.client, self.inner = run, client, inner
        self._next = 0.0

    def progress(self, run: SyncRun) -> None:
        self.inner.progress(run)
        if time.monotonic() > self._next:
            self.look()

    def finding(self, external_id: str, outcome: str, details: Sequence[str]) -> None:
        self.inner.finding(external_id, outcome, details)

    def look(self) -> None:
        """Draw the canvases that show this run, as the database has it now."""
        drawn = 0
        try:
            drawn = canvas.redraw(canvas.watching(self.run), self.client)
        except DatabaseError as error:  # the run's own end says so
            logger.warning("run=%s: canvases were not drawn: %s", self.run.pk, error)
        self._next = time.monotonic() + max(CANVAS_EVERY, CANVAS_SHARE * drawn)


def spare_collector() -> None:
    """Spare the garbage collector what was made at import, and most looks at a page's records.

    Records are no circles and go by themselves; once a process is enough.
    """
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def run_sync(run_id: int) -> None:
    """Work one slice in a worker and ask for the next one."""
    spare_collector()
    if work_slice(run_id) is End.MORE:
        enqueue(run_id)


def work_to_end(run_id: int, listener: Listener | None = None) -> SyncRun:
    """Work slice after slice in this process, waiting where Benchling wants it."""
    while True:
        end = work_slice(run_id, listener)
        run = SyncRun.objects.select_related("lane").get(pk=run_id)
        if end is End.BUSY or not run.is_active:
            return run
        if end is End.WAITING and run.waiting_until is not None:
            _sleep_until(run, run.waiting_until)


def waiting_sentence(run: SyncRun) -> str:
    """Say what a waiting run waits for, as its log has it, and until when."""
    told = run.log.filter(text__startswith=WAITING_FOR).order_by("-pk").first()
    what = told.text.partition("; next try at")[0] if told else "Waiting"
    return f"{what}; next try at {run.waiting_until:%H:%M:%S} UTC."


def _sleep_until(run: SyncRun, until: datetime) -> None:
    """Wait, but not for a run that a person cancels or pauses meanwhile."""
    active = SyncRun.objects.filter(pk=run.pk, status__in=SyncRun.ACTIVE, paused_at__isnull=True)
    while (left := (until - timezone.now()).total_seconds()) > 0 and active.exists():
        time.sleep(min(left, LOOK_EVERY))


def pause(run: SyncRun, *, actor: str, reason: str) -> bool:
    """Pause a run, and show it in Benchling, where nobody works on it who would."""
    if not runs.pause(run, actor=actor, reason=reason):
        return False
    if run.lease_until is None:
        client = client_of_settings()
        app_status.tell(run, client, runs.paused_sentence(run))
        canvas.redraw(canvas.watching(run), client)
    return True


def resume(run: SyncRun) -> bool:
    """Let a paused run go on; True when a worker was told, else the next command takes it up."""
    return runs.resume(run) and enqueue(run.pk)


def cancel(run: SyncRun, *, actor: str, reason: str) -> bool:
    """End a run at once, and close its session with who did it and why."""
    if not runs.cancel(run, actor=actor, reason=reason):
        return False
    runs.log(run, "WARNING", run.error)
    client = client_of_settings()
    app_status.close(run, client)
    canvas.redraw(canvas.watching(run), client)
    return True


def enqueue(run_id: int) -> bool:
    """Wake a worker for a run once its row is committed; False when none could be told (yet).

    The run is safe without Redis: the reconciler or the next cron command takes it up.
    """
    if not settings.REDIS_URL:
        return False
    fence = SyncRun.objects.values_list("fence", flat=True).get(pk=run_id)
    told = False

    def push() -> None:
        nonlocal told
        told = _push("run_sync", run_id, f"sync-run-{run_id}-{fence}", f"run={run_id}", keep=3600)

    transaction.on_commit(push)
    return told


def enqueue_preview(draft: MappingDraft) -> bool:
    """Wake a worker for a slice of a draft's preview; False where none can be told."""
    if not settings.REDIS_URL:
        return False
    job_id = f"preview-{draft.pk}-{draft.version}-{draft.preview_done}"
    return _push("run_preview", draft.pk, job_id, f"preview={draft.pk}", keep=600)


def _push(task: str, pk: int, job_id: str, what: str, *, keep: int) -> bool:
    """Put a slice on the queue `sync`, its result kept for some seconds; False without Redis."""
    import django_rq  # reads settings at import, so not before they are known to hold Redis
    from redis.exceptions import RedisError

    try:
        django_rq.get_queue("sync").enqueue(
            f"registry_sync.jobs.runner.{task}",
            pk,
            job_id=job_id,
            job_timeout=SLICE_TIMEOUT,
            result_ttl=keep,
            failure_ttl=7 * 24 * 3600,
        )
    except (RedisError, OSError) as error:
        logger.warning("%s is queued, but Redis cannot be reached: %s", what, error)
        return False
    return True


def run_preview(draft_id: int) -> None:
    """Work one slice of a draft's preview in a worker, and ask for the next one behind others."""
    if preview.work_slice(draft_id, client_of_settings(), source_of):
        enqueue_preview(MappingDraft.objects.get(pk=draft_id))


def reconcile(*, alert: bool = True) -> int:
    """Wake runs whose holder died and close sessions that stayed open; returns how many woke.

    Called by every trigger and, each 30 s, by every worker. What goes wrong with Redis or
    Benchling there is the very thing to alert about, so it holds no alert back.
    """
    try:
        return _reconcile()
    finally:
        if alert:
            look_for_alerts(send=True)


def _reconcile() -> int:
    woken = 0
    for run_id in runs.stranded().values_list("pk", flat=True):
        woken += enqueue(run_id)
    woken += doorbell.ring(webhooks.left_over()[:2000])
    for delivery in webhooks.given_up():
        error = f"The worker died with it, or was stopped, {delivery.attempts} times."
        webhooks.close(delivery, delivery.State.FAILED, error)
        canvas.promise(str(delivery.message.get("canvasId")), words.trouble())
    for draft in preview.stranded()[:20]:
        woken += preview.tell_again(draft) and enqueue_preview(draft)
    if (behind := canvas.behind()[: canvas.RECENT]).exists():
        canvas.redraw(behind, impatient_client(), pressed=True)
    left = SyncRun.objects.filter(session_open=True).exclude(status__in=SyncRun.ACTIVE)
    ended = timezone.now() - timedelta(seconds=30)
    for run in left.filter(finished_at__lt=ended).select_related("lane")[:20]:
        app_status.close(run, client_of_settings(), app_status.bookmark_of(run))
    return woken


def _fail(run: SyncRun, lease: runs.Lease, client: Client, error: SyncError) -> None:
    """End a run FAILED and tell it once: a cause that repeats opens no new session each time."""
    try:
        if not run.session_id and not runs.repeats_last_failure(run, error):
            app_status.Session(run, lease, client).open()
        runs.fail(run, lease, error)
    except runs.LeaseLost:
        return
    app_status.close(run, client)


def _unexpected_refusal(refused: Refused) -> SyncError:
    return SyncError(
        f"Benchling refused a request ({refused.status}): {refused.message}",
        remedy="A Benchling admin checks the app's permissions; the run's log says what was asked.",
        kind="benchling",
        code=f"benchling_{refused.status}",
    )


def _our_fault(error: Exception) -> SyncError:
    return SyncError(
        f"Registry Sync itself failed ({type(error).__name__}).",
        remedy="The operator finds the traceback in the service's log and reports it; the next "
        "run starts from where the last good one ended.",
        kind="transient",
        code="internal",
    )
