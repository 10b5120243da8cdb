"""A signed CSV of a period's changes, and what it says about the database later."""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain, islice
from pathlib import Path
from typing import Any, TextIO

from django.conf import settings
from django.db.models import Max

from registry_sync.core import signing
from registry_sync.core.spreadsheet import SheetWriter, original_text
from registry_sync.core.text import number_of, were
from registry_sync.ledger import retention, signed_pins, signed_plans
from registry_sync.ledger.audit import labels, value_origin
from registry_sync.ledger.signed_pins import PinEntry
from registry_sync.ledger.signed_plans import PlanEntry
from registry_sync.models import ChainLink, Change, Lane, Retention, SyncRun
from registry_sync.runs import schema_view

EXPORTED = (
    "id", "lane", "run_id", "external_id", "entity_id", "field_id", "field", "before", "after",
    "path", "rule", "source", "created", "actor", "trigger", "fingerprint", "service_version",
    "source_modified_at", "at", "digest",
)  # fmt: skip
LATER = ("kind", "lane_key", "reason", "before_label", "after_label")
"""Columns after those that a digest or an origin has: what was done, the lane's key, of what
someone decided why, and both values as people read them."""


def export(out: TextIO, *, since: datetime, until: datetime) -> int:
    """Write the changes of a period, of every lane, as CSV. Return how many rows.

    The differences that were accepted in the period, or whose acceptance ended, come after them,
    then the plans that were signed or applied.
    """
    writer = SheetWriter(out)
    writer.writerow((*EXPORTED, *LATER))
    rows = Change.objects.filter(at__gte=since, at__lt=until).order_by("id")
    lanes = {lane.pk: (lane, _lane_named(lane), schema_view(lane)) for lane in Lane.objects.all()}
    count, run = 0, SyncRun()
    for change in rows.iterator(2000):
        if run.pk != change.run_id:  # a run's rows are adjacent: its mapping is read once
            run = SyncRun.objects.get(pk=change.run_id)
        lane, named, schema = lanes[change.lane_id]
        row = _row(change, run) | {"lane": named}
        texts = labels(change, schema, empty="")
        cells = [_cell(row[name]) for name in EXPORTED]
        writer.writerow([*cells, change.kind, lane.mark, "", *texts])
        count += 1
    decided: tuple[Iterator[PinEntry | PlanEntry], ...] = (
        signed_pins.pin_entries(since, until), signed_plans.plan_entries(since, until)
    )  # fmt: skip
    for found in chain(*decided):
        lane, named, schema = lanes[found.lane_id]
        cells = [_cell(found.cells(named).get(name)) for name in EXPORTED]
        writer.writerow([*cells, found.kind, lane.mark, found.reason, *found.labels(schema)])
        count += 1
    return count


def _row(change: Change, run: SyncRun) -> dict[str, Any]:
    fed = value_origin(change, run)
    named = {name: getattr(change, name, None) for name in EXPORTED}
    return named | {
        "before": _json_cell(change.before),
        "after": _json_cell(change.after),
        "path": fed.path,
        "rule": json.dumps(fed.rule) if fed.rule else "",
        "source": _json_cell(fed.source[0]) if fed.source else "",
    }


def _json_cell(value: Any) -> Any:
    """Return a value as JSON; a number is one for spreadsheets too, and no formula."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value if is_number else json.dumps(value)


def _cell(value: Any) -> Any:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value


def _lane_named(lane: Lane) -> str:
    return f"{lane.tenant}: {lane}"


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, as 64 hex characters, whatever its size."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sign_file(path: Path, private_key: str) -> Path:
    """Sign a file with the app's private key. Return the file with the JWS (PS256)."""
    token = signing.sign_payload(file_digest(path).encode(), private_key)
    beside = path.with_name(path.name + ".jws")
    beside.write_text(token + "\n", encoding="utf-8")
    return beside


