"""What became of the record that someone asked for in this canvas.

It is composed from the database at each drawing. How the lane stands is said apart from it. For
some records no run was requested: the canvas waits for the one that was reading at the press.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from registry_sync import runs
from registry_sync.canvas import record_text, text
from registry_sync.canvas.record_status import knows, typed_external_id
from registry_sync.canvas.record_values import changed_lines
from registry_sync.core.types import Json
from registry_sync.models import Canvas, Lane, LedgerEntry, SyncRun

SHOWN_FOR = timedelta(days=1)
MOST_RUNS = 50
"""Runs since the press that are looked at."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What is said of one record, and its Benchling id; `found` unless no run has found it."""

    text: str
    entity_id: str = ""
    found: bool = True


def outcomes(canvas: Canvas, names: runs.LaneNames) -> tuple[list[str], list[str]]:
    """Return a paragraph for each record that was asked for, and their Benchling ids.

    Both are empty a day later.
    """
    since = canvas.wanted_at
    if since is None or since < timezone.now() - SHOWN_FOR:
        return [], []
    answers = [
        answer
        for requested in canvas.wanted
        if (answer := _answer(requested, canvas, since, names))
    ]
    found = [answer for answer in answers if answer.found] or answers
    return [answer.text for answer in found], [
        answer.entity_id for answer in found if answer.entity_id
    ]


def await_runs(
    canvas: Canvas, ids_by_lane: Mapping[Lane, str], reading: Mapping[int, SyncRun]
) -> bool:
    """Let a canvas tell of records when the runs that read these lanes now have ended.

    `ids_by_lane` has external ids, or what was typed; `reading` has the runs by the lanes' primary
    keys. Return whether it waits for any.
    """
    canvas.wanted = [
        {"lane": lane.pk, "id": id_or_name, "run": reading[lane.pk].pk}
        for lane, id_or_name in ids_by_lane.items()
        if lane.pk in reading
    ]
    if canvas.wanted:
        canvas.run_id = canvas.wanted[0]["run"]
    return bool(canvas.wanted)


def is_overtaken(canvas: Canvas) -> bool:
    """Return whether a run that was reading when a record was looked up has ended since."""
    waits = [requested["run"] for requested in canvas.wanted if requested.get("run")]
    ended = SyncRun.objects.filter(pk__in=waits).exclude(status__in=SyncRun.ACTIVE)
    return bool(waits) and ended.exists()


def _answer(
    requested: Json, canvas: Canvas, since: datetime, names: runs.LaneNames
) -> _Answer | None:
    lanes = {lane.pk: lane for lane in names.lanes}
    lane = lanes.get(requested["lane"]) if requested["lane"] else next(iter(names.lanes), None)
    if lane is None:  # no run has read the configuration yet, or the lane is gone
        return None if requested["lane"] else _Answer(record_text.queued(requested["id"]))
    external_id = typed_external_id(requested["id"], lane)
    entry = LedgerEntry.objects.filter(lane=lane, external_id=external_id).first()
    found = True
    if requested.get("run"):
        run = SyncRun.objects.filter(pk=requested["run"]).first()
        found = knows(lane, external_id)
        text_of_record = _awaited(external_id, lane, run, entry, found=found)
    else:
        text_of_record = _outcome(external_id, lane, since, canvas.run, entry)
    text_of_lane = text.of_lane(names.label(lane), text_of_record)
    return _Answer(text_of_lane, entry.entity_id if entry else "", found)


def _awaited(
    external_id: str, lane: Lane, run: SyncRun | None, entry: LedgerEntry | None, *, found: bool
) -> str:
    """Return what a run that was reading at the press has made of a record."""
    if run is None:
        return record_text.not_tried(external_id)
    if run.is_active:
        return record_text.waits_for_run(external_id, run, found=found)
    if run.status in SyncRun.GOOD and not found:
        return record_text.not_found_by_run(external_id, run)
    return _ended(external_id, lane, run, entry)


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
        return record_text.record_underway(external_id, run)
    return _ended(external_id, lane, run, entry)


def _ended(external_id: str, lane: Lane, run: SyncRun, entry: LedgerEntry | None) -> str:
    """Return what a run that has ended has made of a record."""
    if run.status not in SyncRun.GOOD:
        return record_text.run_failed(external_id, text.ended(run))
    error = runs.open_errors(lane).filter(external_id=external_id).first()
    if error is not None:
        return record_text.not_in_benchling(error, is_there=bool(entry and entry.entity_hash))
    if entry is not None and entry.gone_run_id is not None:
        return record_text.deleted_in_registry(entry)
    is_missing = any(warning["code"] == f"not_at_source:{external_id}" for warning in run.warnings)
    if entry is None or not entry.entity_hash:
        is_seen = entry is not None and entry.seen_run_id is not None and not is_missing
        return (record_text.not_synced if is_seen else record_text.unknown)(external_id)
    if is_missing:
        return f"{record_text.synced(entry, None)} {record_text.unknown(external_id)}"
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
