"""Wake a worker for a run, through RQ."""

from __future__ import annotations

import logging

from django.conf import settings
from django.db import transaction

from registry_sync.core.dotted_paths import RUN_SYNC
from registry_sync.models import SyncRun

logger = logging.getLogger(__name__)

SLICE_TIMEOUT = 1800
"""Seconds RQ lets one slice take: a slice ends by itself long before, save when it isolates."""


def enqueue(run_id: int) -> bool:
    """Wake a worker for a run once its row is committed; False when none could be told (yet).

    The run is safe without Redis: the reconciler or the next cron command takes it up.
    """
    if not settings.REDIS_URL:
        return False
    fence = SyncRun.objects.values_list("fence", flat=True).get(pk=run_id)
    told = False

    def push() -> None:
        nonlocal told
        job_id, what = f"sync-run-{run_id}-{fence}", f"run={run_id}"
        told = push_slice(RUN_SYNC, run_id, job_id, what, keep=3600)

    transaction.on_commit(push)
    return told


def push_slice(task: str, pk: int, job_id: str, what: str, *, keep: int) -> bool:
    """Put a slice on the queue `sync`, its result kept for some seconds; False without Redis."""
    import django_rq  # reads settings at import, so not before they are known to hold Redis
    from redis.exceptions import RedisError

    try:
        django_rq.get_queue("sync").enqueue(
            task,
            pk,
            job_id=job_id,
            job_timeout=SLICE_TIMEOUT,
            result_ttl=keep,
            failure_ttl=7 * 24 * 3600,
        )
    except (RedisError, OSError) as error:
        logger.warning("%s is queued, but Redis cannot be reached: %s", what, error)
        return False
    return True
