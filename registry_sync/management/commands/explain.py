"""`manage.py explain ID`: one record, step by step, from the registry to Benchling."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from registry_sync import runs
from registry_sync.core.types import Json
from registry_sync.desk import record_search
from registry_sync.explain.explanation import as_json
from registry_sync.explain.steps import explain
from registry_sync.management.lane_options import (
    add_lane_argument,
    lanes_to_sync,
    which_lane,
)
from registry_sync.management.operator import (
    FAILED,
    USAGE,
    OperatorCommand,
    refuse_misconfiguration,
)
from registry_sync.management.plain_text import one_line
from registry_sync.models import Lane

STOPPED = 2


class Command(OperatorCommand):
    help = (
        "Follow one record, step by step: connection, record, scope, mapping, name and links, "
        "Benchling, and what a run would write. Nothing is written. Exit status: 0 it is in "
        "Benchling or a run would write it, 2 it goes no further than the step shown, 1 a system "
        "could not be asked or did not answer within 5 s, 64 wrong usage."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("id", metavar="ID", help="external id, registry id or name")
        add_lane_argument(parser, "the record's lane")
        parser.add_argument("--json", action="store_true", help="write JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        refuse_misconfiguration()
        if not options["id"].strip():
            raise CommandError("ID is empty.", returncode=USAGE)
        names = runs.LaneNames()
        found = explain(*_find_record(options["id"].strip(), options["lane"], names))
        explained = as_json(found, names.of(found.lane))
        if options["json"]:
            self.stdout.write(json.dumps(explained, indent=2, ensure_ascii=False, default=str))
        else:
            self._write(explained)
        outcomes = {step["outcome"] for step in explained["steps"]}
        if "stopped" in outcomes:
            raise SystemExit(STOPPED)
        if outcomes & {"failed", "unknown"}:
            raise SystemExit(FAILED)

    def _write(self, explained: Json) -> None:
        self.stdout.write(f"{explained['record_id']} ({explained['lane']})")
        for number, step in enumerate(explained["steps"], 1):
            self.stdout.write(f"{number}. {step['step']}: {step['outcome']}. {step['text']}")
            for line in step["details"]:
                self.stdout.write(f"       {one_line(line)}")


def _find_record(typed: str, lane: str | None, names: runs.LaneNames) -> tuple[Lane, str]:
    """Return the record's lane and external id. Raise CommandError 64 if several are meant."""
    lanes = lanes_to_sync(lane) if lane is not None else names.lanes
    hits = [hit for hit in record_search.find_records(typed) if hit.lane in lanes]
    exact = [hit for hit in hits if hit.external_id == typed]
    hits = exact or hits
    if len(of := list(dict.fromkeys(hit.lane for hit in hits))) > 1:
        raise which_lane(of, names)
    if hits:
        return hits[0].lane, hits[0].external_id if len(hits) == 1 else typed
    lanes_known = lanes_to_sync(lane, one_for="explain")
    if not lanes_known:
        text = "No lane is known yet: no run has read the app's configuration."
        raise CommandError(text, returncode=FAILED)
    return lanes_known[0], typed
