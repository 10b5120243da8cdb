"""What became of the record that someone asked to be synced in this canvas.

It is composed from the database at each drawing. How the lane stands is said apart from it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from registry_sync import runs
from registry_sync.canvas import record_text, text
from registry_sync.canvas.record_values import changed_lines
from registry_sync.models import Canvas, Lane, LedgerEntry, SyncRun

SHOWN_FOR = timedelta(days=1)
MOST_RUNS = 50
"""Runs since the press that are looked at."""


def outcomes(canvas: Canvas, names: runs.LaneNames) -> tuple[list[str], list[str]]:
    """Return a paragraph for each record that was asked for, and their Benchling ids.

    Both are empty a day later.
    """
    since = canvas.wanted_at
    if since is None or since < timezone.now() - SHOWN_FOR:
        return [], []
    lanes = {lane.pk: lane for lane in names.lanes}
    said: list[str] = []
    entities: list[str] = []
    for wanted in canvas.wanted:
        lane = lanes.get(wanted["lane"]) if wanted["lane"] else next(iter(names.lanes), None)
        if lane is not None:
            entry = LedgerEntry.objects.filter(lane=lane, external_id=wanted["id"]).first()
            outcome = _outcome(wanted["id"], lane, since, canvas.run, entry)
            said.append(text.of_lane(names.beside(lane), outcome))
            entities += [entry.entity_id] if entry and entry.entity_id else []
    return said, entities


def _outcome(
    external_id: str,
    lane: Lane,
    since: datetime,
    joined: SyncRun | None,
    entry: LedgerEntry | None,
) -> str:
    run = _run_for(external_id, lane, since, joined)
    if run is None:
        active = runs.active(lane)
        if active is None:
            return record_text.not_tried(external_id)
        return record_text.behind(external_id, active)
    if run.is_active:
        return record_text.underway(external_id, run)
    if run.status not in SyncRun.GOOD:
        return record_text.run_failed(external_id, text.ended(run))
    error = runs.open_errors(lane).filter(external_id=external_id).first()
    if error is not None:
        return record_text.not_in_benchling(error, is_there=bool(entry and entry.entity_hash))
    if entry is None or not entry.entity_hash:
        return record_text.unknown(external_id)
    changes = changed_lines(run, entry)
    if not changes:
        return record_text.was_equal(entry, run)
    return "\n".join([record_text.synced(entry, run), *changes])


def _run_for(
    external_id: str, lane: Lane, since: datetime, joined: SyncRun | None
) -> SyncRun | None:
    """Return the first run that took up the record after someone asked for it."""
    if joined is not None and joined.lane_id == lane.pk and external_id in joined.only:
        return joined
    rows = lane.runs.exclude(kind__in=[SyncRun.Kind.DRY_RUN, SyncRun.Kind.RETRY])
    later = rows.filter(Q(started_at=None) | Q(started_at__gte=since)).order_by("pk")
    found = [run for run in later[:MOST_RUNS] if not run.only or external_id in run.only]
    ended = [run for run in found if run.status != SyncRun.Status.CANCELLED]
    return next(iter(ended or found), None)
