"""Records by what someone types: an id, a name, or a part of a name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db.models import Q

from registry_sync import runs
from registry_sync.core.text import name_key
from registry_sync.models import Adoption, EntityError, Lane, LedgerEntry

HITS = 50
"""Records found of each lane by each name, at most."""
SHORTEST = 3
"""Characters of a part that is looked for."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A record that was found, and which of its names matched."""

    lane: Lane
    external_id: str
    name: str
    entity_registry_id: str
    entity_id: str
    by: str


def search(typed: str) -> list[Hit]:
    """Return the records with this id or name; without any, those with it as a part of the name."""
    return find_records(typed) or with_part(typed)


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


def find_records(typed: str) -> list[Hit]:
    """Return the records with an external id, registry id, name or Benchling id."""
    lanes = list(Lane.objects.order_by("-pk")[:100])
    key = name_key(typed)
    rows = LedgerEntry.objects.filter(lane__in=lanes).select_related("lane")
    errors = EntityError.objects.filter(lane__in=lanes).defer("raw").select_related("lane")
    waiting = errors.filter(closed_at__isnull=True, waits_for="name", waits_key=key)
    found: dict[tuple[int, str], Hit] = {}
    for by, entries in (
        ("external id", rows.filter(external_id=typed)),
        ("registry id", rows.filter(id_key=key)),
        ("name", rows.filter(name_key=key)),
        ("Benchling id", rows.filter(entity_id=typed)),
    ):
        for row in entries.order_by("pk")[:HITS]:
            found.setdefault((row.lane_id, row.external_id), hit_of(row, by))
    for by, others in (("external id", errors.filter(external_id=typed)), ("name", waiting)):
        for error in others.order_by("-pk")[:HITS]:
            hit = Hit(error.lane, error.external_id, error.value, "", "", f"{by}, refused")
            found.setdefault((error.lane_id, error.external_id), hit)
    matched = Adoption.objects.filter(lane__in=lanes, entity_id=typed).select_related("lane")
    for match in matched[:HITS]:
        hit = Hit(
            match.lane, match.external_id, match.name, match.entity_registry_id, match.entity_id,
            "Benchling id of an entity it matches",
        )  # fmt: skip
        found.setdefault((match.lane_id, match.external_id), hit)
    return list(found.values())


def hit_of(row: LedgerEntry, by: str) -> Hit:
    """Return a row of the ledger as what was found, `by` which of its names."""
    return Hit(row.lane, row.external_id, row.name, row.entity_registry_id, row.entity_id, by)


def with_part(typed: str) -> list[Hit]:
    """Return up to HITS records of each current lane, those first that are in Benchling.

    One that has such a name and waits for another one is found once.
    """
    key = name_key(typed)
    if len(key) < SHORTEST:
        return []
    found: dict[tuple[int, str], Hit] = {}
    for lane in runs.current_lanes():
        for hit in (*_synced(lane, key), *_held(lane, key)):
            found.setdefault((lane.pk, hit.external_id), hit)
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
