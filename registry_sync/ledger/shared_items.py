"""Aliases and authors of entities: which of them this app added, so that only these are removed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.db import transaction

from registry_sync import runs
from registry_sync.benchling.entity_types.parts import item_keys
from registry_sync.core.text import name_key
from registry_sync.core.types import Json
from registry_sync.models import LedgerEntry


def found_items(row: LedgerEntry, key: str) -> set[str]:
    """Return the items of a list that Benchling had before this app sent them, or may have had.

    Of a list that was read from Benchling, as after a rebuild of the ledger, it is not known who
    added an item.
    """
    value = row.fields.get(key)
    unclaimed = item_keys(value) if isinstance(value, dict) else set()
    return unclaimed | set((row.found_items or {}).get(key, ()))


def own_items(row: LedgerEntry, key: str) -> set[str]:
    """Return the items of a list that this app added, and may remove."""
    return item_keys(row.fields.get(key)) - found_items(row, key)


def forget_lost(row: LedgerEntry, key: str, in_benchling: Collection[str]) -> None:
    """Forget found items that Benchling no longer has, unless the record still lists them.

    Those would count as this app's where people add them again. The caller has locked the row, and
    saves it.
    """
    value, found = row.fields.get(key), row.found_items or {}
    listed = set() if isinstance(value, dict) else item_keys(value)
    lost = found_items(row, key) - set(in_benchling) - listed
    if isinstance(value, dict):
        items = [item for item in value["held"] if name_key(str(item)) not in lost]
        row.fields = {**row.fields, key: {**value, "held": items}}
    if key in found:
        row.found_items = {**found, key: sorted(set(found[key]) - lost)}


def note_found(lease: runs.Lease, found: Mapping[int, Mapping[str, Collection[str]]]) -> None:
    """Keep which items are not this app's, by a row's key and part, before anything is sent.

    Raise LeaseLost.
    """
    if not found:
        return
    with transaction.atomic():
        runs.renew(lease)
        rows = LedgerEntry.objects.select_for_update().filter(pk__among=set(found))
        changed = [row for row in rows.order_by() if _take(row, found[row.pk])]
        LedgerEntry.objects.bulk_update(changed, ["found_items"], batch_size=400)


def _take(row: LedgerEntry, parts: Mapping[str, Collection[str]]) -> bool:
    """Set what was found of some parts; return whether it differs from what the row had."""
    items_by_key: dict[str, Any] = {
        **(row.found_items or {}),
        **{k: sorted(v) for k, v in parts.items()},
    }
    kept: Json | None = {key: items for key, items in items_by_key.items() if items} or None
    if kept == row.found_items:
        return False
    row.found_items = kept
    return True
