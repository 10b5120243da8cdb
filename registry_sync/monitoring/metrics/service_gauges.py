"""What holds for all lanes at the moment: the budget, Redis, webhooks and messages."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings

from registry_sync.models import AlertMessage, SyncRun, WebhookDelivery
from registry_sync.monitoring.metrics import families
from registry_sync.monitoring.metrics.lane_gauges import Found
from registry_sync.runs import app_key
from registry_sync.runs.quota import room
from registry_sync.runs.workers import read_queues

State = WebhookDelivery.State


def of_service() -> Iterator[Found]:
    """Yield the gauges of the service; those that nothing is known of are left out."""
    if per_hour := settings.OBJECTS_PER_HOUR:
        remaining = room(SyncRun(**app_key()), per_hour=per_hour)
        yield families.BUDGET, {(): remaining}
    waiting = WebhookDelivery.objects.filter(state__in=[State.RECEIVED, State.WORKING])
    yield families.UNPROCESSED, {(): waiting.count()}
    unsent = AlertMessage.objects.filter(sent_at__isnull=True, next_try_at__isnull=False)
    yield families.UNSENT, {(): unsent.count()}


def of_redis() -> Iterator[Found]:
    """Yield what Redis tells of queues and workers; it has half a second for each answer."""
    queues = read_queues()
    if not queues.is_used:
        return
    yield families.REDIS, {(): float(not queues.trouble)}
    if not queues.trouble:
        yield families.WORKERS, {(name,): count for name, count in queues.workers.items()}
        yield families.QUEUED, {(name,): count for name, count in queues.waiting.items()}
