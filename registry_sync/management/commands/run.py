"""`manage.py run`: show the active run, or pause, resume or cancel it."""

from __future__ import annotations

import getpass
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from registry_sync import runs
from registry_sync.core.dates import stamp
from registry_sync.jobs.control import cancel_run, pause_run, resume_run
from registry_sync.management.lane_options import add_lane_argument, lane_named
from registry_sync.management.operator import USAGE, OperatorCommand
from registry_sync.management.run_summary import resume_command
from registry_sync.models import SyncRun
from registry_sync.reporting.session_messages import counts_sentence
from registry_sync.runs import estimate


class Command(OperatorCommand):
    help = (
        "Show the active run, or pause, resume or cancel it. A batch that has been sent is always "
        "finished, nothing is lost, and scientists see who did it and why. Exit status: 0, also "
        "where no run is active and nothing was to be done to one."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "what",
            nargs="?",
            choices=["show", "pause", "resume", "cancel"],
            help="what to do; without it the active runs are shown",
        )
        parser.add_argument(
            "--reason", default="", help="why (for pause and cancel; shown to everyone)"
        )
        add_lane_argument(parser, "only the run of this lane; otherwise of all lanes")

    def handle(self, *args: Any, **options: Any) -> None:
        what, reason = options["what"] or "show", options["reason"].strip()
        if what in ("pause", "cancel") and not reason:
            raise CommandError("--reason is empty.", returncode=USAGE)
        active = _active(options["lane"])
        if not active and what != "show":
            raise CommandError("No run is active.", returncode=1)
        if not active:
            self.stdout.write("No run is active.")
        names = runs.LaneNames()
        for run in active:
            name = names.label(run.lane) if options["lane"] is None else ""
            goes_on = len(active) > 1 and run.paused_at is None and not runs.is_waiting(run)
            if what == "resume" and goes_on:
                sentence = f"Run {run.pk} is not paused."
            else:
                sentence = self._do(what, run, reason)
            self.stdout.write(f"{name}: {sentence}" if name else sentence)

    def _do(self, action: str, run: SyncRun, reason: str) -> str:
        """Show or control a run. Return what was done."""
        actor = getpass.getuser()
        if action == "pause":
            pause_run(run, actor=actor, reason=reason)
            return (
                f"Run {run.pk} will pause after the current batch. It blocks other runs until you "
                f"resume it with {resume_command(run)}."
            )
        if action == "resume":
            queued = resume_run(run, actor=actor, reason=reason)
            who = "a worker" if queued else "the next sync_registry"
            return f"Run {run.pk} will continue where it paused: {who} takes it over."
        if action == "cancel":
            cancel_run(run, actor=actor, reason=reason)
            return (
                f"Run {run.pk} is cancelled. Records that were written stay in Benchling. The next "
                "run starts where the last good one ended."
            )
        return _shown(run)


def _active(lane: str | None) -> list[SyncRun]:
    """Return the active run of a lane, or of all. Raise CommandError 64 for an unknown lane."""
    if lane is None:
        return runs.active_runs()
    found = runs.active(lane_named(lane))
    return [] if found is None else [found]


def _shown(run: SyncRun) -> str:
    lines = [f"Run {run.pk} ({run.kind}), {counts_sentence(run)}"]
    if (hold_up := runs.hold_up(run)) is not None:
        lines.append(hold_up.text)
    if run.lease_holder and (hold_up is None or runs.is_held(run)):
        heartbeat = stamp(run.heartbeat, seconds=True)
        lines.append(f"Running on {run.lease_holder}, last heartbeat {heartbeat}.")
    if time_left := estimate.time_left_sentence(run, per_hour=settings.OBJECTS_PER_HOUR):
        lines.append(time_left)
    return "\n".join(lines)
