"""The RQ worker of this service: it notices lost workers quickly and runs the reconciler.

RQ's defaults notice a lost worker after up to 15 minutes, and the settings that matter are not on
its command line. A worker serves one queue: with several, RQ pops a job before it registers it, and
a crash in between loses the job. https://python-rq.org/docs/workers/
"""

from __future__ import annotations

import logging
import os
import signal
import time
from contextlib import suppress
from math import ceil
from typing import Any

from django.db import OperationalError, connections
from redis.exceptions import ResponseError
from rq import Worker
from rq.exceptions import StopRequested
from rq.utils import import_attribute
from rq.worker import WorkerStatus

from registry_sync import __version__, runs
from registry_sync.benchling.http import trusted
from registry_sync.core import dotted_paths, stopping
from registry_sync.jobs.reconciler import reconcile
from registry_sync.runs.workers import VERSION

logger = logging.getLogger(__name__)
JOBS = (
    dotted_paths.RUN_SYNC,
    dotted_paths.RUN_PREVIEW,
    dotted_paths.RUN_RECONCILIATION,
    dotted_paths.WORK_DELIVERY,
)


def preload() -> None:
    """Import what jobs run, and read the certificates: each job is a fork that would do it again.

    It takes a quarter of a second, about as long as the work on a press.
    """
    for path in JOBS:
        import_attribute(path)
    trusted()


def reconcile_interval() -> float:
    """Return the seconds between two runs of the reconciler: a third of a lease."""
    return runs.lease_time().total_seconds() / 3


def worker_ttl() -> int:
    """Return after how many seconds without a heartbeat a worker counts as dead.

    RQ waits for jobs for 15 s less than that, and then sends a heartbeat.
    """
    return 15 + ceil(reconcile_interval())


class QuickWorker(Worker):
    """Worker with quick recovery, which runs the reconciler, idle or at work.

    The reconciler runs in a forked child. A thread beside RQ's own forks could leave them with a
    lock held forever, and requests to Benchling may take long.
    """

    def __init__(self, queues: Any, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("job_monitoring_interval", min(5, ceil(reconcile_interval() / 6)))
        kwargs.setdefault("maintenance_interval", 30)
        kwargs.setdefault("worker_ttl", worker_ttl())
        super().__init__(queues, *args, **kwargs)
        self._parent = os.getpid()
        self._reconciled = time.monotonic()
        self._child = 0
        self._told_to_stop = False

    def register_birth(self) -> None:
        super().register_birth()  # type: ignore[no-untyped-call]
        self.connection.hset(self.key, VERSION, __version__)

    def work(self, *args: Any, **kwargs: Any) -> bool:
        if len(self.queues) > 1:
            names = ", ".join(queue.name for queue in self.queues)
            raise SystemExit(f"A worker serves one queue. Start one worker each for {names}.")
        preload()
        return super().work(*args, **kwargs)

    def handle_warm_shutdown_request(self) -> None:
        """Ask the job and the reconciler to stop where nothing is lost: systemd may not do it."""
        super().handle_warm_shutdown_request()  # type: ignore[no-untyped-call]
        self._told_to_stop = True
        self._stop_children()

    def _stop_children(self) -> None:
        for pid in (self.horse_pid, self._child):
            if pid:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)

    def setup_work_horse_signals(self) -> None:
        """Let a job end after its batch; RQ's own way ends it at once."""
        super().setup_work_horse_signals()  # type: ignore[no-untyped-call]
        stopping.watch_sigterm()

    def heartbeat(self, *args: Any, **kwargs: Any) -> None:
        """Send a heartbeat to Redis, and run the reconciler in its interval.

        RQ calls this every 30 s while idle (worker_ttl less 15) and every 5 s while a job runs.
        """
        super().heartbeat(*args, **kwargs)
        if os.getpid() != self._parent:
            return
        self._register_again()
        if time.monotonic() - self._reconciled >= reconcile_interval() * 0.8:
            self._reconciled = time.monotonic()
            self._reconcile()
        if self._told_to_stop:
            self._stop_now()

    def _stop_now(self) -> None:
        """Do what a signal asked for that came during a fork.

        Python runs the handler in a hook of the fork, which drops the exception that stops an idle
        worker; and the pid of a new job is not known yet. https://docs.python.org/3/library/os.html
        """
        self._stop_children()
        if self.get_state() != WorkerStatus.BUSY:
            raise StopRequested

    def _register_again(self) -> None:
        """Be seen by runs.workers after Redis has lost its data, or after a broken connection."""
        with suppress(ResponseError):
            self.connection.client_setname(self.name)
        if not self.connection.sismember(self.redis_workers_keys, self.key):
            self.connection.delete(self.key)
            self.register_birth()

    def _reconcile(self) -> None:
        if self._child and os.waitpid(self._child, os.WNOHANG) == (0, 0):
            return  # the last one is still running
        self._child = 0
        connections.close_all()  # the child must not share a connection
        self._child = os.fork()
        if self._child == 0:
            try:
                stopping.watch_sigterm()
                reconcile()
            except (stopping.Stopping, StopRequested):
                logger.info("The reconciler was asked to stop")
            except OperationalError as error:
                why = " ".join(str(error).split()).rstrip(".")
                text = "The database cannot be used: %s. The operator must check it and "
                text += "DATABASE_URL. The worker tries again in %s s"
                logger.error(text, why, ceil(reconcile_interval()))
            except Exception:
                logger.exception(
                    "The reconciler failed; it runs again in %s s", reconcile_interval()
                )
            finally:
                os._exit(0)
