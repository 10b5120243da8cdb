"""A worker that is told to stop while it forks: the signal's exception is lost, the wish is not."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress

import pytest
from redis import Redis
from rq import Worker
from rq.exceptions import StopRequested
from rq.worker import WorkerStatus

from registry_sync.core import dotted_paths
from registry_sync.jobs import worker as jobs

pytestmark = pytest.mark.once


@pytest.fixture
def worker(redis) -> Iterator[jobs.QuickWorker]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    made = jobs.QuickWorker(["sync"], connection=Redis.from_url(redis.url))
    made.register_birth()
    yield made
    made.register_death()
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    made = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield made
    made.kill()
    made.wait()


def told_to_stop(worker: jobs.QuickWorker) -> None:
    """Run the handler as a hook of a fork does: what it raises goes nowhere."""
    with suppress(StopRequested):
        worker.request_stop(signal.SIGTERM, None)


def test_an_idle_worker_that_forks_its_reconciler_ends(worker, child, monkeypatch):
    def fork() -> int:
        told_to_stop(worker)
        return child.pid

    worker.set_state(WorkerStatus.IDLE)
    worker._reconciled = -1000.0
    monkeypatch.setattr(jobs.os, "fork", fork)
    with pytest.raises(StopRequested):
        worker.heartbeat()
    assert child.wait(30) == -signal.SIGTERM, "the reconciler must not outlive it"


def test_a_worker_that_forks_its_job_asks_the_job_to_stop(worker, child):
    worker.set_state(WorkerStatus.BUSY)
    told_to_stop(worker)  # the job's pid is not known yet
    worker._horse_pid = child.pid
    worker.heartbeat()
    assert child.wait(30) == -signal.SIGTERM


def test_what_jobs_run_is_imported_once_and_not_in_each_fork(worker, monkeypatch):
    imported: list[str] = []
    monkeypatch.setattr(jobs, "import_attribute", imported.append)
    monkeypatch.setattr(Worker, "work", lambda *args, **options: bool(imported))
    jobs_start = ("RUN_", "WORK_")
    paths = [path for name, path in vars(dotted_paths).items() if name.startswith(jobs_start)]
    assert worker.work() and imported == paths
