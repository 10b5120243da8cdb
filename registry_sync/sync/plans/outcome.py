"""The end of a run that made or applied a plan: what became of each row, and what it warns of."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, QuerySet

from registry_sync import runs
from registry_sync.core.text import number_of
from registry_sync.models import Change, LedgerEntry, Plan, PlanRow, SyncRun
from registry_sync.sync.context import RunContext
from registry_sync.sync.plans.lifecycle import waiting_plan

__all__ = ["conclude", "plan_sentence", "waiting_plan", "waits_sentence"]
Action, Fate, Outcome = PlanRow.Action, PlanRow.Fate, LedgerEntry.Outcome
NAMED = 5


def conclude(ctx: RunContext) -> None:
    """Say at each row of an applied plan what became of it, and warn of those not written."""
    plan = ctx.run.plan
    if ctx.run.kind == ctx.run.Kind.PLAN:
        _warn_of_waiting(ctx, plan)
    elif plan is not None:
        _settle(ctx, plan)
        _warn_of_left(ctx, plan)
    elif ctx.run.held:
        text = f"{number_of(ctx.run.held, 'change')} left for a plan, and not written. "
        text += "A second person signs the plan that the next run makes."
        runs.warn(ctx.run, ctx.lease, "plan_waits", text)


def _warn_of_waiting(ctx: RunContext, plan: Plan | None) -> None:
    if plan is None or plan.state != Plan.State.OPEN:
        return
    runs.warn(ctx.run, ctx.lease, "plan_waits", waits_sentence(plan))


def waits_sentence(plan: Plan) -> str:
    """Return what a plan waits for, with its counts."""
    if plan.state == Plan.State.SIGNED:
        return (
            f"{plan}, signed by {plan.signed_by}, waits to be applied: {plan_sentence(plan)}. "
            f"The next run applies it if it begins before {plan.expires_at:%Y-%m-%d %H:%M} UTC."
        )
    return (
        f"{plan} waits for a signature: {plan_sentence(plan)}. A second person signs it in the "
        f"desk before {plan.expires_at:%Y-%m-%d %H:%M} UTC."
    )


def plan_sentence(plan: Plan) -> str:
    """Return what a plan would do, counted."""
    counts = (
        (plan.creates, "to create"), (plan.changes, "to change"),
        (plan.archives, "to archive"), (plan.unarchives, "to unarchive"),
    )  # fmt: skip
    return ", ".join(f"{n:,} {noun}" for n, noun in counts if n) or "nothing to write"


def _settle(ctx: RunContext, plan: Plan) -> None:
    run, rows = ctx.run, plan.rows.all()
    applying = plan.runs.filter(kind=run.Kind.APPLY)  # those that were interrupted wrote as well
    entries = LedgerEntry.objects.filter(lane=ctx.lane, external_id=OuterRef("external_id"))
    seen = entries.filter(seen_run_id=run.pk)
    written = entries.filter(
        entity_hash=OuterRef("entity_digest"), written_run_id__in=applying.values("pk")
    )
    records = rows.filter(action__in=(Action.CREATE, Action.CHANGE))
    records.filter(Exists(written)).update(fate=Fate.WRITTEN)
    unsettled = records.filter(fate__in=(Fate.WAITING, Fate.BEGUN))
    unsettled.filter(Exists(seen.filter(outcome=Outcome.FAILED))).update(fate=Fate.REFUSED)
    unsettled.filter(Exists(seen)).update(fate=Fate.SAME)
    unsettled.update(fate=Fate.UNREAD)
    _settle_archives(ctx, rows.exclude(action__in=(Action.CREATE, Action.CHANGE)), applying)
    Plan.objects.filter(pk=plan.pk, state=Plan.State.SIGNED).update(state=Plan.State.APPLIED)
    Plan.objects.filter(pk=plan.pk).update(applied_run=run)


def _settle_archives(ctx: RunContext, rows: QuerySet[PlanRow], applying: QuerySet[SyncRun]) -> None:
    for action, kind in (
        (Action.ARCHIVE, Change.Kind.ARCHIVED),
        (Action.UNARCHIVE, Change.Kind.UNARCHIVED),
    ):
        done = Change.objects.filter(
            lane=ctx.lane, run__in=applying, kind=kind, external_id=OuterRef("external_id")
        )
        own = rows.filter(action=action)
        own.filter(Exists(done)).update(fate=Fate.WRITTEN)
        own.filter(fate=Fate.WAITING).update(fate=Fate.SAME)
        own.filter(fate=Fate.BEGUN).update(fate=Fate.REFUSED)


def _warn_of_left(ctx: RunContext, plan: Plan) -> None:
    not_written = plan.rows.exclude(fate=Fate.WRITTEN).order_by("pk")
    count = not_written.count()
    if not count:
        return
    named = ", ".join(
        f"{row.external_id} ({row.get_fate_display().removeprefix('left: ')})"
        for row in not_written[:NAMED]
    )
    more = f" and {count - NAMED:,} more" if count > NAMED else ""
    text = f"{number_of(count, 'signed change')} of {plan} not written: {named}{more}. The plan's "
    runs.warn(ctx.run, ctx.lease, "plan_left", text + "page names them all.")
