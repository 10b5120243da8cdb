"""The gate of plans: what needs a signed plan is held, and compared again by the next run."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from django.db.models import QuerySet

from registry_sync import runs
from registry_sync.ledger.record_outcome import Outcome, RecordOutcome
from registry_sync.models import EntityError, LedgerEntry, PlanRow
from registry_sync.source.watermark import settled
from registry_sync.sync.context import RunContext
from registry_sync.sync.records import Candidate

Held = tuple[str, datetime | None, bool]
"""A record's external id, its time, and whether it was retried."""


class PlanGate:
    """Passes candidates that the run may write. Only the guard comes after it."""

    def __init__(self, ctx: RunContext) -> None:
        self.ctx = ctx

    def check(
        self, candidates: Sequence[Candidate]
    ) -> tuple[Sequence[Candidate], Sequence[RecordOutcome]]:
        """Return the candidates that may be written, and the outcomes of those that may not."""
        fit = set(self.ctx.write_access.allowed(candidates)) if candidates else set()
        withheld = [c for c in candidates if c.entity.external_id not in fit]
        if not withheld:
            return candidates, ()
        going = [c for c in candidates if c.entity.external_id in fit]
        return going, hold_unplanned(self.ctx, withheld)


def hold_unplanned(ctx: RunContext, candidates: Sequence[Candidate]) -> list[RecordOutcome]:
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
    read_again = read_again_next(ctx, {external_id: when for external_id, when, _ in records})
    read_again |= set(_held_before(ctx, ids))
    note_held(ctx, len({*ids} - read_again))
    errors = EntityError.objects.filter(lane=ctx.lane, closed_at__isnull=True)
    refused = set(errors.filter(external_id__among=ids).values_list("external_id", flat=True))
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


def read_again_next(ctx: RunContext, times: Mapping[str, datetime | None]) -> set[str]:
    """Return the records, of these with their times, that the run after this one reads again.

    They changed after the plan that this run applies had read them, and the watermark stays where
    the plan had read to. Where records have no times, those changed of which the plan knew nothing.
    """
    incremental = ctx.setup.connector.incremental
    if ctx.run.kind != ctx.run.Kind.APPLY:
        return set()
    if incremental is None:  # everything is read each time
        return set(times)
    if not incremental.cursor_path:
        return times.keys() - _known_to_plan(ctx, list(times))
    limit = watermark_of_plan(ctx)
    return {id_ for id_, at in times.items() if None not in (limit, at) and at >= limit}  # type: ignore[operator]


def _known_to_plan(ctx: RunContext, ids: Sequence[str]) -> set[str]:
    """Return the records that the run's plan may have read as they are now.

    Their entities moved since, they were refused then, or the ledger has forgotten their form.
    """
    plan = ctx.run.plan
    if plan is None:
        return set(ids)
    moved = plan.rows.filter(fate=PlanRow.Fate.BENCHLING)
    forgotten = ctx.lane.ledger.filter(raw_hash="").exclude(seen_run_id=ctx.run.pk)
    found = set[str]()
    for rows in (moved, plan.run.refusals, forgotten):
        found.update(rows.filter(external_id__among=ids).values_list("external_id", flat=True))
    return found


def _held_before(ctx: RunContext, ids: Sequence[str]) -> QuerySet[LedgerEntry, str]:
    """Return the records that this run has held already: their form is not in the ledger."""
    rows = ctx.lane.ledger.filter(raw_hash="", seen_run_id=ctx.run.pk, external_id__among=ids)
    return rows.values_list("external_id", flat=True)


def watermark_of_plan(ctx: RunContext) -> datetime | None:
    """Return up to when the run's plan has read the registry; None if it has none, or unknown."""
    incremental, plan = ctx.setup.connector.incremental, ctx.run.plan
    if plan is None or incremental is None:
        return None
    planning_run = plan.run
    return settled(
        planning_run.watermark, planning_run.server_date, planning_run.since,
        by_cursor=bool(incremental.cursor_path), held=bool(planning_run.reading.get("held")),
    )  # fmt: skip


def hold_withdrawals(
    ctx: RunContext, ids: Collection[str], times: Mapping[str, datetime | None] | None
) -> None:
    """Count entities that were not archived or unarchived, by their records. Raise LeaseLost.

    Those that are not because a record came back at its time: their withdrawals stay open, and the
    next plan finds them in the database.
    """
    applies = ctx.run.kind == ctx.run.Kind.APPLY
    if times is None:
        note_held(ctx, 0 if applies else len(ids))
    else:
        note_held(ctx, len(set(ids) - read_again_next(ctx, {id_: times.get(id_) for id_ in ids})))


def note_held(ctx: RunContext, count: int) -> None:
    """Count writes that were left, and that no later run would look at again.

    Raise LeaseLost.
    """
    if count and not ctx.run.dry_run:
        runs.save_columns(ctx.run, ctx.lease, held=ctx.run.held + count)
