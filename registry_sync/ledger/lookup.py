"""What the ledger knows of records."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from registry_sync.ledger.changes import differences
from registry_sync.ledger.record_outcome import in_chunks
from registry_sync.mapping.model import Entity
from registry_sync.models import EntityError, Lane, LedgerEntry, SyncRun


class LedgerView(NamedTuple):  # made for every record that is read: a third of a dataclass's cost
    """What the ledger holds for one external id, as far as comparing needs it."""

    pk: int
    external_id: str
    raw_hash: str
    entity_hash: str
    seen_run_id: int | None
    outcome: str
    identity: str


def known(lane: Lane, external_ids: Collection[str]) -> dict[str, LedgerView]:
    """Look up external ids in the ledger."""
    columns = LedgerView._fields
    rows = LedgerEntry.objects.filter(lane=lane, external_id__among=external_ids)
    return {row[1]: LedgerView._make(row) for row in rows.values_list(*columns)}


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
    for some in in_chunks(list(wanted)):
        rows = LedgerEntry.objects.filter(lane=lane, external_id__in=some)
        for row in rows.exclude(entity_hash=""):
            if not any(differences(row, wanted[row.external_id])):
                held.add(row.external_id)
    return held