class CheckedCsv:
    """A signed CSV, compared with the database. `faults` is empty if both agree."""

    def __init__(self, path: Path, keys: Sequence[str] = ()) -> None:
        self.path = path
        self.faults: list[str] = []
        self.sentences: list[str] = []
        self._lanes = list(Lane.objects.all())
        self._deleted = {lane.pk: _Deleted(lane) for lane in self._lanes}
        fault = self._signature([*filter(None, [settings.BENCHLING_PRIVATE_KEY]), *keys])
        if fault:
            self.faults.append(fault)
        else:
            self._rows()

    def _signature(self, keys: Sequence[str]) -> str:
        """Verify the signature. Return what is wrong with it."""
        path, beside = self.path, self.path.with_name(self.path.name + ".jws")
        for file in (path, beside):
            if not file.is_file():
                return f"The file {file.absolute()} does not exist."
        if not keys:
            return (
                f"The signature of {path.name} cannot be verified: set BENCHLING_PRIVATE_KEY, or "
                "give the public key with --key."
            )
        by, signed, why = "", b"", ""
        for key in keys:
            try:
                signed = signing.verify(beside.read_text(encoding="utf-8").strip(), key)
                by = signing.thumbprint(key)
                break
            except (OSError, ValueError) as error:
                why = type(error).__name__
        if not by:
            return f"{beside.name} was not signed by this deployment's key ({why})."
        if signed.decode("utf-8", "replace") != file_digest(path):
            return f"{path.name} was changed after it was signed."
        self.sentences.append(f"{path.name}: the signature is valid (key {by}).")
        return ""

    def _rows(self) -> None:
        """Compare each row with the database. After the first difference only counts go on."""
        seen: Counter[str] = Counter()
        times: list[str] = []
        with self.path.open(encoding="utf-8", newline="") as lines:
            reader = csv.DictReader(lines)
            while chunk := list(islice(reader, 500)):
                times = [(times or [chunk[0]["at"]])[0], chunk[-1]["at"]]
                for row, word in zip(chunk, self._words(chunk), strict=True):
                    seen[word] += 1
                    if word not in (SAME, DELETED) and not self.faults:
                        shown = original_text(row["external_id"])
                        of = f" ({shown})" if shown else ""
                        text = f"Row {row['id']} of {self.path.name}{of} {word} since."
                        self.faults.append(text)
        self._sum_up(seen, times)

    def _words(self, rows: Sequence[dict[str, str]]) -> Iterator[str]:
        """Yield for each row what became of it."""
        ids = [row["id"] for row in rows]
        changes = [id_ for id_ in ids if not _is_decision(id_)]
        stored = {
            str(pk): (lane_id, digest)
            for pk, lane_id, digest in Change.objects.filter(pk__in=changes).values_list(
                "pk", "lane_id", "digest"
            )
        }
        stored |= signed_pins.held_pins(ids) | signed_plans.held_plans(ids)
        for row in rows:
            lane = self._lane(row)
            found = stored.get(row["id"])
            if found is None:
                is_deleted = lane is not None and self._deleted[lane.pk].covers(row)
                yield DELETED if is_deleted else MISSING
            elif found[1] != row["digest"]:
                yield CHANGED
            else:
                yield SAME if lane is None or lane.pk == found[0] else MOVED

    def _lane(self, row: dict[str, str]) -> Lane | None:
        key = row.get("lane_key")
        for lane in self._lanes:
            # A file without keys is of a version that wrote what follows a tenant as it is.
            if lane.mark == key or (not key and _lane_named(lane) == row["lane"]):
                return lane
        return None

    def _sum_up(self, seen: Counter[str], times: list[str]) -> None:
        count, period = seen.total(), ""
        if times:
            period = f" from {times[0]} to {times[1]}"
        self.sentences.append(
            f"{self.path.name}: {number_of(count, 'row')}{period} {were(count)} compared with the "
            f"database: {seen[SAME]:,} are there as they were signed, {seen[DELETED]:,} were "
            f"deleted by retention, {seen[CHANGED]:,} were changed, {seen[MOVED]:,} are in another "
            f"lane, {seen[MISSING]:,} are missing."
        )


SAME, DELETED = "is the same", "was deleted by retention"
MISSING, CHANGED = "has been deleted", "has been changed"
MOVED = "has been moved to another lane"


def _is_decision(row_id: str) -> bool:
    """Return whether a row is about what someone decided, not about a change."""
    prefixes = (*signed_pins.PREFIX.values(), *signed_plans.PREFIX.values())
    return row_id.startswith(prefixes)


class _Deleted:
    """What the recorded deletions of a lane explain."""

    def __init__(self, lane: Lane) -> None:
        rows = Retention.objects.filter(lane=lane)
        links = ChainLink.objects.filter(lane=lane)
        link = links.filter(number=retention.deleted_to(lane)).first()
        self._last_id = link.last_id if link else 0
        older = links.filter(form=ChainLink.Form.DELETED).values("number")
        self._before = rows.filter(up_to__in=older).aggregate(latest=Max("before"))["latest"]

    def covers(self, row: dict[str, str]) -> bool:
        """Return whether a row was old enough to be deleted."""
        if _is_decision(row["id"]):
            return False  # they are kept
        if int(row["id"]) <= self._last_id:
            return True
        return self._before is not None and datetime.fromisoformat(row["at"]) < self._before
