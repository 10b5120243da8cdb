"""Write Change rows: one for each value written, chained by digests."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils import timezone

from registry_sync.ledger import audit
from registry_sync.ledger.record_outcome import RecordOutcome
from registry_sync.mapping.model import Entity
from registry_sync.mapping.values import same
from registry_sync.models import Change, Lane, LedgerEntry, SyncRun


def write_changes(
    run: SyncRun, lane: Lane, written: Sequence[RecordOutcome], before: dict[str, LedgerEntry]
) -> None:
    """Write one immutable row for each value that Benchling now has and did not have before."""
    names: dict[str, str] = run.mapping.get("field_names", {})

    def values() -> Iterable[Value]:
        for result in written:
            assert result.entity is not None
            old = before.get(result.external_id)
            entity_id = result.entity_id or (old.entity_id if old else "")
            seen, sources = result.modified_at, result.entity.sources
            for field_id, was, now in differences(old, result.entity):
                what = (result.external_id, entity_id, field_id, names.get(field_id, field_id))
                yield what, was, now, sources.get(field_id), old is None, seen

    _chain(run, lane, values())


def record_put_back(
    cleared_by: SyncRun, run: SyncRun, row: LedgerEntry, values: Sequence[tuple[str, str, Any]]
) -> None:
    """Write the changes of unmapped values that an update cleared and `run` put back.

    `values` are (field id, field name, value). The caller holds a transaction under its lease.
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
"""One written value: (external id, entity id, field id, field name), the values before and after,
its source, whether the entity is new, and when the record was modified."""


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
        # Eight rows per entity: as model instances they would cost twice as much as all the rest.
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
    """Return what would change, as (field id, value before, value after)."""
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
