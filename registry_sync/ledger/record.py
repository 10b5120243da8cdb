"""The ledger: what we last wrote for each external id, and the one transaction that records it.

`record` is the only writer of LedgerEntry, Change and EntityError. Counts, changes, errors,
ledger and the run's position go in together or not at all, under the run's lease.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from django.db import connection, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from registry_sync.core.problems import Problem
from registry_sync.ledger import audit
from registry_sync.mapping.transform import Entity, name_key
from registry_sync.mapping.values import DEEPEST, same
from registry_sync.models import Batch, Change, EntityError, Lane, LedgerEntry, SyncRun
from registry_sync.runs import lifecycle as runs

Outcome = LedgerEntry.Outcome
UNCHANGED, FAILED = Outcome.UNCHANGED, Outcome.FAILED
CHUNK = 500
"""Rows a statement: below SQLite's limit on variables, and what PostgreSQL plans well."""


class Known(NamedTuple):  # made for every record that is read: a third of a dataclass's cost
    """What the ledger holds for one external id, as far as comparing needs it."""

    pk: int
    external_id: str
    raw_hash: str
    entity_hash: str
    seen_run_id: int | None
    outcome: str
    identity: str


class Sighting(NamedTuple):
    """One record that the run handled, and what came of it.

    A refused record carries `problems` (none: refused again for the cause that is on file) and
    its `raw` form; a written one carries the `entity` and Benchling's id for it.
    """

    external_id: str
    raw_hash: str
    outcome: LedgerEntry.Outcome
    raw: dict[str, Any] | None = None
    entity: Entity | None = None
    entity_id: str = ""
    problems: tuple[Problem, ...] = ()
    modified_at: datetime | None = None
    retried: bool = False
    identity: str = ""


