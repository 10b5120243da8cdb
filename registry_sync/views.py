"""What a monitor asks: is the service alive, and does it do its work."""

from __future__ import annotations

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe
from redis import Redis
from redis.exceptions import RedisError

from .models import SyncRun


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Answer 200 when database and Redis answer, else 503, with the newest good run's end."""
    said: dict[str, object] = {}
    try:
        last = SyncRun.objects.filter(status__in=SyncRun.GOOD).order_by("-id").first()
        said["database"] = "ok"
        said["last_good_run"] = last.finished_at if last else None
    except DatabaseError:
        said["database"] = "cannot be reached"
    if settings.REDIS_URL:
        try:
            Redis.from_url(settings.REDIS_URL, socket_timeout=2).ping()
            said["redis"] = "ok"
        except (RedisError, OSError):
            said["redis"] = "cannot be reached; cron still syncs, workers do not"
    well = said["database"] == "ok" and said.get("redis", "ok") == "ok"
    return JsonResponse(said, status=200 if well else 503)
