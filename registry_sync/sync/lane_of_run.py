"""Which lane a run feeds, once the configuration is read, and who else must run."""

from __future__ import annotations

from typing import NoReturn

from django.db import IntegrityError
from django.db.models import QuerySet

from registry_sync import ledger, runs
from registry_sync.models import Lane, SyncRun
from registry_sync.runs.queue import enqueue, is_worker
from registry_sync.sync.lane_refresh import Placed
from registry_sync.sync.pacing import Pacer

SERVICE = "Registry Sync"


def lane_of_run(pacer: Pacer, placed: Placed) -> Lane | None:
    """Return the lane that a run feeds, of those that are configured; None before there is one.

    A run whose lane is gone goes on with the one that took its place: that of the same schema, or
    of the same element. Without any the run ends. Raise LeaseLost.
    """
    run = pacer.run
    if not placed.lanes:
        return None
    if (same := next((lane for lane in placed.lanes if lane == run.lane), None)) is not None:
        run.lane = same  # as it was just placed: its element may have another name
        return same
    free = [lane for lane in placed.lanes if not _is_busy(lane, run)]
    if run.lane is None:
        lane = next(iter(runs.in_link_order(free)), None)
    else:
        lane = _successor(run.lane, placed.lanes)
        if lane is None:
            name = run.lane.schema_name or run.lane.schema_id
            _withdraw(run, f"{name} is no longer in the app's configuration.")
    if lane not in free:
        if lane is not None and run.lane is not None:
            name = run.lane.schema_name or run.lane.schema_id
            _withdraw(run, f"{name} has another list or schema now, which {_other(lane, run)}.")
        _withdraw(run, "another run does the same.")
    return lane


def claim_lane(pacer: Pacer, lane: Lane) -> None:
    """Keep the lane that a run was found to feed. Raise LeaseLost where another run feeds it."""
    if pacer.run.phase != SyncRun.Phase.CONFIGURE or pacer.run.lane_id == lane.pk:
        return
    try:
        runs.save_columns(pacer.run, pacer.lease, lane=lane)
    except IntegrityError:  # it has just been requested
        _withdraw(pacer.run, "another run does the same.")


def request_new(run: SyncRun, placed: Placed, fed: Lane | None) -> None:
    """Request the runs of lanes that were not configured before: no trigger could name them.

    `fed` is the lane that the run feeds from now on. A run of named records, or since a given time,
    requests nothing: who asked for it did not ask for a first load. A worker queues them at once
    for the others; a command works them itself.
    """
    if run.only or run.since_asked:
        return
    kind, trigger = SyncRun.Kind(run.kind), SyncRun.Trigger(run.trigger)
    if kind == SyncRun.Kind.RETRY:
        kind = SyncRun.Kind.INCREMENTAL
    for lane in runs.in_link_order(placed.new):
        if lane != fed:
            new, _ = runs.request_run(lane=lane, kind=kind, trigger=trigger, actor=run.actor)
            if is_worker():
                enqueue(new.pk)


def _successor(lane: Lane, lanes: tuple[Lane, ...]) -> Lane | None:
    same = [other for other in lanes if other.schema_id == lane.schema_id]
    same += [other for other in lanes if other.element == lane.element]
    return same[0] if same else None


def _is_busy(lane: Lane, run: SyncRun) -> bool:
    return _others(lane, run).exists()


def _others(lane: Lane, run: SyncRun) -> QuerySet[SyncRun]:
    return SyncRun.objects.filter(lane=lane, status__in=SyncRun.ACTIVE).exclude(pk=run.pk)


def _other(lane: Lane, run: SyncRun) -> str:
    """Return which run does what this one was asked for."""
    other = _others(lane, run).first()
    return f"run {other.pk} syncs" if other is not None else "another run syncs"


def _withdraw(run: SyncRun, why: str) -> NoReturn:
    """End a run that has nothing to do. Raise LeaseLost."""
    runs.cancel(run, actor=SERVICE, reason=why, ending=ledger.end_reported)
    runs.log(run, "WARNING", run.error)
    raise runs.LeaseLost(run.error)
