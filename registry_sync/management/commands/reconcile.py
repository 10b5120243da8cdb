"""`manage.py reconcile`: compare both sides field by field, and sign what was found."""

from __future__ import annotations

import getpass
import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from registry_sync.core.types import Json
from registry_sync.desk import csv_export as csvs
from registry_sync.desk import reconciliations as shown
from registry_sync.ledger.signed_csv import file_digest, sign_file
from registry_sync.management.lane_options import add_lane_argument, lanes_to_sync
from registry_sync.management.operator import (
    FAILED,
    OperatorCommand,
    new_file,
    refuse_misconfiguration,
)
from registry_sync.models import Lane, Reconciliation
from registry_sync.runs import schema_view
from registry_sync.sync.clients import client_of_settings, plain_source
from registry_sync.sync.reconcile import record as reconciling

WARNED = 2
EXAMPLES = 20


class Command(OperatorCommand):
    help = (
        "Compare both sides of a lane: every record of the registry with its entity in Benchling, "
        "field by field. Nothing is written to either. Exit status 0: equal, accepted differences "
        "aside; 2: not equal, or not all was read; 1: failed; 64: wrong usage."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_lane_argument(parser, "the lane to compare")
        parser.add_argument("--json", action="store_true", help="write the result as JSON")
        parser.add_argument(
            "--csv", metavar="FILE", type=new_file, help="write the differences to FILE"
        )
        parser.add_argument(
            "--statement",
            metavar="FILE",
            type=new_file,
            help="write the counts to FILE and their signature to FILE.jws",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        refuse_misconfiguration()
        if options["statement"] and not settings.BENCHLING_PRIVATE_KEY:
            raise CommandError(
                "Cannot sign the statement: BENCHLING_PRIVATE_KEY is not set. The operator must "
                "set it.",
                returncode=FAILED,
            )
        row = reconciling.begin_comparison(_lane(options["lane"]), actor=getpass.getuser())
        reconciling.work(row, client_of_settings(), plain_source)
        if row.trouble:
            raise CommandError(row.trouble, returncode=FAILED)
        written = self._files(row, options["csv"], options["statement"])
        if options["json"]:
            for part in shown.json_parts(row):
                self.stdout.write(part, ending="")
        else:
            self._write(row)
            for line in written:
                self.stdout.write(line)
        if not reconciling.is_equal(row):
            raise SystemExit(WARNED)

    def _files(self, row: Reconciliation, csv: Path | None, statement: Path | None) -> list[str]:
        """Write and sign the files; return what to say about them."""
        sentences, named = [], None
        key = settings.BENCHLING_PRIVATE_KEY
        if csv:
            with csv.open("w", encoding="utf-8", newline="") as out:
                out.writelines(csvs.csv_lines(shown.CSV_HEADER, shown.mismatch_rows(row)))
            named = {"file": csv.name, "sha256": file_digest(csv)}
            beside = f", the signature in {sign_file(csv, key)}" if key else ""
            sentences.append(f"The differences are in {csv}{beside}.")
        if statement:
            _write(statement, reconciling.statement(row, csv=named))
            sentences.append(f"The statement is in {statement}, the signature in "
                        f"{sign_file(statement, key)}.")  # fmt: skip
        return sentences

    def _write(self, row: Reconciliation) -> None:
        self.stdout.write(f"{row.lane}:")
        for word, count in shown.labelled_counts(row):
            self.stdout.write(f"{count:>12,}  {word}")
        for doubt in row.doubts:
            self.stdout.write(doubt)
        schema = schema_view(row.lane)
        for record in row.records.order_by("pk")[:EXAMPLES]:
            difference = "; ".join(shown.mismatch_lines(record, schema))
            self.stdout.write(f"  {record}{f': {difference}' if difference else ''}")
        remaining = row.records.count() - EXAMPLES
        if remaining > 0:
            self.stdout.write(f"  and {remaining:,} more: --csv FILE has all of them.")
        if row.active_run_id:
            self.stdout.write(
                f"Run {row.active_run_id} was active: what it wrote in the meantime may be shown "
                "as a difference."
            )


def _lane(lane_name: str | None) -> Lane:
    lanes = lanes_to_sync(lane_name, one_for="reconcile")
    if not lanes:
        text = "No lane is known yet: no run has read the app's configuration."
        raise CommandError(text, returncode=FAILED)
    return lanes[0]


def _write(path: Path, body: Json) -> None:
    text = json.dumps(body, indent=2, ensure_ascii=False) + "\n"
    path.write_text(text, encoding="utf-8")
