"""The lanes that monitoring reports on, and the runs that count for each."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from registry_sync import runs
from registry_sync.models import Lane, SyncRun


def lanes_or_none(names: runs.LaneNames | None = None) -> list[Lane | None]:
    """Return the current lanes; one None before the first run has found its lane.

    `names` has them, where the caller has read it already.
    """
    return [*(names.lanes if names is not None else runs.current_lanes())] or [None]


def runs_of(lane: Lane | None) -> QuerySet[SyncRun]:
    """Return this app's runs that count for a lane: its own, and those that never found a lane.

    Of the only lane that is fed, and that has not run yet, those of the lanes before it count.
    """
    mine = SyncRun.objects.of_app()
    others = Lane.objects.of_app().exclude(pk=lane.pk) if lane is not None else Lane.objects.none()
    placed = list(others.values_list("position", flat=True))
    if lane is None or not placed:
        return mine
    if set(placed) == {None} and not lane.runs.exists():
        return mine
    return mine.filter(Q(lane=lane) | Q(lane__isnull=True))
