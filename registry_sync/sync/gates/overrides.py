"""Overrides in a run: each lets one stop pass, and the run that writes what passed uses it up."""

from __future__ import annotations

from collections.abc import Iterable

from registry_sync import runs
from registry_sync.models import Allowance, SyncRun
from registry_sync.sync.context import RunContext
from registry_sync.sync.plans.permit import NOTHING


def lets_pass(ctx: RunContext, what: Allowance.What, external_id: str = "") -> bool:
    """Return whether an override lets this run, or one record of it, pass.

    The override of a run is used up at once, unless the run may write nothing. That of a record
    stays until `use` says that the record goes on: it may be left for a plan.
    """
    mine = Allowance.objects.filter(lane=ctx.lane, what=what, external_id=external_id)
    if mine.filter(used_by=ctx.run).exists():
        return True
    first = mine.filter(used_by=None).order_by("pk").first()
    if first is None or ctx.run.dry_run:
        return first is not None
    if external_id:
        ctx.passed.setdefault(external_id, {})[first.pk] = first
    elif ctx.permit is not NOTHING:
        _use_up(ctx.run, first)
    return True


def use(ctx: RunContext, external_ids: Iterable[str]) -> None:
    """Use up what let these records pass, as they go on to Benchling or are in sync."""
    for external_id in external_ids if ctx.passed else ():
        for override in ctx.passed.pop(external_id, {}).values():
            _use_up(ctx.run, override)


def _use_up(run: SyncRun, override: Allowance) -> None:
    Allowance.objects.filter(pk=override.pk, used_by=None).update(used_by=run)
    runs.log(run, "WARNING", f"{override} was overridden by {override.actor}: {override.reason}")
