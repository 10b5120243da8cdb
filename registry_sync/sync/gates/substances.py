"""The gate of substances: where Benchling takes each structure or sequence once.

A schema may say so (`hasUniqueResidues`). A tenant's own setting is not in the API: it is learned
from the lane's first refusal. https://help.benchling.com/hc/en-us/articles/9684246643981
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from registry_sync import runs
from registry_sync.benchling.schema import EntitySchema
from registry_sync.core.problems import Problem
from registry_sync.core.secrets import shortened
from registry_sync.ledger.record_outcome import RecordOutcome
from registry_sync.ledger.substances import holders_of, substance_of
from registry_sync.mapping.model import Entity, Mapping
from registry_sync.models import EntityError, Lane, SyncRun
from registry_sync.sync.context import RunContext
from registry_sync.sync.gates.claims import Claims, NameClaims, substance_claim
from registry_sync.sync.gates.gate import hold_back
from registry_sync.sync.records import Candidate

SUBSTANCE = re.compile(r"structure|sequence|residues|bases|amino acids", re.IGNORECASE)
TAKEN = re.compile(r"unique|already|duplicate|in use", re.IGNORECASE)
NAMED = re.compile(r"\b(names?|alias(es)?|registry ids?)\b", re.IGNORECASE)
QUOTED = re.compile(r"(?<!\w)'.*?'(?!\w)|\"[^\"]*\"|“[^”]*”|‘[^’]*’|`[^`]*`", re.DOTALL)
HOLDER = re.compile(r"\b(?:by|of|as|entity) ([^\s.,;:'\"()]+)[.)'\"]*$")
"""The entity that Benchling's words end with."""
LEARNED = "unique_substances"
"""The key of the lane's `source_state` that says that Benchling refused a second one."""
WITHOUT_KEY = "when the record changes, or with Retry failed"


def are_unique(lane: Lane | None, schema: EntitySchema) -> bool:
    """Return whether Benchling is known to take each structure or sequence once."""
    learned = lane is not None and bool(lane.source_state.get(LEARNED))
    return schema.has_unique_residues or learned


class SubstanceGate:
    """Refuses records whose structure or sequence another one has, before they are sent.

    Where the rule was learned, a retry sends one of them, to see whether it still holds.
    """

    def __init__(self, ctx: RunContext, claims: NameClaims) -> None:
        self.ctx, self.claims = ctx, claims
        learned = not ctx.setup.schema.has_unique_residues
        self._tries = learned and ctx.run.kind == SyncRun.Kind.RETRY and not ctx.run.dry_run

    def check(self, candidates: Sequence[Candidate]) -> tuple[list[Candidate], list[RecordOutcome]]:
        """Return the candidates whose substance is free, and the outcomes of the others."""
        lane, setup = self.ctx.lane, self.ctx.setup
        if not are_unique(lane, setup.schema):
            return list(candidates), []
        problems = taken_substances(lane, setup.mapping, candidates, self.claims, self._is_tried)
        return hold_back(candidates, problems)

    def _is_tried(self, candidate: Candidate) -> bool:
        """Return whether this is the one record that is sent although its substance is taken."""
        tries, self._tries = self._tries and candidate.record.retried, False
        return tries


def taken_substances(
    lane: Lane | None,
    mapping: Mapping,
    candidates: Sequence[Candidate],
    claims: Claims,
    is_tried: Callable[[Candidate], bool],
) -> dict[str, Problem]:
    """Return the problems of the candidates whose substance another record has, by external id.

    `is_tried` says of one of these whether it is sent nevertheless.
    """
    found = {c.entity.external_id: substance_of(c.entity) for c in candidates}
    keys = {substance.key for substance in found.values() if substance}
    by_key = holders_of(lane, keys) if lane is not None else {}
    problems: dict[str, Problem] = {}
    for candidate in candidates:
        external_id = candidate.entity.external_id
        if (substance := found[external_id]) is None:
            continue
        key = substance.key
        holder = _holder(key, external_id, by_key, claims)
        if holder and not is_tried(candidate):
            holder_id = mapping.registry_id(holder)
            problems[external_id] = structure_taken(candidate.entity, holder_id, key=key)
        else:
            by_key.setdefault(key, []).append(external_id)
    return problems


