"""`manage.py allow`: override one guard, once, and say why."""

from __future__ import annotations

import getpass
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from registry_sync import runs
from registry_sync.core.problems import SyncError
from registry_sync.management.lane_options import add_lane_argument, lane_named, which_lane
from registry_sync.management.operator import FAILED, PROPOSED, USAGE, OperatorCommand
from registry_sync.models import Allowance, Lane
from registry_sync.sync.gates import allowances
from registry_sync.sync.plans.proposals import Person, SecondPerson


class Command(OperatorCommand):
    help = (
        "Override one guard, once: great-change, path-gone, or the identity or drawings of one "
        "record. The next run uses the override. Only what a guard has stopped can be allowed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", choices=Allowance.What.values, help="which guard")
        parser.add_argument(
            "--id", default="", help="the record's external id (identity, drawings)"
        )
        add_lane_argument(parser, "the lane, where several have the record or were stopped")
        parser.add_argument("--reason", required=True, help="why it is right; kept permanently")

    def handle(self, *args: Any, **options: Any) -> None:
        what, external_id = Allowance.What(options["what"]), options["id"].strip()
        if allowances.misfit(what, external_id):
            raise CommandError(
                "identity and drawings need --id, and nothing else takes it.", returncode=USAGE
            )
        if not options["reason"].strip():
            raise CommandError("--reason is empty.", returncode=USAGE)
        names = runs.LaneNames()
        lane_name = options["lane"]
        lanes = names.lanes if lane_name is None else [lane_named(lane_name, names)]
        lane = _lane_to_allow(lanes, what, external_id, names)
        who, reason = getpass.getuser(), options["reason"].strip()
        try:
            allowances.allow(lane, what, external_id, by=Person(who), reason=reason)
        except SyncError as error:  # proposed only, or someone has just done it
            status = PROPOSED if isinstance(error, SecondPerson) else FAILED
            raise CommandError(error.with_remedy, returncode=status) from error
        named = names.label(lane) or lane
        self.stdout.write(f"The next run of {named} allows it once: {what.label}.")


def _lane_to_allow(
    lanes: list[Lane], what: Allowance.What, external_id: str, names: runs.LaneNames
) -> Lane:
    """Return the lane that the guard stopped. Raise CommandError if it is none, or not one."""
    found = {lane: allowances.nothing_to_allow(lane, what, external_id) for lane in lanes}
    stopped = [lane for lane, fault in found.items() if not fault]
    if len(stopped) > 1:
        raise which_lane(stopped, names)
    if stopped:
        return stopped[0]
    faults = list(found.values())
    text = "\n".join(faults) or "There has been no run yet, so there is nothing to allow."
    raise CommandError(text, returncode=1)
