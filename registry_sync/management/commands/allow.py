"""`manage.py allow`: let one stop pass, once, and say why."""

from __future__ import annotations

import getpass
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from registry_sync import runs
from registry_sync.management.operator import USAGE, OperatorCommand
from registry_sync.models import Allowance
from registry_sync.sync.gates import allowances


class Command(OperatorCommand):
    help = (
        "Let one stop of the lane last synced pass, once: great-change, path-gone, or identity "
        "of one record. The next run uses it up; what stopped no run cannot be allowed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", choices=Allowance.What.values, help="which stop")
        parser.add_argument("--id", default="", help="the record's external id (identity only)")
        parser.add_argument("--reason", required=True, help="why it is right; kept for ever")

    def handle(self, *args: Any, **options: Any) -> None:
        what, external_id = Allowance.What(options["what"]), options["id"].strip()
        if allowances.misfit(what, external_id):
            raise CommandError("--id goes with identity, and only with it.", returncode=USAGE)
        if not options["reason"].strip():
            raise CommandError("--reason is empty.", returncode=USAGE)
        lane = runs.latest_lane()
        if lane is None:
            raise CommandError("There was no run yet: there is nothing to allow.", returncode=1)
        if fault := allowances.nothing_to_allow(lane, what, external_id):
            raise CommandError(fault, returncode=1)
        Allowance.objects.create(
            lane=lane,
            what=what,
            external_id=external_id,
            actor=getpass.getuser(),
            reason=options["reason"].strip(),
        )
        self.stdout.write(f"The next run of {lane} lets it pass once: {what.label}.")
