"""Records by what someone types: an id, a name, or a part of a name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from django.db.models import Q

from registry_sync import runs
from registry_sync.core.text import name_key
from registry_sync.desk.record_history import HITS, Hit, find, hit_of
from registry_sync.models import EntityError, Lane, LedgerEntry

SHORTEST = 3
"""Characters of a part that is looked for."""


def search(typed: str) -> list[Hit]:
    """Return the records with this id or name; without any, those with it as a part of the name."""
    return find(typed) or with_part(typed)


def are_all(hits: Sequence[Hit]) -> bool:
    """Return whether no more records match than these."""
    return max(Counter((hit.lane.pk, hit.by) for hit in hits).values(), default=0) < HITS


def of_any(hits: Sequence[Hit]) -> Q:
    """Return the condition that a row is of one of these records: lanes may share an id."""
    found = Q(pk__in=[])
    by_lane: dict[int, list[str]] = {}
    for hit in hits:
        by_lane.setdefault(hit.lane.pk, []).append(hit.external_id)
    for lane, ids in by_lane.items():
        found |= Q(lane=lane, external_id__in=ids)
    return found


def with_part(typed: str) -> list[Hit]:
    """Return up to HITS records of each current lane, those first that are in Benchling.

    One that has such a name and waits for another one is found once.
    """
    key = name_key(typed)
    if len(key) < SHORTEST:
        return []
    found: dict[tuple[int, str], Hit] = {}
    for lane in runs.current_lanes():
        for one in (*_synced(lane, key), *_held(lane, key)):
            found.setdefault((lane.pk, one.external_id), one)
    return list(found.values())


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
