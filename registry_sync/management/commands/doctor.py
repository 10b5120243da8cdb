"""`manage.py doctor`: check the whole set-up, and say for each check what to do."""

from __future__ import annotations

import getpass
import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.db import DatabaseError

from registry_sync.benchling.errors import Refused
from registry_sync.core.problems import SyncError
from registry_sync.core.text import number_of
from registry_sync.drafts.connector_proposal.live import propose_live
from registry_sync.management.lane_options import add_lane_argument, lane_named
from registry_sync.management.operator import USAGE, OperatorCommand, refuse_misconfiguration
from registry_sync.monitoring.doctor import checkup as doctor
from registry_sync.monitoring.doctor.check_result import CheckResult
from registry_sync.sync.clients import client_of_settings

MARKS = {"ok": "ok     ", "warning": "warning", "bad": "BAD    ", "skipped": "skipped"}


class Command(OperatorCommand):
    help = (
        "Check the set-up end to end: settings, database, Redis, workers, alerts, Benchling, the "
        "registry. Writes nothing there. Exit status: 0 if nothing fails (warnings are allowed), 1 "
        "if something fails."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--propose",
            action="store_true",
            help="propose Connector Settings from the registry's answers instead; API URL and API "
            "Key in the app's configuration are enough",
        )
        parser.add_argument("--json", action="store_true", help="write the results as JSON")
        add_lane_argument(parser, "with --propose: the lane to propose for")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["propose"] and options["json"]:
            raise CommandError("--json cannot be combined with --propose.", returncode=USAGE)
        if options["propose"]:
            self._propose(lane_to_propose(options["lane"]))
            return
        if options["lane"] is not None:
            raise CommandError("--lane needs --propose.", returncode=USAGE)
        results = doctor.examine()
        if not options["json"]:
            self._write(results)
        try:
            doctor.record_checkup(results, actor=getpass.getuser())
        except DatabaseError as error:
            self.stderr.write(f"The check-up could not be recorded ({type(error).__name__}).")
        bad = sum(result.state == "bad" for result in results)
        warned = sum(result.state == "warning" for result in results)
        if options["json"]:
            report = {"failed": bad, "warned": warned, "checks": [one.stored() for one in results]}
            self.stdout.write(json.dumps(report, indent=2, ensure_ascii=False))
        else:
            self.stdout.write(f"{number_of(len(results), 'check')}: {bad} failed, {warned} warned.")
        if bad:
            raise SystemExit(1)

    def _write(self, results: list[CheckResult]) -> None:
        for result in results:
            self.stdout.write(f"{MARKS[result.state]}  {result.name}: {result.finding}")
            if result.remedy and result.state != "ok":
                self.stdout.write(f"         → {result.remedy}")

    def _propose(self, schema_id: str) -> None:
        """Write the proposal, with the evidence of each line."""
        refuse_misconfiguration()
        try:
            proposal = propose_live(client_of_settings(), schema_id)
        except SyncError as error:
            raise CommandError(f"{error.message}\n{error.remedy}", returncode=1) from error
        except Refused as refused:
            raise CommandError(
                f"Benchling refused the request ({refused.status}): {refused.message}\nA "
                "Benchling admin must check the app's permissions.",
                returncode=1,
            ) from refused
        for line in proposal.lines:
            value = json.dumps(line.value, ensure_ascii=False)
            head = f"{line.setting} = {value}" if line.setting else "(no setting)"
            self.stdout.write(f"{head}\n         {line.evidence}")
        text = json.dumps(proposal.settings, indent=2, ensure_ascii=False)
        self.stdout.write(f"\nConnector Settings:\n{text}")
        self.stdout.write(
            "\nNothing was written. Check them with the registry's owner, then take them into a "
            "mapping draft (Test connection in the desk) or into the app's configuration."
        )


def lane_to_propose(lane_name: str | None) -> str:
    """Return the schema of the lane that `--lane` names, or "". Raise CommandError 64."""
    return lane_named(lane_name).schema_id if lane_name is not None else ""
