"""What commands say about a run: its summary, and why it cannot be worked on now."""

from __future__ import annotations

import shlex

from registry_sync import runs
from registry_sync.core import stopping
from registry_sync.core.dates import stamp
from registry_sync.models import SyncRun
from registry_sync.reporting.session_messages import counts_sentence


def run_summary(run: SyncRun) -> str:
    """Return a run's outcome and counts, then its failure and its warnings."""
    took = (run.finished_at - run.started_at) if run.finished_at and run.started_at else None
    noun = "Dry run" if run.dry_run else "Run"
    line = f"{noun} {run.pk} {run.status}: {counts_sentence(run)}"
    if run.lane is not None and not run.dry_run:
        line += f" Open errors: {runs.open_errors(run.lane).count()}."
    if took is not None:
        line += f" Took {took.total_seconds():.1f} s."
    if run.error:
        line += f"\n{run.error}\n{run.remedy}"
    for warning in run.warnings:
        line += f"\nWarning: {warning['text']}"
    return line


def busy_sentence(run: SyncRun) -> str:
    """Return why an active run is left alone: it has a holder, is paused or waits; else ""."""
    if runs.is_held(run):
        waits = f" Waiting for {run.waiting_for}." if runs.waits_for_turn(run) else ""
        since = stamp(run.started_at)
        return f"Run {run.pk} is active ({run.lease_holder}, since {since}).{waits}"
    if run.paused_at is not None:
        return f"Run {run.pk}: {runs.paused_sentence(run)}. Resume it with {resume_command(run)}."
    if runs.is_waiting(run):
        return f"Run {run.pk} is active. {runs.waiting_sentence(run)}"
    return ""


def resume_command(run: SyncRun) -> str:
    """Return the command that resumes a run. Without its lane, it would resume every lane's."""
    names = runs.LaneNames()
    if not names.several or run.lane not in names.lanes:
        return "manage.py run resume"
    return f"manage.py run resume --lane {shlex.quote(names.of(run.lane))}"


def taken_sentence(run: SyncRun) -> str:
    """Return that a command works on a run that it did not request."""
    state = "was left unfinished; taking it over" if run.started_at else "waits; working on it"
    return f"Run {run.pk} {state}."


def left_sentence(run: SyncRun) -> str:
    """Return how a run continues that a command leaves unfinished."""
    if run.paused_at is not None:
        text = f"{runs.paused_sentence(run)}. Resume it with {resume_command(run)}."
    elif stopping.requested():
        text = "This process was asked to stop. A worker or the next sync_registry continues it."
    elif runs.is_held(run):
        text = f"A worker ({run.lease_holder}) has taken it over and continues it."
    else:
        text = "A worker or the next sync_registry continues it; manage.py run shows it."
    return f"Run {run.pk} has not ended. {text}"


def does_as_much(run: SyncRun, kind: str, *, reads_all: bool) -> bool:
    """Return whether a run that was taken over did what a run of this kind would do."""
    kinds = {kind, run.kind} - {SyncRun.Kind.FULL}
    plain = run.moves_watermark and kinds <= {SyncRun.Kind.INCREMENTAL}
    return plain and (run.reads_all or not reads_all)
