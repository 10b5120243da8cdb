"""Queue stored webhooks for workers, on the queue `interactive`: one job works on all that wait.

Redis may be unavailable or slow. The webhook is stored and answered in time all the same, and is
queued later.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.conf import settings

from registry_sync.core.dotted_paths import WORK_DELIVERY
from registry_sync.models import WebhookDelivery
from registry_sync.runs.queue import push_once
from registry_sync.runs.workers import QUEUE_SECONDS, connect
from registry_sync.webhooks.inbox import LONGEST_WORK

if TYPE_CHECKING:
    from rq import Queue

logger = logging.getLogger(__name__)


def enqueue_deliveries(deliveries: Iterable[WebhookDelivery]) -> int:
    """Queue jobs for committed deliveries. Return for how many of them a job is queued.

    A job works on every delivery that waits for its first attempt, so none is queued for such a
    delivery while a job waits in the queue. A repeated attempt has its own job.
    """
    rows = list(deliveries)
    if not rows or not settings.REDIS_URL:
        return 0
    # Only where there is a Redis: a command of cron's may well have none.
    from redis.exceptions import RedisError
    from rq import Queue
    from rq.serializers import JSONSerializer

    queued = 0
    try:
        with connect(QUEUE_SECONDS) as connection:
            queue = Queue("interactive", connection=connection, serializer=JSONSerializer)
            has_job = _has_job(queue)
            for delivery in rows:
                if delivery.attempts:
                    queued += _push(queue, delivery)
                else:
                    has_job = has_job or _push(queue, delivery)
                    queued += has_job
    except (RedisError, OSError) as error:
        logger.warning("Webhooks are stored, but Redis cannot be reached: %s", error)
    return queued


def _push(queue: Queue, delivery: WebhookDelivery) -> bool:
    return push_once(
        queue,
        WORK_DELIVERY,
        delivery.pk,
        job_id=f"delivery-{delivery.pk}-{delivery.attempts}",
        job_timeout=LONGEST_WORK,
        result_ttl=600,
    )


def _has_job(queue: Queue) -> bool:
    """Return whether a job waits in the queue; Redis may have its id and have lost the job."""
    from rq.utils import as_text

    last = queue.connection.lindex(queue.key, -1)
    return last is not None and queue.fetch_job(as_text(last)) is not None
