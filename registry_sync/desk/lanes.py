"""Which lane a page is about: the one it names, the only one, or all that this app feeds now."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib import messages
from django.http import Http404, HttpRequest

from registry_sync import runs
from registry_sync.core.text import as_key
from registry_sync.models import Lane, SyncRun

NOT_SYNCED = "The lane in this address is no longer synced. This page shows what is synced now."


def lanes_and_names(request: HttpRequest) -> runs.LaneNames:
    """Return the lanes and their names, read once for a whole request."""
    found: runs.LaneNames | None = getattr(request, "lane_names", None)
    if found is None:
        found = request.lane_names = runs.LaneNames()  # type: ignore[attr-defined]
    return found


def find_lane(lane_key: str = "", names: runs.LaneNames | None = None) -> Lane | None:
    """Return the lane with the primary key `lane_key`, else this app's first current lane.

    `lane_key` is what an address gives as `?lane=`, `names` has the current lanes where they are
    read already. None: no run has read the configuration yet.
    Raise Http404 if there is no such lane: nothing may act on another one instead.
    """
    if lane_key:
        primary_key = as_key(lane_key)
        if primary_key is None or (lane := Lane.objects.filter(pk=primary_key).first()) is None:
            raise Http404("There is no such lane.")
        return lane
    return next(iter((names or runs.LaneNames()).lanes), None)


def lanes_of_page(lane_key: str, names: runs.LaneNames) -> list[Lane]:
    """Return the lanes that a page is about: the one with this key, else all current ones."""
    if (primary_key := as_key(lane_key)) is not None:
        return list(Lane.objects.filter(pk=primary_key))
    return names.lanes


def lanes_named(lane_key: str = "") -> list[Lane]:
    """Return the lanes to act on: the one with this key, else all current ones.

    Raise Http404 if there is no such lane.
    """
    lane = find_lane(lane_key) if lane_key else None
    return runs.current_lanes() if lane is None else [lane]


def fed_lanes(request: HttpRequest, names: runs.LaneNames) -> list[Lane]:
    """Return the lanes of a page about what is synced now: the one it names, else all.

    Where it names one that is not synced, the page says so and shows all.
    """
    lane_key = request.GET.get("lane", "")
    of = lanes_of_page(lane_key, names)
    if found := [lane for lane in of if lane in names.lanes]:
        return found
    if lane_key:
        messages.warning(request, NOT_SYNCED)
    return names.lanes


def is_current(lane: Lane | None) -> bool:
    """Return whether runs of this app feed the lane now."""
    return lane is not None and lane in runs.current_lanes()


def name_runs(rows: Iterable[SyncRun], names: runs.LaneNames) -> None:
    """Give runs their lane's name to show, as `lane_name`; "" where there is only one lane."""
    lanes = {lane.pk: lane for lane in Lane.objects.of_app()} if names.several else {}
    for run in rows:
        run.lane_name = names.of(lanes.get(run.lane_id or 0))  # type: ignore[attr-defined]
