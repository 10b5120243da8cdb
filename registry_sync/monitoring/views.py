"""The health page."""

from __future__ import annotations

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe
from redis import Redis
from redis.exceptions import RedisError

from registry_sync.models import SyncRun
from registry_sync.monitoring import freshness


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Answer 200 when database and Redis answer and runs are good often enough, else 503.

    With `?live` 200 as long as this process serves: for probes that restart what does not answer,
    since a restart mends neither a dead cron nor a registry that is away.
    """
    if "live" in request.GET:
        return JsonResponse({"live": True})
    said: dict[str, object] = {}
    stale = False
    try:
        last = SyncRun.objects.filter(status__in=SyncRun.GOOD).order_by("-id").first()
        found = freshness.judge()
        said["database"] = "ok"
        said["last_good_run"] = last.finished_at if last else None
        said["runs"], stale = found.text, found.state == "stale"
    except DatabaseError:
        said["database"] = "cannot be reached"
    if settings.REDIS_URL:
        try:
            Redis.from_url(settings.REDIS_URL, socket_timeout=2).ping()
            said["redis"] = "ok"
        except (RedisError, OSError):
            said["redis"] = "cannot be reached; cron still syncs, workers do not"
    well = said["database"] == "ok" and said.get("redis", "ok") == "ok" and not stale
    return JsonResponse(said, status=200 if well else 503)
