"""What runs of some records were asked for and could not write: the lane's next plan has it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from django.db.models import QuerySet

from registry_sync import runs
from registry_sync.core.problems import SourceError
from registry_sync.core.types import Json
from registry_sync.models import PlanRow, SyncRun
from registry_sync.source.client import Source
from registry_sync.source.details import is_of_one_record
from registry_sync.source.pages import Unread
from registry_sync.sync.carry import Carrier
from registry_sync.sync.context import RunContext
from registry_sync.sync.plans.requesters import of_some_records
from registry_sync.sync.records import source_records
from registry_sync.sync.withdrawn import named as in_words

Kind = SyncRun.Kind
MOST = 1000
"""Records that are read one by one; where more were asked for, everything is read."""


def settle_asked(ctx: RunContext) -> None:
    """Let a run that makes or applies a plan look at what people asked for. Raise LeaseLost.

    It tries each error again if someone asked to, and reads everything if they named too much.
    """
    run, found = ctx.run, _left(ctx)
    retries = run.retries_all or found.filter(kind=Kind.RETRY).exists()
    whole = found.filter(since_asked__isnull=False).exists() or len(named(ctx)) > MOST
    if (retries, run.reads_all or whole) != (run.retries_all, run.reads_all):
        runs.save(run, ctx.lease, retries_all=retries, reads_all=run.reads_all or whole)


def named(ctx: RunContext) -> list[str]:
    """Return the external ids of the records that people asked for, and that a plan must read."""
    asked = _left(ctx).exclude(kind=Kind.RETRY).order_by("pk").values_list("only", flat=True)
    return list(dict.fromkeys(external_id for only in asked for external_id in only))


def read_named(ctx: RunContext, source: Source, carrier: Carrier) -> None:
    """Carry the records that people asked for, but for those that this run has read anyway.

    Raises LeaseLost, Wait, SyncError.
    """
    since = ctx.run.since
    asked = named(ctx) if since is not None else []
    met = _met(ctx, asked)
    if not (ids := [external_id for external_id in asked if external_id not in met]):
        return
    found, unread = _read(ctx, source, ids)
    records = source_records(list(found.values()), source, ctx.run.fingerprint, unread)
    old = [r for r in records if since is None or r.modified_at is None or r.modified_at < since]
    carrier.carry(old, again=True, force=True)
    carrier.delivery.flush()
    carrier.delivery.conclude()


def _met(ctx: RunContext, ids: Collection[str]) -> set[str]:
    """Return the records that this run has planned or refused already. One that applies counts."""
    if not ctx.run.dry_run:
        return set()
    found = set[str]()
    for rows in (PlanRow.objects.filter(plan__run=ctx.run), ctx.run.refusals):
        found.update(rows.filter(external_id__among=ids).values_list("external_id", flat=True))
    return found


def _read(
    ctx: RunContext, source: Source, ids: Sequence[str]
) -> tuple[dict[str, Json], list[Unread]]:
    """Return what is read; say of which the plan lacks, as they cannot be read. Raise SourceError.

    The lane's plans must not fail for one record that someone asked for.
    """
    try:
        with ctx.timed("pull"):
            found, unread = source.fetch_all(ids)
    except SourceError as error:
        if len(ids) > 1 or not is_of_one_record(error):
            raise
        found, unread = {}, []
    came = found.keys() | {source.identify(one.record) for one in unread}
    missing = [external_id for external_id in ids if external_id not in came]
    if missing and ctx.run.dry_run:
        text = f"Someone asked for {in_words(missing)}, but the registry has no such record or "
        text += "does not give it, so it is not in the plan. The registry's owner checks it; then "
        runs.warn(ctx.run, ctx.lease, f"not_at_source:{missing[0]}", text + "ask for it again.")
    return found, unread


def _left(ctx: RunContext) -> QuerySet[SyncRun]:
    """Return the runs of some records that left writes, which no applied plan has looked at.

    A run that applies a plan looks at what the plan had looked at.
    """
    run = ctx.run
    made = run.plan.run_id if run.kind == Kind.APPLY and run.plan is not None else run.pk
    return of_some_records(ctx.lane, made).filter(held__gt=0, status__in=SyncRun.GOOD)
