"""The RQ worker of this service: quick to notice a lost one, and a reconciler while it lives.

RQ's defaults find a lost worker after up to 15 minutes; the knobs that matter are not on its
command line. One queue a worker: with several, RQ pops without registering the job, and a crash
in between loses it.
"""

from __future__ import annotations

import logging
import os
import time
from math import ceil
from typing import Any

from django.db import connections
from rq import Worker

from registry_sync import runs
from registry_sync.jobs.reconciler import reconcile

logger = logging.getLogger(__name__)


def every() -> float:
    """Say how many seconds lie between two looks for runs whose holder died: 30 by default."""
    return runs.lease_time().total_seconds() / 3


def ttl() -> int:
    """Say after how many silent seconds a worker counts as dead.

    RQ waits for jobs this long less 15 s, then shows that the worker lives and looks around.
    """
    return 15 + ceil(every())


class QuickWorker(Worker):
    """Worker with quick recovery, which looks for stranded runs, idle or at work.

    The look is done in a forked child: a thread beside RQ's own forks could leave them with a
    lock held for ever, and Benchling may let it wait.
    """

    def __init__(self, queues: Any, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("job_monitoring_interval", min(5, ceil(every() / 6)))
        kwargs.setdefault("maintenance_interval", 30)
        kwargs.setdefault("worker_ttl", ttl())
        super().__init__(queues, *args, **kwargs)
        self._parent = os.getpid()
        self._looked = time.monotonic()
        self._child = 0

    def work(self, *args: Any, **kwargs: Any) -> bool:
        if len(self.queues) > 1:
            names = ", ".join(queue.name for queue in self.queues)
            raise SystemExit(f"One queue a worker: start one worker each for {names}.")
        return super().work(*args, **kwargs)

    def heartbeat(self, *args: Any, **kwargs: Any) -> None:
        """Tell Redis that the worker lives, and now and then look for stranded runs.

        RQ calls this every 30 s while idle (worker_ttl less 15) and every 5 s while a job runs.
        """
        super().heartbeat(*args, **kwargs)
        if os.getpid() == self._parent and time.monotonic() - self._looked >= every() * 0.8:
            self._looked = time.monotonic()
            self._look()

    def _look(self) -> None:
        if self._child and os.waitpid(self._child, os.WNOHANG) == (0, 0):
            return  # the last look still waits for somebody
        connections.close_all()  # a connection must not be shared with the child
        self._child = os.fork()
        if self._child == 0:
            try:
                reconcile()
            except Exception:
                logger.exception("The reconciler failed; it tries again in %s s", every())
            finally:
                os._exit(0)
