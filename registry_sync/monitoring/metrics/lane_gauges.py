"""What each lane is doing and owes at the moment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from django.db.models import Count, Min, Subquery
from django.utils import timezone

from registry_sync import runs
from registry_sync.models import EntityError, Lane, SyncRun
from registry_sync.monitoring.metrics import families
from registry_sync.monitoring.metrics.families import Family, Labels
from registry_sync.runs import LaneNames

Found = tuple[Family, dict[Labels, float]]
"""A metric and its samples."""


class LaneLabels:
    """The label `lane` of samples, where the app feeds several lanes."""

    def __init__(self) -> None:
        self._all = {lane.pk: lane for lane in Lane.objects.of_app()}
        placed = [lane for lane in self._all.values() if lane.position is not None]
        self.current = sorted(placed, key=lambda lane: (lane.position, lane.pk))
        self._names = LaneNames(self.current)

    @property
    def several(self) -> bool:
        return self._names.several

    def of(self, lane_id: int | None) -> Labels:
        """Return the label of a lane; () where there is one."""
        return (self._names.of(self._all.get(lane_id or 0)),) if self.several else ()

    def zeros(self, rest: Sequence[Labels] = ((),)) -> dict[Labels, float]:
        """Return samples of 0 for each current lane, with the rest of their labels."""
        lanes = dict.fromkeys(self.of(lane.pk) for lane in self.current) or {(): None}
        return {(*lane, *more): 0.0 for lane in lanes for more in rest}


def of_active(lanes: LaneLabels) -> Iterator[Found]:
    """Yield what active runs do."""
    active = list(SyncRun.objects.of_app().filter(status__in=SyncRun.ACTIVE))
    yield families.ACTIVE, lanes.zeros() | {lanes.of(run.lane_id): 1 for run in active}
    beats = {lanes.of(run.lane_id): _seconds(run.heartbeat or run.created_at) for run in active}
    yield families.HEARTBEAT, beats
    now = timezone.now()
    yield (
        families.WAITING_UNTIL,
        {
            (*lanes.of(run.lane_id), run.waiting_code or "other"): _seconds(run.waiting_until)
            for run in active
            if run.waiting_until is not None and run.waiting_until > now
        },
    )


def gauges_of_lanes(lanes: LaneLabels) -> Iterator[Found]:
    """Yield how old the last good run of each lane is, and what it owes."""
    good = {lane: _last_good(lane) for lane in lanes.current}
    yield (
        families.LAST_GOOD,
        {
            lanes.of(lane.pk): _seconds(run.finished_at)
            for lane, run in good.items()
            if run and run.finished_at
        },
    )
    never = {lanes.of(lane.pk): float(run is None) for lane, run in good.items()}
    yield families.NO_GOOD_RUN, never or {(): 1.0}
    if not good:
        return
    yield (
        families.OUTSTANDING,
        {lanes.of(lane.pk): float(_is_outstanding(lane, run)) for lane, run in good.items()},
    )
    yield from _errors(lanes)


def _last_good(lane: Lane) -> SyncRun | None:
    newest = runs.versions_of(lane).order_by("-number").values("at")[:1]
    return runs.good_runs(lane).annotate(mapped=Subquery(newest)).first()


def _is_outstanding(lane: Lane, good: SyncRun | None) -> bool:
    """Return whether a mapping was published since a good run, and is not written."""
    mapped: datetime | None = getattr(good, "mapped", None)
    if good is None or mapped is None or mapped <= (good.started_at or good.created_at):
        return False
    return runs.outstanding(lane, good) is not None


def _errors(lanes: LaneLabels) -> Iterator[Found]:
    counts = lanes.zeros([(kind,) for kind in EntityError.Kind.values])
    oldest: dict[Labels, float] = {}
    for lane in lanes.current:
        rows = runs.open_errors(lane).order_by().values_list("kind")
        for kind, count, first in rows.annotate(n=Count("pk"), first=Min("first_seen")):
            label = lanes.of(lane.pk)
            counts[*label, kind] = counts.get((*label, kind), 0) + count
            oldest[label] = min(_seconds(first), oldest.get(label, float("inf")))
    yield families.OPEN_ERRORS, counts
    yield families.OLDEST_ERROR, oldest


def _seconds(when: datetime) -> float:
    return round(when.timestamp(), 3)
