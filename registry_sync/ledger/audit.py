"""Who changed which value, when, by what: Change rows in a chain that shows any tampering.

Each row's digest covers the row and the digest of the lane's row before it, so that no row can be
edited, added or taken out without breaking every later one. Where the chain ends is kept beside it
(ChainHead), and where it begins (Retention, or the lane's key). Whoever can rewrite all of these
can make another whole chain: a signed CSV that is kept elsewhere shows even that.
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

from registry_sync.core import signing as seal
from registry_sync.models import ChainHead, Change, Lane, Retention, SyncRun

COLUMNS = (
    "run_id", "external_id", "entity_id", "field_id", "field", "before", "after", "source",
    "created", "actor", "trigger", "fingerprint", "service_version", "source_modified_at", "at",
)  # fmt: skip
"""What a digest covers, in this order."""
BEFORE = COLUMNS.index("before")
SOURCE = COLUMNS.index("source")
STORED = ("id", *COLUMNS, "digest")
EXPORTED = ("id", "lane", *COLUMNS[:SOURCE], "path", "rule", *COLUMNS[SOURCE:], "digest")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a look at a lane's chain came to: how many rows, and the first that does not fit."""

    rows: int
    broken: str = ""


def digest(previous: str, values: Sequence[Any]) -> str:
    """Chain one row, its values as COLUMNS say, to the digest of the row before: 64 hex."""
    # Most rows have no source of their own: it is left out, as it was before there was one.
    end = SOURCE if values[SOURCE] is None else SOURCE + 1
    told = [_canonical(value) for value in values[BEFORE:end]]
    row = [previous, *values[:BEFORE], *told, *values[SOURCE + 1 :]]
    try:
        body = orjson.dumps(row, option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z)
    except TypeError:  # an integer beyond 64 bits
        told = [json.dumps(value, sort_keys=True) for value in told]
        row = [previous, *values[:BEFORE], *told, *values[SOURCE + 1 :]]
        body = orjson.dumps(row, option=orjson.OPT_UTC_Z)
    return hashlib.sha256(body).hexdigest()


def last_digest(lane: Lane) -> str:
    """Give the digest that the lane's next row builds on."""
    if head := _head(lane):
        return head
    last = Change.objects.filter(lane=lane).order_by("-id").values_list("digest", flat=True).first()
    return last if last is not None else _start(lane)


def move_head(lane: Lane, last: str) -> None:
    """Keep where the lane's chain ends by now, in the transaction that wrote its rows."""
    if not ChainHead.objects.filter(lane=lane).update(digest=last):
        ChainHead.objects.create(lane=lane, digest=last)


def _head(lane: Lane) -> str | None:
    return ChainHead.objects.filter(lane=lane).values_list("digest", flat=True).first()


def _start(lane: Lane) -> str:
    """Say what a lane's first remaining row builds on: what was forgotten, or nothing."""
    forgotten = Retention.objects.filter(lane=lane).order_by("-id").first()
    return forgotten.digest if forgotten else lane.mark


def _canonical(value: Any) -> Any:
    """Write a field's value as it also comes back from the database."""
    if isinstance(value, float) and value.is_integer():
        return int(Decimal(repr(value)))  # PostgreSQL's jsonb gives 6e23 back as an integer
    if isinstance(value, list):
        return [_canonical(item) for item in value]
    if isinstance(value, dict):
        return {key: _canonical(item) for key, item in value.items()}
    return value


def verify(lane: Lane) -> Verdict:
    """Follow a lane's chain from its first row to its last, also while a run adds to it."""
    previous, count, at = _start(lane), 0, 0
    rows = Change.objects.filter(lane=lane).order_by("id")
    while True:
        for row in rows.filter(id__gt=at).values_list(*STORED).iterator(2000):
            expected = digest(previous, row[1:-1])
            if row[-1] != expected:
                return Verdict(
                    count,
                    f"Row {row[0]} ({row[2]}, {row[5]}, {row[-2]:%Y-%m-%d %H:%M} UTC) does not "
                    "follow from the one before: it was edited, or a row before it was taken out "
                    "or added.",
                )
            previous, count, at = expected, count + 1, row[0]
        if _head(lane) in (None, previous):
            return Verdict(count)
        if not rows.filter(id__gt=at).exists():
            return Verdict(
                count,
                f"After row {at} the chain does not end as it was left: rows at its end were taken "
                "out or added.",
            )


