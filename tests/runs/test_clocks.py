"""Hosts' clocks differ and are set back: leases are counted on the database's."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from registry_sync import runs
from registry_sync.canvas import drawing
from registry_sync.jobs import runner as jobs
from registry_sync.jobs.reconciler import reconcile
from registry_sync.models import Canvas, SyncRun
from registry_sync.monitoring.doctor.service import check_database_clock
from tests.support.registry import compound

TEN_MINUTES = timedelta(minutes=10)
REAL_NOW = timezone.now


@pytest.fixture
def host_clock(monkeypatch):
    """Set this host's clock ahead or back; the database's stays."""

    def set_clock(ahead):
        monkeypatch.setattr(timezone, "now", lambda: REAL_NOW() + ahead)

    return set_clock


def begun():
    """Return a run that a process holds."""
    run, _ = runs.request_run(kind=SyncRun.Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    lease = runs.claim(run.pk)
    assert lease is not None
    return run, lease


@pytest.mark.postgres  # SQLite runs on the host whose clock is wrong
@pytest.mark.django_db
@pytest.mark.invariant(4)
def test_a_killed_host_whose_clock_was_ahead_frees_its_run_within_a_lease(host_clock):
    host_clock(TEN_MINUTES)
    run, _ = begun()
    host_clock(timedelta())
    run.refresh_from_db()
    assert run.lease_until <= runs.database_now() + runs.lease_time()


@pytest.mark.postgres
@pytest.mark.django_db
@pytest.mark.invariant(4)
def test_a_host_whose_clock_is_ahead_takes_no_live_run(host_clock):
    run, lease = begun()
    host_clock(TEN_MINUTES)
    assert runs.claim(run.pk) is None and not runs.stranded().exists()
    host_clock(timedelta())
    runs.renew(lease)


@pytest.mark.postgres
@pytest.mark.django_db
def test_a_wait_that_a_host_asked_for_lasts_as_long_by_the_database(host_clock):
    run, lease = begun()
    host_clock(TEN_MINUTES)
    runs.release(lease, waiting_until=timezone.now() + timedelta(minutes=1))
    host_clock(timedelta())
    run.refresh_from_db()
    left = run.waiting_until - runs.database_now()
    assert timedelta(seconds=30) < left <= timedelta(minutes=1)


@pytest.mark.postgres
@pytest.mark.django_db
def test_a_host_whose_clock_is_behind_sleeps_no_longer_than_the_database_says(host_clock):
    run, lease = begun()
    runs.release(lease, waiting_until=timezone.now() + timedelta(seconds=0.2))
    run.refresh_from_db()
    host_clock(-TEN_MINUTES)
    began = time.monotonic()
    jobs._sleep_until(run, run.waiting_until)
    assert time.monotonic() - began < 30


@pytest.mark.postgres
@pytest.mark.invariant(4)
def test_a_canvas_that_a_host_ahead_left_undrawn_is_drawn_by_another(world, host_clock):
    world([compound(1)])
    host_clock(TEN_MINUTES)
    canvas = drawing.known_canvas({}, "cnvs_1")
    drawing.owe_drawing(canvas.canvas_id, "A note.")
    host_clock(timedelta())
    Canvas.objects.update(used_at=F("used_at") - drawing.OWED_AFTER)
    assert drawing.outdated_canvases().get() == canvas


@pytest.mark.invariant(4)
def test_after_a_clock_is_set_back_a_dead_holder_keeps_its_run_for_one_lease(world, monkeypatch):
    w = world([compound(n) for n in range(3)])
    run, _ = begun()
    later = timezone.now() + TEN_MINUTES  # as the holder wrote before the clock was set back
    SyncRun.objects.update(lease_until=later + runs.lease_time(), heartbeat=later)
    reconcile()
    run.refresh_from_db()
    assert run.lease_until <= runs.database_now() + runs.lease_time()
    SyncRun.objects.update(lease_until=runs.database_now() - timedelta(seconds=1))
    assert runs.stranded().get() == run, "a heartbeat of the future is no sign of life"
    assert jobs.work_to_end(run.pk).status == SyncRun.Status.SUCCEEDED and len(w.values()) == 3


@pytest.mark.django_db
def test_a_live_holder_outlives_a_clock_that_is_set_back():
    run, lease = begun()
    later = timezone.now() + TEN_MINUTES
    SyncRun.objects.update(lease_until=later, heartbeat=later)
    runs.shorten_leases()
    assert runs.claim(run.pk) is None
    runs.renew(lease)
    assert runs.is_held(run)


@pytest.mark.postgres
@pytest.mark.django_db
def test_doctor_names_a_host_whose_clock_differs_from_the_databases(host_clock):
    assert check_database_clock().state == "ok"
    host_clock(TEN_MINUTES)
    result = check_database_clock()
    assert result.state == "warning" and "The database's clock is 600 s behind" in result.finding
