"""Mapped keys that a few records have under a new name, where an absent key clears its field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from registry_sync.mapping.model import FieldMapping
from registry_sync.models import Lane, LedgerEntry
from registry_sync.sync.records import SourceRecord


def renamed_keys(
    lane: Lane, gone: Sequence[FieldMapping], records: Sequence[SourceRecord]
) -> dict[str, str]:
    """Return the new keys by the paths that no record has any more.

    A key is new if the lane's records had none of its name, and it has in each of these records
    the value that the field was last given. Too few records to see that all lack a path show that.
    """
    before = set(lane.source_state.get("record_keys", ()))
    cleared = [mapped for mapped in gone if mapped.absent == "clear"]
    if not before or not cleared:
        return {}
    raw = {record.external_id: record.raw for record in records}
    rows = LedgerEntry.objects.filter(lane=lane, external_id__among=list(raw))
    known = list(rows.exclude(entity_hash="").values_list("external_id", "fields"))
    found: dict[str, str] = {}
    for mapped in cleared:
        held = [
            (raw[external_id], fields[mapped.field.id])
            for external_id, fields in known
            if mapped.is_held(fields)
        ]
        keys = [
            {key for key, now in record.items() if key not in before and _is_same(now, was)}
            for record, was in held
        ]
        if common := set.intersection(*keys) if keys else set():
            found[mapped.path] = min(common)
    return found


def _is_same(now: Any, was: Any) -> bool:
    """Return whether a record has the value that Benchling was given, also as text."""
    return now == was or (isinstance(now, (str, int, float)) and str(now).strip() == str(was))
