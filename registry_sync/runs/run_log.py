"""A run's log, its warnings and its waits."""

from __future__ import annotations

import logging

from django.utils import timezone

from registry_sync.core.text import storable
from registry_sync.core.waits import wait_code
from registry_sync.models import RunLog, SyncRun
from registry_sync.runs.lease import Lease, save_columns

logger = logging.getLogger(__name__)


def log_extra(run: SyncRun) -> dict[str, object]:
    """Return the `extra` of a line in the service's log that belongs to a run."""
    lane = {"lane": run.lane.schema_name} if run.lane else {}
    return {"belongs_to": {"run": run.pk, **lane}}


def log(run: SyncRun, level: str, text: str, *, in_summary: bool = False) -> None:
    """Write one line to the run's log, and to the service's log.

    `in_summary`: the run's summary says it too, so a quiet command leaves it out of its log.
    """
    text = storable(text)
    logger.log(
        logging.getLevelName(level), "%s", text, extra={**log_extra(run), "in_summary": in_summary}
    )
    RunLog.objects.create(run=run, at=timezone.now(), level=level, text=text)


def warn(run: SyncRun, lease: Lease, code: str, text: str) -> None:
    """Record a warning once per run; the run will end COMPLETED_WITH_WARNINGS. Raise LeaseLost."""
    if any(warning["code"] == code for warning in run.warnings):
        return
    text = storable(text)
    save_columns(run, lease, warnings=[*run.warnings, {"code": code, "text": text}])
    log(run, "WARNING", text, in_summary=True)


def count_wait(run: SyncRun, reason: str, seconds: float) -> None:
    """Count a wait by its reason, in memory: it is saved with the run's place or at its end."""
    code = wait_code(reason) or "other"
    waits = dict(run.waits or {})
    times, total = waits.get(code, (0, 0))
    waits[code] = [times + 1, round(total + max(0.0, seconds), 1)]
    run.waits = waits
