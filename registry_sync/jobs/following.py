"""Runs that people ask for with one another: one that follows, one that many presses join."""

from __future__ import annotations

import time
from datetime import timedelta

from django.utils import timezone

from registry_sync import runs
from registry_sync.canvas import text as words
from registry_sync.core import stopping
from registry_sync.models import Canvas, SyncRun
from registry_sync.runs.queue import enqueue
from registry_sync.webhooks.inbox import has_waiting, last_received

BACKLOG, LULL = 20.0, 45.0
"""Seconds that a run waits at most for presses in the inbox, and for a lull in the presses."""
QUIET = timedelta(seconds=2)
LATELY = timedelta(seconds=60)


def follow(ended: SyncRun) -> bool:
    """Start what follows a run that has ended, and show it in the canvases that wait for it.

    Return whether a worker was notified.
    """
    run = runs.start_following(ended)
    if run is None:
        return False
    waiting = Canvas.objects.of_same_app(ended).filter(run=ended, note=words.follows(ended))
    waiting.update(run=run, note=words.started(run), drawn_at=None)
    return enqueue(run.pk)


def let_presses_join(run_id: int) -> None:
    """Wait, before a run from a canvas begins, for the presses that it could serve as well.

    Each press that was received before a run begins joins it. So it begins when none waits in the
    inbox and, where the last such run has just ended, when people pause.
    """
    unbegun = SyncRun.objects.filter(
        pk=run_id, status=SyncRun.Status.QUEUED, trigger=SyncRun.Trigger.CANVAS
    )
    began = time.monotonic()
    while (run := unbegun.first()) is not None and not stopping.requested():
        waited = time.monotonic() - began
        joins = waited < BACKLOG and has_waiting(within=LATELY)
        if not joins and not (waited < LULL and _is_one_of_many(run)):
            return
        time.sleep(stopping.STEP)


def _is_one_of_many(run: SyncRun) -> bool:
    """Return whether people still press, and the last run that they asked for has just ended."""
    now, last = timezone.now(), last_received()
    if last is None or now - last > QUIET:
        return False
    earlier = SyncRun.objects.of_same_app(run).filter(pk__lt=run.pk, trigger=run.trigger)
    return earlier.filter(finished_at__gt=now - LATELY).exists()
