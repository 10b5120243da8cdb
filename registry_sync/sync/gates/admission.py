"""The admission gate: no link to what is not in Benchling yet, and parents before children."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from registry_sync.benchling.schema import EntitySchema
from registry_sync.core.problems import Problem
from registry_sync.ledger.record_outcome import Outcome, RecordOutcome
from registry_sync.models import Lane
from registry_sync.sync.context import RunContext
from registry_sync.sync.gates.names import NameClaims
from registry_sync.sync.links import linkable, missing_link, own_links
from registry_sync.sync.records import Candidate, record_outcome


class LinkGate:
    """Holds back candidates that point at an entity of the lane which is not there yet.

    `underway` maps external ids to the registry ids of what is on its way and will be there first.
    """

    def __init__(self, ctx: RunContext, claims: NameClaims, underway: Mapping[str, str]) -> None:
        self.ctx, self.claims, self.underway = ctx, claims, underway

    def check(self, candidates: Sequence[Candidate]) -> tuple[list[Candidate], list[RecordOutcome]]:
        """Return the candidates whose links resolve, parents first, and the waiting outcomes."""
        lane, schema = self.ctx.lane, self.ctx.setup.schema
        waiting = held_by_links(lane, schema, candidates, underway=self.underway.values())
        self.claims.release(waiting)
        going = [c for c in candidates if c.entity.external_id not in waiting]
        return (
            parents_first(going, schema),
            [
                record_outcome(c.record, Outcome.FAILED, problems=(waiting[c.entity.external_id],))
                for c in candidates
                if c.entity.external_id in waiting
            ],
        )


def held_by_links(
    lane: Lane, schema: EntitySchema, candidates: Sequence[Candidate], *, underway: Iterable[str]
) -> dict[str, Problem]:
    """Return, by external id, the problem of each candidate whose link target is not there yet.

    A request may hold an entity together with the ones that point at it. What is held back may
    hold back others, so this repeats until nothing changes.
    """
    targets = {c.entity.external_id: own_links(c.entity, schema) for c in candidates}
    wanted = set().union(*targets.values()) if targets else set()
    if not wanted:
        return {}
    there = set(underway) | linkable(lane, wanted)
    waiting: dict[str, Problem] = {}
    while True:
        coming = {c.entity.registry_id for c in candidates if c.entity.external_id not in waiting}
        held = {
            c.entity.external_id: missing_link(c.entity, min(missing))
            for c in candidates
            if c.entity.external_id not in waiting
            and (missing := targets[c.entity.external_id] - there - coming)
        }
        if not held:
            return waiting
        waiting |= held


def parents_first(candidates: Sequence[Candidate], schema: EntitySchema) -> list[Candidate]:
    """Put candidates after the ones they point at; otherwise keep their order.

    Where a batch is cut between them, it is then not refused for what comes with the next one.
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
            parents = [] if top in begun else own_links(by_id[top].entity, schema)
            begun.add(top)
            ahead = [p for p in sorted(parents) if p in by_id and p not in begun]
            if ahead:
                stack += ahead
            else:
                ordered.setdefault(stack.pop(), by_id[top])
    return list(ordered.values())
