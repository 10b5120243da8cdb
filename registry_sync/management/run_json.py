"""A run as commands write it with `--json`: see docs/commands.schema.json."""

from __future__ import annotations

from datetime import datetime

from registry_sync import runs
from registry_sync.core.types import Json
from registry_sync.models import SyncRun
from registry_sync.reporting.catalogue import run_actor

COUNTS = ("read", "unchanged", "created", "updated", "failed", "archived")


def run_json(run: SyncRun, names: runs.LaneNames) -> Json:
    """Return a run with its counts, times, failure and warnings."""
    return {
        "id": run.pk,
        "lane": names.of(run.lane) or None,
        "kind": run.kind,
        "status": run.status,
        "trigger": run.trigger,
        "actor": run.actor or None,
        "requested_at": time_json(run.created_at),
        "started_at": time_json(run.started_at),
        "finished_at": time_json(run.finished_at),
        "waits": waits_json(run),
        "counts": {name: getattr(run, name) for name in COUNTS},
        "error": _failure(run),
        "warnings": [
            {"code": warning["code"], "text": warning["text"]} for warning in run.warnings
        ],
    }


def waits_json(run: SyncRun) -> Json | None:
    """Return why an active run does not go on now, in a word and a sentence; None if it does."""
    hold_up = runs.hold_up(run)
    return None if hold_up is None else {"word": hold_up.word, "text": hold_up.text}


def _failure(run: SyncRun) -> Json | None:
    if not run.error:
        return None
    who = run_actor(run.error_code, run.error_kind).label
    return {"code": run.error_code, "message": run.error, "who": who, "remedy": run.remedy}


def time_json(when: datetime | None) -> str | None:
    """Return a time as ISO 8601 in UTC, to the second; None for none."""
    return when.strftime("%Y-%m-%dT%H:%M:%SZ") if when else None
