"""What a sync would retry, looked at for a plan: a dry run alone looks at what it reads."""

from __future__ import annotations

from registry_sync import ledger
from registry_sync.models import EntityError
from registry_sync.source.client import Source
from registry_sync.sync import retry_choice
from registry_sync.sync.carry import Carrier
from registry_sync.sync.context import RunContext
from registry_sync.sync.delivery.dry_run import DryRunDelivery


def plan_retries(
    ctx: RunContext, source: Source, carrier: Carrier, delivery: DryRunDelivery
) -> None:
    """Carry the kept copies of refused records whose cause is gone. Raises SyncError, Wait."""
    tried = set[str]()
    for errors in retry_choice.due(ctx):
        mine = [error for error in errors if _is_due(error, tried, delivery)]
        tried.update(error.external_id for error in mine)
        _uncount(ctx, mine, delivery)
        records = retry_choice.kept_records(mine, ctx.run.fingerprint)
        carrier.carry(records, again=True, force=True)
    delivery.conclude()


def _is_due(error: EntityError, tried: set[str], delivery: DryRunDelivery) -> bool:
    """Return whether a record was not looked at yet, but for being the one that was refused."""
    if error.external_id in tried or error.waits_for == "detail":
        return False
    return delivery.seen.get(error.external_id, True)


def _uncount(ctx: RunContext, errors: list[EntityError], delivery: DryRunDelivery) -> None:
    """Take back that records came as they were refused: they are looked at again."""
    again = [e.external_id for e in errors if delivery.seen.get(e.external_id)]
    ctx.run.read -= len(again)
    ctx.run.failed -= len(again)
    ledger.drop_refusals(ctx.run, again)
