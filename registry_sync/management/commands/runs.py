"""`manage.py runs`: the newest runs, and how each ended."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from registry_sync import runs
from registry_sync.management.lane_options import add_lane_argument, add_limit, lane_named
from registry_sync.management.operator import OperatorCommand
from registry_sync.management.plain_text import run_lines
from registry_sync.management.run_json import run_json
from registry_sync.models import SyncRun


class Command(OperatorCommand):
    help = "List the newest runs, the newest first: when, what, and how each ended."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_lane_argument(parser, "list the runs of one lane only")
        add_limit(parser, 20, "runs")
        parser.add_argument("--json", action="store_true", help="write JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        names = runs.LaneNames()
        rows = SyncRun.objects.of_app().select_related("lane").order_by("-id")
        if options["lane"] is not None:
            rows = rows.filter(lane=lane_named(options["lane"], names))
        found = [run_json(run, names) for run in rows[: options["limit"]]]
        if options["json"]:
            self.stdout.write(json.dumps({"runs": found}, indent=2, ensure_ascii=False))
            return
        for run in found:
            for line in run_lines(run, with_lane=names.several):
                self.stdout.write(line)
        if not found:
            self.stdout.write("No run yet.")
