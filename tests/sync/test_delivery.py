"""Batches in flight: recorded as they land, and never sent twice."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from registry_sync import runs
from registry_sync.benchling import bulk_upsert as upsert
from registry_sync.benchling.bulk_upsert import Upserter
from registry_sync.benchling.client import Client
from registry_sync.benchling.errors import Wait, retry_time
from registry_sync.jobs import runner as jobs
from registry_sync.models import Batch, SyncRun
from registry_sync.sync.delivery.batch_log import BatchLog
from tests.support.registry import compound

Status, Kind = SyncRun.Status, SyncRun.Kind


@pytest.mark.invariant(2)
def test_a_crash_after_the_task_landed_rewrites_nothing(world, monkeypatch):
    from registry_sync.sync.delivery import batch_delivery

    w = world([compound(n) for n in range(600)], page_size=100)
    real = batch_delivery.ledger.record

    class Boom(BaseException): ...

    state = {"n": 0}

    def record(run, lease, sightings, **more):
        if more.get("batch") is not None and state["n"] == 0:
            state["n"] = 1
            raise Boom
        return real(run, lease, sightings, **more)

    monkeypatch.setattr(batch_delivery.ledger, "record", record)
    run, _ = runs.request_run(kind=Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    with pytest.raises(Boom):
        jobs.work_slice(run.pk)
    SyncRun.objects.update(lease_until=None)
    run = jobs.work_to_end(run.pk)
    assert (run.read, run.created, w.written()) == (600, 600, 600)


def test_a_stale_batch_with_a_field_that_is_gone(world, monkeypatch):
    w = world([compound(n) for n in range(20)])
    from registry_sync.benchling.bulk_upsert import Upserter
    from registry_sync.core.problems import SyncError

    def land(self, flight):
        raise SyncError("x", remedy="y", kind="transient", code="z")

    monkeypatch.setattr(Upserter, "land", land)
    assert w.sync().status == Status.FAILED
    monkeypatch.undo()
    definitions = w.tenant.schemas[w.schema]["fieldDefinitions"]
    definitions[:] = [d for d in definitions if d["name"] != "SMILES"]
    w.configure(**{"Field Configurations": [("Approval", "approval")]})
    run = w.sync()
    assert (run.status, run.read, len(w.values())) == (Status.SUCCEEDED, 20, 20), run.error
    assert w.values()["C-000007"] == {
        "name": "Compound 7", "Kind": None, "Approval": 1957, "Parent": None
    }  # fmt: skip


def work_until_the_second_waits(w, settings, monkeypatch) -> SyncRun:
    """Work one slice of two batches in flight: the first lands, then the other one has to wait."""
    settings.IN_FLIGHT, settings.BATCH_SIZE = 2, 100
    land, landed = Upserter.land, []

    def second_waits(self, flight):
        if landed:
            raise Wait(retry_time(0), "another registration in Benchling")
        land(self, flight)
        landed.append(flight)

    run, _ = runs.request_run(kind=Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    with monkeypatch.context() as patched:
        patched.setattr(Upserter, "land", second_waits)
        assert jobs.work_slice(run.pk) is jobs.SliceEnd.WAITING
    w.settle()
    run.refresh_from_db()
    return run


@pytest.mark.once
def test_landed_batches_are_written_down_when_a_later_one_waits(world, settings, monkeypatch):
    w = world([compound(n) for n in range(200)], granular_locking=True)
    run = work_until_the_second_waits(w, settings, monkeypatch)
    assert run.created == 100, f"{run.created} recorded of the batch that landed"


@pytest.mark.once
@pytest.mark.invariant(2)
def test_paused_after_that_nothing_is_doubled(world, settings, monkeypatch):
    w = world([compound(n) for n in range(200)], granular_locking=True, contract="after")
    run = work_until_the_second_waits(w, settings, monkeypatch)
    w.tenant.clock.advance(3700)
    SyncRun.objects.update(waiting_until=None)
    run = jobs.work_to_end(run.pk)
    assert (run.status, run.created) == (Status.SUCCEEDED, 200)
    assert w.written() <= 300, w.written()  # at most the one that truly flew


@pytest.mark.once
def test_a_task_that_never_ends_ends_the_run_some_day(world, monkeypatch):
    monkeypatch.setattr(upsert, "PATIENCE", 0.3)
    w = world([compound(n) for n in range(5)], task_base=10_000_000.0)
    run, _ = runs.request_run(kind=Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    assert jobs.work_slice(run.pk) is jobs.SliceEnd.WAITING
    Batch.objects.update(sent_at=timezone.now() - timedelta(hours=7))
    SyncRun.objects.update(waiting_until=None)
    assert jobs.work_slice(run.pk) is jobs.SliceEnd.DONE
    run.refresh_from_db()
    assert (run.status, run.error_code) == (Status.FAILED, "endless_task")
    assert "A Benchling admin asks Benchling's support" in run.remedy
    w.tenant.clock.advance(10_000_100)
    assert w.sync().status == Status.SUCCEEDED and w.written() == len(w.values()) == 5


@pytest.mark.once
@pytest.mark.invariant(2)
def test_a_pause_at_the_request_limit_outlasts_the_tasks_and_doubles_nothing(
    world, settings, monkeypatch
):
    """The request limit is met while the last flights land."""
    settings.IN_FLIGHT, settings.BATCH_SIZE = 2, 100
    w = world([compound(n) for n in range(200)], granular_locking=True, contract="after")
    look, tasks = Client.task, []

    def task(self, task_id):
        tasks.append(task_id)
        if len(set(tasks)) == 2:
            runs.pause(SyncRun.objects.get(), actor="Ann", reason="Lunch")
            self.pause(5, "Benchling's request limit")  # what _pace does with a full window
        return look(self, task_id)

    run, _ = runs.request_run(kind=Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    with monkeypatch.context() as patched:
        patched.setattr(Client, "task", task)
        assert jobs.work_slice(run.pk) is jobs.SliceEnd.WAITING
    w.settle()
    w.tenant.clock.advance(3700)
    SyncRun.objects.update(waiting_until=None)
    run.refresh_from_db()
    assert runs.resume(run)
    run = jobs.work_to_end(run.pk)
    assert (run.status, run.created) == (Status.SUCCEEDED, 200)
    assert w.written() <= 300, "the batch that was polled, and no other"


@pytest.mark.once
@pytest.mark.invariant(2, 4)
def test_the_parts_of_a_batch_are_recorded_as_they_pass(world, monkeypatch):
    """One of eight is refused and the process dies then: what passed before is not sent again.

    Here the look-ups after the kill wait as shipped.
    """
    w = world([compound(n) for n in range(8)], task_errors="none")
    w.tenant.refuse["C-000007"] = "Not this one."
    run, _ = runs.request_run(kind=Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)

    def killed(self, row, refusal):
        raise SystemExit("killed")

    with monkeypatch.context() as patched:
        patched.setattr(BatchLog, "refused", killed)
        with pytest.raises(SystemExit):
            jobs.work_to_end(run.pk)
    run.refresh_from_db()
    assert run.created == w.written() == 7
    SyncRun.objects.update(lease_until=None)
    run = jobs.work_to_end(run.pk)
    assert (run.created, run.failed, w.written()) == (7, 1, 7)
    assert set(w.tenant.writes.values()) == {1}


@pytest.mark.once
def test_our_own_cap_counts_what_earlier_runs_sent(world, settings):
    settings.OBJECTS_PER_HOUR = 25
    w = world([compound(n) for n in range(20)])
    assert w.sync().created == 20
    for n in range(10):
        w.registry.edit(f"C-{n:06d}", approval=2001)
    run, _ = runs.request_run(kind=Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    assert jobs.work_slice(run.pk) is jobs.SliceEnd.WAITING
    run.refresh_from_db()
    assert run.waiting_code == "own_limit" and w.written() <= 25
    Batch.objects.update(sent_at=timezone.now() - timedelta(hours=1))
    SyncRun.objects.update(waiting_until=None)
    assert jobs.work_to_end(run.pk).updated == 10 and w.written() == 30
