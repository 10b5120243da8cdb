"""The lanes that monitoring reports on, and the runs that count for each."""

from __future__ import annotations

from django.db.models import QuerySet

from registry_sync import runs
from registry_sync.models import Lane, SyncRun


def lanes_or_none() -> list[Lane | None]:
    """Return the current lanes; one None before the first run has found its lane."""
    return [*runs.current_lanes()] or [None]


def runs_of(lane: Lane | None) -> QuerySet[SyncRun]:
    """Return this app's runs that count for a lane: all but those of its other current lanes.

    Runs that failed before they knew their lane, and those of lanes that are no longer fed, count
    for every lane.
    """
    mine = SyncRun.objects.of_app()
    if lane is None:
        return mine
    others = [other for other in runs.current_lanes() if other != lane]
    return mine.exclude(lane__in=others) if others else mine
