"""Queue stored webhooks for workers: one job per delivery, on the queue `interactive`.

Redis may be unavailable or slow. The webhook is stored and answered in time all the same, and is
queued later.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from django.conf import settings

from registry_sync.core.dotted_paths import WORK_DELIVERY
from registry_sync.models import WebhookDelivery
from registry_sync.runs.queue import push_once
from registry_sync.webhooks.inbox import LONGEST_WORK

logger = logging.getLogger(__name__)


def enqueue_deliveries(deliveries: Iterable[WebhookDelivery]) -> int:
    """Queue deliveries that are not queued yet. Return how many were queued."""
    if not settings.REDIS_URL:
        return 0
    # Only where there is a Redis: a command of cron's may well have none.
    from redis import Redis
    from redis.backoff import NoBackoff
    from redis.exceptions import RedisError
    from redis.retry import Retry
    from rq import Queue
    from rq.serializers import JSONSerializer

    # django-rq's connection is patient, for workers. Benchling waits only three seconds.
    connection = Redis.from_url(
        settings.REDIS_URL,
        socket_connect_timeout=0.5,
        socket_timeout=1,
        retry=Retry(NoBackoff(), 0),
    )
    queued = 0
    try:
        queue = Queue("interactive", connection=connection, serializer=JSONSerializer)
        for delivery in deliveries:
            queued += push_once(
                queue,
                WORK_DELIVERY,
                delivery.pk,
                job_id=f"delivery-{delivery.pk}-{delivery.attempts}",
                job_timeout=LONGEST_WORK,
                result_ttl=600,
            )
    except (RedisError, OSError) as error:
        logger.warning("Webhooks are stored, but Redis cannot be reached: %s", error)
    finally:
        connection.close()
    return queued
