"""The health page."""

from __future__ import annotations

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe
from redis.exceptions import RedisError

from registry_sync import runs
from registry_sync.models import pending_migrations
from registry_sync.monitoring import freshness
from registry_sync.monitoring.idle_queues import idle_queues, is_idle
from registry_sync.monitoring.lane_runs import lanes_or_none
from registry_sync.runs import LaneNames
from registry_sync.runs.workers import connect, read_queues


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Return 200 if database and Redis answer, workers serve and runs succeed often enough.

    Otherwise return 503, with what is wrong in the body.

    With `?live` return 200 as long as this process serves: for probes that restart what does not
    answer, since restarting fixes neither a dead cron job nor an unreachable registry.
    """
    if "live" in request.GET:
        return JsonResponse({"live": True})
    answer: dict[str, object] = {}
    stale = False
    try:
        names = LaneNames()
        lanes = lanes_or_none(names)
        found = [freshness.check_freshness(lane) for lane in lanes]
        worst = next((each for each in found if each.state == "stale"), found[0])
        answer["database"] = "ok"
        good = (runs.good_runs(lane).first() for lane in lanes if lane)
        ends = [run.finished_at for run in good if run and run.finished_at]
        answer["last_good_run"] = max(ends, default=None)
        answer["runs"], stale = worst.text, worst.state == "stale"
        if names.several and stale:
            answer["runs"] = f"{names.of(lanes[found.index(worst)])}: {worst.text}"
        if names.several:
            answer["lanes"] = {
                names.of(lane): each.text for lane, each in zip(lanes, found, strict=True)
            }
    except DatabaseError:
        answer["database"] = _why_not()
    idle = settings.REDIS_URL and _look_at_redis(answer)
    works = answer["database"] == "ok" and answer.get("redis", "ok") == "ok"
    well = works and not stale and not idle
    return JsonResponse(answer, status=200 if well else 503)


def _why_not() -> str:
    """Return why the database did not answer a question."""
    try:
        missing = pending_migrations.missing()
    except DatabaseError:
        return "unreachable"
    return "not migrated: run manage.py migrate" if missing else "unreachable"


def _look_at_redis(answer: dict[str, object]) -> bool:
    """Say in the answer what Redis tells, over one connection; return whether a queue is idle."""
    answer["redis"] = "unreachable; cron still syncs, workers do not"
    try:
        connection = connect(2.0)
    except RedisError:
        return False
    with connection as server:
        queues = read_queues(server)
        if queues.trouble:
            return False
        answer["redis"] = "ok"
        if answer["database"] != "ok":
            return False
        answer["workers"] = sentences = idle_queues(server, queues)
    return any(map(is_idle, sentences.values()))
