"""Redis and its workers, for pages and canvases: answered quickly, and without ever failing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:  # imported where a Redis is used: cron's commands may have none
    from redis import Redis
    from rq.worker import BaseWorker

VERSION = "registry_sync_version"
"""The field of a worker's row in Redis that has its version of this service."""
REDIS_SECONDS = 0.5
"""Seconds Redis has to answer a page."""
QUEUE_SECONDS = 1.0
"""Seconds Redis has to connect, and to take a job: people wait, and Benchling for three seconds."""
JOB_SECONDS = 5.0
"""The same where a job queues what follows it: no one waits."""


@dataclass(frozen=True, slots=True)
class Queues:
    """Redis and its workers, as seen a moment ago.

    `is_used`: this deployment uses them. `trouble` is why Redis is unreachable, "" if it is not.
    `workers` and `waiting` count the workers and the waiting jobs of each queue.
    """

    is_used: bool
    trouble: str = ""
    workers: Mapping[str, int] = field(default_factory=dict)
    waiting: Mapping[str, int] = field(default_factory=dict)

    @property
    def listening(self) -> bool:
        """Return whether a worker would start a run now."""
        return self.serves("sync")

    def serves(self, queue: str) -> bool:
        """Return whether a worker would work a job of this queue now."""
        return self.is_used and not self.trouble and self.workers.get(queue, 0) > 0

    def sentence(self) -> str:
        """Return in a sentence which workers there are."""
        if not self.is_used:
            return "No workers: REDIS_URL is not set, so manage.py sync_registry does the work."
        if self.trouble:
            return f"Redis is unreachable ({self.trouble})."
        parts = []
        for name in self.workers:
            waiting = f", {self.waiting[name]:,} waiting" if self.waiting[name] else ""
            parts.append(f"{_counted(self.workers[name], 'worker')} on {name}{waiting}")
        return f"Redis answers; {'; '.join(parts)}."


def connect(seconds: float = REDIS_SECONDS) -> Redis:
    """Return a connection that gives up after `seconds`. Nothing is sent yet.

    Raise redis' ConnectionError if REDIS_URL is no address of a Redis.
    """
    from redis import Redis
    from redis.backoff import NoBackoff
    from redis.exceptions import ConnectionError
    from redis.retry import Retry

    try:
        return Redis.from_url(
            settings.REDIS_URL,
            socket_connect_timeout=seconds,
            socket_timeout=seconds,
            retry=Retry(NoBackoff(), 0),  # redis-py's own would ask for seconds
        )
    except ValueError:  # its text may hold the password
        raise ConnectionError("REDIS_URL is not a Redis address") from None


def read_queues(server: Redis | None = None) -> Queues:
    """Return Redis's workers and waiting jobs, asked for with a short time limit.

    `server` is a connection that the caller has.
    """
    if not settings.REDIS_URL:
        return Queues(is_used=False)
    from redis.exceptions import RedisError
    from rq import Queue

    try:
        connection = server or connect()
        names = list(settings.RQ_QUEUES)
        served = [name for worker in live_workers(connection) for name in worker.queue_names()]
        return Queues(
            is_used=True,
            workers={name: served.count(name) for name in names},
            waiting={name: Queue(name, connection=connection).count for name in names},
        )
    except (RedisError, OSError, ValueError) as error:
        return Queues(is_used=True, trouble=type(error).__name__)  # its text may hold the URL


def versions_of_workers() -> list[str] | None:
    """Return the version of each live worker; None if Redis does not answer."""
    if not settings.REDIS_URL:
        return []
    from redis.exceptions import RedisError

    try:
        connection = connect()
        found = [connection.hget(worker.key, VERSION) for worker in live_workers(connection)]
    except (RedisError, OSError, ValueError):
        return None
    texts = (value.decode() if isinstance(value, bytes) else value for value in found)
    return [text or "unknown" for text in texts]


def live_workers(connection: Redis) -> list[BaseWorker]:
    """Return the workers that live: RQ lists one that was killed for up to two minutes more.

    Their heartbeats are no help: each is by the clock of its host, which may be minutes ahead or
    behind.
    """
    from rq import Worker
    from rq.serializers import JSONSerializer

    workers = Worker.all(connection=connection, serializer=JSONSerializer)
    names = _connected(connection)
    return workers if names is None else [worker for worker in workers if worker.name in names]


def lives(connection: Redis, name: str) -> bool:
    """Return whether the worker of this name lives. Raise RedisError."""
    from rq import Worker

    if not connection.exists(f"{Worker.redis_worker_namespace_prefix}{name}"):
        return False
    names = _connected(connection)
    return names is None or name in names


def _connected(connection: Redis) -> set[str] | None:
    """Return the names of Redis's connections, None where it does not list them.

    Redis notices at once that the connection of a killed process is gone. Otherwise a worker's row
    expires within two minutes, by Redis's clock.
    """
    from redis.exceptions import ResponseError

    try:
        return {client["name"] for client in connection.client_list()}
    except ResponseError:  # not allowed
        return None


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count or 'no'} {noun}s"
