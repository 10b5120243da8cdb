"""The RQ worker of this service: quick to notice a lost one, and a reconciler while it lives.

RQ's defaults find a lost worker after up to 15 minutes; the knobs that matter are not on its
command line. One queue a worker: with several, RQ pops without registering the job, and a crash
in between loses it.
"""

from __future__ import annotations

import logging
import threading
from typing import Any

from rq import Worker

logger = logging.getLogger(__name__)

EVERY = 30.0
"""Seconds between two looks for runs whose holder died."""


class QuickWorker(Worker):
    """Worker with quick recovery, JSON jobs, and the reconciler in a thread of its parent."""

    def __init__(self, queues: Any, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("job_monitoring_interval", 5)
        kwargs.setdefault("maintenance_interval", 30)
        kwargs.setdefault("worker_ttl", 45)
        super().__init__(queues, *args, **kwargs)

    def work(self, *args: Any, **kwargs: Any) -> bool:
        if len(self.queues) > 1:
            names = ", ".join(queue.name for queue in self.queues)
            raise SystemExit(f"One queue a worker: start one worker each for {names}.")
        stop = threading.Event()
        threading.Thread(target=reconcile_until, args=(stop,), daemon=True).start()
        try:
            return super().work(*args, **kwargs)
        finally:
            stop.set()


def reconcile_until(stop: threading.Event) -> None:
    """Look for stranded runs every 30 s; what fails once is tried again."""
    from django.db import connection

    from . import jobs

    while not stop.wait(EVERY):
        try:
            jobs.reconcile()
        except Exception:
            logger.exception("The reconciler failed; it tries again in %s s", EVERY)
        finally:
            connection.close()
