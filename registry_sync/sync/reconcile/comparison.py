"""Compare a lane's registry with Benchling, record by record, in constant memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from registry_sync.benchling.client import Client
from registry_sync.benchling.entity_types.parts import plain_part
from registry_sync.core.readable import is_blank
from registry_sync.core.text import name_key
from registry_sync.core.types import Json
from registry_sync.ledger.pins import UNREADABLE, acceptable, is_outdated, open_pins
from registry_sync.mapping.codec import external_id_of, linked_ids
from registry_sync.mapping.departures import departure
from registry_sync.mapping.model import UNKNOWN, Entity
from registry_sync.mapping.transform import transform
from registry_sync.mapping.values import same_value
from registry_sync.models import EntityError, Lane, LedgerEntry, Merge, Pin, ReconciledRecord
from registry_sync.source.client import Source
from registry_sync.sync.merges import lead_to_survivors
from registry_sync.sync.rebuild import entity_of
from registry_sync.sync.reconcile.benchling_side import BenchlingSide
from registry_sync.sync.reconcile.reading_doubts import ReadingDoubts
from registry_sync.sync.records import SourceRecord, source_records, stray_records
from registry_sync.sync.setup import Setup

CHUNK = 100
"""Records compared at a time."""
State = ReconciledRecord.State
IN_BENCHLING = "someone in Benchling"
BOTH = "someone in Benchling, and the registry changed since"


class FieldRow(NamedTuple):
    """One field that differs. `last` says who wrote Benchling's value, "" if it is not known."""

    field_id: str
    field: str
    theirs: Any
    source: Any
    last: str


class Mismatch(NamedTuple):
    """A record or entity that is not equal on both sides, and why."""

    state: ReconciledRecord.State
    external_id: str
    entity_id: str = ""
    registry_id: str = ""
    name: str = ""
    modified_at: str = ""
    note: str = ""
    differences: tuple[FieldRow, ...] = ()


class Comparison:
    """Reads both sides once; `counts` is complete when the findings are exhausted."""

    def __init__(self, client: Client, setup: Setup, lane: Lane, source: Source) -> None:
        self.setup, self.lane, self.source = setup, lane, source
        self.side = BenchlingSide(client)
        self.app_id = client.app_id
        self.counts: Counter[str] = Counter()
        self.doubts = ReadingDoubts()
        self._names = {field.id: field.name for field in setup.schema.fields}

    def findings(self) -> Iterator[Mismatch]:
        """Yield what is not equal. Raise Refused, SyncError and Wait."""
        self.side.read(self.setup.schema.id)
        self.counts["benchling"] = self.side.live
        records = self._records()
        while chunk := list(islice(records, CHUNK)):
            for finding in self._compared(chunk):
                self.counts[finding.state] += 1
                yield finding
        for raw in self.side.without_record():
            self.counts[State.EXTRA] += 1
            yield self._extra(raw)

    def _records(self) -> Iterator[SourceRecord]:
        """Yield each record of the registry once."""
        fingerprint = self.setup.mapping.fingerprint
        for page in self.source.pages(None):
            self.doubts.note(page)
            found = source_records(page.records, self.source, fingerprint, page.unread)
            for record in found + stray_records(page.strays, fingerprint):
                first = self.side.first_hash(record.external_id, record.raw_hash)
                if first is None:
                    self.counts["registry"] += 1
                    yield record
                else:
                    self.counts["repeated"] += 1
                    self.doubts.others += first != record.raw_hash

    # -- records ---------------------------------------------------------------------------

    def _compared(self, records: Sequence[SourceRecord]) -> Iterator[Mismatch]:
        entities: list[Entity] = []
        why: dict[str, str] = {}
        for record in records:
            if record.problem is None and departure(record.raw, self.setup.mapping):
                self.counts["left"] += 1
                continue
            done = transform(record.raw, record.external_id, self.setup.mapping)
            problems = (record.problem,) if record.problem is not None else done.problems
            if problems or done.entity is None:
                text = " ".join(problem.message for problem in problems)
                why[record.external_id] = text or "It cannot be read."
            else:
                entities.append(done.entity)
        yield from self._refused(why)
        merged = self._merged(entities)
        self.counts["merged"] += len(merged)
        yield from self._compare_with_benchling(
            [each for each in entities if each.external_id not in merged]
        )

    def _merged(self, entities: Sequence[Entity]) -> set[str]:
        """Return the records that follow the entity into which theirs was merged."""
        rows = self.lane.merges.filter(closed_at=None, state=Merge.State.FOLLOWED)
        rows = rows.filter(external_id__among=[entity.external_id for entity in entities])
        return set(rows.values_list("external_id", flat=True))

    def _refused(self, why: dict[str, str]) -> Iterator[Mismatch]:
        ids = {external_id: self.setup.mapping.registry_id(external_id) for external_id in why}
        by_key = self.side.matching(list(ids.values()))
        for external_id, text in why.items():
            raw = by_key.get(name_key(ids[external_id]))
            yield _found(State.REFUSED, external_id, raw, note=text)

    def _compare_with_benchling(self, entities: Sequence[Entity]) -> Iterator[Mismatch]:
        """Compare entities with their counterparts in Benchling."""
        ids = [entity.external_id for entity in entities]
        by_key = self.side.matching([entity.registry_id for entity in entities])
        targets = self.side.targets(
            linked_ids(list(by_key.values()), self.setup.mapping.definitions)
        )
        rows = self.lane.ledger.filter(external_id__among=ids)
        ledger = {row.external_id: row for row in rows}
        pins = open_pins(self.lane, ids)
        errors = dict(
            EntityError.objects.filter(
                lane=self.lane, closed_at__isnull=True, external_id__among=ids
            ).values_list("external_id", "message")
        )
        for entity, sent in zip(entities, lead_to_survivors(entities), strict=True):
            raw = by_key.get(entity.registry_key)
            error = errors.get(entity.external_id, "")
            if raw is None:
                state = State.REFUSED if error else State.MISSING
                yield _found(state, entity.external_id, None, note=error, entity=entity)
            elif raw.get("archiveRecord"):
                reason = raw["archiveRecord"].get("reason") or ""
                yield _found(State.ARCHIVED, entity.external_id, raw, note=reason)
            else:
                found = list(self._differences(entity, sent, raw, targets, ledger))
                finding = _judged(entity, raw, found, pins.get(entity.external_id, []), error)
                if finding is None:
                    self.counts["equal"] += 1
                else:
                    yield finding

    def _differences(
        self,
        entity: Entity,
        sent: Entity,
        raw: Json,
        targets: dict[str, str],
        ledger: dict[str, LedgerEntry],
    ) -> Iterator[FieldRow]:
        """Yield the fields that are not as a run sends them: links lead to survivors there."""
        in_benchling = entity_of(entity.external_id, raw, self.setup, targets)
        entry = ledger.get(entity.external_id)
        written = entry if entry is not None and entry.entity_hash else None
        if in_benchling.name != entity.name:
            last = _last("name", in_benchling.name, entity.name, written)
            yield FieldRow("name", "name", in_benchling.name, entity.name, last)
        for field_id, value in entity.fields.items():
            current = in_benchling.fields.get(field_id)
            as_sent = sent.fields[field_id]
            if same_value(field_id, current, as_sent) or (is_blank(current) and is_blank(value)):
                continue
            shown = UNREADABLE if current == UNKNOWN else plain_part(field_id, current)
            last = _last(field_id, current, as_sent, written)
            name = self._names.get(field_id, field_id)
            yield FieldRow(field_id, name, shown, plain_part(field_id, value), last)

    def _extra(self, raw: Json) -> Mismatch:
        registry_id = raw.get("entityRegistryId") or ""
        external_id = external_id_of(registry_id, self.setup.mapping) or ""
        by_app = (raw.get("creator") or {}).get("id") == self.app_id
        note = "created by this app" if by_app else "created by someone else"
        return _found(State.EXTRA, external_id, raw, note=note)


