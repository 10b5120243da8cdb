"""The gate of drawings: a change of bases that would lose what people drew waits for someone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from registry_sync.benchling.entity_types.drawings import misfits
from registry_sync.core.problems import Problem
from registry_sync.core.secrets import shortened
from registry_sync.core.types import Json
from registry_sync.ledger.record_outcome import RecordOutcome
from registry_sync.mapping.values import same_value
from registry_sync.models import Allowance, LedgerEntry
from registry_sync.sync.context import LaneContext, RunContext
from registry_sync.sync.delivery.known_ids import known_ids_of
from registry_sync.sync.gates.allowance_use import is_overridden
from registry_sync.sync.gates.gate import hold_back
from registry_sync.sync.records import Candidate

CHANGING = ("sequence", "circular")
MOST_NAMED = 5


class DrawingsGate:
    """Holds back known sequences whose bases change under annotations, primers, parts, and so on.

    What is drawn is read just before; an override lets it go (`manage.py allow drawings --id`).
    """

    def __init__(self, ctx: RunContext) -> None:
        self.ctx = ctx

    def check(self, candidates: Sequence[Candidate]) -> tuple[list[Candidate], list[RecordOutcome]]:
        """Return the candidates that lose nothing, and the outcomes of those that are held."""

        def is_allowed(external_id: str) -> bool:
            return is_overridden(self.ctx, Allowance.What.DRAWINGS, external_id)

        return hold_back(candidates, losses(self.ctx, candidates, is_allowed))


def losses(
    ctx: LaneContext, candidates: Sequence[Candidate], is_allowed: Callable[[str], bool]
) -> dict[str, Problem]:
    """Return the problems of the candidates under whose new bases something drawn is lost, by id.

    `is_allowed` says of an external id whether an override lets it go.
    """
    updates = [c for c in candidates if not c.is_new] if _kinds(ctx) else []
    ids = [c.entity.external_id for c in updates]
    rows = ctx.lane.ledger.filter(external_id__among=ids).exclude(entity_hash="")
    before = {row.external_id: row for row in rows.order_by()} if ids else {}
    touched = {
        c.entity.registry_id: c
        for c in updates
        if (row := before.get(c.entity.external_id)) and _changes(row, c)
    }
    entity_ids = known_ids_of(ctx, list(touched)) if touched else {}
    changed = {id_: touched[registry_id] for registry_id, id_ in entity_ids.items()}
    problems: dict[str, Problem] = {}
    for raw in ctx.client.entities_by_id(sorted(changed)) if changed else ():
        candidate = changed[str(raw["id"])]
        lost = _lost(ctx, raw, candidate)
        external_id = candidate.entity.external_id
        if lost and not is_allowed(external_id):
            problems[external_id] = drawings_lost(candidate, lost)
    return problems


def _kinds(ctx: LaneContext) -> tuple[str, ...]:
    return ctx.setup.schema.entity_type.drawings


def _lost(ctx: LaneContext, raw: Json, candidate: Candidate) -> list[str]:
    part, kinds = ctx.setup.schema.entity_type.parts[0], _kinds(ctx)
    now, new = str(part.read(raw) or ""), str(candidate.entity.fields.get("sequence") or "")
    lost = misfits(raw, kinds, now, new)
    if raw.get("isCircular") and candidate.entity.fields.get("circular") is False:
        lost += [name for name in _around(raw, kinds) if name not in lost]
    return lost


def _changes(row: LedgerEntry, candidate: Candidate) -> bool:
    fields = candidate.entity.fields
    return any(
        key in fields and not same_value(key, row.fields.get(key), fields[key]) for key in CHANGING
    )


def _around(raw: Json, kinds: tuple[str, ...]) -> list[str]:
    """Return what is drawn across the origin of a circle, which a linear sequence has not."""
    across = {
        kind: [d for d in raw.get(kind) or () if 0 < int(d.get("end") or 0) <= int(d["start"])]
        for kind in kinds
    }
    return misfits(across, kinds, "N", "")


def drawings_lost(candidate: Candidate, lost: Sequence[str]) -> Problem:
    """Return the problem of a sequence whose new bases do not fit what people drew on it."""
    external_id, more = candidate.entity.external_id, len(lost) - MOST_NAMED
    named = ", ".join(lost[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
    return Problem(
        kind="mapping",
        code="drawings_lost",
        message=f"The new sequence of {external_id} does not fit {named}, which people drew in "
        "Benchling. Nothing was written for it.",
        remedy=f"Someone who works with {candidate.entity.registry_id} moves or removes what no "
        "longer fits in Benchling, or the integration owner lets it go: manage.py allow drawings "
        f"--id {external_id} --reason “…”, or Overrides in the admin.",
        field="sequence",
        value=shortened(named, 200),
        waits_for=("allowance", external_id),
    )
