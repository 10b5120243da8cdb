"""The link gate: no link to what is not in Benchling yet, and parents before children."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from registry_sync import runs
from registry_sync.benchling.schema import EntitySchema
from registry_sync.core.problems import Problem
from registry_sync.ledger.record_outcome import Outcome, RecordOutcome
from registry_sync.models import Lane
from registry_sync.sync.context import RunContext
from registry_sync.sync.gates.claims import NameClaims
from registry_sync.sync.gates.link_reasons import LinkReasons
from registry_sync.sync.link_targets import LinkTargets, unfit_links
from registry_sync.sync.links import (
    in_lane,
    linkable,
    links_by_schema,
    missing_from,
    missing_target,
    others_linked,
    own_links,
    waits_for_lane,
)
from registry_sync.sync.records import Candidate, record_outcome
from registry_sync.sync.survivors import merged_away


class LinkGate:
    """Holds back candidates that point at an entity of a lane which is not there yet.

    `underway` maps external ids to the registry ids of what is on its way and will be there first.
    """

    def __init__(self, ctx: RunContext, claims: NameClaims, underway: Mapping[str, str]) -> None:
        self.ctx, self.claims, self.underway = ctx, claims, underway
        self._reasons = LinkReasons(ctx)

    def check(self, candidates: Sequence[Candidate]) -> tuple[list[Candidate], list[RecordOutcome]]:
        """Return the candidates whose links resolve, parents first, and the waiting outcomes."""
        lane, schema = self.ctx.lane, self.ctx.setup.schema
        elsewhere = held_by_lanes(self.ctx, candidates)
        coming = self.underway.values()
        waiting = held_by_links(lane, schema, candidates, underway=coming, problems=elsewhere)
        waiting |= self._reasons.explain(candidates, waiting)
        waiting |= self._unfit(candidates, waiting)
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

    def _unfit(
        self, candidates: Sequence[Candidate], waiting: Mapping[str, Problem]
    ) -> dict[str, Problem]:
        """Return the problems of links to what is in Benchling and cannot be linked.

        Only of records that are tried again: what they wait for was found in Benchling.
        """
        retried = [c for c in candidates if c.record.retried and c.entity.external_id in waiting]
        missing = {
            c.entity.external_id: missing_target(waiting[c.entity.external_id]) for c in retried
        }
        ids = {target for target in missing.values() if target}
        found = LinkTargets(self.ctx.client, self.ctx.lane.registry_id).among(ids)
        problems: dict[str, Problem] = {}
        for candidate in retried:
            external_id, schema = candidate.entity.external_id, self.ctx.setup.schema
            targets = [raw for target, raw in found.items() if target == missing[external_id]]
            for problem in unfit_links(candidate.entity, schema, targets, archived=found).values():
                problems[external_id] = problem
        return problems


def held_by_lanes(ctx: RunContext, candidates: Sequence[Candidate]) -> dict[str, Problem]:
    """Return, by external id, the problem of each candidate that points at what another lane lacks.

    Links to schemas that no lane feeds are left to Benchling.
    """
    lanes = {lane.schema_id: lane for lane in others_linked(ctx.lane, ctx.setup.schema)}
    if not lanes:
        return {}
    links = {c.entity.external_id: links_by_schema(c.entity, ctx.setup.schema) for c in candidates}
    absent: dict[str, set[str]] = {}
    for schema_id, lane in lanes.items():
        linked = set().union(*(targets.get(schema_id, ()) for targets in links.values()))
        absent[schema_id] = linked - in_lane(ctx, lane, linked)
    names, problems = runs.LaneNames(), {}
    synced = {lane for lane in lanes.values() if runs.good_runs(lane).exists()}
    for candidate in candidates:
        for schema_id, lane in lanes.items():
            targets = links[candidate.entity.external_id].get(schema_id, set())
            if missing := targets & absent[schema_id]:
                target = min(missing)
                problem = missing_from(lane, candidate.entity, target, of=names.of(lane))
                if ctx.run.dry_run and not merged_away(lane, [target]):
                    problem = waits_for_lane(
                        problem, candidate.entity, names.of(lane), synced=lane in synced
                    )
                problems[candidate.entity.external_id] = problem
    return problems


def held_by_links(
    lane: Lane,
    schema: EntitySchema,
    candidates: Sequence[Candidate],
    *,
    underway: Iterable[str],
    problems: Mapping[str, Problem] = {},
) -> dict[str, Problem]:
    """Return, by external id, the problem of each candidate whose link target is not there yet.

    A request may hold an entity together with the ones that point at it. What is held back may
    hold back others, so this repeats until nothing changes. `problems` are of those that are held
    back already.
    """
    waiting = dict(problems)
    targets = {c.entity.external_id: own_links(c.entity, schema) for c in candidates}
    linked = set().union(*targets.values()) if targets else set()
    if not linked:
        return waiting
    available = set(underway) | linkable(lane, linked)
    while True:
        coming = {c.entity.registry_id for c in candidates if c.entity.external_id not in waiting}
        more = {
            c.entity.external_id: missing_from(lane, c.entity, min(missing))
            for c in candidates
            if c.entity.external_id not in waiting
            and (missing := targets[c.entity.external_id] - available - coming)
        }
        if not more:
            return waiting
        waiting |= more


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
