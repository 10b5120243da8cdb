"""Pause, resume and cancel a run, and show it in Benchling."""

from __future__ import annotations

from registry_sync import runs
from registry_sync.canvas import drawing as canvas
from registry_sync.models import SyncRun
from registry_sync.reporting import app_status
from registry_sync.runs.queue import enqueue
from registry_sync.sync.clients import client_of_settings


def pause(run: SyncRun, *, actor: str, reason: str) -> bool:
    """Pause a run, and show it in Benchling, where nobody works on it who would."""
    if not runs.pause(run, actor=actor, reason=reason):
        return False
    if run.lease_until is None:
        client = client_of_settings()
        app_status.notify_session(run, client, runs.paused_sentence(run))
        canvas.redraw(canvas.canvases_showing(run), client)
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
    app_status.close_session(run, client)
    canvas.redraw(canvas.canvases_showing(run), client)
    return True