def _holder(key: str, external_id: str, by_key: dict[str, list[str]], claims: Claims) -> str:
    holders = by_key.get(key, [])
    if external_id in holders:
        return ""  # it has it already
    claimed = [holder.external_id for holder in claims.holders(substance_claim(key))]
    return next((id_ for id_ in (*holders, *claimed) if id_ != external_id), "")


def is_taken(entity: Entity, message: str, schema: EntitySchema) -> bool:
    """Return whether Benchling's words about an entity say that another one has its substance.

    Words of people, such as names, do not count, nor do conflicts of names.
    """
    if not entity.fields.keys() & {"structure", "sequence"}:
        return False
    own = [entity.name, entity.registry_id, *(entity.fields.get("aliases") or ())]
    for text in (*own, *(field.name for field in schema.fields)):
        if SUBSTANCE.search(text) and not SUBSTANCE.fullmatch(text):
            message = re.sub(re.escape(text), "", message, flags=re.IGNORECASE)
    message = HOLDER.sub("", QUOTED.sub("", message))
    return bool(SUBSTANCE.search(message) and TAKEN.search(message)) and not NAMED.search(message)


def refused_as_taken(ctx: RunContext, entity: Entity, message: str) -> Problem:
    """Return the problem of a second entity of a substance, and remember that there is such a rule.

    Raise LeaseLost.
    """
    runs.learn_source_facts(ctx.lane, ctx.lease, **{LEARNED: True})
    substance = substance_of(entity)
    key = substance.key if substance else ""
    holders = holders_of(ctx.lane, [key]).get(key, []) if key else []
    holder = next((id_ for id_ in holders if id_ != entity.external_id), "")
    named = HOLDER.search(message)
    if holder:
        return structure_taken(
            entity, ctx.setup.mapping.registry_id(holder), key=key, message=message
        )
    return structure_taken(entity, named[1] if named else "", message=message)


def forget_uniqueness(ctx: RunContext, written: Iterable[Entity]) -> None:
    """Forget the learned rule once Benchling took a record that was refused for it.

    `written` are entities that were just recorded. Raise LeaseLost.
    """
    if not ctx.lane.source_state.get(LEARNED):
        return
    keys = {e.external_id: s.key for e in written if (s := substance_of(e)) is not None}
    refused = EntityError.objects.filter(
        lane=ctx.lane, code="structure_taken", closed_by_run=ctx.run, external_id__among=[*keys]
    )
    passed = set(refused.values_list("external_id", flat=True)) if keys else set()
    holders = holders_of(ctx.lane, {keys[external_id] for external_id in passed})
    if any(len(holders.get(keys[external_id], ())) > 1 for external_id in passed):
        runs.learn_source_facts(ctx.lane, ctx.lease, **{LEARNED: None})


def structure_taken(entity: Entity, holder: str, *, key: str = "", message: str = "") -> Problem:
    """Return the problem of an entity whose structure or sequence `holder` has.

    `holder` is a registry id, `message` what Benchling answered, if it was asked.
    """
    part = "structure" if "structure" in entity.fields else "sequence"
    salts = " Salts do not count." if part == "structure" else ""
    whose = holder or "another entity"
    when = f"once the {part} is free, or with Retry failed" if key else WITHOUT_KEY
    return Problem(
        kind="source",
        code="structure_taken",
        message=f"The {part} of {entity.registry_id} is that of {whose} in Benchling, which takes "
        f"each {part} once.{salts}"
        + (f" Benchling says: {message.rstrip('.')}." if message else ""),
        remedy=f"The registry's owner merges {entity.registry_id} with {whose} or corrects its "
        f"{part}, or a Benchling admin lifts the constraint. It will be retried {when}.",
        field=part,
        value=shortened(holder, 200),
        waits_for=("substance", key) if key else None,
    )
