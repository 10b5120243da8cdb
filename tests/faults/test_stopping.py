"""SIGTERM, as systemd and Docker send it: a slice ends within ten seconds, and nothing is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable

import pytest

from registry_sync import runs
from registry_sync.core import stopping
from registry_sync.jobs import runner as jobs
from registry_sync.models import SyncRun
from registry_sync.webhooks.handlers import work_delivery
from tests.support.canvas import Page, w
from tests.support.deployment import Deployment, kill, until
from tests.support.registry import compound
from tests.support.worlds import World

pytestmark = pytest.mark.once
COUNT, PAGE = 1000, 250
PROMPT = 3 * 10.0
"""Seconds within which a process must end: ten, on a machine that does nothing else."""
__all__ = ["w"]
PATIENT = {"LEASE_SECONDS": "80"}
"""A lease that was not given up would outlast these tests."""
HELD = "SELECT count(*) FROM registry_sync_syncrun WHERE lease_until IS NOT NULL"


class Place:
    """Something that is waited for, from `begin` to `end`; `reached` says whether it is by now."""

    def __init__(self, w: World) -> None:
        self.tenant, self.registry = w.tenant, w.registry
        self.until = threading.Event()
        self.begin()

    def begin(self) -> None:
        raise NotImplementedError

    def reached(self) -> bool:
        raise NotImplementedError

    def end(self) -> None:
        self.until.set()


class SlowRegistry(Place):
    """An answer that does not come."""

    waited = False

    def begin(self) -> None:
        def wait(number: int) -> None:
            self.waited = True
            self.until.wait(300)

        self.registry.on_page = wait

    def reached(self) -> bool:
        return self.waited

    def end(self) -> None:
        super().end()
        self.registry.on_page = lambda number: None


class RunningTask(Place):
    """A task that Benchling does not finish."""

    def begin(self) -> None:
        self.before = self.tenant.switches.task_base
        self.tenant.switches.task_base = 60

    def reached(self) -> bool:
        return any(task["status"] == "RUNNING" for task in list(self.tenant.tasks.values()))

    def end(self) -> None:
        self.tenant.switches.task_base = self.before
        self.tenant.clock.advance(70)


class ObjectLimit(Place):
    """Benchling takes no more objects in this hour."""

    def begin(self) -> None:
        self.tenant.switches.objects_per_hour, self.tenant.switches.object_burst = 1, 200

    def reached(self) -> bool:
        return self.tenant.counters["throughput_429"] > 1

    def end(self) -> None:
        self.tenant.switches.objects_per_hour = 0


def stopped(child: subprocess.Popen[bytes], *, group: bool) -> int:
    """Send SIGTERM as Docker does (to the process) or systemd (to all); give the exit status."""
    began = time.monotonic()
    (os.killpg if group else os.kill)(child.pid, signal.SIGTERM)
    status = child.wait(60)
    assert time.monotonic() - began < PROMPT, f"{time.monotonic() - began:.1f} s"
    return status


@pytest.mark.slow
@pytest.mark.invariant(2, 4)
def test_a_command_that_is_stopped_leaves_a_run_that_the_next_one_finishes(deploy):
    d = deploy(COUNT, page_size=PAGE, env=PATIENT)
    there = SlowRegistry(d.world)
    child = d.start("sync_registry", log="stopped")
    until(there.reached, seconds=30, what="the wait")
    assert stopped(child, group=False) == 75
    assert "has not ended. This process was asked to stop." in d.log("stopped")
    left_to_others(d)
    there.end()
    status, said = d.run("sync_registry")
    assert status == 0 and "taking it over" in said, said
    arrived(d.world)


@pytest.mark.slow
@pytest.mark.invariant(2, 4)
@pytest.mark.parametrize(("place", "group"), [(SlowRegistry, True), (RunningTask, False)])
def test_a_worker_that_is_stopped_leaves_a_run_that_another_finishes(deploy, redis, place, group):
    d = deploy(COUNT, page_size=PAGE, env={"REDIS_URL": redis.url, **PATIENT})
    there = place(d.world)
    worker = d.start("rqworker", "sync", log="stopped")
    assert d.run("sync_registry", "--enqueue")[0] == 0
    until(there.reached, seconds=30, what="the wait")
    assert stopped(worker, group=group) == 0
    left_to_others(d)
    there.end()
    second = d.start("rqworker", "sync", log="second")
    until(lambda: d.statuses() == ["SUCCEEDED"], seconds=60, what="the second worker")
    kill(second)
    arrived(d.world)


def left_to_others(d: Deployment) -> None:
    """The run is under way, and no process holds it."""
    assert "Traceback" not in d.log("stopped"), d.log("stopped")
    assert (d.statuses(), d.rows(HELD)) == (["RUNNING"], [(0,)])


def arrived(w: World) -> None:
    """Every record is in Benchling, and was written once."""
    assert len(w.values()) == COUNT == w.written()


# -- the same signal, sent to this process -------------------------------------------------------


def stop_when(reached: Callable[[], bool]) -> threading.Thread:
    def watch() -> None:
        until(reached, seconds=30, what="the wait")
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread


@pytest.mark.invariant(2, 4)
@pytest.mark.parametrize(
    ("place", "kind"),
    [
        (SlowRegistry, "full"),
        (SlowRegistry, "dry run"),
        (RunningTask, "full"),
        (ObjectLimit, "full"),
    ],
)
def test_a_run_that_is_stopped_goes_on_in_the_next_process(world, monkeypatch, place, kind):
    monkeypatch.setattr(stopping, "GRACE", 0.5)
    w = world([compound(n) for n in range(COUNT)], page_size=PAGE, contract="off", rate_limit=0)
    there = place(w)
    run, _ = runs.request_run(kind=kind, trigger="command")
    with stopping.deferring_sigterm():
        thread = stop_when(there.reached)
        began = time.monotonic()
        stopped_run = jobs.work_to_end(run.pk)
        assert stopping.requested() and time.monotonic() - began < PROMPT + 30
        thread.join()
    assert stopped_run.status == "RUNNING" and not runs.is_held(run)
    there.end()
    SyncRun.objects.update(waiting_until=None)
    assert jobs.work_to_end(run.pk).status == "SUCCEEDED"
    assert w.written() == (0 if kind == "dry run" else COUNT)
    assert SyncRun.objects.get().read == COUNT


def test_a_command_between_two_slices_stops_at_once(world, settings, monkeypatch):
    settings.OBJECTS_PER_HOUR = 1
    world([compound(n) for n in range(20)])
    wait = jobs._sleep_until

    def begin_to_wait(run, until):
        os.kill(os.getpid(), signal.SIGTERM)
        wait(run, until)

    monkeypatch.setattr(jobs, "_sleep_until", begin_to_wait)
    run, _ = runs.request_run(kind="full", trigger="command")
    with stopping.deferring_sigterm():
        waiting = jobs.work_to_end(run.pk)
    assert waiting.status == "RUNNING" and runs.is_waiting(run)


def test_a_press_that_is_stopped_is_worked_by_the_next_worker(w):
    page = Page(w)
    w.sync()
    over = threading.Event()

    def stop(external_id: str) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        over.wait(60)

    w.registry.on_detail = stop
    with stopping.deferring_sigterm():
        row = page.press("look_up", record="C-000003")
    over.set()
    assert row.state == "received" and not page.canvas["enabled"]
    w.registry.on_detail = lambda external_id: None
    work_delivery(row.pk)
    assert page.canvas["enabled"] and "“Compound 3”" in page.text
