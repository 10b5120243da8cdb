"""The first phase of every slice: read the configuration, find the lane, decide where to start."""

from __future__ import annotations

from dataclasses import replace

from registry_sync import ledger, runs
from registry_sync.benchling.history_target import target_of_items
from registry_sync.models import Lane, SyncRun
from registry_sync.reporting import sync_history
from registry_sync.sync import starting_point
from registry_sync.sync.context import Phase, RunContext
from registry_sync.sync.delivery.leftover_batches import close_leftover_batches
from registry_sync.sync.lane_of_run import claim_lane, lane_of_run, request_new
from registry_sync.sync.lane_refresh import Placed, refresh_lanes, save_scope, settle_lane
from registry_sync.sync.pacing import Pacer
from registry_sync.sync.plans.requested_records import include_requests
from registry_sync.sync.plans.requirement import choose_kind, write_access_of
from registry_sync.sync.setup import Setup, configure, read_items


def configure_run(pacer: Pacer) -> RunContext:
    """Read the configuration again and return the slice's context.

    The first slice also decides from where to read; a later one starts over if the mapping, the
    Benchling schema or the lane changed since. Raise ConfigError with every fault it found.
    """
    run, client = pacer.run, pacer.client
    items = read_items(client)
    sync_history.plan_history_row(run, target_of_items(items))
    placed = refresh_lanes(client, items)
    lane = lane_of_run(pacer, placed)
    if lane is not None:
        claim_lane(pacer, lane)
    request_new(run, placed, lane)
    element = lane.element if lane is not None else ""
    key = pacer.terms.private_key
    setup = configure(client, private_key=key, element=element, items=items)
    lane = _settled(pacer, setup, placed)
    runs.save_schema(lane, pacer.lease, setup.schema)
    ctx = RunContext(run, pacer.lease, lane, setup, pacer, runs.good_runs(lane).first())
    if setup.connector.unused:
        runs.warn(run, pacer.lease, "setting_unused", _unused(setup))
    changed = run.phase != Phase.CONFIGURE and _has_changed(ctx)
    if not run.dry_run:  # before anything is compared with the ledger
        close_leftover_batches(ctx, own=changed)
    if run.phase == Phase.CONFIGURE:
        choose_kind(ctx)
        if run.kind in (run.Kind.PLAN, run.Kind.APPLY):
            include_requests(ctx)
        starting_point.begin(ctx, "")
    elif changed:
        _start_over(ctx)
    return replace(ctx, write_access=write_access_of(ctx))


def _settled(pacer: Pacer, setup: Setup, placed: Placed) -> Lane:
    """Return the lane of the configuration; of an only lane, the row is made here."""
    lane, is_new = settle_lane(pacer.client, setup, placed)
    claim_lane(pacer, lane)
    if is_new and (others := Lane.objects.exclude(pk=lane.pk).count()):
        text = (
            f"A new lane begins, with an empty ledger: {lane} in {lane.tenant}. "
            f"{'The other one keeps' if others == 1 else f'The {others} others keep'} what "
            "was recorded there."
        )
        runs.log(pacer.run, "WARNING", text)
    save_scope(lane, setup.connector.scope.kept())
    return lane


def _unused(setup: Setup) -> str:
    """Return the settings that have no effect: each may be a mistake."""
    named = "; ".join(setup.connector.unused)
    return f"Connector Settings have settings that change nothing: {named}."


def _has_changed(ctx: RunContext) -> bool:
    same = ctx.run.fingerprint == ctx.setup.mapping.fingerprint
    return not same or ctx.run.lane_id != ctx.lane.pk


def _start_over(ctx: RunContext) -> None:
    """Read everything again under the new configuration; on another lane, count from zero."""
    run: SyncRun = ctx.run
    runs.log(run, "WARNING", "The configuration changed. Everything will be read again.")
    if run.lane_id != ctx.lane.pk:
        runs.save_columns(run, ctx.lease, **dict.fromkeys(ledger.COUNTS, 0))
    ledger.forget_hashes(run, ctx.lease)
    starting_point.begin(ctx, "the mapping or the Benchling schema changed during the run")
