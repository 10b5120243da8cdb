"""Pause, resume and cancel a run, and show it in Benchling."""

from __future__ import annotations

from registry_sync import ledger, runs
from registry_sync.benchling.client import Client
from registry_sync.canvas import drawing as canvas
from registry_sync.models import SyncRun
from registry_sync.reporting import app_status
from registry_sync.runs.queue import enqueue
from registry_sync.sync.clients import client_of_settings


def pause_run(run: SyncRun, *, actor: str, reason: str) -> bool:
    """Pause a run. Return False when it has already ended.

    The run's holder shows it in Benchling. Without a holder it is shown at once.
    """
    if not runs.pause(run, actor=actor, reason=reason):
        return False
    runs.log(run, "INFO", f"Paused by {actor}: {reason}")
    if run.lease_until is None:
        client = client_of_settings()
        app_status.notify_session(run, client, runs.paused_sentence(run))
        _redraw(run, client)
    return True


def resume_run(run: SyncRun, *, actor: str, reason: str = "") -> bool:
    """Let a paused run continue. Return whether it is queued for a worker.

    Otherwise the next command or the reconciler continues it.
    """
    if not runs.resume(run):
        return False
    runs.log(run, "INFO", f"Resumed by {actor}{f': {reason}' if reason else '.'}")
    return enqueue(run.pk)


def cancel_run(run: SyncRun, *, actor: str, reason: str) -> bool:
    """Cancel a run at once and close its session, with who did it and why.

    Return False when the run has already ended.
    """
    if not runs.cancel(run, actor=actor, reason=reason, ending=ledger.end_reported):
        return False
    runs.log(run, "WARNING", run.error)
    client = client_of_settings()
    app_status.close_session(run, client)
    _redraw(run, client)
    return True


def _redraw(run: SyncRun, client: Client) -> None:
    canvas.redraw(canvas.canvases_showing(run), client)
