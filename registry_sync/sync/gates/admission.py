"""Which candidates may go now: each name once, and no link to what is not there yet."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from registry_sync.benchling.schema import EntitySchema
from registry_sync.core.problems import Problem
from registry_sync.core.text import name_key
from registry_sync.ledger.record_outcome import Outcome, RecordOutcome
from registry_sync.models import Lane, LedgerEntry, TakenName
from registry_sync.sync.delivery import refusals
from registry_sync.sync.gates import names
from registry_sync.sync.records import Candidate, record_outcome


def admit(
    lane: Lane,
    schema: EntitySchema,
    candidates: Sequence[Candidate],
    claims: names.Claims,
    *,
    underway: Collection[str],
) -> tuple[list[Candidate], list[RecordOutcome]]:
    """Split candidates into those that may be sent and those that wait, with the reason.

    `underway` holds the external ids of what is on its way and will be there first.
    """
    refused = names.settle(lane, [candidate.entity for candidate in candidates], claims)
    going = [c for c in candidates if c.entity.external_id not in refused]
    waiting = hold_links(lane, schema, going, underway=underway)
    claims.release(waiting)
    problems: dict[str, tuple[Problem, ...]] = refused | waiting
    return (
        parents_first([c for c in going if c.entity.external_id not in waiting], schema),
        [
            record_outcome(c.arrival, Outcome.FAILED, problems=problems[c.entity.external_id])
            for c in candidates
            if c.entity.external_id in problems
        ],
    )


def hold_links(
    lane: Lane,
    schema: EntitySchema,
    candidates: Sequence[Candidate],
    *,
    underway: Collection[str],
) -> dict[str, tuple[Problem, ...]]:
    """Find candidates that point at an entity of this lane which is not there yet.

    A request may hold an entity together with the ones that point at it; what is held back
    may hold back others, until nothing changes.
    """
    targets = {c.entity.external_id: own_links(c, schema) for c in candidates}
    wanted = set().union(*targets.values()) if targets else set()
    if not wanted:
        return {}
    there = set(underway) | linkable(lane, wanted)
    waiting: dict[str, tuple[Problem, ...]] = {}
    while True:
        coming = {c.entity.registry_id for c in candidates if c.entity.external_id not in waiting}
        held = {
            c.entity.external_id: (refusals.missing_link(c.entity, min(missing)),)
            for c in candidates
            if c.entity.external_id not in waiting
            and (missing := targets[c.entity.external_id] - there - coming)
        }
        if not held:
            return waiting
        waiting |= held


def parents_first(candidates: Sequence[Candidate], schema: EntitySchema) -> list[Candidate]:
    """Put candidates after the ones they point at, and else leave them in their order.

    A batch that is cut between them is then not refused for what comes with the next one.
    """
    if not any(field.link_schema_id == schema.id for field in schema.fields):
        return list(candidates)
    by_id = {c.entity.registry_id: c for c in candidates}
    ordered: dict[str, Candidate] = {}
    begun: set[str] = set()
    for registry_id in by_id:
        stack = [registry_id]
        while stack:
            top = stack[-1]
            parents = [] if top in begun else own_links(by_id[top], schema)
            begun.add(top)
            ahead = [p for p in sorted(parents) if p in by_id and p not in begun]
            if ahead:
                stack += ahead
            else:
                ordered.setdefault(stack.pop(), by_id[top])
    return list(ordered.values())


def own_links(candidate: Candidate, schema: EntitySchema) -> set[str]:
    """List the registry ids of this lane's schema that a candidate points at."""
    found: set[str] = set()
    for field in schema.fields:
        if field.link_schema_id == schema.id and field.id in candidate.entity.fields:
            value = candidate.entity.fields[field.id]
            links = value if isinstance(value, list) else [value]
            found |= {link["entityRegistryId"] for link in links if isinstance(link, dict)}
    return found


def present(lane: Lane, registry_ids: Collection[str]) -> set[str]:
    """Say which of these registry ids the ledger knows to be in Benchling."""
    keys = [name_key(registry_id) for registry_id in registry_ids]
    rows = LedgerEntry.objects.filter(lane=lane, id_key__among=keys).exclude(entity_hash="")
    return set(rows.values_list("entity_registry_id", flat=True)) & set(registry_ids)


def linkable(lane: Lane, registry_ids: Collection[str]) -> set[str]:
    """Say which of these may be pointed at: ours, and what others made of the lane's schema."""
    keys = [name_key(registry_id) for registry_id in registry_ids]
    rows = TakenName.objects.filter(lane=lane, key__among=keys, kind="id")
    others = rows.filter(schema_name="", archived=False)
    found = set(others.values_list("entity_registry_id", flat=True)) & set(registry_ids)
    return found | present(lane, registry_ids)
