"""Signed plans in the signed CSV: one row for the signature, one for the run that applied it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from registry_sync.ledger.signed_entries import entry_digest, keys_by_kind
from registry_sync.models import Plan
from registry_sync.runs import SchemaView

SIGNED, APPLIED = "plan signed", "plan applied"
PREFIX = {SIGNED: "signed-plan-", APPLIED: "applied-plan-"}
"""Beginnings of the ids of such rows."""


@dataclass(frozen=True, slots=True)
class PlanEntry:
    """The signature of a plan, or its application. Changes name the run that applied it."""

    plan: Plan
    kind: str

    @property
    def lane_id(self) -> int:
        return self.plan.lane_id

    @property
    def at(self) -> datetime | None:
        run = self.plan.applied_run
        if self.kind == SIGNED:
            return self.plan.signed_at
        return None if run is None else run.finished_at

    @property
    def run_id(self) -> int | None:
        """Return the run that made the plan, or that applied it."""
        return self.plan.run_id if self.kind == SIGNED else self.plan.applied_run_id

    @property
    def actor(self) -> str:
        """Return who signed it, or who started the run that applied it; "": the schedule."""
        run = self.plan.applied_run
        if self.kind == SIGNED:
            return self.plan.signed_by
        return "" if run is None else run.actor

    @property
    def reason(self) -> str:
        """Return who planned and signed it, when, and why."""
        plan = self.plan
        planned = f"planned by {plan.planned_by or 'the schedule'}, {_text(plan.made_at)}"
        if plan.requesters:
            planned += f", asked for by {', '.join(plan.requesters)}"
        signed = f"signed by {plan.signed_by}, {_text(plan.signed_at)}: {plan.sign_reason}"
        return f"{plan}, {planned}; {signed}"

    def cells(self, lane: str) -> dict[str, Any]:
        """Return the row's cells by column. The digest of the plan's rows stands in `after`."""
        return {
            "id": f"{PREFIX[self.kind]}{self.plan.pk}", "lane": lane, "run_id": self.run_id,
            "external_id": "", "field": "plan", "after": json.dumps(self.plan.digest),
            "actor": self.actor, "at": self.at, "digest": self.digest(),
        }  # fmt: skip

    def labels(self, schema: SchemaView) -> tuple[str, str]:
        """Return what stands for values as people read them: how many writes it has."""
        return "", f"{self.plan.writes:,} writes"

    def digest(self) -> str:
        """Return the SHA-256 of what the row says, as 64 hex characters."""
        plan, at = self.plan, self.at
        values = [
            self.kind, plan.lane_id, self.run_id, plan.digest, plan.planned_by, plan.planned_user,
            plan.signed_user, self.actor, self.reason, at.timestamp() if at else None,
        ]  # fmt: skip
        return entry_digest(values)


def plan_entries(since: datetime, until: datetime) -> Iterator[PlanEntry]:
    """Yield the plans that were signed in a period, then those that were applied in it."""
    rows = Plan.objects.exclude(signed_by="").select_related("applied_run").order_by("pk")
    for plan in rows.filter(signed_at__gte=since, signed_at__lt=until).iterator(2000):
        yield PlanEntry(plan, SIGNED)
    in_period = {"applied_run__finished_at__gte": since, "applied_run__finished_at__lt": until}
    for plan in rows.filter(**in_period).iterator(2000):
        yield PlanEntry(plan, APPLIED)


def held_plans(row_ids: Sequence[str]) -> dict[str, tuple[int, str]]:
    """Return the lane and the digest that these rows would have now, by their ids."""
    rows = Plan.objects.select_related("applied_run")
    return {
        f"{PREFIX[kind]}{plan.pk}": (plan.lane_id, PlanEntry(plan, kind).digest())
        for kind, keys in keys_by_kind(row_ids, PREFIX)
        for plan in rows.filter(pk__in=keys)
    }


def _text(when: datetime | None) -> str:
    return f"{when:%Y-%m-%d %H:%M} UTC" if when else "unknown"
