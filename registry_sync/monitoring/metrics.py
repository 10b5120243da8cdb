"""`GET /metrics`: what a monitor watches, as text for Prometheus, for whoever has METRICS_TOKEN.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.conf import settings
from django.db import DatabaseError
from django.db.models import Count, F, Subquery, Sum
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe

from registry_sync import runs
from registry_sync.models import EntityError, Lane, MappingVersion, SyncRun

Samples = Mapping[str, float]
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
    """Yield every metric, from a fixed number of queries however long the history is."""
    mine = SyncRun.objects.of_app()
    real = mine.exclude(kind=SyncRun.Kind.DRY_RUN).order_by()
    counted = real.values_list("status").annotate(
        Count("pk"), written=Sum(F("created") + F("updated"))
    )
    by_status = {str(status): (ended, written) for status, ended, written in counted}
    active = [str(status) for status in SyncRun.ACTIVE]
    ended = {s: by_status.get(s, (0, 0))[0] for s in SyncRun.Status.values if s not in active}
    yield from _metric("runs_total", "counter",
                       "Ended runs by outcome, without dry runs.", "status",
                       ended)  # fmt: skip
    yield from _metric("objects_written_total", "counter",
                       "Entities created or changed in Benchling.", "",
                       {"": sum(written for _, written in by_status.values())})  # fmt: skip
    running = mine.filter(status__in=SyncRun.ACTIVE).first()
    yield from _metric("run_active", "gauge", "Whether a run is queued or running.", "",
                       {"": int(running is not None)})  # fmt: skip
    if running is not None:
        yield from _of_active(running)
    yield from _of_lanes(runs.current_lanes())


def _of_active(run: SyncRun) -> Iterable[str]:
    yield from _metric("run_heartbeat_timestamp_seconds", "gauge",
                       "Time of the active run's last heartbeat.", "",
                       {"": _seconds(run.heartbeat or run.created_at)})  # fmt: skip
    if run.waiting_until is not None and run.waiting_until > timezone.now():
        yield from _metric("run_waiting_until_timestamp_seconds", "gauge",
                           "When the active run, which is waiting, resumes, by reason.", "reason",
                           {run.waiting_code or "other": _seconds(run.waiting_until)})  # fmt: skip


def _of_lanes(lanes: Sequence[Lane]) -> Iterable[str]:
    """Yield the metrics of all lanes together; nothing before there is one."""
    newest = MappingVersion.objects.of_app().order_by("-number").values("at")[:1]
    good = {lane: runs.good_runs(lane).annotate(mapped=Subquery(newest)).first() for lane in lanes}
    if ended := [run.finished_at for run in good.values() if run and run.finished_at]:
        yield from _metric("last_good_run_timestamp_seconds", "gauge",
                           "End of the last good run; of several lanes, the oldest one.", "",
                           {"": _seconds(min(ended))})  # fmt: skip
    if lanes:
        yield from _metric("open_errors", "gauge", "Records not in Benchling, by who must act.",
                           "kind", _open_errors(lanes))  # fmt: skip
        left = [lane for lane, run in good.items() if run and _is_outstanding(lane, run)]
        yield from _metric("mapping_outstanding", "gauge",
                           "Lanes whose published mapping no run has written yet.", "",
                           {"": len(left)})  # fmt: skip


def _is_outstanding(lane: Lane, good: SyncRun) -> bool:
    """Return whether a mapping was published since a good run, and is not written."""
    mapped: datetime | None = getattr(good, "mapped", None)
    begun = good.started_at or good.created_at
    return bool(mapped and mapped > begun and runs.outstanding(lane, good))


def _open_errors(lanes: Sequence[Lane]) -> Samples:
    counts = dict.fromkeys(EntityError.Kind.values, 0)
    for lane in lanes:
        by_kind = runs.open_errors(lane).order_by().values_list("kind").annotate(n=Count("pk"))
        for kind, count in by_kind:
            counts[kind] += count
    return counts


def _metric(name: str, kind: str, text: str, label: str, samples: Samples) -> Iterable[str]:
    yield f"# HELP {PREFIX}_{name} {text}\n# TYPE {PREFIX}_{name} {kind}\n"
    for value, number in samples.items():
        which = f'{{{label}="{value}"}}' if label else ""
        yield f"{PREFIX}_{name}{which} {number}\n"


def _seconds(when: datetime) -> float:
    return round(when.timestamp(), 3)
