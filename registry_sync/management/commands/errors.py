"""`manage.py errors`: what is not in Benchling, by cause, and who must act."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from registry_sync import runs
from registry_sync.core.types import Json
from registry_sync.desk.error_waits import waits_of
from registry_sync.management.lane_options import add_lane_argument, add_limit, lane_named
from registry_sync.management.operator import USAGE, OperatorCommand
from registry_sync.management.plain_text import record_lines, to_do_lines
from registry_sync.management.run_json import time_json
from registry_sync.management.status_json import group_json
from registry_sync.models import EntityError, Lane
from registry_sync.reporting.catalogue import RECORD_CAUSES, record_actor
from registry_sync.reporting.error_groups import error_groups


class Command(OperatorCommand):
    help = (
        "List open errors by cause: how many records, since when, who must act and what to do. "
        "With --cause, list the records of one cause. The exit status is 0, also with errors."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_lane_argument(parser, "list the errors of one lane only")
        parser.add_argument(
            "--cause", metavar="CODE", help="list the records of this cause, oldest first"
        )
        add_limit(parser, 100, "records a lane, with --cause")
        parser.add_argument("--json", action="store_true", help="write JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        names, lane_name, cause = runs.LaneNames(), options["lane"], options["cause"]
        lanes = names.lanes if lane_name is None else [lane_named(lane_name, names)]
        if cause is not None:
            _refuse_unknown(cause, lanes)
            found = [_of_cause(lane, names, cause, options["limit"]) for lane in lanes]
        else:
            found = [_by_cause(lane, names) for lane in lanes]
        if options["json"]:
            self.stdout.write(json.dumps({"lanes": found}, indent=2, ensure_ascii=False))
            return
        for lane in found:
            self._write(lane)
        if not found:
            self.stdout.write("No lane is known yet: no run has read the app's configuration.")

    def _write(self, lane: Json) -> None:
        of = "record is" if lane["open_errors"] == 1 else "records are"
        self.stdout.write(f"{lane['lane']}: {lane['open_errors']:,} {of} not up to date.")
        for line in to_do_lines(lane["causes"] or ()):
            self.stdout.write(line)
        for record in lane["records"] or ():
            for line in record_lines(record):
                self.stdout.write(f"    {line}")
        if lane["records"] and (remaining := lane["open_errors"] - len(lane["records"])) > 0:
            self.stdout.write(f"    and {remaining:,} more: --limit N shows N of them.")


def _by_cause(lane: Lane, names: runs.LaneNames) -> Json:
    causes = [group_json(group) for group in error_groups(runs.open_errors(lane))]
    total = sum(cause["records"] for cause in causes)
    return {"lane": names.of(lane), "open_errors": total, "causes": causes, "records": None}


def _of_cause(lane: Lane, names: runs.LaneNames, code: str, limit: int) -> Json:
    rows = runs.open_errors(lane).filter(code=code).defer("raw").select_related("lane")
    errors = list(rows.order_by("first_seen", "pk")[:limit])
    waits = waits_of(errors)
    records = [_record(error, waits[error.pk]) for error in errors]
    return {
        "lane": names.of(lane), "open_errors": rows.count(), "causes": None, "records": records,
    }  # fmt: skip


def _record(error: EntityError, waits: str) -> Json:
    return {
        "id": error.external_id,
        "field": error.field or None,
        "value": error.value or None,
        "message": error.message,
        "who": record_actor(error.code, error.kind, error.assigned).label,
        "remedy": error.remedy,
        "since": time_json(error.first_seen),
        "last_seen": time_json(error.last_seen),
        "times_seen": error.times_seen,
        "waits": waits or None,
    }


def _refuse_unknown(code: str, lanes: list[Lane]) -> None:
    """Raise CommandError 64 for a code that neither the catalogue nor an open error has."""
    if any(cause.matches(code) for cause in RECORD_CAUSES):
        return
    if not runs.open_errors(*lanes).filter(code=code).exists():
        text = (
            f"--cause {code}: there is no such cause. manage.py errors lists those that are open."
        )
        raise CommandError(text, returncode=USAGE)
