"""A run worked in slices ends, counts each record once and loses nothing."""

from __future__ import annotations

import time
from datetime import timedelta

import httpx
import pytest
from django.db import OperationalError
from django.utils import timezone

from registry_sync import ledger, runs
from registry_sync.benchling import transport
from registry_sync.benchling.client import Client
from registry_sync.jobs import control
from registry_sync.jobs import runner as jobs
from registry_sync.models import Batch, SyncRun
from tests.support.factories import InstallationFactory, SyncRunFactory
from tests.support.registry import compound

Status, Kind = SyncRun.Status, SyncRun.Kind


@pytest.mark.invariant(4)
@pytest.mark.once
def test_a_silent_benchling_fails_the_run_in_the_end(world, settings, monkeypatch):

    settings.SLICE_SECONDS = 0.3  # 60 in earnest, as is the timeout
    world([compound(n) for n in range(2)])

    def silent(self, method, url, body):
        time.sleep(0.35)
        raise httpx.ReadTimeout("timed out")

    monkeypatch.setattr(Client, "_send", silent)
    monkeypatch.setattr(transport.random, "uniform", lambda a, b: 0.01)
    run, _ = runs.request_run(kind=Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    ends = []
    for _ in range(12):
        ends.append(jobs.work_slice(run.pk))
        if ends[-1] is jobs.SliceEnd.DONE:
            break
    run.refresh_from_db()
    assert run.status == Status.FAILED, (ends, run.status)


@pytest.mark.once
def test_a_deactivated_app_closes_its_session_whatever_the_network(world, monkeypatch):
    world([compound(1)])
    InstallationFactory(deactivated_at=timezone.now())
    send, broken = Client._send, []

    def breaks_once(self, method, url, body):
        if method == "patch" and not broken:
            broken.append(url)
            raise httpx.ReadTimeout("timed out")
        return send(self, method, url, body)

    monkeypatch.setattr(Client, "_send", breaks_once)
    monkeypatch.setattr(transport.random, "uniform", lambda a, b: 0.01)
    run, _ = runs.request_run(kind=Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    assert jobs.work_slice(run.pk) is jobs.SliceEnd.DONE
    run.refresh_from_db()
    assert (run.status, run.error_code) == (Status.FAILED, "deactivated")
    assert broken and run.session_id and not run.session_open


@pytest.mark.once
@pytest.mark.parametrize("config", [{}, {"API URL": ""}])
def test_a_run_whose_end_was_rolled_back_is_followed_by_nothing(world, monkeypatch, config):
    world([compound(1)], config=config)
    seen = []

    def fail(run):
        raise OperationalError("the connection is closed")

    monkeypatch.setattr(ledger, "end_reported", fail)
    monkeypatch.setattr(jobs, "follow", lambda run: seen.append(run.is_active))
    run, _ = runs.request_run(kind=Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    with pytest.raises(OperationalError, match="connection is closed"):
        jobs.work_slice(run.pk)
    assert seen == [True]


@pytest.mark.once
def test_a_cancel_whose_process_dies_has_not_happened(db, monkeypatch):
    run = SyncRunFactory(status=Status.RUNNING)

    def die(run):
        raise SystemExit

    monkeypatch.setattr(ledger, "end_reported", die)
    with pytest.raises(SystemExit):
        control.cancel_run(run, actor="Ann", reason="Lunch")
    assert SyncRun.objects.get().is_active, "else what it found would stay reported"


def test_waiting_does_not_count_repeats(world, settings):
    settings.OBJECTS_PER_HOUR, settings.BATCH_SIZE = 250, 100
    w = world([compound(n) for n in range(600)], page_size=30)
    run, _ = runs.request_run(kind=Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    while jobs.work_slice(run.pk) is jobs.SliceEnd.WAITING:
        Batch.objects.filter(sent_at__isnull=False).update(
            sent_at=timezone.now() - timedelta(hours=1)
        )
    run.refresh_from_db()
    assert (run.read, run.created, w.written(), run.repeated) == (600, 600, 600, 0)


def test_slices_count_no_repeats(world, settings):
    settings.SLICE_SECONDS = 0
    w = world([compound(n) for n in range(1200)], page_size=100)
    run = w.sync()
    assert (run.read, run.created, w.written(), run.repeated) == (1200, 1200, 1200, 0)


@pytest.mark.usefixtures("page_by_page")
@pytest.mark.once
def test_the_counts_begin_anew_with_another_lane(world, settings):
    settings.SLICE_SECONDS = 0
    w = world([compound(n) for n in range(600)], page_size=100)
    there = w.tenant.add_registry("Second")
    other = w.tenant.add_schema(
        "Second", there, prefix="SEC", fields=[{"name": "SMILES", "type": "long_text"}]
    )

    def change(page):
        if page == 3:
            w.configure(
                **{
                    "Schema to Sync": other,
                    "Registry": there,
                    "Field Configurations": [("SMILES", "smiles")],
                }
            )

    w.registry.on_page = change
    run = w.sync()
    second = [e for e in w.tenant.entities.values() if e.schema_id == other]
    assert len(second) == 600 and run.status in SyncRun.GOOD
    assert run.read == 600, (run.read, run.created, run.warnings)


def test_a_deterministic_database_error_ends_the_run(world, monkeypatch):
    from django.db import DataError

    from registry_sync import ledger

    world([compound(n) for n in range(5)])

    def record(*a, **k):
        raise DataError("value too long for type character varying(255)")

    monkeypatch.setattr(ledger, "record", record)
    run, _ = runs.request_run(kind=Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    for _ in range(5):
        try:
            jobs.work_slice(run.pk)
        except DataError:
            SyncRun.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    run.refresh_from_db()
    assert run.status == Status.FAILED


@pytest.mark.once
def test_unreadable_times_are_told_whatever_the_slices(world, settings):
    settings.SLICE_SECONDS = 0
    records = [compound(n) for n in range(300)]
    records[0]["modified_at"] = "soon"
    w = world(records, page_size=100)
    run = w.sync()
    (untimed,) = [x["text"] for x in run.warnings if x["code"] == "no_time"]
    assert "“modified_at” of C-" in untimed and "datetime_format" in untimed


@pytest.mark.invariant(2)
@pytest.mark.usefixtures("page_by_page")
def test_a_mapping_changed_during_a_run_counts_and_writes_everything_once(world, settings):
    settings.BATCH_SIZE = 50
    settings.SLICE_SECONDS = 0.01
    w = world([compound(n) for n in range(300)], page_size=50)

    def change(number: int) -> None:
        if number == 3:
            w.configure(**{"External Name Field": "{name} [{id}]"})

    w.registry.on_page = change
    run = w.sync()
    assert run.status == Status.SUCCEEDED and not w.open_errors(), run.error
    assert (run.read, run.created, run.failed) == (300, 300, 0)
    assert all(value["name"].endswith("]") for value in w.values().values())
    assert run.log.filter(text__contains="The configuration changed").count() == 1


@pytest.mark.invariant(4)
@pytest.mark.parametrize("step", ["open", "close", "update"])
def test_a_run_ends_whatever_breaks_while_it_is_ended(world, monkeypatch, step):
    """What broke the run may break App Status, too, and in ways that no code expects."""
    w = world([compound(1)])
    w.registry.refuses = 401

    def broken(*_, **__):
        raise AttributeError("'NoneType' object has no attribute 'get'")

    place = {
        "open": "registry_sync.reporting.app_status.Session.open",
        "close": "registry_sync.reporting.app_status.close_session",
        "update": "registry_sync.benchling.client.Client.update_session",
    }
    monkeypatch.setattr(place[step], broken)
    run = w.sync()
    assert (run.status, run.error_code) == (SyncRun.Status.FAILED, "registry_unauthorised")
    monkeypatch.undo()
    w.registry.refuses = 0
    assert w.sync().status == SyncRun.Status.SUCCEEDED
