"""Queue a run's next slice for a worker, through RQ."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction

from registry_sync.core.dotted_paths import RUN_SYNC
from registry_sync.models import SyncRun
from registry_sync.runs.workers import JOB_SECONDS, QUEUE_SECONDS, connect, lives

if TYPE_CHECKING:
    from rq import Queue
    from rq.job import Job

logger = logging.getLogger(__name__)

SLICE_TIMEOUT = 1800
"""Seconds that RQ allows one slice. It ends long before, except when it isolates bad records."""
FAILURES_KEPT = 7 * 24 * 3600
ALIVE = timedelta(seconds=60)
"""A job that names no worker is being worked on if it was heard of within this time."""


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
        job_id, label = f"sync-run-{run_id}-{fence}", f"run={run_id}"
        queued = push_slice(RUN_SYNC, run_id, job_id, label, keep=3600)

    transaction.on_commit(push)
    return queued


def is_worker() -> bool:
    """Return whether this process works on a job of the queue, and is no command."""
    if not settings.REDIS_URL:
        return False
    from rq import get_current_job

    return get_current_job() is not None


def is_out_of_time(error: Exception) -> bool:
    """Return whether RQ ended the job because its time is over."""
    from rq.timeouts import BaseTimeoutException

    return isinstance(error, BaseTimeoutException)


def push_slice(task: str, pk: int, job_id: str, label: str, *, keep: int) -> bool:
    """Queue a slice on `sync` under a path of core.dotted_paths. Return False without Redis.

    RQ keeps its result for `keep` seconds. `label` names it in the log.
    """
    # Only where there is a Redis: a command of cron's may well have none.
    from redis.exceptions import RedisError
    from rq import Queue
    from rq.serializers import JSONSerializer

    try:
        # django-rq's connection is patient, for workers, and reads no CONNECTION_KWARGS.
        with connect(JOB_SECONDS if is_worker() else QUEUE_SECONDS) as connection:
            queue = Queue("sync", connection=connection, serializer=JSONSerializer)
            push_once(queue, task, pk, job_id=job_id, job_timeout=SLICE_TIMEOUT, result_ttl=keep)
    except (RedisError, OSError) as error:
        logger.warning("%s is queued, but Redis cannot be reached: %s", label, error)
        return False
    return True


def push_once(queue: Queue, task: str, pk: int, *, job_id: str, **options: Any) -> bool:
    """Queue a job. Return False if it waits in the queue or a worker has it. Raise RedisError.

    RQ would queue it a second time under the same id, and its `unique` refuses the id of a job
    that has ended or was lost. So one process at a time looks, and then queues.
    """
    mark = f"registry-sync:queueing:{job_id}"
    if not queue.connection.set(mark, 1, nx=True, ex=10):
        return False
    try:
        job = queue.fetch_job(job_id)
        if job is not None and (queue.get_job_position(job_id) is not None or _is_alive(job)):
            return False
        queue.enqueue(task, pk, job_id=job_id, failure_ttl=FAILURES_KEPT, **options)
    finally:
        queue.connection.delete(mark)
    return True


def _is_alive(job: Job) -> bool:
    """Return whether a live worker has the job."""
    if not job.is_started:
        return False
    if job.worker_name:
        return lives(job.connection, job.worker_name)
    heartbeat = job.last_heartbeat
    return heartbeat is not None and datetime.now(UTC) - heartbeat < ALIVE
