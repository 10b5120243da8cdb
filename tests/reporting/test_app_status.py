"""A run's session in Benchling is closed, whatever comes between."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from registry_sync import runs
from registry_sync.jobs.control import cancel_run
from registry_sync.jobs.reconciler import reconcile
from registry_sync.models import SyncRun
from registry_sync.reporting import app_status
from registry_sync.sync.clients import client_of_settings
from sandbox.tenant.state import Fault
from tests.support.registry import compound

Status, Kind = SyncRun.Status, SyncRun.Kind


def test_a_lost_answer_leaves_no_session_open(world):
    w = world([compound(n) for n in range(5)])
    w.tenant.faults.append(Fault("POST .*app-sessions", "apply_then_drop"))
    w.sync()
    assert {s["status"] for s in w.tenant.sessions.values()} == {"SUCCEEDED"}


def test_a_session_that_could_not_be_closed_is_closed_later(world):
    """A 403 while closing leaves the session RUNNING for a day."""
    w = world([compound(n) for n in range(5)])
    w.tenant.faults.append(Fault("PATCH .*app-sessions", "status", status=403, times=3))
    w.sync()
    SyncRun.objects.update(finished_at=timezone.now() - timedelta(minutes=1))
    w.tenant.faults.clear()
    reconcile()
    assert w.session()["status"] == "SUCCEEDED"


@pytest.mark.parametrize("limit", [4, 5, 7])
@pytest.mark.parametrize("ends", ["well", "badly"])
@pytest.mark.once
def test_a_full_rate_window_does_not_keep_the_session_open(world, ends, limit):
    w = world([compound(n) for n in range(30)], rate_limit=limit, rate_window=0.8)
    if ends == "badly":
        w.tenant.hidden.add(w.folder)
    run = w.sync()
    assert run.status == (Status.SUCCEEDED if ends == "well" else Status.FAILED)
    assert not run.session_open and w.session()["status"] == run.status


@pytest.mark.once
def test_a_successor_session_of_a_cancelled_run_is_closed(world, monkeypatch):
    """Timed out while it waited; a person cancels between the creation and its writing down."""
    w = world([compound(n) for n in range(5)])
    run, _ = runs.request_run(kind=Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    lease = runs.claim(run.pk)
    run.refresh_from_db()
    client = client_of_settings()
    session = app_status.Session(run, lease, client)
    session.open()
    first = w.session()
    first["status"] = "TIMEOUT"
    make = app_status.create_session

    def create(run, client, body):
        made = make(run, client, body)
        cancel_run(SyncRun.objects.get(pk=run.pk), actor="Ann", reason="Wrong")
        return made

    monkeypatch.setattr(app_status, "create_session", create)
    with pytest.raises(runs.LeaseLost):
        session.progress("So far", at_once=True)
    monkeypatch.undo()
    left = [s["status"] for s in w.tenant.sessions.values()]
    assert "RUNNING" not in left, left


def titles(w) -> list[str]:
    return [session["name"] for session in w.tenant.sessions.values()]


@pytest.mark.once
def test_a_session_names_its_lane_where_there_are_several(world):
    w = world([compound(n) for n in range(3)])
    w.sync()
    w.add_lane("Lots", [compound(900)])
    first = w.sync().lane
    lots = runs.current_lanes()[1]
    SyncRun.objects.filter(lane=lots, status=Status.QUEUED).delete()
    w.sync(lane=lots, kind=Kind.RETRY)
    w.sync(lane=lots)
    named = ["Registry Sync: Compound", "Registry Sync: Lots (retry)", "Registry Sync: Lots"]
    assert titles(w)[0] == "Registry Sync" and titles(w)[-2:] == named[1:]
    client = client_of_settings()
    for lane in (first, lots):
        bookmark, _ = app_status.last_good_session(client, lane)
        assert bookmark is not None and bookmark.lane == lane.mark


def test_a_session_without_a_bookmark_counts_for_the_lane_that_its_name_says(world):
    w = world([compound(1)])
    w.add_lane("Lots", [compound(900)])
    first = w.sync().lane
    lots = runs.current_lanes()[1]
    client = client_of_settings()
    for session in w.tenant.sessions.values():
        session["messages"] = [m for m in session["messages"] if "State:" not in m["content"]]
        session["name"] = "Registry Sync"  # as software that knew one lane named it
    assert app_status.last_good_session(client, first)[1] is not None
    assert app_status.last_good_session(client, lots) == (None, None)