def _found(
    state: ReconciledRecord.State,
    external_id: str,
    raw: Json | None,
    *,
    note: str = "",
    entity: Entity | None = None,
    differences: tuple[FieldRow, ...] = (),
) -> Mismatch:
    entity_json = raw or {}
    registry_id = entity_json.get("entityRegistryId") or (entity.registry_id if entity else "")
    name = entity_json.get("name") or (entity.name if entity else "")
    return Mismatch(
        state, external_id, str(entity_json.get("id") or ""), registry_id, name,
        str(entity_json.get("modifiedAt") or ""), note, differences,
    )  # fmt: skip


def _judged(
    entity: Entity, raw: Json, found: list[FieldRow], pins: Sequence[Pin], error: str
) -> Mismatch | None:
    """Return what a counterpart's differences come to; None if there are none."""
    if not found:
        return None
    accepted = {
        pin.field_id: pin for pin in pins if not is_outdated(pin, entity)
    }  # fmt: skip
    open_ones = [row for row in found if not _is_accepted(row, accepted)]
    if open_ones:
        state = State.DIFFERING
    else:
        state, error = State.ACCEPTED, ""
    rows = tuple(open_ones or found)
    return _found(state, entity.external_id, raw, note=error, differences=rows)


def _is_accepted(row: FieldRow, pins: dict[str, Pin]) -> bool:
    pin = pins.get(row.field_id)
    if pin is None:
        return False
    accepted = acceptable(row.field_id, row.theirs, row.source)
    return same_value(row.field_id, pin.theirs, accepted)


def _last(field_id: str, in_benchling: Any, source: Any, entry: LedgerEntry | None) -> str:
    """Return who wrote Benchling's value last, as the ledger knows it."""
    if entry is None:
        return ""
    was = entry.name if field_id == "name" else entry.fields.get(field_id)
    if same_value(field_id, was, in_benchling):
        by = f", run {entry.written_run_id}" if entry.written_run_id else ""
        return f"Registry Sync{by}; the registry changed since"
    return IN_BENCHLING if same_value(field_id, was, source) else BOTH
