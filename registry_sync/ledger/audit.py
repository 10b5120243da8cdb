"""The record of every change: Change rows in a chain that reveals tampering.

Each row's digest covers the row and the digest of the lane's previous row, so a row cannot be
edited, added or removed without breaking every later one. The end of the chain is stored separately
(ChainHead), and so is its start (Retention, or the lane's key). Someone who can rewrite all of them
can build another valid chain. A signed CSV that is stored elsewhere reveals even that.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import orjson
from django.db import transaction
from django.utils import timezone

from registry_sync.core import signing
from registry_sync.core.readable import EMPTY
from registry_sync.core.spreadsheet import SheetWriter, original_text
from registry_sync.models import ChainHead, Change, Lane, Retention, SyncRun
from registry_sync.runs import SchemaView, schema_view

COLUMNS = (
    "run_id", "external_id", "entity_id", "field_id", "field", "before", "after", "source",
    "created", "actor", "trigger", "fingerprint", "service_version", "source_modified_at", "at",
)  # fmt: skip
"""The columns that a digest covers, in this order."""
BEFORE = COLUMNS.index("before")
SOURCE = COLUMNS.index("source")
STORED = ("id", *COLUMNS, "digest")
EXPORTED = ("id", "lane", *COLUMNS[:SOURCE], "path", "rule", *COLUMNS[SOURCE:], "digest")
LABELS = ("before_label", "after_label")
"""Columns of an export after those that a digest covers: both values as people read them."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of verifying a lane's chain: the rows that are intact, and the first fault."""

    rows: int
    broken: str = ""


def digest(previous: str, values: Sequence[Any]) -> str:
    """Return the digest of one row, 64 hex characters; `values` are in the order of COLUMNS."""
    # A source of None is left out, as in rows written before the column existed.
    end = SOURCE if values[SOURCE] is None else SOURCE + 1
    shown = [_canonical(value) for value in values[BEFORE:end]]
    row = [previous, *values[:BEFORE], *shown, *values[SOURCE + 1 :]]
    try:
        body = orjson.dumps(row, option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z)
    except TypeError:  # an integer beyond 64 bits
        shown = [json.dumps(value, sort_keys=True) for value in shown]
        row = [previous, *values[:BEFORE], *shown, *values[SOURCE + 1 :]]
        body = orjson.dumps(row, option=orjson.OPT_UTC_Z)
    return hashlib.sha256(body).hexdigest()


def last_digest(lane: Lane) -> str:
    """Return the digest that the lane's next row builds on."""
    if head := _head(lane):
        return head
    last = Change.objects.filter(lane=lane).order_by("-id").values_list("digest", flat=True).first()
    return last if last is not None else _start(lane)


def move_head(lane: Lane, last: str) -> None:
    """Store the end of the lane's chain, in the transaction that wrote its rows."""
    if not ChainHead.objects.filter(lane=lane).update(digest=last):
        ChainHead.objects.create(lane=lane, digest=last)


def _head(lane: Lane) -> str | None:
    return ChainHead.objects.filter(lane=lane).values_list("digest", flat=True).first()


def _start(lane: Lane) -> str:
    """Return the digest that a lane's first remaining row builds on."""
    deleted = Retention.objects.filter(lane=lane).order_by("-id").first()
    return deleted.digest if deleted else lane.mark


def _canonical(value: Any) -> Any:
    """Return a field's value in the form in which the database returns it."""
    if isinstance(value, float) and value.is_integer():
        return int(Decimal(repr(value)))  # PostgreSQL's jsonb returns 6e23 as an integer
    if isinstance(value, list):
        return [_canonical(item) for item in value]
    if isinstance(value, dict):
        return {key: _canonical(item) for key, item in value.items()}
    return value


def verify_chain(lane: Lane) -> Verdict:
    """Verify a lane's chain from its first row to its last, even while a run adds to it."""
    previous, count, at = _start(lane), 0, 0
    rows = Change.objects.filter(lane=lane).order_by("id")
    while True:
        for row in rows.filter(id__gt=at).values_list(*STORED).iterator(2000):
            expected = digest(previous, row[1:-1])
            if row[-1] != expected:
                return Verdict(
                    count,
                    f"Row {row[0]} ({row[2]}, {row[5]}, {row[-2]:%Y-%m-%d %H:%M} UTC) does not "
                    "match the previous row: it was edited, or a row before it was removed or "
                    "added.",
                )
            previous, count, at = expected, count + 1, row[0]
        if _head(lane) in (None, previous):
            return Verdict(count)
        if not rows.filter(id__gt=at).exists():
            return Verdict(
                count,
                f"The chain does not end after row {at} as recorded: rows at its end were removed "
                "or added.",
            )


def changed_row(path: Path) -> str:
    """Return which row of an exported CSV no longer matches the database; "" if all match."""
    deleted = Retention.objects.order_by("-before").values_list("before", flat=True).first()
    with path.open(encoding="utf-8", newline="") as lines:
        reader = csv.DictReader(lines)
        while some := list(islice(reader, 500)):
            held = dict(
                Change.objects.filter(pk__in=[row["id"] for row in some]).values_list(
                    "pk", "digest"
                )
            )
            for row in some:
                here = held.get(int(row["id"]))
                old = deleted is not None and datetime.fromisoformat(row["at"]) < deleted
                if here != row["digest"] and not (here is None and old):
                    what = "has been deleted" if here is None else "has been changed"
                    shown = original_text(row["external_id"])
                    return f"Row {row['id']} of {path.name} ({shown}) {what} since."
    return ""


