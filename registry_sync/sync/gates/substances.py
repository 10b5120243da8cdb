"""The gate of substances: where Benchling takes each structure or sequence once.

A schema may say so (`hasUniqueResidues`). A tenant's own setting is not in the API: it is learned
from the lane's first refusal. https://help.benchling.com/hc/en-us/articles/9684246643981
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from registry_sync import runs
from registry_sync.benchling.schema import EntitySchema
from registry_sync.core.problems import Problem
from registry_sync.ledger.record_outcome import Outcome, RecordOutcome
from registry_sync.ledger.substances import holders_of, substance_of
from registry_sync.mapping.model import Entity, Mapping
from registry_sync.models import Lane
from registry_sync.sync.context import RunContext
from registry_sync.sync.gates.names import NameClaims, substance_claim
from registry_sync.sync.records import Candidate, record_outcome

SUBSTANCE = re.compile(r"structure|sequence|residues|bases|amino acids", re.IGNORECASE)
TAKEN = re.compile(r"unique|already|duplicate|in use", re.IGNORECASE)
HOLDER = re.compile(r"\b(?:by|of|as|entity) ([^\s.,;:'\"()]+)[.)'\"]*$")
"""The entity that Benchling's words end with."""
LEARNED = "unique_substances"
"""The key of the lane's `source_state` that says that Benchling refused a second one."""


def are_unique(lane: Lane, schema: EntitySchema) -> bool:
    """Return whether Benchling is known to take each structure or sequence once."""
    return schema.has_unique_residues or bool(lane.source_state.get(LEARNED))


class SubstanceGate:
    """Refuses records whose structure or sequence another one has, before they are sent."""

    def __init__(self, ctx: RunContext, claims: NameClaims) -> None:
        self.ctx, self.claims = ctx, claims

    def check(self, candidates: Sequence[Candidate]) -> tuple[list[Candidate], list[RecordOutcome]]:
        """Return the candidates whose substance is free, and the outcomes of the others."""
        if not are_unique(self.ctx.lane, self.ctx.setup.schema):
            return list(candidates), []
        found = {c.entity.external_id: substance_of(c.entity) for c in candidates}
        keys = {substance.key for substance in found.values() if substance}
        held = holders_of(self.ctx.lane, keys)
        going, refused = [], []
        for candidate in candidates:
            external_id = candidate.entity.external_id
            substance = found[external_id]
            holder = self._holder(substance.key, external_id, held) if substance else ""
            if substance and holder:
                problem = self._taken(candidate.entity, holder, substance.key)
                refused.append(
                    record_outcome(candidate.record, Outcome.FAILED, problems=(problem,))
                )
                continue
            if substance:
                held[substance.key] = external_id
            going.append(candidate)
        return going, refused

    def _holder(self, key: str, external_id: str, held: dict[str, str]) -> str:
        claimed = [holder.external_id for holder in self.claims.holders(substance_claim(key))]
        others = [id_ for id_ in (held.get(key, ""), *claimed) if id_ and id_ != external_id]
        return others[0] if others else ""

    def _taken(self, entity: Entity, holder: str, key: str) -> Problem:
        mapping: Mapping = self.ctx.setup.mapping
        return structure_taken(entity, mapping.registry_id(holder), key=key)


def is_taken(entity: Entity, said: str) -> bool:
    """Return whether Benchling's words about an entity say that another one has its substance."""
    has_part = entity.fields.keys() & {"structure", "sequence"}
    return bool(has_part) and bool(SUBSTANCE.search(said)) and bool(TAKEN.search(said))


def refused_as_taken(ctx: RunContext, entity: Entity, said: str) -> Problem:
    """Return the problem of a second entity of a substance, and remember that there is such a rule.

    Raise LeaseLost.
    """
    runs.learn(ctx.lane, ctx.lease, **{LEARNED: True})
    substance = substance_of(entity)
    key = substance.key if substance else ""
    ours = holders_of(ctx.lane, [key]).get(key, "") if key else ""
    named = HOLDER.search(said)
    if ours and ours != entity.external_id:
        return structure_taken(entity, ctx.setup.mapping.registry_id(ours), key=key, said=said)
    return structure_taken(entity, named[1] if named else "", said=said)


def structure_taken(entity: Entity, holder: str, *, key: str = "", said: str = "") -> Problem:
    """Return the problem of an entity whose structure or sequence `holder` has.

    `holder` is a registry id, `said` what Benchling answered, if it was asked.
    """
    part = "structure" if "structure" in entity.fields else "sequence"
    salts = " Salts do not count." if part == "structure" else ""
    whose = holder or "another entity"
    return Problem(
        kind="source",
        code="structure_taken",
        message=f"The {part} of {entity.registry_id} is that of {whose} in Benchling, which takes "
        f"each {part} once.{salts}" + (f" Benchling says: {said.rstrip('.')}." if said else ""),
        remedy=f"The registry's owner merges {entity.registry_id} with {whose} or corrects its "
        f"{part}, or a Benchling admin lifts the constraint. It will be retried once the {part} "
        "is free.",
        field=part,
        value=holder[:200],
        waits_for=("substance", key) if key else None,
    )
