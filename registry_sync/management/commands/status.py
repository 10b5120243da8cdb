"""`manage.py status`: how each lane stands, since when, and who must act."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from registry_sync import runs
from registry_sync.core.types import Json
from registry_sync.management import status_json
from registry_sync.management.lane_options import add_lane_argument, lane_named
from registry_sync.management.operator import OperatorCommand
from registry_sync.management.plain_text import time_text, to_do_lines
from registry_sync.monitoring.health import assess_service
from registry_sync.monitoring.lane_runs import lanes_or_none
from registry_sync.monitoring.light import Light


class Command(OperatorCommand):
    help = (
        "Show how each lane stands: what is wrong, since when, who must act and what to do. Exit "
        "status: 0 everything is in sync or under way, 2 something is behind or has not started, "
        "1 something has stopped, 64 wrong usage."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_lane_argument(parser, "show one lane only")
        parser.add_argument("--json", action="store_true", help="write JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        names, lane_name = runs.LaneNames(), options["lane"]
        lanes = lanes_or_none(names) if lane_name is None else [lane_named(lane_name, names)]
        around = assess_service()
        service = status_json.service_json(around)
        found = [status_json.lane_light(lane, around, names) for lane in lanes]
        if options["json"]:
            report = {"service": service, "lanes": [one for _, one in found]}
            self.stdout.write(json.dumps(report, indent=2, ensure_ascii=False))
        else:
            for line in _lines(service, found):
                self.stdout.write(line)
        status = status_json.worst_status([service["state"], *(one["state"] for _, one in found)])
        if status:
            raise SystemExit(status)


def _lines(service: Json, lanes: list[tuple[Light, Json]]) -> Iterator[str]:
    for text in service["findings"]:
        yield f"Service: {text}"
    for light, lane in lanes:
        first, *others = lane["findings"]
        yield f"{lane['lane'] or 'No lane yet'}: {light}. {first}"
        yield from (f"    {text}" for text in others)
        if lane["last_good_run"] is not None:
            at = time_text(lane["last_good_at"])
            yield f"    The last good run is {lane['last_good_run']}, {at}."
        if lane["active_run"] is not None:
            waits = lane["active_run_waits"]
            text = f" {waits['text']}" if waits and waits["word"] == "waiting" else ""
            yield f"    Run {lane['active_run']} is active; manage.py run shows it.{text}"
        yield from to_do_lines(lane["to_do"])
