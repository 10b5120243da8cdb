"""Where a run stands in the queue, and who is at work before it."""

from __future__ import annotations

from registry_sync import runs
from registry_sync.canvas.markdown import escaped
from registry_sync.canvas.text import starter
from registry_sync.models import SyncRun


def place_in_queue(run: SyncRun) -> str:
    """Return which runs are worked before one that has not begun; "" if there are none.

    A run that is paused, or waits for a limit, keeps no worker.
    """
    others = [other for other in runs.active_runs() if other.pk < run.pk and _keeps_a_worker(other)]
    if not others:
        return ""
    names, at_work = runs.LaneNames(), [other for other in others if other.started_at]
    place = f"number {len(others) + 1} in the queue"
    if not at_work:
        return place
    first = at_work[0]
    of = f" of {escaped(names.of(first.lane))}" if first.lane is not None else ""
    return f"{place}; at work: the sync{of}, started {starter(first)}"


def _keeps_a_worker(run: SyncRun) -> bool:
    return run.paused_at is None and not runs.is_waiting(run)