def stray(path: Path) -> str:
    """Say which row of a CSV of ours is no longer as it was written there; "" where all are."""
    forgotten = Retention.objects.order_by("-before").values_list("before", flat=True).first()
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
                old = forgotten is not None and datetime.fromisoformat(row["at"]) < forgotten
                if here != row["digest"] and not (here is None and old):
                    what = "is there no more" if here is None else "is another one by now"
                    return f"Row {row['id']} of {path.name} ({row['external_id']}) {what}."
    return ""


def export(out: TextIO, *, since: datetime, until: datetime) -> int:
    """Write the changes of a period, of every lane, as CSV; returns how many."""
    writer = csv.writer(out)
    writer.writerow(EXPORTED)
    rows = Change.objects.filter(at__gte=since, at__lt=until).order_by("id")
    lanes = {lane.pk: f"{lane.tenant}: {lane}" for lane in Lane.objects.all()}
    count, run = 0, SyncRun()
    for change in rows.iterator(2000):
        if run.pk != change.run_id:  # a run's rows come together: one look at its mapping
            run = SyncRun.objects.get(pk=change.run_id)
        told = origin(change, run)
        row = {name: getattr(change, name) for name in STORED}
        row["lane"] = lanes[change.lane_id]
        row |= {name: json.dumps(row[name]) for name in ("before", "after")}
        row |= {"path": told.path, "rule": json.dumps(told.rule) if told.rule else ""}
        row["source"] = json.dumps(told.source[0]) if told.source else ""
        writer.writerow([_cell(row[name]) for name in EXPORTED])
        count += 1
    return count


def _cell(value: Any) -> Any:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value


class Origin(NamedTuple):
    """Why a value is what it is: the path in the record, the rules on the way, what was there.

    `source` holds one value; none where a constant, a default or the service itself gave it.
    """

    path: str
    rule: Any
    source: list[Any]


def origin(change: Change, run: SyncRun) -> Origin:
    """Tell from which source value, and by which mapping, a value was written."""
    source = [change.after] if change.source is None else change.source
    return Origin(*fed_by(run.mapping_by(change.fingerprint), change.field_id), source)


def fed_by(mapping: dict[str, Any], field_id: str) -> tuple[str, Any]:
    """Say which path feeds a field in a run's mapping, and by which rule; "" where none does."""
    if field_id == "name":
        return mapping.get("name", ""), None
    if field_id == "registry id":
        template = mapping.get("registry_id_template", "{id}")
        return mapping.get("id", ""), None if template == "{id}" else template
    for row in mapping.get("rows", ()):
        if row.get("id") == field_id:
            return row["path"], row.get("rule")
    return "", None


def sign(path: Path, private_key: str) -> Path:
    """Sign a file with the app's private key: a detached JWS (PS256) beside it."""
    token = seal.seal(hashlib.sha256(path.read_bytes()).hexdigest().encode(), private_key)
    beside = path.with_name(path.name + ".jws")
    beside.write_text(token + "\n", encoding="utf-8")
    return beside


def signature_fault(path: Path, private_key: str) -> str:
    """Say what is wrong with a file's signature; "" where it is good."""
    beside = path.with_name(path.name + ".jws")
    for file in (path, beside):
        if not file.is_file():
            return f"There is no file {file.absolute()}."
    try:
        said = seal.opened(beside.read_text(encoding="utf-8").strip(), private_key)
    except (OSError, ValueError) as error:
        return f"{beside.name} is no signature by this deployment's key ({type(error).__name__})."
    if said.decode() != hashlib.sha256(path.read_bytes()).hexdigest():
        return f"{path.name} was changed after it was signed."
    return ""


def history(lane: Lane, wanted: str) -> Iterator[Change]:
    """Give every value ever written for an external id or a Benchling id, oldest first."""
    rows = Change.objects.filter(lane=lane).select_related("run")
    found = rows.filter(external_id=wanted) | rows.filter(entity_id=wanted)
    return found.order_by("id").iterator()


def alike(lane: Lane, wanted: str) -> list[str]:
    """List the external ids, of what was written, that differ from a given one in case alone."""
    rows = Change.objects.filter(lane=lane, external_id__iexact=wanted)
    return list(rows.order_by("external_id").values_list("external_id", flat=True).distinct())


def forget(lane: Lane, *, before: datetime, actor: str, reason: str) -> int:
    """Delete a lane's changes older than a time, and keep who did it and why.

    The chain goes on from the last digest that was deleted.
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
