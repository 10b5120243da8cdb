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
    app_runs = SyncRun.objects.of_app()
    others = Lane.objects.of_app().exclude(pk=lane.pk) if lane is not None else Lane.objects.none()
    placed = list(others.values_list("position", flat=True))
    if lane is None or not placed:
        return app_runs
    if set(placed) == {None} and not lane.runs.exists():
        return app_runs
    return app_runs.filter(Q(lane=lane) | Q(lane__isnull=True))


def ended_runs(lane: Lane | None) -> QuerySet[SyncRun]:
    """Return the runs that were not cancelled, from the newest back: by status, all are sorted."""
    rows = runs_of(lane).exclude(status__in=[*SyncRun.ACTIVE, SyncRun.Status.CANCELLED])
    return rows.order_by("-id")


def judged_run(lane: Lane | None) -> SyncRun | None:
    """Return the ended run by which a lane is judged, dry runs aside: the last of all records.

    A run of some records lifts no stop. It counts where it failed after a run of all records that
    did not, and before there is any run of all records.
    """
    ended = ended_runs(lane).exclude(kind__in=SyncRun.DRY)
    newest = ended.first()
    if newest is None or runs.is_whole(newest):
        return newest
    whole = runs.whole_runs(ended).first()
    if whole is None or newest.status == SyncRun.Status.FAILED != whole.status:
        return newest
    return whole
