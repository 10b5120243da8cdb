"""Wake what was left behind: runs, deliveries, previews, canvases, sessions."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from registry_sync import runs
from registry_sync.canvas import drawing as canvas
from registry_sync.canvas import text as words
from registry_sync.drafts import preview
from registry_sync.drafts.preview_queue import enqueue_preview
from registry_sync.models import SyncRun
from registry_sync.monitoring.notify import look_for_alerts
from registry_sync.reporting import app_status
from registry_sync.reporting.bookmark import bookmark_of
from registry_sync.runs.queue import enqueue
from registry_sync.sync.clients import client_of_settings, impatient_client
from registry_sync.webhooks.enqueue import enqueue_deliveries
from registry_sync.webhooks.inbox import close_delivery, given_up, left_over


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
    woken += enqueue_deliveries(left_over()[:2000])
    for delivery in given_up():
        error = f"The worker died with it, or was stopped, {delivery.attempts} times."
        close_delivery(delivery, delivery.State.FAILED, error)
        canvas.owe_drawing(str(delivery.message.get("canvasId")), words.trouble())
    for draft in preview.stranded()[:20]:
        woken += preview.tell_again(draft) and enqueue_preview(draft)
    if (behind := canvas.outdated()[: canvas.RECENT]).exists():
        canvas.redraw(behind, impatient_client(), pressed=True)
    left = SyncRun.objects.filter(session_open=True).exclude(status__in=SyncRun.ACTIVE)
    ended = timezone.now() - timedelta(seconds=30)
    for run in left.filter(finished_at__lt=ended).select_related("lane")[:20]:
        app_status.close_session(run, client_of_settings(), bookmark_of(run))
    return woken
