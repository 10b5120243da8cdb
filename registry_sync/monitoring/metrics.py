"""`GET /metrics`: what a monitor watches, as text for Prometheus, for whoever has METRICS_TOKEN.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.conf import settings
from django.db import DatabaseError
from django.db.models import Count, F, Subquery, Sum
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe

from registry_sync import runs
from registry_sync.models import EntityError, Lane, SyncRun
from registry_sync.runs import LaneNames

Samples = dict[tuple[str, ...], float]
"""Numbers by the values of their labels."""
PREFIX = "registry_sync"


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Return every metric; 404 if METRICS_TOKEN is not set, 401 without it."""
    if not settings.METRICS_TOKEN:
        return HttpResponse(status=404)
    given = request.headers.get("Authorization", "")
    if not constant_time_compare(given, f"Bearer {settings.METRICS_TOKEN}"):
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
    try:
        lines = list(_lines())
    except DatabaseError:
        return HttpResponse("The database is unreachable.\n", "text/plain", status=503)
    return HttpResponse("".join(lines), "text/plain; version=0.0.4; charset=utf-8")


def _lines() -> Iterable[str]:
    """Yield every metric, from a number of queries that does not grow with the history."""
    mine, lanes = SyncRun.objects.of_app(), Labels()
    real = mine.exclude(kind=SyncRun.Kind.DRY_RUN).order_by()
    counted = real.values_list("lane", "status").annotate(
        Count("pk"), written=Sum(F("created") + F("updated"))
    )
    ended, written = lanes.zeros(OUTCOMES), lanes.zeros([()])
    for lane, status, runs_ended, objects in counted:
        if status not in SyncRun.ACTIVE:
            _add(ended, (*lanes.of(lane), status), runs_ended)
        _add(written, lanes.of(lane), objects)
    yield from _metric("runs_total", "counter", "Ended runs by outcome, without dry runs.",
                       lanes.names("status"), ended)  # fmt: skip
    yield from _metric("objects_written_total", "counter",
                       "Entities created or changed in Benchling.", lanes.names(),
                       written)  # fmt: skip
    active = list(mine.filter(status__in=SyncRun.ACTIVE))
    is_active = lanes.zeros([()])
    is_active.update({lanes.of(run.lane_id): 1 for run in active})
    yield from _metric("run_active", "gauge", "Whether a run is queued or running.",
                       lanes.names(), is_active)  # fmt: skip
    yield from _of_active(active, lanes)
    yield from _of_lanes(lanes)


OUTCOMES = [(str(s),) for s in SyncRun.Status.values if s not in SyncRun.ACTIVE]


class Labels:
    """The label `lane` of samples, where the app feeds several lanes."""

    def __init__(self) -> None:
        self._all = {lane.pk: lane for lane in Lane.objects.of_app()}
        placed = [lane for lane in self._all.values() if lane.position is not None]
        self.current = sorted(placed, key=lambda lane: (lane.position, lane.pk))
        self._names = LaneNames(self.current)

    def names(self, *more: str) -> tuple[str, ...]:
        """Return the names of a metric's labels, `lane` first where there are several."""
        return ("lane", *more) if self._names.several else more

    def of(self, lane_id: int | None) -> tuple[str, ...]:
        """Return the label of a lane; () where there is one."""
        return (self._names.of(self._all.get(lane_id or 0)),) if self._names.several else ()

    def zeros(self, rest: Sequence[tuple[str, ...]]) -> Samples:
        """Return samples of 0 for each current lane, with the rest of their labels."""
        lanes = dict.fromkeys(self.of(lane.pk) for lane in self.current) or {(): None}
        return {(*lane, *more): 0 for lane in lanes for more in rest}


def _of_active(active: Sequence[SyncRun], lanes: Labels) -> Iterable[str]:
    if not active:
        return
    beats = {lanes.of(run.lane_id): _seconds(run.heartbeat or run.created_at) for run in active}
    yield from _metric("run_heartbeat_timestamp_seconds", "gauge",
                       "Time of the active run's last heartbeat.", lanes.names(),
                       beats)  # fmt: skip
    now = timezone.now()
    waits = {
        (*lanes.of(run.lane_id), run.waiting_code or "other"): _seconds(run.waiting_until)
        for run in active
        if run.waiting_until is not None and run.waiting_until > now
    }
    if waits:
        yield from _metric("run_waiting_until_timestamp_seconds", "gauge",
                           "When the active run, which is waiting, resumes, by reason.",
                           lanes.names("reason"), waits)  # fmt: skip


def _of_lanes(lanes: Labels) -> Iterable[str]:
    """Yield what each lane owes; nothing before there is one."""
    good = {lane: _last_good(lane) for lane in lanes.current}
    ends = {
        lanes.of(lane.pk): _seconds(run.finished_at)
        for lane, run in good.items()
        if run and run.finished_at
    }
    if ends:
        yield from _metric("last_good_run_timestamp_seconds", "gauge",
                           "End of the last good run.", lanes.names(), ends)  # fmt: skip
    if lanes.current:
        yield from _metric("open_errors", "gauge", "Records not in Benchling, by who must act.",
                           lanes.names("kind"), _open_errors(lanes))  # fmt: skip
        left: Samples = {
            lanes.of(lane.pk): int(_is_outstanding(lane, run)) for lane, run in good.items()
        }
        yield from _metric("mapping_outstanding", "gauge",
                           "Whether no run has written the published mapping yet.",
                           lanes.names(), left)  # fmt: skip


def _last_good(lane: Lane) -> SyncRun | None:
    newest = runs.versions_of(lane).order_by("-number").values("at")[:1]
    return runs.good_runs(lane).annotate(mapped=Subquery(newest)).first()


def _is_outstanding(lane: Lane, good: SyncRun | None) -> bool:
    """Return whether a mapping was published since a good run, and is not written."""
    mapped: datetime | None = getattr(good, "mapped", None)
    if good is None or mapped is None or mapped <= (good.started_at or good.created_at):
        return False
    return runs.outstanding(lane, good) is not None


def _open_errors(lanes: Labels) -> Samples:
    counts = lanes.zeros([(kind,) for kind in EntityError.Kind.values])
    for lane in lanes.current:
        by_kind = runs.open_errors(lane).order_by().values_list("kind").annotate(n=Count("pk"))
        for kind, count in by_kind:
            _add(counts, (*lanes.of(lane.pk), kind), count)
    return counts


def _add(samples: Samples, labels: tuple[str, ...], number: float) -> None:
    samples[labels] = samples.get(labels, 0) + number


def _metric(
    name: str, kind: str, text: str, labels: Sequence[str], samples: Samples
) -> Iterable[str]:
    yield f"# HELP {PREFIX}_{name} {text}\n# TYPE {PREFIX}_{name} {kind}\n"
    for values, number in samples.items():
        pairs = [f'{key}="{_escaped(value)}"' for key, value in zip(labels, values, strict=True)]
        which = f"{{{','.join(pairs)}}}" if pairs else ""
        yield f"{PREFIX}_{name}{which} {number}\n"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _seconds(when: datetime) -> float:
    return round(when.timestamp(), 3)
