"""Let the ledger hold what Benchling holds in a field, as people decided."""

from __future__ import annotations

from typing import Any

from registry_sync.benchling.entity_types.parts import SHARED, item_keys, left_of
from registry_sync.ledger.recording import describe_entity
from registry_sync.ledger.shared_items import found_items
from registry_sync.ledger.substances import save_aliases, save_substances
from registry_sync.mapping.model import Entity
from registry_sync.models import Drift, Lane, LedgerEntry


def hold_value(
    lane: Lane, external_id: str, field_id: str, current: Any, *, drift: int = 0, restored: bool
) -> bool:
    """Put Benchling's value into the ledger; return False for what the ledger does not have.

    So too for `drift`, by its primary key, that has ended since it was read, as when two people
    decide at once.

    Of a shared list that is `restored`, only what this app wrote is put there.
    """
    rows = LedgerEntry.objects.select_for_update().filter(lane=lane, external_id=external_id)
    entry = rows.exclude(entity_hash="").first()
    if entry is None or (drift and not _is_open(drift)):
        return False
    is_name, is_shared = field_id == "name", field_id in SHARED
    written = entry.fields.get(field_id)
    kept = current
    if is_shared and restored:
        kept = left_of(written, current) if isinstance(written, list) else []
    entity = Entity(
        entry.external_id,
        entry.entity_registry_id,
        str(kept) if is_name else entry.name,
        entry.fields if is_name else {**entry.fields, field_id: kept},
    )
    if is_shared:
        # What was not written is people's, although the registry may list it by now.
        found = found_items(entry, field_id) | (item_keys(kept) - item_keys(written))
        if found:
            entry.found_items = {**(entry.found_items or {}), field_id: sorted(found)}
    describe_entity(entry, entity)
    entry.raw_hash = ""
    entry.save()
    if not restored:
        _keep_part(lane, entity, field_id, entry)
    return True


def _is_open(drift: int) -> bool:
    """Return whether drift has not ended; it cannot until this decision is made."""
    rows = Drift.objects.select_for_update().filter(pk=drift, closed_at=None)
    return rows.first() is not None


def _keep_part(lane: Lane, entity: Entity, field_id: str, entry: LedgerEntry) -> None:
    """Write down what is unique beside a name, so that others may have what was given up."""
    if field_id == "aliases":
        save_aliases(lane, [entity], {entity.external_id: entry})
    elif field_id in ("structure", "sequence"):
        canonical = str(entity.fields[field_id]) if field_id == "structure" else ""
        save_substances(lane, [(entity, canonical)])
