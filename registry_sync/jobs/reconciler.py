"""Continue what was left behind: runs, deliveries, previews, comparisons, canvases and so on."""

from __future__ import annotations

import time
from datetime import timedelta

from django.utils import timezone

from registry_sync import runs
from registry_sync.canvas import drawing as canvas
from registry_sync.canvas import text as words
from registry_sync.canvas.attendance import Attendance
from registry_sync.drafts import preview_queue as previews
from registry_sync.jobs.following import follow
from registry_sync.models import SyncRun
from registry_sync.monitoring.alert_check import update_alerts
from registry_sync.reporting import app_status, sync_history
from registry_sync.reporting.bookmark import bookmark_of
from registry_sync.runs.queue import enqueue
from registry_sync.sync.clients import client_of_settings, impatient_client
from registry_sync.sync.reconcile import comparison_queue as comparisons
from registry_sync.webhooks.enqueue import enqueue_deliveries
from registry_sync.webhooks.inbox import close_delivery, given_up, left_over

DRAWS_FOR = 20.0
"""Seconds after which no further canvases are drawn, until the next time."""
SESSION_GRACE = timedelta(seconds=30)
"""How long after its end a run may still close its session itself."""


def reconcile(*, alert: bool = True) -> int:
    """Queue what has no worker, draw what is outdated, close sessions. Return how many were queued.

    Every trigger calls it, and every worker does each 30 s. Alerts are checked even if it fails:
    a failure of Redis or Benchling is what alerts are for.
    """
    try:
        queued = _queue_runs() + _queue_deliveries() + _queue_previews() + _queue_comparisons()
        _draw_canvases()
        _close_sessions()
        sync_history.write_waiting(client_of_settings)
        return queued
    finally:
        if alert:
            update_alerts(send=True)


def _queue_runs() -> int:
    runs.shorten_leases()
    started = sum(follow(run) for run in runs.to_follow())
    return started + sum(enqueue(run_id) for run_id in runs.stranded().values_list("pk", flat=True))


def _queue_deliveries() -> int:
    """Queue deliveries without a worker, and close those that workers abandoned too often."""
    queued = enqueue_deliveries(left_over()[:2000])
    for delivery in given_up():
        error = f"The worker was stopped or died {delivery.attempts} times while working on it."
        close_delivery(delivery, delivery.State.FAILED, error)
        canvas.owe_drawing(str(delivery.message.get("canvasId")), words.trouble())
    return queued


def _queue_previews() -> int:
    stranded = previews.stranded_previews()[:20]
    return sum(
        previews.release_stranded(draft) and previews.enqueue_preview(draft) for draft in stranded
    )


def _queue_comparisons() -> int:
    return sum(comparisons.enqueue_again(row) for row in comparisons.lost_comparisons()[:20])


def _draw_canvases() -> None:
    """Draw what is outdated, and tell canvases who is missing, or that work has resumed."""
    attendance, until = Attendance(), time.monotonic() + DRAWS_FOR
    outdated = list(canvas.outdated_canvases()[: canvas.MOST_LOOKED_AT])
    outdated_ids = {row.pk for row in outdated}
    outdated += [row for row in canvas.misattended(attendance) if row.pk not in outdated_ids]
    client = impatient_client()
    for start in range(0, len(outdated), canvas.RECENT):
        chunk = outdated[start : start + canvas.RECENT]
        drawn = canvas.redraw(chunk, client, pressed=True, attendance=attendance)
        if drawn < len(chunk) or time.monotonic() > until:
            return


def _close_sessions() -> None:
    """Close sessions that stayed open although their runs have ended."""
    ended = SyncRun.objects.filter(session_open=True).exclude(status__in=SyncRun.ACTIVE)
    ended = ended.filter(finished_at__lt=timezone.now() - SESSION_GRACE)
    for run in ended.select_related("lane")[:20]:
        app_status.close_session(run, client_of_settings(), bookmark_of(run))
