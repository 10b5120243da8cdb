"""Records that people requested a run of, and that need a plan: the lane's next plan has them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from django.db.models import QuerySet

from registry_sync import runs
from registry_sync.core.problems import SourceError
from registry_sync.core.text import first_ids
from registry_sync.core.types import Json
from registry_sync.models import PlanRow, SyncRun
from registry_sync.source.client import Source
from registry_sync.source.details import is_of_one_record
from registry_sync.source.pages import Unread
from registry_sync.sync.carry import Carrier
from registry_sync.sync.context import RunContext
from registry_sync.sync.plans.requesters import partial_runs
from registry_sync.sync.records import source_records

Kind = SyncRun.Kind
MAX_READ_SINGLY = 1000
"""Records that are read one by one; if more are requested, everything is read."""


def include_requests(ctx: RunContext) -> None:
    """Let a run that makes or applies a plan handle what people requested. Raise LeaseLost.

    It retries every error if someone requested that, and reads everything if too many are named.
    """
    run, found = ctx.run, _unplanned_runs(ctx)
    retries = run.retries_all or found.filter(kind=Kind.RETRY).exists()
    whole = (
        found.filter(since_asked__isnull=False).exists()
        or len(requested_ids(ctx)) > MAX_READ_SINGLY
    )
    if (retries, run.reads_all or whole) != (run.retries_all, run.reads_all):
        runs.save_columns(run, ctx.lease, retries_all=retries, reads_all=run.reads_all or whole)


def requested_ids(ctx: RunContext) -> list[str]:
    """Return the external ids of the records that people requested, and that a plan must read."""
    id_lists = (
        _unplanned_runs(ctx).exclude(kind=Kind.RETRY).order_by("pk").values_list("only", flat=True)
    )
    return list(dict.fromkeys(external_id for only in id_lists for external_id in only))


def read_requested(ctx: RunContext, source: Source, carrier: Carrier) -> None:
    """Carry the records that people requested, except those that this run has read anyway.

    Raise LeaseLost, Wait, SyncError.
    """
    since = ctx.run.since
    requested = requested_ids(ctx) if since is not None else []
    met = _already_handled(ctx, requested)
    if not (ids := [external_id for external_id in requested if external_id not in met]):
        return
    found, unread = _fetch(ctx, source, ids)
    records = source_records(list(found.values()), source, ctx.run.fingerprint, unread)
    old = [r for r in records if since is None or r.modified_at is None or r.modified_at < since]
    carrier.carry(old, again=True, force=True)
    carrier.delivery.flush()
    carrier.delivery.conclude()


def _already_handled(ctx: RunContext, ids: Collection[str]) -> set[str]:
    """Return the external ids that this run has already planned or refused; none if it applies."""
    if not ctx.run.dry_run:
        return set()
    found = set[str]()
    for rows in (PlanRow.objects.filter(plan__run=ctx.run), ctx.run.refusals):
        found.update(rows.filter(external_id__among=ids).values_list("external_id", flat=True))
    return found


def _fetch(
    ctx: RunContext, source: Source, ids: Sequence[str]
) -> tuple[dict[str, Json], list[Unread]]:
    """Return the records, and those that cannot be read; warn of missing ones. Raise SourceError.

    One requested record must not make the lane's plans fail.
    """
    try:
        with ctx.timed("pull"):
            found, unread = source.fetch_all(ids)
    except SourceError as error:
        if len(ids) > 1 or not is_of_one_record(error):
            raise
        found, unread = {}, []
    answered = found.keys() | {source.identify(item.record) for item in unread}
    missing = [external_id for external_id in ids if external_id not in answered]
    if missing and ctx.run.dry_run:
        text = f"Someone asked for {first_ids(missing)}, but the registry has no such record or "
        text += "does not give it, so it is not in the plan. The registry's owner checks it; then "
        runs.warn(ctx.run, ctx.lease, f"not_at_source:{missing[0]}", text + "ask for it again.")
    return found, unread


def _unplanned_runs(ctx: RunContext) -> QuerySet[SyncRun]:
    """Return the runs of some records that left writes, which no applied plan has handled.

    A run that applies a plan handles what the plan had handled.
    """
    run = ctx.run
    plan_run_id = run.plan.run_id if run.kind == Kind.APPLY and run.plan is not None else run.pk
    return partial_runs(ctx.lane, plan_run_id).filter(held__gt=0, status__in=SyncRun.GOOD)
