"""From when a run reads, and when it reads everything: by the last full run, or by App Status."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import F

from registry_sync.models import SyncRun
from registry_sync.reporting.app_status import SESSION_NAME
from tests.support.registry import compound
from tests.support.worlds import forget

Status, Kind = SyncRun.Status, SyncRun.Kind
DAY = timedelta(days=1)


def days_pass(days: int) -> None:
    """Let all runs be so many days older."""
    SyncRun.objects.update(
        **{name: F(name) - days * DAY for name in ("created_at", "finished_at", "last_full_at")}
    )


def at(seconds: int) -> str:
    return datetime(2026, 3, 1, 0, 0, seconds, tzinfo=UTC).isoformat()


@pytest.mark.invariant(1)
def test_everything_is_read_a_week_after_it_was_read_last(world):
    w = world([compound(n) for n in range(5)])
    first = w.sync()
    assert first.full_reason == "this is the lane's first run"
    w.registry.records[1]["approval"] = 2001  # unseen: its time of change stays
    for _ in range(2):
        days_pass(3)
        run = w.sync()
        assert (run.kind, run.reads_all, run.full_reason) == (Kind.INCREMENTAL, False, "")
        assert run.last_full_at == SyncRun.objects.get(pk=first.pk).last_full_at
    assert w.values()["C-000001"]["Approval"] == 1951
    days_pass(2)
    run = w.sync()
    assert (run.kind, run.reads_all, run.last_full_at) == (Kind.FULL, True, run.created_at)
    assert run.full_reason == "the last full run is more than 7 days old"
    assert "Everything is read: the last full run is more than 7 days old." in logged(run)
    assert w.values()["C-000001"]["Approval"] == 2001
    days_pass(6)
    assert w.sync().kind == Kind.INCREMENTAL


@pytest.mark.once
def test_the_operator_sets_how_often_everything_is_read(world, settings):
    settings.FULL_SYNC_EVERY_DAYS = 2
    w = world([compound(n) for n in range(5)])
    w.sync()
    days_pass(1)
    assert w.sync().kind == Kind.INCREMENTAL
    days_pass(2)
    assert w.sync().full_reason == "the last full run is more than 2 days old"


@pytest.mark.invariant(1)
def test_a_reading_that_became_whole_counts_as_one(world):
    """The newest record is gone, so everything is read: a week begins with that."""
    w = world([compound(n) for n in range(5)])
    w.sync()
    days_pass(6)
    w.registry.records.pop()
    run = w.sync()
    assert run.reads_all and run.last_full_at >= run.created_at
    days_pass(6)
    assert w.sync().kind == Kind.INCREMENTAL


@pytest.mark.invariant(1)
def test_a_run_from_a_given_time_leaves_the_place_where_the_next_one_begins(world):
    w = world([compound(n) for n in range(5)])
    before = w.sync()
    w.registry.edit("C-000001", at(1), approval=2001)
    w.registry.edit("C-000002", at(30), approval=2002)
    asked = datetime(2026, 3, 1, 0, 0, 20, tzinfo=UTC)
    some = w.sync(since=asked)
    assert (some.kind, some.since, some.read, some.updated) == (Kind.INCREMENTAL, asked, 1, 1)
    assert w.values()["C-000001"]["Approval"] == 1951
    run = w.sync()
    assert (run.kind, run.since, run.updated) == (Kind.INCREMENTAL, before.watermark, 1)
    assert w.values()["C-000001"]["Approval"] == 2001


@pytest.mark.invariant(1)
@pytest.mark.parametrize("kind", [Kind.DRY_RUN, Kind.RETRY])
@pytest.mark.once
def test_a_run_that_writes_nothing_new_leaves_it_too(world, kind):
    w = world([compound(n) for n in range(5)])
    before = w.sync()
    w.registry.edit("C-000001", at(1), approval=2001)
    other = w.sync(kind=kind)
    assert (other.kind, other.status) == (kind, Status.SUCCEEDED)
    run = w.sync()
    assert (run.since, run.updated) == (before.watermark, 1)
    assert w.values()["C-000001"]["Approval"] == 2001


def without_bookmark(w, **values) -> None:
    """Let the last session be one that other software closed."""
    session = w.session()
    session["messages"] = [m for m in session["messages"] if not m["content"].startswith("State:")]
    session.update(values)


@pytest.mark.invariant(7)
def test_without_bookmark_a_run_reads_from_when_the_good_session_was_made(world):
    w = world([compound(n) for n in range(5)])
    w.sync()
    without_bookmark(w)
    made = datetime.fromisoformat(w.session()["createdAt"])
    forget()
    w.registry.edit("C-000001", (made + timedelta(seconds=5)).isoformat(), approval=2001)
    before = w.written()
    run = w.sync()
    assert (run.kind, run.last_full_at) == (Kind.INCREMENTAL, made)
    assert run.since == made.replace(microsecond=0)  # as precise as the registry is asked
    assert w.values()["C-000001"]["Approval"] == 2001 and w.written() == before + 1


@pytest.mark.invariant(7)
@pytest.mark.parametrize(
    "values",
    [
        {"status": "COMPLETED_WITH_WARNINGS"},
        {"status": "FAILED"},
        {"name": f"{SESSION_NAME} (partial)"},
    ],
)
@pytest.mark.once
def test_a_session_that_may_hide_unread_records_gives_no_place(world, values):
    w = world([compound(n) for n in range(5)])
    w.sync()
    without_bookmark(w, **values)
    forget()
    run = w.sync()
    assert (run.kind, run.full_reason) == (Kind.FULL, "this is the lane's first run")


def logged(run: SyncRun) -> list[str]:
    return list(run.log.values_list("text", flat=True))
