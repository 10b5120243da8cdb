"""Runs that follow one that has ended: what was asked for during it, and what its writes allow."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from registry_sync import ledger, runs
from registry_sync.canvas import text as words
from registry_sync.core.text import number_of
from registry_sync.models import Canvas, Change, Lane, Merge, Plan, SyncRun
from registry_sync.runs.queue import enqueue
from registry_sync.sync.links import present

Kind, Phase = SyncRun.Kind, SyncRun.Phase
LISTED = 1000
"""Records that a retry names; where more have waited, it tries every error of the lane."""
SKEW = timedelta(minutes=2)
"""By how much the clocks of hosts may differ."""


def follow(ended: SyncRun) -> bool:
    """Start what follows a run that has ended, and show it in the canvases that wait for it.

    Return whether a worker was notified.
    """
    run = runs.start_following(ended)
    if run is None:
        return False
    waiting = Canvas.objects.of_same_app(ended).filter(run=ended, note=words.follows(ended))
    now = runs.database_now()
    waiting.update(
        run=run, note=words.started(run), drawn_at=None, outdated_at=now, rests_until=None
    )
    return enqueue(run.pk)


def retry_linked(ended: SyncRun) -> list[SyncRun]:
    """Request a retry of records in other lanes that waited for what a run has written.

    A run of such a lane that has not come to its retries yet finds them itself. Return the runs.
    """
    lane = ended.lane
    if lane is None or ended.dry_run or ended.status not in SyncRun.GOOD or not _wrote(ended):
        return []
    found = []
    for other in runs.current_lanes():
        if other == lane or not (ids := _arrived(lane, other)):
            continue
        active = runs.active(other)
        if active is not None and active.phase not in (Phase.RETRY, Phase.REPORT):
            continue
        why = f"{_linking(len(ids))} to what run {ended.pk} has written."
        found += _request_unasked(ended, other, Kind.RETRY, ids, why)
    return found


def _linking(count: int) -> str:
    return f"{number_of(count, 'record')} {'links' if count == 1 else 'link'}"


def reread_linked(ended: SyncRun) -> list[SyncRun]:
    """Request runs of the records that link to a survivor, once a merged entity is made again.

    The registry may mean that entity. Return the runs.
    """
    lane, begun = ended.lane, ended.started_at
    if lane is None or begun is None or ended.dry_run or ended.status not in SyncRun.GOOD:
        return []
    again = lane.merges.filter(state=Merge.State.ANEW, closed_at__gte=begun - SKEW)
    ids = set(again.values_list("survivor_registry_id", flat=True))
    found = []
    for other in runs.current_lanes() if ids else ():
        records = ledger.to_reread(other, ids)
        if records := [
            external_id for external_id in records if other != lane or external_id not in ended.only
        ]:
            kind = Kind.INCREMENTAL if len(records) <= LISTED else Kind.FULL
            why = f"{_linking(len(records))} to what was merged, and is made again."
            found += _request_unasked(ended, other, kind, records, why)
    return found


def _request_unasked(
    ended: SyncRun, lane: Lane, kind: SyncRun.Kind, records: list[str], why: str
) -> list[SyncRun]:
    """Request a run of records that a run which has ended leads to. Return it if it is new.

    It has no actor: no one asked for these records.
    """
    run, answer = runs.request_or_follow(
        kind=kind,
        trigger=SyncRun.Trigger(ended.trigger),
        actor="",
        asked_at=runs.database_now(),
        lane=lane,
        only=records if len(records) <= LISTED else (),
        notes=[why],
    )
    return [run] if answer is runs.Answer.STARTED else []


def follow_plan(ended: SyncRun) -> SyncRun | None:
    """Request the run that a plan, or the lack of one, leads to; None where nothing follows.

    Writes that were left for a plan get one. Where a plan has nothing to write, a run that applies
    it notes what was read.
    """
    lane, plan = ended.lane, ended.plan
    if lane is None or ended.status not in SyncRun.GOOD or ended.only or ended.only_cause:
        return None
    how: dict[str, Any] = {"trigger": SyncRun.Trigger(ended.trigger), "actor": ended.actor}
    run: SyncRun | None = None
    is_new = False
    if ended.kind == Kind.PLAN and plan is not None and plan.state == Plan.State.EMPTY:
        if lane.plans_for != Lane.PlansFor.NOTHING and plan.applied_run_id is None:
            run, is_new = runs.request_run(kind=Kind.APPLY, lane=lane, plan=plan, **how)
    elif ended.kind in SyncRun.SYNC and ended.held:
        run, is_new = runs.request_run(kind=Kind.PLAN, lane=lane, **how)
    return run if is_new else None


def following_plan(ended: SyncRun) -> SyncRun | None:
    """Return the run that waits because of a plan that this one made, applied or needs."""
    if ended.lane is None or ended.status not in SyncRun.GOOD:
        return None
    if ended.kind not in (Kind.PLAN, Kind.APPLY) and not ended.held:
        return None
    then = runs.active(ended.lane)
    return then if then is not None and then.pk > ended.pk and not runs.is_held(then) else None


def _wrote(run: SyncRun) -> bool:
    """Return whether a run may have brought entities into Benchling that were not there before."""
    part = run.failed and Change.objects.filter(run=run).exists()
    return bool(run.created or part or run.adoptions.exists())


def _arrived(lane: Lane, other: Lane) -> list[str]:
    """Return the external ids of records in another lane that wait for an entity of this one."""
    waiting = runs.open_errors(other).filter(waits_for="link").exclude(raw=None)
    awaited = dict(waiting.values_list("external_id", "waits_key"))
    present_keys = present(lane, set(awaited.values())) if awaited else set()
    return [external_id for external_id, key in awaited.items() if key in present_keys]