def export(out: TextIO, *, since: datetime, until: datetime) -> int:
    """Write the changes of a period, of every lane, as CSV. Return how many."""
    writer = SheetWriter(out)
    writer.writerow((*EXPORTED, *LABELS))
    rows = Change.objects.filter(at__gte=since, at__lt=until).order_by("id")
    lanes = {lane.pk: f"{lane.tenant}: {lane}" for lane in Lane.objects.all()}
    schemas = {lane.pk: schema_view(lane) for lane in Lane.objects.all()}
    count, run = 0, SyncRun()
    for change in rows.iterator(2000):
        if run.pk != change.run_id:  # a run's rows are adjacent: its mapping is read once
            run = SyncRun.objects.get(pk=change.run_id)
        fed = value_origin(change, run)
        row = {name: getattr(change, name) for name in STORED}
        row["lane"] = lanes[change.lane_id]
        row |= {name: _json_cell(row[name]) for name in ("before", "after")}
        row |= {"path": fed.path, "rule": json.dumps(fed.rule) if fed.rule else ""}
        row["source"] = _json_cell(fed.source[0]) if fed.source else ""
        texts = labels(change, schemas[change.lane_id], empty="")
        writer.writerow([*(_cell(row[name]) for name in EXPORTED), *texts])
        count += 1
    return count


def labels(change: Change, schema: SchemaView, *, empty: str = EMPTY) -> tuple[str, str]:
    """Return the values before and after as people read them.

    Options are shown by the label that was last read, or by their id if none was.
    """
    before = schema.text(change.field_id, change.before, empty=empty)
    after = schema.text(change.field_id, change.after, empty=empty)
    return before, after


def _json_cell(value: Any) -> Any:
    """Return a value as JSON; a number is one for spreadsheets too, and no formula."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value if is_number else json.dumps(value)


def _cell(value: Any) -> Any:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value


class ValueOrigin(NamedTuple):
    """Where a written value came from: its path in the record, its rule, its source value.

    `source` holds one value, or none where a constant, a default or the service supplied it.
    """

    path: str
    rule: Any
    source: list[Any]


def value_origin(change: Change, run: SyncRun) -> ValueOrigin:
    """Return from which source value, and by which mapping, a value was written."""
    source = [change.after] if change.source is None else change.source
    return ValueOrigin(*fed_by(run.mapping_by(change.fingerprint), change.field_id), source)


def fed_by(mapping: dict[str, Any], field_id: str) -> tuple[str, Any]:
    """Return the path and the rule that feed a field in a run's mapping; "" if it is unmapped."""
    if field_id == "name":
        return mapping.get("name", ""), None
    if field_id == "registry id":
        template = mapping.get("registry_id_template", "{id}")
        return mapping.get("id", ""), None if template == "{id}" else template
    for row in mapping.get("rows", ()):
        if row.get("id") == field_id:
            return row["path"], row.get("rule")
    return "", None


def sign_file(path: Path, private_key: str) -> Path:
    """Sign a file with the app's private key. Return the file with the detached JWS (PS256)."""
    token = signing.sign(hashlib.sha256(path.read_bytes()).hexdigest().encode(), private_key)
    beside = path.with_name(path.name + ".jws")
    beside.write_text(token + "\n", encoding="utf-8")
    return beside


def signature_fault(path: Path, private_key: str) -> str:
    """Return what is wrong with a file's signature; "" if it is valid."""
    beside = path.with_name(path.name + ".jws")
    for file in (path, beside):
        if not file.is_file():
            return f"The file {file.absolute()} does not exist."
    try:
        signed = signing.verify(beside.read_text(encoding="utf-8").strip(), private_key)
    except (OSError, ValueError) as error:
        return f"{beside.name} was not signed by this deployment's key ({type(error).__name__})."
    if signed.decode() != hashlib.sha256(path.read_bytes()).hexdigest():
        return f"{path.name} was changed after it was signed."
    return ""


def history(lane: Lane, wanted: str) -> Iterator[Change]:
    """Return every value ever written for an external id or a Benchling id, oldest first."""
    rows = Change.objects.filter(lane=lane).select_related("run")
    found = rows.filter(external_id=wanted) | rows.filter(entity_id=wanted)
    return found.order_by("id").iterator()


def alike(lane: Lane, wanted: str) -> list[str]:
    """Return written external ids that differ from the given one only in case."""
    rows = Change.objects.filter(lane=lane, external_id__iexact=wanted)
    return list(rows.order_by("external_id").values_list("external_id", flat=True).distinct())


def forget(lane: Lane, *, before: datetime, actor: str, reason: str) -> int:
    """Delete a lane's changes older than a time, and record who did it and why. Return how many.

    The chain continues from the last digest that was deleted.
    """
    with transaction.atomic():
        kept = Change.objects.filter(lane=lane, at__gte=before).order_by("id").first()
        old = Change.objects.filter(lane=lane)
        if kept is not None:
            old = old.filter(id__lt=kept.pk)
        last = old.order_by("-id").first()
        if last is None:
            return 0
        count, _ = old.delete()
        Retention.objects.create(
            lane=lane, before=before, rows=count, digest=last.digest, actor=actor, reason=reason,
            at=timezone.now(),
        )  # fmt: skip
    return count
