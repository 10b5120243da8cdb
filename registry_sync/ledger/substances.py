"""Write down structures, sequences and aliases, by which other records are compared."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType

from django.db.models import Count

from registry_sync.benchling import chemistry
from registry_sync.benchling.entity_types.parts import item_keys
from registry_sync.ledger.lookup import in_use
from registry_sync.ledger.record_outcome import RecordOutcome
from registry_sync.ledger.shared_items import found_items
from registry_sync.mapping.model import Entity
from registry_sync.models import HeldAlias, Lane, LedgerEntry, Substance

MOST_NAMED = 100
"""Groups of records with one structure that are read for a page."""


def substance_of(entity: Entity, canonical: str = "") -> Substance | None:
    """Return the substance of an entity, without its lane; None if it has none, or is unknown.

    `canonical` is the structure that Benchling answered with.
    """
    structure, sequence = entity.fields.get("structure"), entity.fields.get("sequence")
    if isinstance(sequence, str) and sequence:
        return Substance(external_id=entity.external_id, key=_hash(sequence.upper()))
    if isinstance(structure, dict):
        canonical = str(structure.get("canonical") or canonical)
        structure = structure.get("original") or canonical
    if not isinstance(structure, str) or not structure:
        return None
    largest, stripped = _forms(structure)
    form = (_forms(canonical)[0] if canonical else "") or largest or canonical
    if not form:
        return None
    return Substance(
        external_id=entity.external_id,
        key=_hash(form),
        canonical=canonical or form,
        stripped=".".join(stripped),
    )


def save_parts(
    lane: Lane, results: Sequence[RecordOutcome], old: Mapping[str, LedgerEntry]
) -> None:
    """Write down the substances and aliases of what was written, in the caller's transaction.

    `old` are the rows of those that were written before.
    """
    entities = [(r.entity, r.canonical) for r in results if r.entity is not None]
    save_substances(lane, entities)
    save_aliases(lane, [entity for entity, _ in entities], old)


def save_aliases(
    lane: Lane, entities: Iterable[Entity], old: Mapping[str, LedgerEntry] = MappingProxyType({})
) -> None:
    """Write down the aliases of entities, in place of those that were written down before.

    What was in Benchling before this app sent it stays there: `old` are the rows that have it.
    """
    if aliased := [entity for entity in entities if "aliases" in entity.fields]:
        ids = [entity.external_id for entity in aliased]
        HeldAlias.objects.filter(lane=lane, external_id__among=ids).delete()
        HeldAlias.objects.bulk_create(
            HeldAlias(lane=lane, external_id=entity.external_id, key=key)
            for entity in aliased
            for key in sorted(_alias_keys(entity, old.get(entity.external_id)))
        )


def _alias_keys(entity: Entity, row: LedgerEntry | None) -> set[str]:
    return item_keys(entity.fields["aliases"]) | (found_items(row, "aliases") if row else set())


def save_substances(lane: Lane, entities: Iterable[tuple[Entity, str]]) -> None:
    """Write down the substances of entities, each with the structure that Benchling holds."""
    found = [s for entity, canonical in entities if (s := substance_of(entity, canonical))]
    for substance in found:
        substance.lane = lane
    if found:
        Substance.objects.bulk_create(
            found,
            update_conflicts=True,
            unique_fields=["lane", "external_id"],
            update_fields=["key", "canonical", "stripped"],
        )


def holders_of(lane: Lane, keys: Collection[str]) -> dict[str, list[str]]:
    """Return, by key, the external ids of the entities in use that have the substance already."""
    holders: dict[str, list[str]] = {}
    if keys:
        rows = Substance.objects.filter(lane=lane, key__among=sorted(keys))
        found = dict(rows.values_list("external_id", "key"))
        for external_id in sorted(in_use(lane, found)):
            holders.setdefault(found[external_id], []).append(external_id)
    return holders


def canonical_of(lane: Lane, external_ids: Collection[str]) -> dict[str, str]:
    """Return, by external id, the structures that Benchling held when they were written."""
    rows = Substance.objects.filter(lane=lane, external_id__among=list(external_ids))
    return dict(rows.exclude(canonical="").values_list("external_id", "canonical"))


def shared(lane: Lane) -> tuple[int, int]:
    """Return how many records share a structure with another one, and how many structures."""
    groups = (
        Substance.objects.filter(lane=lane)
        .exclude(canonical="")
        .order_by()
        .values("key")
        .annotate(records=Count("pk"))
        .filter(records__gt=1)
    )
    counts = list(groups.values_list("records", flat=True))
    return sum(counts), len(counts)


def _forms(structure: str) -> tuple[str, tuple[str, ...]]:
    try:
        parsed = chemistry.parse_structure(structure)
    except chemistry.StructureFault:
        return "", ()
    return next(iter(parsed.largest), ""), parsed.stripped


def _hash(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
