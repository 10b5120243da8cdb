"""What one run's row in Sync History Schema says."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from registry_sync import runs
from registry_sync.models import SyncRun

TYPES = {
    "lane": "text", "outcome": "text", "trigger": "text", "person": "text",
    "started_at": "datetime", "ended_at": "datetime", "read": "integer", "created": "integer",
    "updated": "integer", "failed": "integer", "archived": "integer", "watermark": "datetime",
    "session_id": "text", "run": "integer",
}  # fmt: skip
"""The type of each field, by its system name in the result schema."""
SAMPLES: dict[str, Any] = {"text": "-", "datetime": "2026-01-01T00:00:00+00:00", "integer": 0}


def history_row_of(run: SyncRun) -> dict[str, Any]:
    """Return the values of a run's row by system name; what is empty is left out."""
    values = {
        "lane": runs.LaneNames().of(run.lane),
        "outcome": str(run.status),
        "trigger": str(run.trigger),
        "person": run.actor,
        "started_at": _time(run.started_at or run.created_at),
        "ended_at": _time(run.finished_at),
        "read": run.read,
        "created": run.created,
        "updated": run.updated,
        "failed": run.failed,
        "archived": run.archived,
        "watermark": _time(run.watermark),
        "session_id": run.session_id,
        "run": run.pk,
    }
    return {name: value for name, value in values.items() if value not in (None, "")}


def sample_row() -> dict[str, Any]:
    """Return a row with a value in each field, to learn which ones a schema takes."""
    return {name: SAMPLES[kind] for name, kind in TYPES.items()}


def result_id_of(run: SyncRun) -> str:
    """Return the id of a run's row: the same for the same tenant, app and session."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{run.tenant}/{run.app_id}/{run.session_id}"))


def _time(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat(timespec="seconds") if moment else None