def hash_record(record: dict[str, Any], fingerprint: str) -> str:
    """Hash a raw record together with the mapping that will read it: 32 hex characters."""
    try:
        body = orjson.dumps(record, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # integers beyond 64 bits, which only the standard library writes
        body = json.dumps(record, sort_keys=True).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(body + fingerprint.encode(), digest_size=16).hexdigest()


def known(lane: Lane, external_ids: Collection[str]) -> dict[str, Known]:
    """Look up external ids in the ledger."""
    columns = Known._fields
    rows = LedgerEntry.objects.filter(lane=lane, external_id__among=external_ids)
    return {row[1]: Known._make(row) for row in rows.values_list(*columns)}


def forget_hashes(run: SyncRun, lease: runs.Lease) -> None:
    """Let records that this run has seen under another mapping be looked at as never seen."""
    with transaction.atomic():
        runs.renew(lease)
        seen = LedgerEntry.objects.filter(lane=run.lane, seen_run_id=run.pk)
        seen.exclude(raw_hash="").update(raw_hash="")


def refused_still(lane: Lane, external_ids: Collection[str]) -> set[str]:
    """Say which records have an open error that holds as long as they do not change."""
    rows = EntityError.objects.filter(
        lane=lane, closed_at__isnull=True, external_id__among=external_ids
    )
    return set(rows.exclude(code="id_twice").values_list("external_id", flat=True))


def times(run: SyncRun, external_ids: Collection[str]) -> dict[str, datetime | None]:
    """Give the modification times of records in the form that this run saw last."""
    rows = LedgerEntry.objects.filter(lane=run.lane, external_id__among=external_ids)
    return dict(rows.filter(seen_run_id=run.pk).values_list("external_id", "modified_at"))


def holding(lane: Lane, entities: Sequence[Entity]) -> set[str]:
    """Say which of these entities the ledger holds with the very values they would be given.

    Hashes may differ and values not: a path that is absent from the record leaves its field.
    """
    wanted = {entity.external_id: entity for entity in entities}
    held: set[str] = set()
    for some in _chunks(list(wanted)):
        rows = LedgerEntry.objects.filter(lane=lane, external_id__in=some)
        for row in rows.exclude(entity_hash=""):
            if not any(differences(row, wanted[row.external_id])):
                held.add(row.external_id)
    return held


def passing_name(lane: Lane, entity: Entity) -> Sighting:
    """Make the sighting of an entity that bears another name for now; its error stays open."""
    row = LedgerEntry.objects.get(lane=lane, external_id=entity.external_id)
    return Sighting(
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
    sightings: Sequence[Sighting],
    *,
    batch: Batch | None = None,
    before: dict[str, Known] | None = None,
    **run_values: object,
) -> None:
    """Record what came of some records, in one transaction under the lease.

    With `batch`, the records leave that batch; an empty batch is done. `before` spares a look at
    the ledger, where it was looked at since these records were last recorded. `run_values` are
    written to the run beside its counts. Raises LeaseLost, and then nothing is written.
    """
    with transaction.atomic():
        runs.renew(lease)
        for some in _chunks(sightings):
            _record_chunk(run, some, before)
        if batch is not None:
            _settle(batch, {sighting.external_id for sighting in sightings})
        counts = {name: getattr(run, name) for name in COUNTS}
        SyncRun.objects.filter(pk=run.pk).update(**counts, **run_values)
    for name, value in run_values.items():
        setattr(run, name, value)


ENTITY_COLUMNS = ("entity_registry_id", "id_key", "name", "name_key", "fields", "entity_hash")
COUNTS = ("read", "unchanged", "created", "updated", "failed", "repeated", "retried", "coerced")


def _record_chunk(
    run: SyncRun, sightings: Sequence[Sighting], before: dict[str, Known] | None
) -> None:
    lane = run.lane
    assert lane is not None
    if before is None:
        before = known(lane, [sighting.external_id for sighting in sightings])
    touched: list[int] = []
    again: list[int] = []
    rest: list[Sighting] = []
    run_id = run.pk  # each look at a model's pk costs more than all else in this loop
    for sighting in sightings:
        entry = before.get(sighting.external_id)
        same = entry if entry is not None and _is_same(entry, sighting) else None
        if same and same.seen_run_id != run_id and not sighting.retried:
            touched.append(same.pk)  # by far the most records of a full read
            continue
        sighting = _tallied(run, sighting, entry)
        if same and sighting.outcome == UNCHANGED:
            again.append(same.pk)
        else:
            rest.append(sighting)
    run.read += len(touched)
    run.unchanged += len(touched)
    touched += again
    if touched:
        # A set: Django looks into each item of a list.
        LedgerEntry.objects.filter(pk__among=set(touched)).update(
            seen_run_id=run_id, outcome=Outcome.UNCHANGED
        )
    if not rest:
        return
    written = [sighting for sighting in rest if sighting.entity is not None]
    ids = [sighting.external_id for sighting in written]
    rows = LedgerEntry.objects.filter(lane=lane, external_id__in=ids).exclude(entity_hash="")
    old = {row.external_id: row for row in rows}
    _write_changes(run, lane, written, old)
    _write_entries(run, lane, written, rest, old)
    _open_and_close_errors(run, lane, rest)


def _is_same(entry: Known, sighting: Sighting) -> bool:
    """Say whether the ledger's row needs no more than a note that this run saw it."""
    return (
        entry.raw_hash == sighting.raw_hash
        and sighting.outcome == UNCHANGED
        and entry.outcome != FAILED
    )


def _tallied(run: SyncRun, sighting: Sighting, entry: Known | None) -> Sighting:
    """Count a record once per run, under what finally came of it."""
    outcome = sighting.outcome
    if entry is not None and entry.seen_run_id == run.pk and entry.outcome:
        earlier = Outcome(entry.outcome)
        if outcome == Outcome.UNCHANGED and earlier != Outcome.FAILED:
            outcome = earlier
        elif (earlier, outcome) == (Outcome.CREATED, Outcome.UPDATED):
            outcome = Outcome.CREATED
        setattr(run, earlier, getattr(run, earlier) - 1)
    else:
        run.read += 1
        run.retried += sighting.retried
    setattr(run, outcome, getattr(run, outcome) + 1)
    return sighting if outcome == sighting.outcome else sighting._replace(outcome=outcome)


def _write_entries(
    run: SyncRun,
    lane: Lane,
    written: Sequence[Sighting],
    rest: Sequence[Sighting],
    old: dict[str, LedgerEntry],
) -> None:
    seen = ["raw_hash", "modified_at", "seen_run_id", "outcome"]
    unsent = [sighting for sighting in rest if sighting.entity is None]
    _upsert_entries([_entry(run, lane, s) for s in unsent if not s.identity], seen)
    _upsert_entries([_entry(run, lane, s) for s in unsent if s.identity], [*seen, "identity"])
    columns = [*seen, *ENTITY_COLUMNS, "identity", "written_run_id", "entity_id"]
    _upsert_entries([_entry(run, lane, s, old.get(s.external_id)) for s in written], columns)


def take_in(run: SyncRun, lease: runs.Lease, entity: Entity, *, entity_id: str) -> None:
    """Take an entity that Benchling holds into the ledger, as if we had written it.

    What this run will count for its record is not touched.
    """
    entry = LedgerEntry(lane=run.lane, external_id=entity.external_id, entity_id=entity_id)
    fill(entry, entity)
    with transaction.atomic():
        runs.renew(lease)
        _upsert_entries([entry], [*ENTITY_COLUMNS, "entity_id"])


def take_in_found(lane: Lane, entries: Sequence[LedgerEntry]) -> None:
    """Take in what was found in Benchling, within a transaction of the caller's under its lease.

    What the ledger holds already stays; a row that only tells of a refusal gets its entity.
    """
    ids = [entry.external_id for entry in entries]
    held = LedgerEntry.objects.filter(lane=lane, external_id__among=ids).exclude(entity_hash="")
    known = set(held.values_list("external_id", flat=True))
    unknown = {e.external_id: e for e in entries if e.external_id not in known}
    _upsert_entries(list(unknown.values()), [*ENTITY_COLUMNS, "entity_id"])


def _upsert_entries(entries: list[LedgerEntry], columns: list[str]) -> None:
    if entries:
        LedgerEntry.objects.bulk_create(
            entries,
            update_conflicts=True,
            unique_fields=["lane", "external_id"],
            update_fields=columns,
        )


def _entry(
    run: SyncRun, lane: Lane, sighting: Sighting, old: LedgerEntry | None = None
) -> LedgerEntry:
    entry = LedgerEntry(
        lane=lane,
        external_id=sighting.external_id,
        raw_hash=sighting.raw_hash,
        modified_at=sighting.modified_at,
        seen_run_id=run.pk,
        outcome=sighting.outcome,
        identity=sighting.identity,
    )
    if sighting.entity is not None:
        fill(entry, sighting.entity)
        if old is not None:  # a path absent from the record leaves its field as it was
            entry.fields = {**old.fields, **entry.fields}
            entry.identity = sighting.identity or old.identity
        entry.entity_id = sighting.entity_id or (old.entity_id if old else "")
        entry.written_run_id = run.pk
    return entry


def fill(entry: LedgerEntry, entity: Entity) -> None:
    """Set on a ledger row what it remembers of an entity."""
    entry.entity_registry_id = entity.registry_id
    entry.id_key = name_key(entity.registry_id)
    entry.name = entity.name
    entry.name_key = name_key(entity.name)
    entry.fields = entity.fields
    entry.entity_hash = entity.digest()


def _write_changes(
    run: SyncRun, lane: Lane, written: Sequence[Sighting], before: dict[str, LedgerEntry]
) -> None:
    """Write one immutable row for each value that Benchling now holds and did not before."""
    names: dict[str, str] = run.mapping.get("field_names", {})

    def told() -> Iterable[Value]:
        for sighting in written:
            assert sighting.entity is not None
            old = before.get(sighting.external_id)
            entity_id = sighting.entity_id or (old.entity_id if old else "")
            seen, sources = sighting.modified_at, sighting.entity.sources
            for field_id, was, now in differences(old, sighting.entity):
                what = (sighting.external_id, entity_id, field_id, names.get(field_id, field_id))
                yield what, was, now, sources.get(field_id), old is None, seen

    _chain(run, lane, told())


def tell_put_back(
    cleared_by: SyncRun, run: SyncRun, row: LedgerEntry, values: Sequence[tuple[str, str, Any]]
) -> None:
    """Write the changes of unmapped values (id, name, value) that an update cleared and `run`
    put back, within a transaction of the caller's under its lease.
    """
    for by, back in ((cleared_by, False), (run, True)):
        _chain(
            by,
            row.lane,
            [
                (
                    (row.external_id, row.entity_id, field_id, field),
                    *((None, value) if back else (value, None)),
                    [],
                    False,
                    row.modified_at,
                )
                for field_id, field, value in values
            ],
        )


Value = tuple[tuple[str, str, str, str], Any, Any, Any, bool, datetime | None]
"""One value written: external id, entity id, field id and name; before, after, its source, whether
the entity is new, and when the record was changed."""


def _chain(run: SyncRun, lane: Lane, values: Iterable[Value]) -> None:
    adapt = connection.ops.adapt_datetimefield_value
    at, last = timezone.now(), audit.last_digest(lane)
    rows: list[tuple[Any, ...]] = []
    for what, was, now, source, new, seen in values:
        who = (run.pk, *what)
        how = (new, run.actor, run.trigger, run.fingerprint, run.service_version)
        last = audit.digest(last, (*who, was, now, source, *how, seen, at))
        stored = (_json(was), _json(now), _json(source), *how, adapt(seen), adapt(at))
        rows.append((lane.pk, *who, *stored, last))
    if rows:
        # Eight rows an entity: as model instances they would cost twice all the rest together.
        with connection.cursor() as cursor:
            cursor.executemany(CHANGE_INSERT, rows)
        audit.move_head(lane, last)


CHANGE_COLUMNS = ("lane_id", *audit.COLUMNS, "digest")
CHANGE_INSERT = (
    f"INSERT INTO {Change._meta.db_table} "
    f"({', '.join(f'{chr(34)}{name}{chr(34)}' for name in CHANGE_COLUMNS)}) "
    f"VALUES ({', '.join(['%s'] * len(CHANGE_COLUMNS))})"
)


def _json(value: object) -> str | None:
    return None if value is None else json.dumps(value)


def differences(old: LedgerEntry | None, entity: Entity) -> Iterable[tuple[str, object, object]]:
    """Give what would change: field id, value before, value after."""
    if old is None or old.entity_registry_id != entity.registry_id:
        yield "registry id", old.entity_registry_id if old else None, entity.registry_id
    if old is None or old.name != entity.name:
        yield "name", old.name if old else None, entity.name
    was = old.fields if old else {}
    for field_id, value in entity.fields.items():
        if (old is None and value not in (None, [])) or (
            old is not None and (field_id not in was or not same(was[field_id], value))
        ):
            yield field_id, was.get(field_id), value


def _settle(batch: Batch, external_ids: set[str]) -> None:
    """Take accounted records out of their batch; the last one out closes it."""
    batch.items = [item for item in batch.items if item["external_id"] not in external_ids]
    if not batch.items:
        batch.done_at = timezone.now()
    batch.save(update_fields=["items", "done_at", "calls"])


# -- errors --------------------------------------------------------------------------------


def _open_and_close_errors(run: SyncRun, lane: Lane, rest: Sequence[Sighting]) -> None:
    rows = EntityError.objects.filter(
        lane=lane, closed_at__isnull=True, external_id__in=[s.external_id for s in rest]
    )
    open_now = {row.external_id: row for row in rows}
    # Closed by this very run's first sight of a record that comes twice: the same error still.
    closed = EntityError.objects.filter(lane=lane, closed_by_run=run)
    again = [s.external_id for s in rest if s.outcome == Outcome.FAILED]
    closed_now = {row.external_id: row for row in closed.filter(external_id__in=again)}
    opened: list[EntityError] = []
    refreshed: list[EntityError] = []
    passed: list[int] = []
    for sighting in rest:
        error = open_now.get(sighting.external_id)
        if sighting.outcome != Outcome.FAILED:
            if error is not None:
                passed.append(error.pk)
        elif error is None:
            error = closed_now.get(sighting.external_id) or EntityError(first_seen=timezone.now())
            (refreshed if error.pk else opened).append(_error(error, run, sighting))
        else:
            error.times_seen += 1
            refreshed.append(_error(error, run, sighting))
    EntityError.objects.bulk_create(opened, batch_size=CHUNK)
    EntityError.objects.bulk_update(refreshed, ERROR_COLUMNS, batch_size=CHUNK)
    EntityError.objects.filter(pk__in=passed).update(closed_at=timezone.now(), closed_by_run=run)


def close_withdrawn(run: SyncRun, lease: runs.Lease) -> int:
    """Close the errors of records that a whole read no longer found; returns how many."""
    here = LedgerEntry.objects.filter(
        lane=OuterRef("lane"), external_id=OuterRef("external_id"), seen_run_id=run.pk
    )
    gone = EntityError.objects.filter(~Exists(here), lane=run.lane, closed_at__isnull=True)
    with transaction.atomic():
        runs.renew(lease)
        return gone.update(closed_at=timezone.now(), closed_by_run=run)


ERROR_COLUMNS = (
    "run", "kind", "code", "message", "remedy", "field", "value", "waits_for", "waits_key",
    "raw", "raw_hash", "fingerprint", "source_modified_at", "last_seen", "times_seen",
    "dismissed_at", "closed_at", "closed_by_run",
)  # fmt: skip


def _error(error: EntityError, run: SyncRun, sighting: Sighting) -> EntityError:
    """Fill an error's row; without problems the cause that is on file stays as it is."""
    error.last_seen = timezone.now()
    error.closed_at = error.closed_by_run = None
    if not sighting.problems:
        return error
    error.run = run
    first = sighting.problems[0]
    assert run.lane is not None
    error.lane = run.lane
    error.external_id = sighting.external_id
    error.kind, error.code, error.remedy = first.kind, first.code, storable(first.remedy)
    error.message = storable(" ".join(problem.message for problem in sighting.problems))
    error.field, error.value = first.field, storable(first.value)
    error.waits_for, error.waits_key = first.waits_for or ("", "")
    raw = storable(sighting.raw)
    stays = any(p.kind != "transient" and not p.waits_for for p in sighting.problems)
    if stays and raw != sighting.raw:
        error.waits_for, error.waits_key = "source", ""  # our copy is not what the registry said
    if error.raw != raw:
        error.dismissed_at = None  # what was dismissed was another content of this record
    error.raw, error.raw_hash = raw, sighting.raw_hash
    error.fingerprint = run.fingerprint
    error.source_modified_at = sighting.modified_at
    return error


def storable(value: Any, levels: int = 2 * DEEPEST) -> Any:
    """Return JSON that PostgreSQL takes: it refuses NUL characters and lone surrogates.

    What is nested deeper than `levels` is cut.
    """
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")
    if not isinstance(value, (list, dict)):
        return value
    if not levels:
        return "…"
    if isinstance(value, list):
        return [storable(item, levels - 1) for item in value]
    return {storable(key): storable(item, levels - 1) for key, item in value.items()}


def _chunks(items: Sequence[Any]) -> Iterable[Sequence[Any]]:
    for start in range(0, len(items), CHUNK):
        yield items[start : start + CHUNK]
