"""`manage.py audit`: every value ever written, a signed CSV of a period, and its verification."""

from __future__ import annotations

import getpass
from argparse import ArgumentParser, ArgumentTypeError
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.utils import timezone
from django.utils.dateparse import parse_date

from registry_sync.core import signing
from registry_sync.core.dates import stamp
from registry_sync.core.readable import readable
from registry_sync.core.text import are, number_of, were
from registry_sync.desk.pins import audit_lines
from registry_sync.desk.values import rule_text
from registry_sync.ledger import audit, chain_check, other_chains, refusals, retention, signed_csv
from registry_sync.management.operator import USAGE, OperatorCommand, new_file
from registry_sync.models import Change, Lane, Retention
from registry_sync.runs import SchemaView, schema_view


class Command(OperatorCommand):
    help = (
        "Show what was written for one entity (--entity), write a signed CSV of a period "
        "(--csv, --since, --until), check the chain, its signature and a CSV (--verify), or "
        "delete changes that are older than a date (--forget-before, with --reason). Exit status "
        "1: the check or the command failed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        targets = parser.add_mutually_exclusive_group(required=True)
        targets.add_argument("--entity", metavar="ID", help="an external id or a Benchling id")
        targets.add_argument("--csv", metavar="FILE", type=new_file, help="write FILE and FILE.jws")
        targets.add_argument(
            "--verify",
            metavar="FILE",
            nargs="?",
            const="",
            help="check the chain, and a signed CSV if FILE is given",
        )
        targets.add_argument(
            "--forget-before", metavar="DATE", type=_day, help="delete older changes permanently"
        )
        parser.add_argument("--since", metavar="DATE", type=_day, help="with --csv")
        parser.add_argument("--until", metavar="DATE", type=_day, help="with --csv; not included")
        parser.add_argument("--reason", default="", help="with --forget-before")
        parser.add_argument(
            "--key", metavar="FILE", type=Path, action="append", default=[],
            help="with --verify: the public key (PEM) of an earlier key pair; can be repeated",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        lanes = list(Lane.objects.order_by("pk"))
        if options["entity"] is not None:
            self._entity(lanes, options["entity"])
        elif options["csv"] is not None:
            self._csv(options["csv"], options["since"], options["until"])
        elif options["forget_before"]:
            self._forget(lanes, options["forget_before"], options["reason"].strip())
        else:
            self._verify(lanes, options["verify"], options["key"])

    def _entity(self, lanes: list[Lane], any_id: str) -> None:
        found = False
        for lane in lanes:
            schema = schema_view(lane)
            for change in audit.history(lane, any_id):
                found = True
                self.stdout.write(_line(change, schema))
            for line in audit_lines(lane, any_id):
                found = True
                self.stdout.write(line)
        if not found:
            near = sorted({other for lane in lanes for other in audit.alike(lane, any_id)})
            more = f" Ids are case-sensitive: there is {' and '.join(near)}." if near else ""
            raise CommandError(f"Nothing has been written for {any_id}.{more}", returncode=1)

    def _csv(self, path: Path, since: datetime | None, until: datetime | None) -> None:
        if since and until and since >= until:
            raise CommandError(
                f"The period from {since:%Y-%m-%d} to {until:%Y-%m-%d} is empty: --since must be "
                "before --until, whose day is not included.",
                returncode=USAGE,
            )
        if not settings.BENCHLING_PRIVATE_KEY:
            raise CommandError(
                "Cannot sign the file: BENCHLING_PRIVATE_KEY is not set. The operator must set it.",
                returncode=1,
            )
        with path.open("w", encoding="utf-8", newline="") as out:
            count = signed_csv.export(
                out,
                since=since or datetime(2000, 1, 1, tzinfo=UTC),
                until=until or timezone.now(),
            )
        beside = signed_csv.sign_file(path, settings.BENCHLING_PRIVATE_KEY)
        self.stdout.write(
            f"{number_of(count, 'change')} {are(count)} in {path}, the signature is in {beside}."
        )

    def _verify(self, lanes: list[Lane], file: str, key_files: list[Path]) -> None:
        faults, keys = [], [_public_key(path) for path in key_files]
        if file:
            checked = signed_csv.CheckedCsv(Path(file), keys)
            faults += checked.faults
            for line in checked.sentences:
                self.stdout.write(line)
        for lane in lanes:
            verdict = chain_check.verify_chain(lane, keys)
            if verdict.broken:
                faults.append(f"{lane}: {verdict.broken}")
            else:
                self.stdout.write(
                    f"{lane}: {number_of(verdict.rows, 'change')}, the chain is intact."
                )
            for note in verdict.notes:
                self.stdout.write(f"  {note}")
            for old in Retention.objects.filter(lane=lane).order_by("pk"):
                self.stdout.write(
                    f"  {number_of(old.rows, 'change')} before {old.before:%Y-%m-%d} "
                    f"{were(old.rows)} deleted on "
                    f"{old.at:%Y-%m-%d} by {old.actor}: {old.reason}"
                )
        faults += other_chains.rows_without_a_lane()
        if not lanes and not faults:
            self.stdout.write("There is no lane, so nothing has been written to Benchling.")
        if faults:
            raise CommandError("\n".join(faults), returncode=1)

    def _forget(self, lanes: list[Lane], before: datetime, reason: str) -> None:
        if not reason:
            raise CommandError("--forget-before needs a --reason.", returncode=USAGE)
        for lane in lanes:
            count = retention.forget(lane, before=before, actor=getpass.getuser(), reason=reason)
            self.stdout.write(
                f"{lane}: {number_of(count, 'change')} before {before:%Y-%m-%d} {are(count)} "
                "deleted."
            )
            if pruned := refusals.prune_refusals(lane, before=before):
                self.stdout.write(
                    f"{lane}: so {are(pruned)} {number_of(pruned, 'refusal')} of runs before that "
                    "day."
                )


def _line(change: Change, schema: SchemaView) -> str:
    before, after = audit.labels(change, schema)
    who = change.actor or change.trigger
    when = change.source_modified_at
    source = f", changed in the registry {stamp(when)}" if when else ""
    return (
        f"{stamp(change.at, seconds=True)}  {change.external_id}  {change.field}: "
        f"{before} → {after}  ({_origin(change)}, run {change.run_id}, "
        f"{who}{source}, mapping {change.fingerprint[:8]}, version {change.service_version})"
    )


def _origin(change: Change) -> str:
    found = audit.value_origin(change, change.run)
    at = f" at {found.path}" if found.path else ""
    by = f" by the rule “{rule_text(found.rule)}”" if found.rule else ""
    if not found.source:
        return f"not from the record{by}"
    source = found.source[0]
    shown = f"“{source}”" if isinstance(source, str) else readable(source)
    return f"from {shown}{at}{by}"


def _public_key(path: Path) -> str:
    """Read the PEM of a key, and refuse any other file."""
    try:
        pem = path.read_text(encoding="utf-8")
        signing.thumbprint(pem)
    except ValueError as error:
        raise CommandError(f"{path} is not a key in PEM format.", returncode=USAGE) from error
    return pem


def _day(text: str) -> datetime:
    try:
        day = parse_date(text)
    except ValueError:  # a 31st of February
        day = None
    if day is None:
        raise ArgumentTypeError(f"{text} is not a date: write 2026-01-31.")
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
