"""Start the run that people asked for while another one was active."""

from __future__ import annotations

from registry_sync import runs
from registry_sync.canvas import text as words
from registry_sync.models import Canvas, SyncRun
from registry_sync.runs.queue import enqueue


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
