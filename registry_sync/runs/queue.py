"""Queue a run's next slice for a worker, through RQ."""

from __future__ import annotations

import logging

from django.conf import settings
from django.db import transaction

from registry_sync.core.dotted_paths import RUN_SYNC
from registry_sync.models import SyncRun

logger = logging.getLogger(__name__)

SLICE_TIMEOUT = 1800
"""Seconds that RQ allows one slice. It ends long before, except when it isolates bad records."""


def enqueue(run_id: int) -> bool:
    """Queue a run for a worker once its row is committed. Return whether that has happened.

    The run is safe without Redis: the reconciler or the next cron command continues it.
    """
    if not settings.REDIS_URL:
        return False
    fence = SyncRun.objects.values_list("fence", flat=True).get(pk=run_id)
    queued = False

    def push() -> None:
        nonlocal queued
        job_id, what = f"sync-run-{run_id}-{fence}", f"run={run_id}"
        queued = push_slice(RUN_SYNC, run_id, job_id, what, keep=3600)

    transaction.on_commit(push)
    return queued


def push_slice(task: str, pk: int, job_id: str, what: str, *, keep: int) -> bool:
    """Queue a slice on `sync` under a path of core.dotted_paths. Return False without Redis.

    RQ keeps its result for `keep` seconds. `what` names it in the log.
    """
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
