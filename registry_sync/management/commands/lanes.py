"""`manage.py lanes`: the lanes that the app's configuration names, and how each stands."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from registry_sync import runs
from registry_sync.management.lane_options import lanes_to_sync
from registry_sync.management.lane_policy import (
    add_policy_arguments,
    policy_of,
    refuse_policy_options,
    set_lane_policy,
)
from registry_sync.management.operator import OperatorCommand
from registry_sync.models import Lane, SyncRun
from registry_sync.monitoring.lane_runs import judged_run

NEVER = "never ran"


class Command(OperatorCommand):
    help = (
        "List the lanes: name, schema, type, address, position in the configuration, last run, "
        "standing, active run and policy. With `set`, choose what is done about entities whose "
        "records left the registry."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_policy_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["action"] == "set":
            self.stdout.write(set_lane_policy(options))
            return
        refuse_policy_options(options)
        lanes_to_sync(None)  # reads the configuration where no lane is known yet
        names = runs.LaneNames()
        if not names.lanes:
            self.stdout.write("No lane is known yet: no run has read the app's configuration.")
        for lane in names.lanes:
            self.stdout.write(_listed(lane, names))


def _listed(lane: Lane, names: runs.LaneNames) -> str:
    facts = {
        "schema": f"{lane.schema_name or '–'} ({lane.schema_id or 'none'})",
        "type": lane.entity_type.name if lane.links_to is not None else "not read yet",
        "address": lane.collection or "not known: the configuration is faulty",
        "position": f"{(lane.position or 0) + 1} of {len(names.lanes)}",
        "last run": _last_run(lane),
        "standing": _standing(lane),
        "active run": _active(lane),
        "withdrawn": policy_of(lane),
    }
    lines = [names.of(lane), *(f"    {name + ':':<12}{value}" for name, value in facts.items())]
    return "\n".join(lines)


def _last_run(lane: Lane) -> str:
    ended = lane.runs.exclude(status__in=SyncRun.ACTIVE).exclude(kind__in=SyncRun.DRY)
    last = ended.order_by("-id").first()
    if last is None:
        return "none"
    at = last.finished_at or last.created_at
    return f"{last.pk} ({last.kind}) {last.status}, {at:%Y-%m-%d %H:%M} UTC"


def _standing(lane: Lane) -> str:
    last = judged_run(lane)
    if last is None:
        return NEVER
    errors = runs.open_errors(lane).count()
    errors_text = f"{errors:,} open errors" if errors != 1 else "1 open error"
    if last.status in SyncRun.GOOD:
        return f"{'up to date' if not errors else 'synced'}, {errors_text}"
    return f"{last.status.lower()}: {last.error} ({errors_text})"


def _active(lane: Lane) -> str:
    run = runs.active(lane)
    if run is None:
        return "none"
    if (hold_up := runs.hold_up(run)) is not None:
        return f"{run.pk} ({run.kind}), {hold_up.word}. {hold_up.text}"
    return f"{run.pk} ({run.kind}), {run.status.lower()}"
