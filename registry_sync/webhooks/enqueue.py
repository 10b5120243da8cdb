"""Telling workers of stored webhooks: a job on the queue `interactive` for each, and no second one.

Redis may be away, or hang: the webhook is stored, is answered in time, and is told later.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from django.conf import settings
from django.utils import timezone
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Queue
from rq.serializers import JSONSerializer

from registry_sync.core.dotted_paths import WORK_DELIVERY
from registry_sync.models import WebhookDelivery
from registry_sync.webhooks.inbox import LONGEST_WORK, UNTOLD

logger = logging.getLogger(__name__)


def ring(deliveries: Iterable[WebhookDelivery]) -> int:
    """Wake workers for webhooks that they do not know of yet; returns for how many."""
    if not settings.REDIS_URL:
        return 0
    # Not django-rq's connection, which must be patient for workers: Benchling waits three seconds.
    connection = Redis.from_url(
        settings.REDIS_URL,
        socket_connect_timeout=0.5,
        socket_timeout=1,
        retry=Retry(NoBackoff(), 0),
    )
    told = 0
    try:
        queue = Queue("interactive", connection=connection, serializer=JSONSerializer)
        for delivery in _untold(deliveries, queue):
            queue.enqueue(
                WORK_DELIVERY,
                delivery.pk,
                job_id=_job_id(delivery),
                job_timeout=LONGEST_WORK,
                result_ttl=600,
                failure_ttl=7 * 24 * 3600,
            )
            told += 1
    except (RedisError, OSError) as error:
        logger.warning("Webhooks are stored, but Redis cannot be reached: %s", error)
    finally:
        connection.close()
    return told


def _untold(deliveries: Iterable[WebhookDelivery], queue: Queue) -> Iterable[WebhookDelivery]:
    """Leave out those whose job only waits for its turn; a new one needs no such look."""
    rows = list(deliveries)
    old = timezone.now() - UNTOLD
    if all(row.received_at > old for row in rows):
        return rows
    waiting = set(queue.get_job_ids())
    return [row for row in rows if _job_id(row) not in waiting]


def _job_id(delivery: WebhookDelivery) -> str:
    return f"delivery-{delivery.pk}-{delivery.attempts}"
