"""What a sync would retry, looked at for a plan: a dry run alone looks at what it reads."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from registry_sync import ledger, runs
from registry_sync.models import EntityError
from registry_sync.source.client import Source
from registry_sync.sync import lane_circles, retry_choice
from registry_sync.sync.carry import Carrier
from registry_sync.sync.context import RunContext
from registry_sync.sync.delivery.dry_run import DryRunDelivery
from registry_sync.sync.link_circles import joined_circles
from registry_sync.sync.plans.requested_records import read_requested
from registry_sync.sync.records import Candidate, SourceRecord


def plan_retries(
    ctx: RunContext, source: Source, carrier: Carrier, delivery: DryRunDelivery
) -> None:
    """Carry the kept copies of refused records whose cause is gone. Raise SyncError, Wait."""
    read_requested(ctx, source, carrier)
    tried = set[str]()
    for errors in retry_choice.due(ctx):
        due_errors = [error for error in errors if _is_due(error, tried, delivery)]
        ids = [error.external_id for error in due_errors]
        tried.update(ids)
        _uncount(ctx, [id_ for id_ in ids if delivery.seen.get(id_)], delivery)
        records = retry_choice.kept_records(due_errors, ctx.run.fingerprint)
        carrier.carry(records, again=True, force=True)
    delivery.conclude()
    _plan_circles(ctx, carrier, delivery)


def _plan_circles(ctx: RunContext, carrier: Carrier, delivery: DryRunDelivery) -> None:
    """Carry the kept copies of records that wait for each other."""
    named = [record for record in _named(ctx) if _stands(record, delivery)]
    _uncount(ctx, [record.external_id for record in named], delivery)
    carrier.carry(named, again=True, force=True)
    delivery.conclude()
    for circle in _linked(ctx):
        going = [c for c in circle if _stands(c.record, delivery)]
        _uncount(ctx, [c.entity.external_id for c in going], delivery)
        delivery.record(carrier.admit(going), {})
    delivery.conclude()


def _named(ctx: RunContext) -> Sequence[SourceRecord]:
    """Return the records that want each other's names."""
    ids = [external_id for circle in retry_choice.name_circles(ctx) for external_id in circle]
    errors = runs.open_errors(ctx.lane).filter(external_id__among=ids).order_by("pk")
    return retry_choice.kept_records(list(errors), ctx.run.fingerprint)


def _linked(ctx: RunContext) -> Iterator[Sequence[Candidate]]:
    """Yield what can only go together, and what can only go without some of its links."""
    yield from joined_circles(ctx)
    yield from lane_circles.parted_circles(ctx)


def _is_due(error: EntityError, tried: set[str], delivery: DryRunDelivery) -> bool:
    """Return whether a record was not looked at yet, but for being the one that was refused."""
    if error.external_id in tried or error.waits_for == "detail":
        return False
    return delivery.seen.get(error.external_id, True)


def _stands(record: SourceRecord, delivery: DryRunDelivery) -> bool:
    """Return whether a kept copy is what the registry has, and was not planned yet."""
    id_ = record.external_id
    return id_ not in delivery.seen or delivery.refused.get(id_) == record.raw_hash


def _uncount(ctx: RunContext, external_ids: Collection[str], delivery: DryRunDelivery) -> None:
    """Take back that this run refused records: they are looked at again."""
    again = [id_ for id_ in external_ids if delivery.refused.pop(id_, None) is not None]
    ctx.run.read -= len(again)
    ctx.run.failed -= len(again)
    ledger.drop_refusals(ctx.run, again)
