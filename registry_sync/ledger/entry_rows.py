"""Write LedgerEntry rows of what a run handled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection

from registry_sync.ledger import digests
from registry_sync.ledger.bulk_rows import times_as_stored, write_rows
from registry_sync.ledger.record_outcome import RecordOutcome
from registry_sync.models import Lane, LedgerEntry, SyncRun
from registry_sync.models.lookups import among_sql

SEEN_COLUMNS = (
    "raw_hash", "modified_at", "seen_run_id", "seen_reading", "outcome", "gone_run_id",
)  # fmt: skip
ENTITY_COLUMNS = ("entity_registry_id", "id_key", "name", "name_key", "fields", "entity_hash")
WRITTEN_COLUMNS = (*SEEN_COLUMNS, *ENTITY_COLUMNS, "identity", "written_run_id", "entity_id")
UNIQUE = ("lane_id", "external_id")
SEEN = (
    f'UPDATE "{LedgerEntry._meta.db_table}" SET seen_run_id = %s, seen_reading = %s, outcome = %s '
    "WHERE id"
)
NOTHING = ("", "", "", "", "{}", "")
"""The entity's columns of a record that was never written."""


def write_entries(
    run: SyncRun, lane: Lane, results: Sequence[RecordOutcome], old: dict[str, LedgerEntry]
) -> None:
    """Write what a run made of records; `old` are the rows of those that were written before."""
    written, seen, identified = [], [], []
    stored, of_run = times_as_stored(), (run.id, run.reading_number)
    for result in results:
        row: tuple[Any, ...] = (
            lane.id, result.external_id, result.raw_hash, stored(result.modified_at), *of_run,
            result.outcome.value, run.id if result.gone else None,
        )  # fmt: skip
        if result.entity is not None:
            written.append(row + _of_entity(run, result, old.get(result.external_id)))
        elif result.identity:
            identified.append((*row, *NOTHING, result.identity, None, ""))
        else:
            seen.append((*row, *NOTHING, "", None, ""))
    _upsert(seen, SEEN_COLUMNS)
    _upsert(identified, (*SEEN_COLUMNS, "identity"))
    _upsert(written, WRITTEN_COLUMNS)


def note_seen(run: SyncRun, entry_ids: Sequence[int]) -> None:
    """Note that a run saw rows as they are: by far most of a full read, so without a queryset."""
    among, ids = among_sql(connection.vendor, entry_ids)
    values = [run.pk, run.reading_number, LedgerEntry.Outcome.UNCHANGED.value, ids]
    with connection.cursor() as cursor:
        cursor.execute(f"{SEEN} {among}", values)


def _upsert(rows: list[tuple[Any, ...]], update: Sequence[str]) -> None:
    if rows:
        columns = (*UNIQUE, *WRITTEN_COLUMNS)
        write_rows(LedgerEntry, columns, rows, unique=UNIQUE, update=update)


def _of_entity(run: SyncRun, result: RecordOutcome, old: LedgerEntry | None) -> tuple[Any, ...]:
    """Return the columns after those of every record, for one that was written."""
    entity, identity = result.entity, result.identity
    assert entity is not None
    fields, entity_id = entity.fields, result.entity_id
    if old is not None:  # a path absent from the record leaves its field as it was
        fields = {**old.fields, **fields}
        identity, entity_id = identity or old.identity, entity_id or old.entity_id
    return (
        entity.registry_id, entity.registry_key, entity.name, entity.name_key,
        digests.encode(fields).decode(), entity.digest(), identity, run.id, entity_id,
    )  # fmt: skip
