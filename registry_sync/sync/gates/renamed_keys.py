"""Mapped keys that a few records have under a new name, where an absent key clears its field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from registry_sync.ledger.record_outcome import hash_record
from registry_sync.mapping.model import FieldMapping
from registry_sync.mapping.values import same
from registry_sync.models import LedgerEntry
from registry_sync.sync.context import RunContext
from registry_sync.sync.records import SourceRecord

RARE = 3
"""Characters that a value must have for another field to hardly have it by chance."""


def renamed_keys(
    ctx: RunContext,
    absent: Sequence[FieldMapping],
    records: Sequence[SourceRecord],
    *,
    by_id: bool = False,
) -> dict[str, str]:
    """Return the new keys by the paths that no record has any more.

    A new key has in each of these records the value that the field was last given. That may be
    a value that someone moved in one record, so it takes two records with different values, or
    one in which nothing else changed, not even its modification time. Of records that were asked
    for `by_id`, one with a value that hardly occurs by chance is enough: no lane stops for it.
    """
    before = set(ctx.lane.source_state.get("record_keys", ()))
    cleared = [mapped for mapped in absent if mapped.absent == "clear"]
    if not before or not cleared:
        return {}
    came = {record.external_id: record for record in records}
    rows = LedgerEntry.objects.filter(lane=ctx.lane, external_id__among=list(came))
    entries = list(rows.exclude(entity_hash=""))
    found: dict[str, str] = {}
    shown: set[str] = set()
    for mapped in cleared:
        with_value = [
            (came[entry.external_id].raw, entry.fields[mapped.field.id])
            for entry in entries
            if mapped.is_held(entry.fields)
        ]
        keys = [
            {key for key, now in raw.items() if key not in before and _is_same(now, was)}
            for raw, was in with_value
        ]
        if common := set.intersection(*keys) if keys else set():
            found[mapped.path] = min(common)
            values = {str(was) for _, was in with_value}
            rare = by_id and max(map(len, values)) >= RARE
            shown |= {mapped.path} if len(values) > 1 or rare else set()
    for entry in entries if found.keys() - shown else ():
        shown |= _only_renamed(ctx, came[entry.external_id], found, entry.raw_hash)
    return {path: key for path, key in found.items() if path in shown}


def _only_renamed(
    ctx: RunContext, record: SourceRecord, found: dict[str, str], raw_hash: str
) -> set[str]:
    """Return the paths by which, instead of the new keys, a record is what it was."""
    paths = {key: path for path, key in found.items() if key in record.raw}
    was = {paths.get(key, key): value for key, value in record.raw.items()}
    is_dated = record.modified_at is not None
    as_before = is_dated and hash_record(was, ctx.run.fingerprint) == raw_hash
    return set(paths.values()) if as_before else set()


def _is_same(now: Any, was: Any) -> bool:
    """Return whether a record has the value that Benchling was given, also as text.

    Yes and no are in too many keys to tell one from another.
    """
    if isinstance(now, bool) or isinstance(was, bool):
        return False
    as_text = isinstance(now, (str, int, float)) and isinstance(was, (str, int, float))
    return same(now, was) or (as_text and str(now).strip() == str(was))
