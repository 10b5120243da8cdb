"""How each lane stands, in a line of a canvas."""

from __future__ import annotations

from collections.abc import Mapping

from registry_sync import runs
from registry_sync.canvas import text as words
from registry_sync.canvas.lane_status import LaneStatus
from registry_sync.canvas.preview_text import preview_lines
from registry_sync.models import Canvas, Lane, SyncRun


def lane_lines(
    canvas: Canvas,
    names: runs.LaneNames,
    statuses: Mapping[int, LaneStatus],
    *,
    attended: bool,
    can_run: bool = True,
) -> list[str]:
    """Return a line for each lane, with what a preview that was asked for in the canvas found.

    `statuses` are the lanes' by primary key. `can_run`: whether the app could run a sync.
    """
    by_lane = {
        lane: statuses[lane.pk].lines(attended=attended) or [words.never_of_lane(can_run=can_run)]
        for lane in names.lanes
    }
    return [
        words.of_lane(names.of(lane), "\n".join(_lines(canvas, lane, statuses[lane.pk], status)))
        for lane, status in by_lane.items()
    ]


def _lines(canvas: Canvas, lane: Lane, status: LaneStatus, sentences: list[str]) -> list[str]:
    lines = [" ".join(sentences)]
    if canvas.preview_id is not None:
        previews = lane.runs.filter(kind=SyncRun.Kind.DRY_RUN, pk__gte=canvas.preview_id)
        found, run = previews.order_by("-id").first(), status.run
        is_newer = found is not None and (run is None or found.pk > run.pk)
        if found is not None and is_newer and not found.is_active:
            first, *others = preview_lines(found)
            lines = [f"{lines[0]} {first}", *others]
    return lines
