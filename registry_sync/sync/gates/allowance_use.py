"""Overrides in a run: each lets one stop pass, and the run that writes what passed uses it up."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from registry_sync import runs
from registry_sync.models import Allowance, SyncRun
from registry_sync.sync.context import RunContext
from registry_sync.sync.plans.write_access import NO_WRITES


def is_overridden(
    ctx: RunContext, what: Allowance.What, external_id: str = "", *, paths: Collection[str] = ()
) -> bool:
    """Return whether an override lets this run, or one record of it, pass without these paths.

    The override of a run is used up at once, unless the run may write nothing, or what it writes
    was planned before. That of a record stays until `use_up` says that the record goes on: it may
    be left for a plan.
    """
    overrides = Allowance.objects.filter(lane=ctx.lane, what=what, external_id=external_id)
    if any(override.covers(paths) for override in overrides.filter(used_by=ctx.run)):
        return True
    unused = [row for row in overrides.filter(used_by=None).order_by("pk") if row.covers(paths)]
    if not unused or ctx.run.dry_run:
        return bool(unused)
    if external_id:
        ctx.passed.setdefault(external_id, {})[unused[0].pk] = unused[0]
    elif ctx.write_access is not NO_WRITES and not _was_planned_before(ctx.run, unused[0]):
        for override in overrides.filter(used_by=None, pk__lte=unused[0].pk):
            _use_up(ctx.run, override)  # also those of less: they must not stay for a later stop
    return True


def _was_planned_before(run: SyncRun, override: Allowance) -> bool:
    """Return whether a run applies a plan that was made without an override."""
    planning_run = run.plan.run if run.kind == run.Kind.APPLY and run.plan is not None else None
    return (
        planning_run is not None
        and (planning_run.started_at or planning_run.created_at) < override.created_at
    )


def use_up(ctx: RunContext, external_ids: Iterable[str]) -> None:
    """Use up what let these records pass, as they go on to Benchling or are in sync."""
    for external_id in external_ids if ctx.passed else ():
        for override in ctx.passed.pop(external_id, {}).values():
            _use_up(ctx.run, override)


def _use_up(run: SyncRun, override: Allowance) -> None:
    Allowance.objects.filter(pk=override.pk, used_by=None).update(used_by=run)
    runs.log(run, "WARNING", f"{override} was overridden by {override.actor}: {override.reason}")
