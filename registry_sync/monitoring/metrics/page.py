"""`GET /metrics`: what a monitor watches, as text for Prometheus, for whoever has METRICS_TOKEN.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from registry_sync.monitoring.metrics.collector import DatabaseCollector


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Return every metric; 404 if METRICS_TOKEN is not set, 401 without it."""
    if not settings.METRICS_TOKEN:
        return HttpResponse(status=404)
    authorization = request.headers.get("Authorization", "")
    if not constant_time_compare(authorization, f"Bearer {settings.METRICS_TOKEN}"):
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
    registry = CollectorRegistry(auto_describe=False)
    registry.register(DatabaseCollector())
    try:
        text = generate_latest(registry)
    except DatabaseError:
        return HttpResponse("The database is unreachable.\n", "text/plain", status=503)
    return HttpResponse(text, CONTENT_TYPE_PLAIN_0_0_4)
