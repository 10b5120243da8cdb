"""Queues that no worker serves, and for how long: remembered in Redis, for all web processes."""

from __future__ import annotations

import time

from redis import Redis
from redis.exceptions import RedisError

from registry_sync.core.text import number_of
from registry_sync.monitoring.health import needed_queues
from registry_sync.runs.workers import Queues

GRACE = 120.0
"""Seconds that a queue may be without a worker: while workers restart, for example."""
KEPT = 7 * 24 * 3600
"""Seconds after which Redis forgets a queue that nothing asks for."""


def idle_queues(server: Redis, queues: Queues) -> dict[str, str]:
    """Return what /healthz says of each queue that needs a worker: "ok", or since when it has none.

    Returns {} where Redis does not answer: that is a fault of its own.
    """
    try:
        return {name: _status(server, name, queues.serves(name)) for name in needed_queues()}
    except (RedisError, OSError):
        return {}


def is_idle(sentence: str) -> bool:
    """Return whether a queue's sentence is of one that has had no worker for too long."""
    return sentence.startswith("no worker")


def _status(server: Redis, queue: str, served: bool) -> str:
    key = f"registry_sync:without_worker:{queue}"
    if served:
        server.delete(key)
        return "ok"
    now = time.time()
    server.set(key, str(now), nx=True, ex=KEPT)
    since = float(server.get(key) or now)
    if now - since < GRACE:
        return "waiting for a worker"
    minutes = number_of(int((now - since) // 60), "minute")
    return f"no worker for {minutes}: start manage.py rqworker {queue}"
