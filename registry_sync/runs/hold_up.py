"""Why an active run does not go on at this moment: every face asks here."""

from __future__ import annotations

from dataclasses import dataclass

from registry_sync.models import SyncRun
from registry_sync.runs.lease import is_held, is_waiting
from registry_sync.runs.lifecycle import paused_sentence, waiting_sentence

HOLD_UP_COLUMNS = (
    "status", "paused_at", "paused_by", "paused_reason", "waiting_until", "waiting_for",
    "turn_since",
)  # fmt: skip
"""Columns of a run that `hold_up` reads."""


@dataclass(frozen=True, slots=True)
class HoldUp:
    """Why a run stands still: `word` is "paused" or "waiting", `text` a sentence."""

    word: str
    text: str


def hold_up(run: SyncRun) -> HoldUp | None:
    """Return why an active run does not go on now; None if it does, or has ended."""
    if not run.is_active:
        return None
    if run.paused_at is not None:
        return HoldUp("paused", f"{paused_sentence(run).rstrip('.')}.")
    if run.waiting_until is not None and is_waiting(run):
        return HoldUp("waiting", waiting_sentence(run))
    return HoldUp("waiting", f"Waiting for {run.waiting_for}.") if waits_for_turn(run) else None


def waits_for_turn(run: SyncRun) -> bool:
    """Return whether a run's holder waits until another lane has written its batch."""
    stands_in_line = run.is_active and run.turn_since is not None and run.waiting_for
    return bool(stands_in_line) and is_held(run)
