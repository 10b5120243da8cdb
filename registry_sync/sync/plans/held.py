"""The gate of plans: what may not be written without one stays as it is, and is seen again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from registry_sync import runs
from registry_sync.ledger.record_outcome import Outcome, RecordOutcome
from registry_sync.models import EntityError
from registry_sync.source.watermark import settled
from registry_sync.sync.context import RunContext
from registry_sync.sync.records import Candidate

Held = tuple[str, datetime | None, bool]
"""A record's external id, its time, and whether it was retried."""


class PlanGate:
    """Lets go on what the run's permit has. It is asked last but for the guard."""

    def __init__(self, ctx: RunContext) -> None:
        self.ctx = ctx

    def check(
        self, candidates: Sequence[Candidate]
    ) -> tuple[Sequence[Candidate], Sequence[RecordOutcome]]:
        """Return the candidates that may be written, and the outcomes of those that may not."""
        fit = set(self.ctx.permit.fitting(candidates)) if candidates else set()
        rest = [c for c in candidates if c.entity.external_id not in fit]
        if not rest:
            return candidates, ()
        going = [c for c in candidates if c.entity.external_id in fit]
        return going, hold(self.ctx, rest)


def hold(ctx: RunContext, candidates: Sequence[Candidate]) -> list[RecordOutcome]:
    """Return the outcomes of candidates that are not written. Raise LeaseLost."""
    return hold_records(
        ctx,
        [(c.entity.external_id, c.record.modified_at, c.record.retried) for c in candidates],
    )


def hold_records(ctx: RunContext, records: Sequence[Held]) -> list[RecordOutcome]:
    """Return the outcomes of records that were seen and not written: the next run compares again.

    The error of one that was refused before stays open. Raise LeaseLost.
    """
    ids = [external_id for external_id, _, _ in records]
    errors = EntityError.objects.filter(lane=ctx.lane, closed_at__isnull=True)
    refused = set(errors.filter(external_id__among=ids).values_list("external_id", flat=True))
    note_held(ctx, sum(not _comes_again(ctx, modified_at) for _, modified_at, _ in records))
    return [
        RecordOutcome(
            external_id=external_id,
            raw_hash="",
            outcome=Outcome.FAILED if external_id in refused else Outcome.UNCHANGED,
            modified_at=modified_at,
            retried=retried,
        )
        for external_id, modified_at, retried in records
    ]


def _comes_again(ctx: RunContext, modified_at: datetime | None) -> bool:
    """Return whether the run after one that applies a plan reads a record again.

    It changed after the plan had read it, and the watermark stays where the plan had read to.
    """
    if ctx.run.kind != ctx.run.Kind.APPLY:
        return False
    if ctx.setup.connector.incremental is None:  # everything is read each time
        return True
    limit = watermark_of_plan(ctx)
    return limit is not None and modified_at is not None and modified_at >= limit


def watermark_of_plan(ctx: RunContext) -> datetime | None:
    """Return up to when the run's plan has read the registry; None if it has none, or unknown."""
    incremental, plan = ctx.setup.connector.incremental, ctx.run.plan
    if plan is None or incremental is None:
        return None
    made = plan.run
    return settled(
        made.watermark, made.server_date, made.since,
        by_cursor=bool(incremental.cursor_path), held=bool(made.reading.get("held")),
    )  # fmt: skip


def note_held(ctx: RunContext, count: int) -> None:
    """Count writes that were left, and that no later run would look at again.

    Raise LeaseLost.
    """
    if count and not ctx.run.dry_run:
        runs.save(ctx.run, ctx.lease, held=ctx.run.held + count)
