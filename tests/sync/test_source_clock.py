"""A registry's clock and ours, and records whose times are odd."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from registry_sync.models import RunLog, SyncRun
from tests.support.odd import Reply
from tests.support.registry import compound

pytestmark = pytest.mark.once  # how a registry answers is no matter of the database

Status, Kind = SyncRun.Status, SyncRun.Kind
PLAIN = {"Connector Settings": None, "Modified Since Parameter": "since"}


def codes(run):
    return [warning["code"] for warning in run.warnings]


def now():
    return datetime.now(UTC)


@pytest.mark.invariant(1)
@pytest.mark.parametrize("ahead", [timedelta(days=1), timedelta(minutes=20)])
def test_a_date_header_that_is_ahead_passes_over_no_edit(world, ahead):
    w = world([compound(n) for n in range(5)], config=PLAIN)
    w.registry.date = now() + ahead
    first = w.sync()
    assert first.watermark <= now() and codes(first) == ["clock_ahead"], first.warnings
    assert "ahead of this server's" in first.warnings[0]["text"]
    w.registry.edit("C-000001", approval=2001)
    run = w.sync()
    assert (run.kind, run.updated) == (Kind.INCREMENTAL, 1)
    assert w.values()["C-000001"]["Approval"] == 2001


@pytest.mark.invariant(1)
def test_a_date_header_that_is_behind_is_harmless(world):
    """A cached answer, or a proxy that writes its own: more is read, and nothing is missed."""
    w = world([compound(n) for n in range(5)], config=PLAIN)
    w.registry.date = now() - timedelta(hours=1)
    w.sync()
    w.registry.edit("C-000001", approval=2001)
    run = w.sync()
    assert (run.kind, run.status, run.updated) == (Kind.INCREMENTAL, Status.SUCCEEDED, 1)
    assert RunLog.objects.filter(run=run, text__contains="1 h behind this server's").exists()


@pytest.mark.invariant(1)
def test_a_filter_that_compares_times_as_text_loses_no_edit(world, serve):
    """As SQLite does: a blank comes before the T, so that the whole day seems to be earlier."""
    asked_at = (now() - timedelta(days=1)).replace(hour=15, minute=0)
    records = [{**compound(n), "modified_at": "2026-01-05 10:00:00"} for n in range(3)]

    def answer(asked):
        found = [r for r in records if r["modified_at"] >= asked.query.get("since", "")]
        return Reply(found, headers={"Date": f"{asked_at:%a, %d %b %Y %H:%M:%S} GMT"})

    w = world([], config=PLAIN)
    w.configure(**{"API URL": serve(answer).url})
    w.sync()
    records[1].update(approval=2001, modified_at=f"{asked_at:%Y-%m-%d} 14:59:00")
    run = w.sync()
    assert (run.kind, run.updated) == (Kind.INCREMENTAL, 1)


@pytest.mark.invariant(1)
@pytest.mark.parametrize("behind", [timedelta(minutes=20), timedelta(hours=12)])
def test_no_date_header_and_a_registry_that_is_behind_loses_no_edit(world, serve, behind):
    """Its clock is behind ours, or its filter reads the time in a zone west of UTC."""
    records = [compound(n) for n in range(5)]

    def answer(asked):
        since = asked.query.get("since", "")
        found = [r for r in records if r["modified_at"] >= since]
        return Reply(found, headers={"Date": ""})

    w = world([], config=PLAIN)
    w.configure(**{"API URL": serve(answer).url})
    w.sync()
    records[1].update(approval=2001, modified_at=f"{now() - behind:%Y-%m-%dT%H:%M:%SZ}")
    run = w.sync()
    assert (run.kind, run.updated) == (Kind.INCREMENTAL, 1)
    assert w.values()["C-000001"]["Approval"] == 2001
    assert RunLog.objects.filter(run=run, text__contains="no Date header").exists()


@pytest.mark.invariant(1)
def test_times_that_cannot_be_read_show_no_zone_and_lose_no_edit(world, serve):
    """The watermark is a clock's time, and the filter reads it in a zone west of UTC."""
    west = timedelta(hours=8)
    records = [compound(n) for n in range(5)]

    def answer(asked):
        since = asked.query.get("since", "")
        return [r for r in records if r["modified_at"] >= since]

    incremental = {"cursor_path": "modfied_at", "lag": 0}
    endpoint = {"params": {"since": "{incremental.start_value}"}, "incremental": incremental}
    w = world([], config={"Connector Settings": {"endpoint": endpoint}})
    w.configure(**{"API URL": serve(answer).url})
    assert codes(w.sync()) == ["no_time"]
    records[1].update(approval=2001, modified_at=f"{now() - west:%Y-%m-%dT%H:%M:%SZ}")
    run = w.sync()
    assert (run.kind, run.updated, codes(run)) == (Kind.INCREMENTAL, 1, ["no_time"])
    assert w.values()["C-000001"]["Approval"] == 2001


@pytest.mark.invariant(1)
def test_a_future_date_is_named_and_hides_no_edit(world):
    w = world([compound(n) for n in range(5)])
    w.registry.edit("C-000004", (now() + timedelta(days=3650)).isoformat())
    run = w.sync()
    assert run.watermark <= now() and codes(run) == ["future_dated"]
    assert "C-000004 is dated" in run.warnings[0]["text"]
    w.registry.edit("C-000001", approval=2001)
    assert w.sync().updated == 1 and w.values()["C-000001"]["Approval"] == 2001


@pytest.mark.invariant(5)
@pytest.mark.parametrize("old", ["0001-01-01T00:00:00Z", "2026-01-03T00:00:00Z"])
def test_one_old_record_does_not_call_the_filter_ignored(world, serve, old):
    """A placeholder date, or a record that comes because a part of it changed."""
    records = [compound(n) for n in range(60)]
    records[7]["modified_at"] = old

    def answer(asked):
        since = asked.query.get("since", "")
        return [r for r in records if r["modified_at"] >= since or r is records[7]]

    w = world([])
    w.configure(**{"API URL": serve(answer).url})
    w.sync()
    records[3].update(approval=2001, modified_at="2026-01-06T00:00:00Z")
    records[7].update(approval=2002)
    run = w.sync()
    assert (run.kind, run.status, run.read) == (Kind.INCREMENTAL, Status.SUCCEEDED, 3)
    assert w.values()["C-000003"]["Approval"] == 2001
    assert w.values()["C-000007"]["Approval"] == 2002
    log = RunLog.objects.get(run=run, text__contains="older than asked for")
    assert log.text.startswith("1 record came that is older than asked for, such as C-000007")
