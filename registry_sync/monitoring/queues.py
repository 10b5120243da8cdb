"""Redis and its workers, as a page may ask for them: shortly, and without ever failing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Queue, Worker
from rq.serializers import JSONSerializer

REDIS_SECONDS = 0.5
"""How long Redis may take to answer a question of a page."""


@dataclass(frozen=True, slots=True)
class Queues:
    """Redis and its workers, as seen a moment ago. `wanted`: this deployment uses them."""

    wanted: bool
    trouble: str = ""
    workers: Mapping[str, int] = field(default_factory=dict)
    waiting: Mapping[str, int] = field(default_factory=dict)

    @property
    def listening(self) -> bool:
        """Say whether somebody would take up a run now."""
        return self.wanted and not self.trouble and self.workers.get("sync", 0) > 0

    def said(self) -> str:
        """Say in a sentence who works."""
        if not self.wanted:
            return "No workers: REDIS_URL is not set, and manage.py sync_registry does the work."
        if self.trouble:
            return f"Redis cannot be reached ({self.trouble})."
        parts = []
        for name in self.workers:
            waiting = f", {self.waiting[name]:,} waiting" if self.waiting[name] else ""
            parts.append(f"{_counted(self.workers[name], 'worker')} on {name}{waiting}")
        return f"Redis answers; {'; '.join(parts)}."


def connect(seconds: float = REDIS_SECONDS) -> Redis:
    """Make a connection for a question that must not wait. Nothing is sent yet."""
    return Redis.from_url(
        settings.REDIS_URL,
        socket_connect_timeout=seconds,
        socket_timeout=seconds,
        retry=Retry(NoBackoff(), 0),  # redis-py's own would ask for seconds
    )


def see_queues() -> Queues:
    """Ask Redis, for a moment only, which workers it sees and what waits for them."""
    if not settings.REDIS_URL:
        return Queues(wanted=False)
    try:
        connection = connect()
        names = list(settings.RQ_QUEUES)
        heard = [
            name
            for worker in Worker.all(connection=connection, serializer=JSONSerializer)
            for name in worker.queue_names()
        ]
        return Queues(
            wanted=True,
            workers={name: heard.count(name) for name in names},
            waiting={name: Queue(name, connection=connection).count for name in names},
        )
    except (RedisError, OSError, ValueError) as error:
        return Queues(wanted=True, trouble=type(error).__name__)  # its text may hold the URL


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count or 'no'} {noun}s"
