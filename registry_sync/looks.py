"""How runs look on the desk: a pill, a sign that needs no colour, and numbers as people read."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from . import estimate
from .health import stamp
from .models import SyncRun

Status = SyncRun.Status
PILLS = {
    Status.SUCCEEDED: "good",
    Status.COMPLETED_WITH_WARNINGS: "warning",
    Status.FAILED: "bad",
    Status.CANCELLED: "quiet",
    Status.RUNNING: "active",
    Status.QUEUED: "active",
}
"""How each status looks; desk.css has the colours, light and dark."""
SIGNS = {"good": "✓", "warning": "!", "bad": "✕", "quiet": "–", "active": "…"}
"""By which it is known without colour."""


def pill(run: SyncRun) -> str:
    return "quiet" if run.paused_at else PILLS[Status(run.status)]


def sign(run: SyncRun) -> str:
    return SIGNS[PILLS[Status(run.status)]]


def outcome(run: SyncRun) -> str:
    """Name a run's status in words."""
    if run.is_active and run.paused_at:
        return "paused"
    if run.status == Status.COMPLETED_WITH_WARNINGS:
        return "with warnings"
    return run.status.replace("_", " ").lower()


def by(run: SyncRun) -> str:
    """Say what started a run, and who."""
    return f"{run.trigger}, {run.actor}" if run.actor else str(run.trigger)


def summary(run: SyncRun) -> str:
    """Say in one line which run this is and what it did, for whoever cannot see a picture."""
    return (
        f"Run {run.pk}, {stamp(run.created_at)}: {outcome(run)}, {run.kind}, {run.read:,} read, "
        f"{run.created:,} created, {run.updated:,} changed, {run.failed:,} refused"
    )


def counts(run: SyncRun) -> list[str]:
    """Say shortly what a run did; what is none is not said."""
    parts = [f"{run.read:,} read"]
    for number, word in (
        (run.created, "created"), (run.updated, "changed"), (run.failed, "refused"),
    ):  # fmt: skip
        parts += [f"{number:,} {word}"] if number else []
    return parts


def took(run: SyncRun, now: datetime) -> str:
    """Say how long a run took, or takes so far."""
    if run.started_at is None:
        return ""
    return seconds(((run.finished_at or now) - run.started_at).total_seconds())


def seconds(length: float) -> str:
    """Write a length of time: seconds while they matter, then as `estimate` does."""
    if length < 10:
        return f"{length:.1f} s"
    if length < 100:
        return f"{length:.0f} s"
    return estimate.duration(timedelta(seconds=length))


def shown(value: Any) -> str:
    """Write a value as a person reads it."""
    if value is None or value == "" or value == []:
        return "(empty)"
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False)
