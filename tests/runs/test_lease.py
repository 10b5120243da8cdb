"""The lease: kept while a run works, and who lost it writes nothing more."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from types import SimpleNamespace

import httpx
import pytest
from django.db.models import F
from django.utils import timezone

from registry_sync import runs
from registry_sync.benchling.client import Client
from registry_sync.core import stopping
from registry_sync.jobs import runner as jobs
from registry_sync.models import SyncRun
from registry_sync.source import ahead
from registry_sync.source.client import Source
from registry_sync.sync import pacing
from registry_sync.sync.clients import client_of_settings
from registry_sync.sync.listener import NullListener
from tests.support.registry import compound

Kind = SyncRun.Kind


@pytest.fixture
def passes(monkeypatch, settings):
    """Let time pass for the lease alone, so that a slow machine changes nothing.

    `passes(share)` takes that share of a lease, and returns the seconds that are left of it.
    """
    # What the machine takes for a page is little beside them.
    settings.LEASE_SECONDS, settings.SLICE_SECONDS = 1600, 6000
    ahead = [0.0]
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + ahead[0], sleep=time.sleep)
    monkeypatch.setattr(pacing, "time", clock)

    def passes(share):
        seconds = share * settings.LEASE_SECONDS
        ahead[0] += seconds
        SyncRun.objects.update(lease_until=F("lease_until") - timedelta(seconds=seconds))
        return (SyncRun.objects.get().lease_until - timezone.now()).total_seconds()

    return passes


def slow_pages(world, passes):
    """Make a world whose pages take half a lease; note the seconds left of it at each page."""
    w = world([compound(n) for n in range(600)], page_size=100)
    seen = []
    w.registry.on_page = lambda page: seen.append(passes(0.5))
    return w, seen


@pytest.mark.usefixtures("page_by_page")
def test_a_dry_run_keeps_the_lease(world, passes):
    w, seen = slow_pages(world, passes)
    w.sync(kind=Kind.DRY_RUN)
    assert min(seen) > 0, seen


@pytest.mark.parametrize("kind", [Kind.DRY_RUN, Kind.INCREMENTAL])
def test_work_on_pages_that_are_ready_keeps_the_lease(world, passes, monkeypatch, kind):
    w, seen = world([compound(n) for n in range(300)], page_size=50), []
    read_ahead = Source.pages_ahead

    def worked_on(self, since, *, position):
        for page in read_ahead(self, since, position=position):
            yield page
            time.sleep(0.05)  # the next pages are ready by then
            seen.append(passes(0.6))

    monkeypatch.setattr(Source, "pages_ahead", worked_on)
    w.sync(kind=kind)
    assert len(seen) == 6 and min(seen) > 0, seen


@pytest.mark.parametrize("kind", [Kind.DRY_RUN, Kind.INCREMENTAL])
def test_a_page_that_is_waited_for_keeps_the_lease(world, passes, monkeypatch, kind):
    """The third page takes five leases to come."""
    monkeypatch.setattr(ahead, "STEP", 0.01)
    w, seen = world([compound(n) for n in range(150)], page_size=50), []
    asked, comes, keep_alive = threading.Event(), threading.Event(), pacing.Pacer.keep_alive

    def alive(pacer):
        keep_alive(pacer)
        if asked.is_set() and not comes.is_set():
            seen.append(passes(0.5))
            if len(seen) == 10:
                comes.set()

    def slow(served):
        if served == 3:
            asked.set()
            comes.wait(60)

    monkeypatch.setattr(pacing.Pacer, "keep_alive", alive)
    w.registry.on_page = slow
    w.sync(kind=kind)
    assert len(seen) == 10 and min(seen) > 0, seen


@pytest.mark.once
def test_a_pilot_keeps_the_lease(world, passes):
    w, seen = slow_pages(world, passes)
    w.sync(only=["C-000599"])
    assert min(seen) > 0, seen


def test_short_pauses_renew_the_lease(world, monkeypatch):
    world([compound(n) for n in range(2)])
    module = pacing
    now = [0.0]

    def sleep(seconds):
        now[0] += seconds

    # For the two modules alone: the tenant's thread lives by the same module `time`.
    clock = SimpleNamespace(monotonic=lambda: now[0], sleep=sleep)
    monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(stopping, "time", clock)
    run, _ = runs.request_run(kind=Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    lease = runs.claim(run.pk)
    run.refresh_from_db()
    pacer = module.Pacer(run, lease, jobs.terms_of_settings(), client_of_settings, NullListener())
    renewed = []
    monkeypatch.setattr(module.runs, "renew", lambda lease: renewed.append(now[0]))
    for _ in range(40):  # a task that takes 200 s is polled each 5 s
        pacer.pause(5.0, "")
    monkeypatch.undo()
    assert renewed, f"{now[0]} s of waiting without one renewal of a lease of 80 s"


@pytest.mark.invariant(4)
def test_a_stale_holder_does_not_repeat_its_post(world, monkeypatch):
    """Two read timeouts of 60 s outlast the lease of 80 s; the third POST is a stale holder's."""

    w = world([compound(n) for n in range(20)])
    real, posts = Client._send, []

    def slow(self, method, url, body):
        if "bulk-upsert" in url:
            posts.append(url)
            if len(posts) == 1:  # meanwhile the lease runs out, and another holder takes over
                SyncRun.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
                assert runs.claim(SyncRun.objects.get().pk)
                raise httpx.ReadTimeout("timed out")
        return real(self, method, url, body)

    monkeypatch.setattr(Client, "_send", slow)
    run, _ = runs.request_run(kind=Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    assert jobs.work_slice(run.pk) is jobs.SliceEnd.BUSY
    assert len(posts) == 1 and w.written() == 0, (posts, w.written())


@pytest.mark.parametrize("refused", [False, True], ids=["a batch", "a row"])
@pytest.mark.invariant(4)
def test_a_holder_taken_over_while_it_waits_for_a_task_sends_no_more(
    world, settings, monkeypatch, refused
):

    settings.BATCH_SIZE = 100
    w = world([compound(n) for n in range(5)])
    w.sync()
    w.registry.records += [compound(n) for n in range(100, 400)]
    if refused:
        w.tenant.refuse["C-000150"] = "Not this one."
    look = Client.task

    def task(self, task_id):
        w.settle()
        answer = look(self, task_id)
        SyncRun.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
        assert runs.claim(run.pk)
        return answer

    monkeypatch.setattr(Client, "task", task)
    run, _ = runs.request_run(kind=Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    before = w.tenant.counters["bulk_calls"]
    assert jobs.work_slice(run.pk) is jobs.SliceEnd.BUSY
    counters = w.tenant.counters
    assert (counters["bulk_calls"] - before, counters["single_upserts"]) == (1, 0)


@pytest.mark.once
def test_a_slow_detail_keeps_the_lease(world, passes):
    w = world([compound(n) for n in range(20)])
    w.configure(**{"Connector Settings": {"endpoint": {"detail": {"path": "{id}"}}}})
    seen = []
    w.registry.on_detail = lambda external_id: seen.append(passes(0.15))
    w.sync()
    assert len(seen) == 20 and min(seen) > 0, seen
