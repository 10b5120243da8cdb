"""`manage.py plan`: list, show, make and apply plans. They are signed in the desk."""

from __future__ import annotations

import getpass
import json
from argparse import ArgumentParser
from typing import Any, NoReturn

from django.core.management.base import CommandError

from registry_sync import runs
from registry_sync.core.text import number_of
from registry_sync.core.types import Json
from registry_sync.jobs import runner as jobs
from registry_sync.jobs.following import following_plan
from registry_sync.management.lane_options import add_lane_argument, add_limit, lanes_to_sync
from registry_sync.management.operator import (
    FAILED,
    USAGE,
    OperatorCommand,
    refuse_misconfiguration,
)
from registry_sync.management.plan_json import plan_json, plan_lines, row_line
from registry_sync.management.run_json import run_json
from registry_sync.management.run_progress import RunProgress
from registry_sync.management.run_summary import busy_sentence, run_summary
from registry_sync.models import Plan, SyncRun
from registry_sync.sync.listener import NullListener
from registry_sync.sync.plans import lifecycle

Kind, Status = SyncRun.Kind, SyncRun.Status
SUCCEEDED, WARNINGS, BUSY = 0, 2, 75


class Command(OperatorCommand):
    help = (
        "List the plans, show one, make one of what a sync would write now, or apply a signed "
        "one. A plan is signed in the desk. Exit status of make and apply: 0 succeeded, 2 with "
        "warnings (a plan that waits for a signature, rows that were not written), 1 failed, 75 "
        "another run is active, 64 wrong usage."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["list", "show", "make", "apply"], help="what to do")
        parser.add_argument("number", nargs="?", type=int, help="the plan's number (show, apply)")
        add_lane_argument(parser, "the lane (list, make)")
        add_limit(parser, 20, "plans, or rows of show")
        parser.add_argument("--full", action="store_true", help="make: read every record")
        parser.add_argument("--json", action="store_true", help="write JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        action = options["action"]
        if (action in ("show", "apply")) != (options["number"] is not None):
            raise CommandError("show and apply take a plan's number.", returncode=USAGE)
        if options["lane"] is not None and action in ("show", "apply"):
            raise CommandError("--lane goes with list and make.", returncode=USAGE)
        getattr(self, f"_{action}")(options)

    def _list(self, options: dict[str, Any]) -> None:
        names = runs.LaneNames()
        lanes = lanes_to_sync(options["lane"]) if options["lane"] else names.lanes
        rows = Plan.objects.filter(lane__in=lanes).exclude(state=Plan.State.MAKING)
        found = [plan_json(plan, names) for plan in rows.select_related("lane")[: options["limit"]]]
        if options["json"]:
            self._write({"plans": found})
            return
        for plan in found:
            self.stdout.write(plan_lines(plan, several=names.several)[0])
        if not found:
            self.stdout.write("No plan yet.")

    def _show(self, options: dict[str, Any]) -> None:
        plan = _plan(options["number"])
        names, limit = runs.LaneNames(), options["limit"]
        shown = plan_json(plan, names, rows=limit)
        if options["json"]:
            self._write(shown)
            return
        for line in plan_lines(shown, several=names.several):
            self.stdout.write(line)
        for row in shown["rows"]:
            self.stdout.write(row_line(row))
        if (remaining := plan.writes - len(shown["rows"])) > 0:
            self.stdout.write(f"{number_of(remaining, 'more row')}: --limit shows more.")

    def _make(self, options: dict[str, Any]) -> NoReturn:
        refuse_misconfiguration()
        lanes = lanes_to_sync(options["lane"])
        if len(lanes) > 1:
            raise CommandError("Name one lane with --lane.", returncode=USAGE)
        lane = next(iter(lanes), None)
        self._work(options, kind=Kind.PLAN, lane=lane, reads_all=options["full"])

    def _apply(self, options: dict[str, Any]) -> NoReturn:
        refuse_misconfiguration()
        plan = _plan(options["number"])
        if fault := lifecycle.apply_fault(plan):
            raise CommandError(fault, returncode=FAILED)
        self._work(options, kind=Kind.APPLY, lane=plan.lane, plan=plan)

    def _work(self, options: dict[str, Any], **values: Any) -> NoReturn:
        trigger = SyncRun.Trigger.COMMAND
        run, is_new = runs.request_run(trigger=trigger, actor=getpass.getuser(), **values)
        if not is_new:
            self.stderr.write(busy_sentence(run) or f"Run {run.pk} is active.")
            raise SystemExit(BUSY)
        with RunProgress(False, details=False, out=self.stderr) as watch:
            run = jobs.work_to_end(run.pk, watch)
        if options["json"]:
            names = runs.LaneNames()
            plan = plan_json(run.plan, names) if run.plan is not None else None
            self._write({"run": run_json(run, names), "plan": plan})
        else:
            self.stdout.write(run_summary(run))
        noted = self._note_what_was_read(run)
        raise SystemExit(FAILED if noted == FAILED else _exit_status(run))

    def _note_what_was_read(self, run: SyncRun) -> int:
        """Work the run that follows a plan with nothing to write; return its exit status."""
        then = following_plan(run) if run.kind == Kind.PLAN else None
        if then is None:
            return SUCCEEDED
        then = jobs.work_to_end(then.pk, NullListener())
        self.stderr.write(f"Then {run_summary(then)[0].lower()}{run_summary(then)[1:]}")
        return _exit_status(then)

    def _write(self, found: Json) -> None:
        self.stdout.write(json.dumps(found, indent=2, ensure_ascii=False))


def _exit_status(run: SyncRun) -> int:
    if run.is_active:
        return BUSY
    good = {Status.SUCCEEDED: SUCCEEDED, Status.COMPLETED_WITH_WARNINGS: WARNINGS}
    return good.get(Status(run.status), FAILED)


def _plan(number: int) -> Plan:
    lanes = runs.LaneNames().lanes
    plan = Plan.objects.filter(pk=number, lane__in=lanes).select_related("lane").first()
    if plan is None:
        raise CommandError(f"There is no plan {number}.", returncode=USAGE)
    if plan.state == Plan.State.MAKING:
        raise CommandError(f"Plan {number} is still being made.", returncode=FAILED)
    return plan
