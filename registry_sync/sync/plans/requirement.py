"""Whether a run may write at once, makes a plan instead, or applies the one that is signed."""

from __future__ import annotations

from django.db.models import F

from registry_sync import ledger, runs
from registry_sync.core.problems import SyncError
from registry_sync.models import Lane, Plan, SyncRun
from registry_sync.sync.context import RunContext
from registry_sync.sync.plans import lifecycle
from registry_sync.sync.plans.signed_writes import SignedWrites
from registry_sync.sync.plans.write_access import ALL_WRITES, NO_WRITES, WriteAccess

Kind, PlansFor = SyncRun.Kind, Lane.PlansFor


def choose_kind(ctx: RunContext) -> None:
    """Turn a run whose writes need a plan into one that applies or makes it. Raise SyncError.

    Runs of some records stay what they are, and write nothing.
    """
    run, lane = ctx.run, ctx.lane
    if run.kind == Kind.APPLY:
        _begin_to_apply(ctx)
        return
    whole = run.kind in SyncRun.SYNC and not run.only and run.since_asked is None
    if not whole or lane.plans_for == PlansFor.NOTHING:
        return
    if (signed := _signed(ctx)) is not None:
        text = f"{signed} is signed by {signed.signed_by}: it is applied first."
        runs.log(run, "INFO", text)
        runs.save_columns(run, ctx.lease, kind=Kind.APPLY, plan=signed, follow_up=_afterwards(run))
        _begin_to_apply(ctx)
    elif needs_plan(ctx):
        why = f"Plans are needed for {lane.get_plans_for_display()} in this lane: nothing is "
        runs.log(run, "INFO", why + "written, and a plan is made.")
        reads_all = run.reads_all or run.kind == Kind.FULL
        runs.save_columns(run, ctx.lease, kind=Kind.PLAN, reads_all=reads_all)


def _signed(ctx: RunContext) -> Plan | None:
    """Return the plan to apply first; one that another mapping made is void."""
    signed = lifecycle.signed_plan(ctx.lane)
    if signed is None or _is_by_mapping(signed, ctx):
        return signed
    why = "The mapping has changed since it was made."
    lifecycle.outdate(signed, why)
    runs.log(ctx.run, "WARNING", f"{signed} is void: {why[0].lower()}{why[1:]}")
    return None


def _begin_to_apply(ctx: RunContext) -> None:
    """Check that the run's plan may be applied, for the whole of the run. Raise SyncError.

    Where there was nothing to write and the mapping has changed, a new plan is made instead.
    """
    run, plan = ctx.run, ctx.run.plan
    if plan is None or plan.lane_id != ctx.lane.pk:
        raise _unfit("The run has no plan of this lane. Nothing was written.")
    if plan.state == Plan.State.EMPTY and not _is_by_mapping(plan, ctx):
        runs.log(run, "INFO", f"The mapping has changed since {plan} was made: a new one is made.")
        runs.save_columns(run, ctx.lease, kind=Kind.PLAN, plan=None)
        return
    with lifecycle.locked(plan) as row:
        if fault := lifecycle.apply_fault(row):
            raise _unfit(f"{fault} Nothing was written.")


def give_up_plan(run: SyncRun, lease: runs.Lease) -> None:
    """Turn a failed run that made a plan, as its lane needs one, into the sync it began as.

    A lane that fails must look like one, while dry runs prove nothing. Raise LeaseLost.
    """
    if run.kind != Kind.PLAN or run.lane is None or run.lane.plans_for == PlansFor.NOTHING:
        return
    kind = Kind.FULL if run.reads_all else Kind.INCREMENTAL
    runs.save_columns(run, lease, kind=kind, **dict.fromkeys(ledger.COUNTS, 0))


def needs_plan(ctx: RunContext) -> bool:
    """Return whether whatever the run would write needs a plan."""
    lane = ctx.lane
    if lane.plans_for == PlansFor.NEW_MAPPINGS:
        return _is_new_mapping(ctx)
    return lane.plans_for == PlansFor.EVERYTHING


def write_access_of(ctx: RunContext) -> WriteAccess:
    """Return what the run may write. Raise SyncError where its plan can no longer be applied."""
    run = ctx.run
    if run.kind == Kind.APPLY:
        return _access_of_plan(ctx, run.plan)
    if run.dry_run or not needs_plan(ctx):
        return ALL_WRITES
    return NO_WRITES


def _access_of_plan(ctx: RunContext, plan: Plan | None) -> WriteAccess:
    fault = ""
    if plan is None or plan.lane_id != ctx.lane.pk:
        fault = "The run has no plan of this lane."
    elif not _is_by_mapping(plan, ctx):
        fault = f"The mapping has changed since {plan} was made."
    elif lifecycle.plan_digest(plan) != plan.digest:
        fault = f"The rows of {plan} are not those that were signed."
    if plan is None or fault:
        raise _unfit(f"{fault} Nothing more is written.")
    return SignedWrites(ctx, plan)


def _is_new_mapping(ctx: RunContext) -> bool:
    """Return whether no good run, and no applied plan, was the last one under this mapping."""
    used = ctx.last_good
    applied = ctx.lane.runs.filter(
        kind=Kind.APPLY, status__in=SyncRun.GOOD, plan__state=Plan.State.APPLIED,
        plan__run__fingerprint=F("fingerprint"),
    )  # fmt: skip
    newest = [run for run in (used, applied.order_by("-pk").first()) if run is not None]
    last = max(newest, key=lambda run: run.pk, default=None)
    return last is None or last.fingerprint != ctx.setup.mapping.fingerprint


def _is_by_mapping(plan: Plan, ctx: RunContext) -> bool:
    """Return whether a plan was made by the mapping as it is now."""
    return plan.run.fingerprint == ctx.setup.mapping.fingerprint


def _unfit(why: str) -> SyncError:
    return SyncError(
        why,
        remedy="The integration owner makes a new plan, and a second person signs it.",
        kind="mapping",
        code="plan_unfit",
    )


def _afterwards(run: SyncRun) -> dict[str, object]:
    """Return the run that was asked for: it follows the one that applies the plan.

    Unless people have asked for it as well, it does not follow where the plan could not be applied:
    it would try to apply it again.
    """
    if run.follow_up is not None:
        return run.follow_up
    kind = Kind.FULL if run.reads_all else run.kind
    return {
        "kind": kind, "trigger": run.trigger, "actor": run.actor, "only": [], "if_good": True,
        "asked_at": runs.database_now().isoformat(), "retries_all": run.retries_all, "notes": [],
        "joined_by": run.joined_by or [],
    }  # fmt: skip
