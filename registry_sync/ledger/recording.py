"""The one transaction that records what was written for each external id.

Only `record` writes outcomes: counts, changes, errors, ledger entries and the run's position, all
of them or none, under the run's lease. Other writers correct what LedgerEntry has of an entity: the
functions below, `shared_items`, `pins`, and in `sync` the drift, merges and names that it learns.
They lock its rows before those of Drift, as all do.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from registry_sync import runs
from registry_sync.core.types import Json
from registry_sync.ledger.changes import Writing, differences
from registry_sync.ledger.entry_rows import ENTITY_COLUMNS, note_seen, write_entries
from registry_sync.ledger.errors import update_errors
from registry_sync.ledger.lookup import LedgerView, views_of
from registry_sync.ledger.record_outcome import COUNTS, Outcome, RecordOutcome, in_chunks
from registry_sync.ledger.substances import save_aliases, save_parts, save_substances
from registry_sync.mapping.model import Entity, links_of, with_links
from registry_sync.mapping.values import same_value
from registry_sync.models import Batch, Change, Drift, Lane, LedgerEntry, SyncRun

UNCHANGED, FAILED = Outcome.UNCHANGED, Outcome.FAILED


def forget_hashes(run: SyncRun, lease: runs.Lease) -> None:
    """Forget the hashes of records that this run compared under another mapping.

    Raise LeaseLost.
    """
    with transaction.atomic():
        runs.renew(lease)
        seen = LedgerEntry.objects.filter(lane=run.lane, seen_run_id=run.pk)
        seen.exclude(raw_hash="").update(raw_hash="")


def temporary_name_outcome(lane: Lane, entity: Entity) -> RecordOutcome:
    """Return the outcome of an entity that has a temporary name for now. Its error stays open."""
    row = LedgerEntry.objects.get(lane=lane, external_id=entity.external_id)
    return RecordOutcome(
        external_id=entity.external_id,
        raw_hash=row.raw_hash,
        outcome=Outcome.FAILED,
        entity=entity,
        modified_at=row.modified_at,
        identity=row.identity,
    )


def record(
    run: SyncRun,
    lease: runs.Lease,
    results: Sequence[RecordOutcome],
    *,
    batch: Batch | None = None,
    before: dict[str, LedgerView] | None = None,
    same: Sequence[int] = (),
    **run_values: object,
) -> None:
    """Record the outcomes of some records, in one transaction under the lease.

    With `batch`, the records are removed from that batch; an empty batch is done. `before` is the
    ledger's view of these records, if it was read since they were last recorded. `same` are the
    rows of further records, which this run saw for the first time and as the ledger has them.
    `run_values` are written to the run with its counts. Raise LeaseLost, and then nothing is
    written.
    """
    with transaction.atomic():
        runs.renew(lease)
        assert run.lane is not None
        writing = Writing(run, run.lane)
        if before is None:
            before = views_of(run.lane, {result.external_id for result in results})
        for chunk in in_chunks(_note_seen(run, results, before, same)):
            _write(run, chunk, writing)
        writing.close()
        if batch is not None:
            batch.remove(result.external_id for result in results)
        counts = {name: getattr(run, name) for name in COUNTS}
        SyncRun.objects.filter(pk=run.pk).update(**counts, **run_values)
    for name, value in run_values.items():
        setattr(run, name, value)


def _note_seen(
    run: SyncRun,
    results: Sequence[RecordOutcome],
    before: dict[str, LedgerView],
    same_rows: Sequence[int],
) -> list[RecordOutcome]:
    """Count some outcomes, and note the rows that this run saw as they are; return the others."""
    touched = list(same_rows)
    again: list[int] = []
    to_write: list[RecordOutcome] = []
    run_id = run.pk  # reading a model's pk costs more than all else in this loop
    for result in results:
        entry = before.get(result.external_id)
        same = entry if entry is not None and _is_same(entry, result) else None
        if same and same.seen_run_id != run_id and not result.retried:
            touched.append(same.pk)
            continue
        result = _tallied(run, result, entry)
        if same and result.outcome == UNCHANGED:
            again.append(same.pk)
        else:
            to_write.append(result)
    run.read += len(touched)
    run.unchanged += len(touched)
    touched += again
    if touched:
        note_seen(run, touched)
    return to_write


def _write(run: SyncRun, results: Sequence[RecordOutcome], writing: Writing) -> None:
    """Write what was made of some records to the ledger, and open and close their errors."""
    lane = writing.lane
    written = [result for result in results if result.entity is not None]
    ids = {result.external_id for result in written}
    rows = LedgerEntry.objects.filter(lane=lane, external_id__among=ids).exclude(entity_hash="")
    old = {row.external_id: row for row in rows}
    writing.write(written, old)
    write_entries(run, lane, results, old)
    _end_written(run, lane, written, old)
    save_parts(lane, written, old)
    update_errors(run, lane, results)


def _is_same(entry: LedgerView, result: RecordOutcome) -> bool:
    """Return whether the ledger only has to note that this run saw the record."""
    return (
        entry.raw_hash == result.raw_hash
        and result.outcome == UNCHANGED
        and entry.outcome != FAILED
    )


def _tallied(run: SyncRun, result: RecordOutcome, entry: LedgerView | None) -> RecordOutcome:
    """Count a record once per run, under its final outcome."""
    outcome = result.outcome
    if entry is not None and entry.seen_run_id == run.pk and entry.outcome:
        earlier = Outcome(entry.outcome)
        if outcome == Outcome.UNCHANGED and earlier != Outcome.FAILED:
            outcome = earlier
        elif (earlier, outcome) == (Outcome.CREATED, Outcome.UPDATED):
            outcome = Outcome.CREATED
        setattr(run, earlier, getattr(run, earlier) - 1)
    else:
        run.read += 1
        run.retried += result.retried
    setattr(run, outcome, getattr(run, outcome) + 1)
    return result if outcome == result.outcome else result._replace(outcome=outcome)


def import_entity(run: SyncRun, lease: runs.Lease, entity: Entity, *, entity_id: str) -> None:
    """Enter an entity of Benchling's into the ledger as if this app had written it.

    The run's counts do not change. Raise LeaseLost.
    """
    entry = LedgerEntry(lane=run.lane, external_id=entity.external_id, entity_id=entity_id)
    describe_entity(entry, entity)
    with transaction.atomic():
        runs.renew(lease)
        _upsert_entries([entry], [*ENTITY_COLUMNS, "entity_id"])
        assert run.lane is not None
        save_substances(run.lane, [(entity, "")])
        save_aliases(run.lane, [entity])


def import_found(lane: Lane, entries: Sequence[LedgerEntry]) -> None:
    """Enter what was found in Benchling into the ledger.

    Existing entries stay, except that an entry without an entity gets one. The caller holds a
    transaction under its lease.
    """
    ids = [entry.external_id for entry in entries]
    rows = LedgerEntry.objects.filter(lane=lane, external_id__among=ids).exclude(entity_hash="")
    existing = set(rows.values_list("external_id", flat=True))
    unknown = {e.external_id: e for e in entries if e.external_id not in existing}
    _upsert_entries(list(unknown.values()), [*ENTITY_COLUMNS, "entity_id"])
    entities = [_entity_of(entry) for entry in unknown.values()]
    save_substances(lane, [(entity, "") for entity in entities])
    save_aliases(lane, entities)


def _entity_of(entry: LedgerEntry) -> Entity:
    return Entity(entry.external_id, entry.entity_registry_id, entry.name, entry.fields)


def _upsert_entries(entries: list[LedgerEntry], columns: list[str]) -> None:
    if entries:
        LedgerEntry.objects.bulk_create(
            entries,
            update_conflicts=True,
            unique_fields=["lane", "external_id"],
            update_fields=columns,
        )


def describe_entity(entry: LedgerEntry, entity: Entity) -> None:
    """Set the columns of a ledger entry that describe an entity."""
    entry.entity_registry_id = entity.registry_id
    entry.id_key = entity.registry_key
    entry.name = entity.name
    entry.name_key = entity.name_key
    entry.fields = entity.fields
    entry.entity_hash = entity.digest()


def redirect_ledger_links(lane: Lane, old: str, new: str) -> None:
    """Let the links of a lane's entities to one registry id lead to another one.

    Benchling changed them when it merged the entities. The caller holds a transaction under its
    lease.
    """
    rows = lane.ledger.exclude(entity_hash="").only("fields").order_by("pk")
    linking = [r.pk for r in rows.iterator(2000) if old in links_of(r.fields.values())]
    # Read again under a lock: the run of another lane may have written them since.
    locked = LedgerEntry.objects.select_for_update().filter(pk__among=linking)
    for row in locked.exclude(entity_hash="").order_by("pk").iterator(2000):
        led = with_links(row.fields, {old: new})
        same = Entity(row.external_id, row.entity_registry_id, row.name, led)
        LedgerEntry.objects.filter(pk=row.pk).update(fields=led, entity_hash=same.digest())
        _end_drift(lane, row.external_id, led)


def reread_linking(lane: Lane, registry_id: str) -> None:
    """Let the records of a lane that link to an entity be compared when they are read next.

    The caller holds a transaction under its lease.
    """
    rows = lane.ledger.exclude(entity_hash="").exclude(raw_hash="").only("fields").order_by("pk")
    found = [r.pk for r in rows.iterator(2000) if registry_id in links_of(r.fields.values())]
    LedgerEntry.objects.filter(pk__among=found).update(raw_hash="")


def to_reread(lane: Lane, registry_ids: Collection[str]) -> list[str]:
    """Return the external ids of records to compare again that link to one of these entities."""
    rows = lane.ledger.exclude(entity_hash="").filter(raw_hash="", gone_run_id=None).order_by("pk")
    targets = set(registry_ids)
    return [r.external_id for r in rows.iterator(2000) if targets & links_of(r.fields.values())]


def _end_written(
    run: SyncRun, lane: Lane, written: Sequence[RecordOutcome], old: dict[str, LedgerEntry]
) -> None:
    """End the drift of values that this run changed, except what it found: that ends with it."""
    entities = {r.external_id: r.entity for r in written if r.entity and r.outcome != FAILED}
    ids = entities.keys() & old.keys()
    rows = Drift.objects.filter(lane=lane, closed_at__isnull=True, external_id__among=ids)
    if run.is_active:  # else what was on its way at its end
        rows = rows.exclude(run=run)
    ended = []
    for row in rows if ids else ():
        changed = differences(old[row.external_id], entities[row.external_id])
        if row.field_id in {field_id for field_id, _, _ in changed}:
            ended.append(row.pk)
    if ended:
        now = timezone.now()
        Drift.objects.filter(pk__among=ended).update(closed_at=now, ended=Drift.End.PUT_RIGHT)


def end_reported(run: SyncRun) -> None:
    """End the drift that a run found, where it then changed the value; call it as the run ends."""
    written = Change.objects.filter(
        lane=run.lane_id,
        run=run,
        external_id=OuterRef("external_id"),
        field_id=OuterRef("field_id"),
    )
    found = Drift.objects.filter(Exists(written), lane=run.lane_id, run=run, closed_at=None)
    found.update(closed_at=timezone.now(), ended=Drift.End.PUT_RIGHT)


def _end_drift(lane: Lane, external_id: str, fields: Json) -> None:
    """End the drift of values that Benchling and the ledger now have alike."""
    for drift in lane.drift.filter(external_id=external_id, closed_at=None, field_id__in=fields):
        if same_value(drift.field_id, drift.theirs, fields[drift.field_id]):
            drift.closed_at, drift.ended = timezone.now(), Drift.End.PUT_RIGHT
            drift.save(update_fields=["closed_at", "ended"])
