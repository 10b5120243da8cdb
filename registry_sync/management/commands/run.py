"""`manage.py run`: see the active run, pause it, let it go on, or cancel it."""

from __future__ import annotations

import getpass
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.utils import timezone

from registry_sync import runs
from registry_sync.jobs.control import cancel, pause, resume
from registry_sync.management.operator import USAGE, OperatorCommand
from registry_sync.models import SyncRun
from registry_sync.reporting.session_messages import counts_sentence
from registry_sync.runs import estimate


class Command(OperatorCommand):
    help = (
        "Show the active run, or pause, resume or cancel it. A batch that is on its way is "
        "finished in any case; nothing is lost, and scientists see who did it and why."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", nargs="?", choices=["show", "pause", "resume", "cancel"])
        parser.add_argument("--reason", default="", help="with pause and cancel: shown to all")

    def handle(self, *args: Any, **options: Any) -> None:
        what, reason = options["what"] or "show", options["reason"].strip()
        if what in ("pause", "cancel") and not reason:
            raise CommandError("--reason is empty.", returncode=USAGE)
        run = runs.active()
        if run is None:
            raise CommandError("No run is active.", returncode=1)
        actor = getpass.getuser()
        if what == "pause":
            pause(run, actor=actor, reason=reason)
            self.stdout.write(
                f"Run {run.pk} pauses after the batch on its way. It goes on with manage.py run "
                "resume, and blocks other runs until then."
            )
        elif what == "resume":
            told = resume(run)
            who = "a worker" if told else "the next sync_registry"
            self.stdout.write(f"Run {run.pk} goes on where it was: {who} takes it up.")
        elif what == "cancel":
            cancel(run, actor=actor, reason=reason)
            self.stdout.write(
                f"Run {run.pk} is cancelled. What was written stays; the next run starts from "
                "where the last good one ended."
            )
        else:
            self.stdout.write(_shown(run))


def _shown(run: SyncRun) -> str:
    lines = [f"Run {run.pk} ({run.kind}), {counts_sentence(run)}"]
    if run.paused_at:
        lines.append(runs.paused_sentence(run))
    elif run.waiting_until and run.waiting_until > timezone.now():
        lines.append(runs.waiting_sentence(run))
    elif run.lease_holder:
        lines.append(f"Worked by {run.lease_holder}, last sign of life {run.heartbeat:%H:%M:%S}.")
    if left := estimate.time_left_sentence(run, per_hour=settings.OBJECTS_PER_HOUR):
        lines.append(left)
    return "\n".join(lines)
