"""The gate for records that moved here from another lane of the same list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from registry_sync import runs
from registry_sync.core.problems import Problem
from registry_sync.core.secrets import shortened
from registry_sync.core.types import Json
from registry_sync.ledger.record_outcome import RecordOutcome
from registry_sync.models import Lane, LedgerEntry, Withdrawal
from registry_sync.source.scope import scope_of
from registry_sync.sync.context import RunContext
from registry_sync.sync.gates.gate import hold_back
from registry_sync.sync.records import Candidate

State = Withdrawal.State
SETTLED = (State.ARCHIVED, State.THEIRS, State.KEPT, State.FOREIGN)
"""States of the old entity's withdrawal in which the record may have another one here."""


class MovedGate:
    """Holds back records that have left another lane's scope while their entity there is in use."""

    def __init__(self, ctx: RunContext) -> None:
        self.ctx = ctx

    @cached_property
    def others(self) -> list[Lane]:
        """Return the lanes from which a record may have moved; a run without news asks for none."""
        return neighbours(self.ctx.lane)

    def check(self, candidates: Sequence[Candidate]) -> tuple[list[Candidate], list[RecordOutcome]]:
        """Return the candidates that have no other entity, and the outcomes of those that do."""
        new = {c.entity.external_id: c.record.raw for c in candidates if c.is_new}
        return hold_back(candidates, left_behind(self.others, new))


def neighbours(own: Lane) -> list[Lane]:
    """Return the other lanes that read a lane's list, each in a scope."""
    return [
        lane
        for lane in runs.current_lanes()
        if lane != own and lane.collection == own.collection and lane.scope
    ]


def left_behind(lanes: Sequence[Lane], raws: Mapping[str, Json]) -> dict[str, Problem]:
    """Return the problems of records that left these lanes while their entities stay in use there.

    `raws` are the records, by external id.
    """
    problems: dict[str, Problem] = {}
    for lane in lanes if raws else ():
        scope = scope_of(lane.scope)
        for entry in _in_use(lane, list(raws)):
            if scope.outside(raws[entry.external_id]):
                problems[entry.external_id] = _problem(entry, lane)
    return problems


def _in_use(lane: Lane, external_ids: list[str]) -> list[LedgerEntry]:
    """Return a lane's entities of these records, without those that are archived or stay."""
    settled = lane.withdrawals.filter(closed_at__isnull=True, state__in=SETTLED)
    archived = lane.drift.filter(closed_at__isnull=True, field_id="archived")
    rows = lane.ledger.filter(external_id__among=external_ids).exclude(entity_hash="")
    rows = rows.exclude(external_id__in=settled.values("external_id"))
    return list(rows.exclude(external_id__in=archived.values("external_id")))


def _problem(entry: LedgerEntry, lane: Lane) -> Problem:
    old = f"{entry.entity_registry_id} “{entry.name}” in {lane.schema_name or lane.schema_id}"
    return Problem(
        kind="benchling",
        code="moved",
        message=f"{entry.external_id} moved here from another lane, where it has the entity {old}. "
        "Nothing was written for it here.",
        remedy=f"A Benchling admin archives {entry.entity_registry_id}, or the integration owner "
        "archives it or keeps it in use under Withdrawals in the admin. The record then follows "
        "automatically.",
        value=shortened(entry.entity_registry_id, 200),
        waits_for=("other lane", entry.entity_registry_id),
    )
