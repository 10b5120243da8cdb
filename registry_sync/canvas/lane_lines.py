"""How each lane stands, in a line of a canvas."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings

from registry_sync import runs
from registry_sync.canvas import text as words
from registry_sync.models import Canvas, Lane, SyncRun
from registry_sync.runs import estimate


def said_of(run: SyncRun, *, attended: bool) -> str:
    """Return how a run is under way, or how it ended."""
    if run.is_active:
        left = estimate.time_left_sentence(run, per_hour=settings.OBJECTS_PER_HOUR)
        return words.underway(run, left=left, attended=attended)
    return words.ended(run)


def shown_run(lane: Lane) -> SyncRun | None:
    """Return the run that shows how a lane stands: the active one, else its last real one."""
    active = lane.runs.filter(status__in=SyncRun.ACTIVE).select_related("lane").first()
    return active or last_run(lane)


def last_run(lane: Lane) -> SyncRun | None:
    """Return a lane's last run that is no dry run."""
    synced = lane.runs.exclude(kind=SyncRun.Kind.DRY_RUN).select_related("lane")
    return synced.order_by("-id").first()


def last_runs(lanes: Sequence[Lane]) -> list[SyncRun]:
    """Return the runs that show how these lanes stand."""
    return [run for lane in lanes if (run := shown_run(lane)) is not None]


def lane_lines(canvas: Canvas, names: runs.LaneNames, *, attended: bool) -> list[str]:
    """Return a line for each lane, with what a preview that was asked for in the canvas found."""
    return [
        words.of_lane(names.of(lane), " ".join(_lines(canvas, lane, attended=attended)))
        for lane in names.lanes
    ]


def _lines(canvas: Canvas, lane: Lane, *, attended: bool) -> list[str]:
    run = shown_run(lane)
    said = [words.never_of_lane() if run is None else said_of(run, attended=attended)]
    if canvas.preview_id is not None:
        previews = lane.runs.filter(kind=SyncRun.Kind.DRY_RUN, pk__gte=canvas.preview_id)
        found = previews.order_by("-id").first()
        is_newer = found is not None and (run is None or found.pk > run.pk)
        if found is not None and is_newer and not found.is_active:
            said.append(words.ended(found))
    return said
