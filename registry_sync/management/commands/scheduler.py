"""`manage.py scheduler`: start syncs on a schedule, where there is no cron."""

from __future__ import annotations

import subprocess
import sys
import time
from argparse import ArgumentParser
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import CommandError

from registry_sync import runs
from registry_sync.core import stopping
from registry_sync.core.stopping import Stopping
from registry_sync.jobs.pruning.prune import is_limited
from registry_sync.jobs.schedule import Schedule, ScheduleError, parse_schedule
from registry_sync.jobs.sole_holder import SoleHolder
from registry_sync.management.operator import USAGE, OperatorCommand, refuse_misconfiguration

STANDBY = 10.0
"""Seconds between two tries to become the scheduler that works."""
PRUNE_EVERY = timedelta(days=1)
OUTCOMES = {0: "succeeded", 2: "completed with warnings", 75: "another run was active"}
QUEUED = {
    0: "The runs are queued for the workers",
    2: "The runs are queued for the workers, except in lanes where another run was active",
    75: "Nothing was queued: another run was active",
}


class Command(OperatorCommand):
    help = (
        "Start a sync at each time of a schedule, until this process is stopped. A second "
        "scheduler of the same lane waits until the first one ends. cron does the same. Once a "
        "day it also prunes, where a setting KEEP_…_DAYS says so."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        when = parser.add_mutually_exclusive_group(required=True)
        when.add_argument("--every", metavar="TIME", default="", help="an interval, such as 15m")
        when.add_argument(
            "--cron", metavar="EXPRESSION", default="", help="such as '*/15 6-20 * * mon-fri'"
        )
        parser.add_argument("--lane", metavar="LANE", default="", help="sync only this lane")
        parser.add_argument(
            "--quiet-hours", metavar="HOURS", default="", help="start nothing then: 22:00-06:00"
        )
        parser.add_argument(
            "--timezone", metavar="ZONE", default="UTC", help="of cron's times and quiet hours"
        )
        parser.add_argument(
            "--jitter", metavar="TIME", default="", help="start up to this much later, such as 30s"
        )
        parser.add_argument("--enqueue", action="store_true", help="let the workers do the runs")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            schedule = parse_schedule(
                every=options["every"],
                cron=options["cron"],
                zone=options["timezone"],
                quiet=options["quiet_hours"],
                jitter=options["jitter"],
            )
        except ScheduleError as fault:
            raise CommandError(f"The schedule cannot be used: {fault}.", returncode=USAGE) from None
        refuse_misconfiguration()
        words = ["sync_registry"]
        words += ["--lane", options["lane"]] if options["lane"] else []
        words += ["--enqueue"] if options["enqueue"] else []
        with stopping.deferring_sigterm():
            try:
                self._work(schedule, words, SoleHolder(_name(options["lane"])))
            except (Stopping, KeyboardInterrupt):
                self.stdout.write("The scheduler has stopped.")

    def _work(self, schedule: Schedule, words: list[str], place: SoleHolder) -> None:
        self._wait_for_place(place)
        pruned_at = datetime.min.replace(tzinfo=UTC)
        while True:
            at = schedule.after(datetime.now(UTC))
            self._say(f"The next sync starts at {at:%Y-%m-%d %H:%M:%S} UTC.")
            while (remaining := (at - datetime.now(UTC)).total_seconds()) > 0:
                stopping.sleep_or_stop(min(remaining, STANDBY), grace=0)
                self._wait_for_place(place)
            if (late := -remaining) > 0 and schedule.after(at) < datetime.now(UTC):
                self._say(f"The start is {late:.0f} s late; missed times are not made up for.")
            status = self._start(words)
            self._say(f"{_outcome(status, words)} (exit status {status}).")
            pruned_at = self._prune(pruned_at)

    def _wait_for_place(self, place: SoleHolder) -> None:
        last_text = ""
        while not place.holds():
            text = (
                "Another scheduler of this lane is running. This one takes its place when it ends."
            )
            if place.trouble:
                why = place.trouble.rstrip(".")
                text = f"The database cannot be used: {why}. The operator must check it and "
                text += "DATABASE_URL. This scheduler continues when it answers."
            if text != last_text:
                self._say(text)
            last_text = text
            stopping.sleep_or_stop(STANDBY, grace=0)

    def _prune(self, last: datetime) -> datetime:
        """Delete what the settings no longer keep, once a day; return when that was last done."""
        now = datetime.now(UTC)
        if not is_limited() or now - last < PRUNE_EVERY:
            return last
        if status := self._start(["prune"]):
            self._say(f"manage.py prune failed (exit status {status}).")
        return now

    def _start(self, words: list[str]) -> int:
        """Run one command in a process of its own, which SIGTERM ends after its batch.

        Return its exit status.
        """
        child = subprocess.Popen([sys.executable, *_ourselves(), *words])
        try:
            while child.poll() is None:
                stopping.sleep_or_stop(1, grace=0)
        except (Stopping, KeyboardInterrupt):
            child.terminate()
            child.wait()
            raise
        return child.returncode

    def _say(self, text: str) -> None:
        stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
        self.stdout.write(f"{stamp} UTC  {text}")
        self.stdout.flush()


def _outcome(status: int, words: list[str]) -> str:
    """Return what became of one start; workers do the run that was handed to them."""
    if "--enqueue" in words:
        return QUEUED.get(status, "Not every run could be handed to the workers; see above")
    return f"The sync ended: {OUTCOMES.get(status, 'failed')}"


def _ourselves() -> list[str]:
    """Return how this command line was started: by manage.py, by its script, or by `-m`."""
    script = sys.argv[0]
    return ["-m", "integration"] if script.endswith("__main__.py") else [script]


def _name(lane: str) -> str:
    tenant, app = runs.app_key().values()
    return f"scheduler {tenant} {app} {lane}"
