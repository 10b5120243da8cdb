"""`manage.py adopt`: list the entities that were already in Benchling, and take some over."""

from __future__ import annotations

import csv
import getpass
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, TextIO

from django.core.management.base import CommandError
from django.db.models import QuerySet

from registry_sync import runs
from registry_sync.core.readable import readable
from registry_sync.core.spreadsheet import SheetWriter, original_text
from registry_sync.core.text import are, number_of
from registry_sync.desk.csv_export import cell
from registry_sync.management.lane_options import add_lane_argument, lane_named, which_lane
from registry_sync.management.operator import STANDARD, USAGE, OperatorCommand, unreadable_file
from registry_sync.models import Adoption, Lane
from registry_sync.sync.gates.adoption_approval import ApprovedTwice, approve, taken_over

COLUMNS = (
    "external_id", "how", "entity_registry_id", "entity_id", "name", "schema", "differences",
    "modified_at", "decision",
)  # fmt: skip
SHOWN = 3


class Command(OperatorCommand):
    help = (
        "List the entities that were already in Benchling and match records, or take some over: by "
        "the records' ids (--id), by name (--name), all of one kind (--all), or those marked "
        "“adopt” in a CSV (--from). The next run does it, and the registry's values win."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        targets = parser.add_mutually_exclusive_group()
        targets.add_argument("--id", metavar="ID,…", help="external ids of the records")
        targets.add_argument("--name", metavar="NAME", help="the entity's name in Benchling")
        targets.add_argument(
            "--all",
            choices=[str(how) for how in Adoption.ADOPTABLE],
            help="all that match in this way",
        )
        targets.add_argument(
            "--from", metavar="FILE", type=Path, dest="file", help="rows marked “adopt” in a CSV"
        )
        targets.add_argument(
            "--csv",
            metavar="FILE",
            type=Path,
            help="write the list to FILE (- for standard output)",
        )
        add_lane_argument(parser, "the lane alone")
        parser.add_argument("--reason", default="", help="why it is right; kept permanently")

    def handle(self, *args: Any, **options: Any) -> None:
        names = runs.LaneNames()
        lane_name = options["lane"]
        lanes = names.lanes if lane_name is None else [lane_named(lane_name, names)]
        if not lanes:
            raise CommandError("There has been no run yet, so there is no list.", returncode=1)
        rows = Adoption.objects.filter(lane__in=lanes, state=Adoption.State.OPEN)
        if options["csv"]:
            self._write(rows, options["csv"])
            return
        if not any(options[name] for name in ("id", "name", "all", "file")):
            self._list(lanes, rows, names)
            return
        reason = options["reason"].strip()
        if not reason:
            raise CommandError("--reason is empty.", returncode=USAGE)
        chosen = _chosen(rows, options)
        if options["id"]:
            _refuse_two_lanes(chosen, names)
        try:
            count = approve(chosen, actor=getpass.getuser(), reason=reason)
        except ApprovedTwice as conflict:
            text = f"{conflict} Choose one of them in a CSV (--csv, then --from)."
            raise CommandError(text, returncode=USAGE) from None
        self.stdout.write(taken_over(count))

    def _list(self, lanes: list[Lane], rows: QuerySet[Adoption], names: runs.LaneNames) -> None:
        for row in rows.select_related("lane"):
            name = names.label(row.lane)
            self.stdout.write(f"{name}: {_line(row)}" if name else _line(row))
        states = Adoption.objects.filter(lane__in=lanes).values_list("state", flat=True)
        count = {state: list(states).count(state) for state in Adoption.State.values}
        self.stdout.write(
            f"{count['open']:,} need a decision, {count['approved']:,} wait for the next run, "
            f"{count['adopted']:,} are taken over."
        )

    def _write(self, rows: QuerySet[Adoption], path: Path) -> None:
        if str(path) == STANDARD:
            _to_csv(rows, sys.stdout)
            return
        with path.open("w", encoding="utf-8", newline="") as out:
            count = _to_csv(rows, out)
        self.stdout.write(
            f"{number_of(count, 'row')} {are(count)} in {path}. Write “adopt” under decision for "
            f"each entity to take over, then run manage.py adopt --from {path} --reason “…”"
        )


def _refuse_two_lanes(chosen: list[Adoption], names: runs.LaneNames) -> None:
    """Raise CommandError where an external id is that of records of several lanes."""
    of: dict[str, set[Lane]] = {}
    for row in chosen:
        of.setdefault(row.external_id, set()).add(row.lane)
    for lanes in of.values():
        if len(lanes) > 1:
            raise which_lane([lane for lane in names.lanes if lane in lanes], names)


def _chosen(rows: QuerySet[Adoption], options: dict[str, Any]) -> list[Adoption]:
    if options["file"]:
        return _from_csv(rows, options["file"])
    if options["all"]:
        return list(rows.filter(how=options["all"]))
    if options["name"]:
        found = list(rows.filter(name__iexact=options["name"].strip()))
        missing = [] if found else [options["name"]]
    else:
        ids = [part.strip() for part in options["id"].split(",") if part.strip()]
        found = list(rows.filter(external_id__in=ids))
        missing = sorted(set(ids) - {row.external_id for row in found})
    if missing:
        raise CommandError(f"No decision is needed for {', '.join(missing)}.", returncode=USAGE)
    for row in found:
        if row.how not in Adoption.ADOPTABLE:
            raise CommandError(_refusal(row), returncode=USAGE)
    return found


def _refusal(row: Adoption) -> str:
    reason = "is archived" if row.how == Adoption.How.ARCHIVED else f"belongs to {row.schema_name}"
    return (
        f"{row.external_id}: {row.entity_registry_id} {reason} in Benchling and cannot be taken "
        "over as it is. A Benchling admin must change that first."
    )


def _from_csv(rows: QuerySet[Adoption], path: Path) -> list[Adoption]:
    """Return the rows marked “adopt”. Raise CommandError with every fault of the file."""
    waiting = {(row.external_id, row.entity_id): row for row in rows}
    found, faults = [], []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if not {"external_id", "entity_id", "decision"} <= set(reader.fieldnames or ()):
                raise CommandError(
                    f"{path} needs the columns external_id, entity_id and decision.",
                    returncode=USAGE,
                )
            for line in reader:
                decision = (line["decision"] or "").strip().casefold()
                external_id = original_text(line["external_id"] or "")
                row = waiting.get((external_id, line["entity_id"] or ""))
                if not decision:
                    continue
                if decision != "adopt":
                    faults.append(f"line {reader.line_num}: “{decision}” is not “adopt”")
                elif row is None:
                    faults.append(
                        f"line {reader.line_num}: {external_id} with "
                        f"{line['entity_id']} needs no decision"
                    )
                elif row.how not in Adoption.ADOPTABLE:
                    faults.append(f"line {reader.line_num}: {_refusal(row)}")
                else:
                    found.append(row)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise unreadable_file(path, error) from error
    if faults:
        raise CommandError(f"{path}: " + "; ".join(faults) + ".", returncode=USAGE)
    return found


def _to_csv(rows: QuerySet[Adoption], out: TextIO) -> int:
    writer = SheetWriter(out)
    writer.writerow(COLUMNS)
    count = 0
    for row in rows.iterator(2000):
        count += 1
        writer.writerow(
            [
                row.external_id, row.how, row.entity_registry_id, row.entity_id, row.name,
                row.schema_name, " | ".join(_differences(row)), cell(row.modified_at), "",
            ]
        )  # fmt: skip
    return count


def _differences(row: Adoption) -> list[str]:
    """Return what taking the entity over would change, field by field."""
    return [
        f"{field}: {readable(current)} → {readable(value)}"
        for field, current, value in row.differences
    ]


def _line(row: Adoption) -> str:
    differences = _differences(row)
    changes = "; ".join(differences[:SHOWN]) or "nothing would change"
    more = f" and {len(differences) - SHOWN} more" if len(differences) > SHOWN else ""
    where = f" of {row.schema_name}" if row.how == Adoption.How.OTHER_SCHEMA else ""
    note = f"  [{row.note}]" if row.note else ""
    return (
        f"{row.external_id}  {row.how}  {row.entity_registry_id or row.entity_id} "
        f"“{row.name}”{where}  {changes}{more}{note}"
    )
