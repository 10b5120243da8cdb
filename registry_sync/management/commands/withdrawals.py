"""`manage.py withdrawals`: list what left the registry, and decide about it."""

from __future__ import annotations

import getpass
from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any

from django.core.management.base import CommandError
from django.db.models import QuerySet

from registry_sync import runs
from registry_sync.core.text import number_of
from registry_sync.desk import withdrawals as decisions
from registry_sync.ledger import admin_log
from registry_sync.management.lane_options import add_lane_argument, lane_named, which_lane
from registry_sync.management.operator import PROPOSED, USAGE, OperatorCommand
from registry_sync.models import Withdrawal
from registry_sync.sync.plans.proposals import Person, SecondPerson

ACTIONS = {
    "archive": (decisions.release_withdrawals, "will be archived by the next run"),
    "keep": (decisions.keep_in_use, "will stay in use"),
    "undo": (decisions.undo, "will be unarchived by the next run"),
}


class Command(OperatorCommand):
    help = (
        "List the records that left the registry, and what became of their entities. Decide about "
        "those that wait: archive, keep, or undo an archive. The next run acts on it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "action", nargs="?", default="list", choices=["list", *ACTIONS], help="what to do"
        )
        parser.add_argument("ids", nargs="*", metavar="ID", help="external ids")
        parser.add_argument(
            "--all", action="store_true", help="all that wait for a decision; with undo, all"
        )
        parser.add_argument("--run", type=int, metavar="N", help="undo what run N archived")
        parser.add_argument("--reason", default="", help="why; kept permanently")
        add_lane_argument(parser, "only withdrawals of this lane")

    def handle(self, *args: Any, **options: Any) -> None:
        lane_name = options["lane"]
        lanes = runs.current_lanes() if lane_name is None else [lane_named(lane_name)]
        rows = decisions.open_withdrawals(lanes)
        if options["action"] == "list":
            self._list(rows)
            return
        if not options["reason"].strip():
            raise CommandError("--reason is missing.", returncode=USAGE)
        act, becomes = ACTIONS[options["action"]]
        who = getpass.getuser()
        chosen, reason = self._chosen(rows, options), options["reason"].strip()
        if lane_name is None:
            _refuse_several(chosen)
        try:
            done = act(chosen, by=Person(who), reason=reason)
        except SecondPerson as proposed:
            raise CommandError(f"{proposed} {proposed.remedy}", returncode=PROPOSED) from proposed
        text = f"{who}, manage.py withdrawals {options['action']}: {reason}"
        admin_log.note_all(done, text, actor=who)
        self._write(done)
        self.stdout.write(f"{number_of(len(done), 'entity', 'entities')} {becomes}.")
        if not done:
            raise CommandError("None of them is in a state that allows this.", returncode=1)

    def _chosen(self, rows: QuerySet[Withdrawal], options: dict[str, Any]) -> QuerySet[Withdrawal]:
        """Return the withdrawals that the options name. Raise CommandError 64 if they name none."""
        undo, ids, run = options["action"] == "undo", options["ids"], options["run"]
        choices = [bool(ids), options["all"], run is not None]
        if sum(choices) != 1 or (run is not None and not undo):
            text = "Name external ids, or give --all; undo also takes --run N."
            raise CommandError(text, returncode=USAGE)
        if ids:
            return rows.filter(external_id__in=ids)
        if run is not None:
            return rows.filter(archive_run_id=run)
        return rows if undo else rows.filter(state=Withdrawal.State.STAGED)

    def _list(self, rows: QuerySet[Withdrawal]) -> None:
        self._write(rows.iterator())
        waiting = rows.filter(state=Withdrawal.State.STAGED).count()
        counted = number_of(rows.count(), "withdrawal")
        self.stdout.write(f"{counted}, of which {waiting:,} wait for a decision.")

    def _write(self, rows: Iterable[Withdrawal]) -> None:
        names = runs.LaneNames()
        for row in rows:
            self.stdout.write(_line(row, names.label(row.lane)))


def _refuse_several(rows: QuerySet[Withdrawal]) -> None:
    """Raise CommandError 64 where a decision is about several lanes: an id can be in each."""
    found = {row.lane for row in rows}
    if len(found) > 1:
        names = runs.LaneNames()
        raise which_lane([lane for lane in names.lanes if lane in found], names)


def _line(row: Withdrawal, lane: str) -> str:
    containers = f", {number_of(row.containers, 'container')}" if row.containers else ""
    links = f", links from {', '.join(row.links)}" if row.links else ""
    note = f" {row.note}" if row.note else ""
    of = f"{lane}: " if lane else ""
    return (
        f"{of}{row.external_id}  {row.entity_registry_id} “{row.name}”: {row.get_how_display()}; "
        f"{row.get_state_display()}{containers}{links}.{note}"
    )
