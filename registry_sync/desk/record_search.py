"""Records by what someone types: an id, a name, or a part of a name."""

from __future__ import annotations

from collections.abc import Iterator

from registry_sync import runs
from registry_sync.core.text import name_key
from registry_sync.desk.record_history import HITS, Hit, find, hit_of
from registry_sync.models import EntityError, Lane, LedgerEntry

SHORTEST = 3
"""Characters of a part that is looked for."""


def search(asked: str) -> list[Hit]:
    """Return the records with this id or name; without any, those with it as a part of the name."""
    return find(asked) or with_part(asked)


def with_part(asked: str) -> list[Hit]:
    """Return up to HITS records of each current lane, those first that are in Benchling."""
    key = name_key(asked)
    if len(key) < SHORTEST:
        return []
    return [
        one for lane in runs.current_lanes() for one in (*_synced(lane, key), *_held(lane, key))
    ]


def _synced(lane: Lane, key: str) -> Iterator[Hit]:
    """Yield records of the ledger. Their names are read alone first, which takes only an index."""
    rows = LedgerEntry.objects.filter(lane=lane)
    named = rows.filter(name_key__contains=key).order_by("name_key")
    keys = list(named.values_list("name_key", flat=True)[:HITS])
    for row in rows.filter(name_key__in=keys).select_related("lane").order_by("name_key")[:HITS]:
        yield hit_of(row, "part of the name")


def _held(lane: Lane, key: str) -> Iterator[Hit]:
    """Yield records that are refused because another has the name."""
    waiting = runs.open_errors(lane).filter(waits_for="name", waits_key__contains=key)
    for error in waiting.defer("raw").order_by("-pk")[:HITS]:
        yield _refused(lane, error)


def _refused(lane: Lane, error: EntityError) -> Hit:
    return Hit(lane, error.external_id, error.value, "", "", "part of the name, refused")
