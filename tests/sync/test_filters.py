"""Registries whose filter does not work, and those that have none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from registry_sync.models import Lane, SyncRun
from tests.support.odd import Reply
from tests.support.registry import compound

pytestmark = pytest.mark.once

Status, Kind = SyncRun.Status, SyncRun.Kind
PLAIN = {"Connector Settings": None, "Modified Since Parameter": "since"}


def codes(run):
    return [warning["code"] for warning in run.warnings]


def stamp(when):
    return f"{when:%Y-%m-%dT%H:%M:%SZ}"


class Filtered:
    """A list whose filter is `keeps(record, since)`; without a since, everything comes."""

    def __init__(self, keeps=lambda record, since: record["modified_at"] >= since):
        self.records = [compound(n) for n in range(8)]
        self.keeps, self.asked, self.refuses = keeps, [], False

    def answer(self, asked):
        since = asked.query.get("since", "")
        self.asked.append(since)
        if since and self.refuses:
            return Reply({}, status=400)
        return [r for r in self.records if not since or self.keeps(r, since)]

    def edit(self, number, when=None, **values):
        self.records[number].update(modified_at=stamp(when or datetime.now(UTC)), **values)


@pytest.fixture
def read(world, serve):
    """Give `read(registry, **config)`: a world that reads it."""

    def start(registry, **config):
        w = world([], config=config)
        w.configure(**{"API URL": serve(registry.answer).url})
        return w

    return start


@pytest.mark.invariant(1)
def test_a_filter_that_gives_nothing_is_found(read):
    """It expects the time in another format, and returns an empty list for this one."""
    registry = Filtered(keeps=lambda record, since: False)
    w = read(registry, **PLAIN)
    w.sync()
    registry.edit(1, approval=2001)
    run = w.sync()
    assert (run.kind, codes(run)) == (Kind.FULL, ["filter_empty"])
    assert w.values()["C-000001"]["Approval"] == 2001
    assert "since 1971-01-01" in run.warnings[0]["text"]
    registry.edit(2, approval=2002)
    run = w.sync()  # from its start: it is known to be broken
    assert (run.kind, codes(run)) == (Kind.FULL, ["filter_empty"])
    assert w.values()["C-000002"]["Approval"] == 2002
    registry.keeps = lambda record, since: record["modified_at"] >= since
    assert w.sync().status == Status.SUCCEEDED
    assert w.sync().kind == Kind.INCREMENTAL


@pytest.mark.invariant(1)
def test_a_filter_that_gives_the_same_record_whatever_it_is_asked_is_found(read):
    """One without a time comes each time, and no other does."""
    registry = Filtered(keeps=lambda record, since: record["id"] == "C-000003")
    w = read(registry, **PLAIN)
    w.sync()
    for number in (1, 2):
        registry.edit(number, approval=2001)
        run = w.sync()
        assert (run.kind, codes(run)) == (Kind.FULL, ["filter_empty"])
        assert "returns only 1 record, although it has more" in run.warnings[0]["text"]
        assert w.values()[f"C-00000{number}"]["Approval"] == 2001
    registry.keeps = lambda record, since: record["modified_at"] >= since
    assert [w.sync().kind, w.sync().kind] == [Kind.FULL, Kind.INCREMENTAL]


@pytest.mark.invariant(1)
@pytest.mark.parametrize("kept", [2, 5])
def test_a_broken_filter_that_gives_more_than_it_did_is_not_trusted(read, kept):
    """Another record without a time comes each time too, or most come: no edit is left unread."""
    registry = Filtered(keeps=lambda record, since: record["id"] == "C-000007")
    w = read(registry, **PLAIN)
    w.sync()
    assert codes(w.sync()) == ["filter_empty"]
    always = [record["id"] for record in registry.records[-kept:]]
    registry.keeps = lambda record, since: record["id"] in always
    w.sync()
    for number in (1, 2):
        registry.edit(number, approval=2002)
        assert w.sync().kind == Kind.FULL
        assert w.values()[f"C-00000{number}"]["Approval"] == 2002


@pytest.mark.invariant(1)
def test_a_broken_filter_that_cannot_be_checked_is_still_broken(read):
    registry = Filtered(keeps=lambda record, since: False)
    w = read(registry, **PLAIN)
    w.sync()
    assert codes(w.sync()) == ["filter_empty"]
    registry.refuses = True
    assert [w.sync().kind, w.sync().kind] == [Kind.FULL, Kind.FULL]


def read_all_edited(read):
    """Return a registry whose records all changed within the lag, and its world after a sync."""
    registry = Filtered()
    for number in range(8):
        registry.edit(number)
    w = read(registry, **PLAIN)
    w.sync()
    return registry, w


@pytest.mark.invariant(5)
def test_a_filter_that_gives_all_there_is_works(read):
    """Nothing older than the lag is left to come."""
    registry, w = read_all_edited(read)
    for _ in range(2):
        run = w.sync()
        assert (run.kind, run.status, run.read) == (Kind.INCREMENTAL, Status.SUCCEEDED, 8)
    assert len(registry.asked) == 3  # it is not asked again for what it gave


@pytest.mark.invariant(5)
def test_a_registry_that_lost_records_is_not_said_to_have_a_broken_filter(read):
    registry, w = read_all_edited(read)
    del registry.records[5:]
    run = w.sync()
    assert run.kind == Kind.FULL and "filter_empty" not in codes(run)
    assert "no more than this run got" in run.full_reason
    assert w.sync().kind == Kind.INCREMENTAL


@pytest.mark.invariant(5)
def test_of_an_empty_registry_no_filter_is_said_to_be_broken(read):
    registry = Filtered(keeps=lambda record, since: False)
    w = read(registry, **PLAIN)
    w.sync()
    assert "filter_empty" in codes(w.sync())
    registry.records.clear()
    assert "filter_empty" not in codes(w.sync())


@pytest.mark.invariant(5)
def test_a_filter_that_works_is_checked_once_a_day(read):
    registry = Filtered()
    w = read(registry, **PLAIN)
    w.sync()
    for _ in range(3):
        run = w.sync()
        assert (run.kind, run.status, run.read) == (Kind.INCREMENTAL, Status.SUCCEEDED, 0)
    long_ago = [since for since in registry.asked if since.startswith("1971")]
    assert len(long_ago) == 1
    lane = Lane.objects.get()
    at = (timezone.now() - timedelta(hours=25)).isoformat()
    lane.source_state["filter"]["at"] = at
    lane.save()
    registry.keeps = lambda record, since: False
    assert w.sync().kind == Kind.FULL


@pytest.mark.invariant(1)
def test_a_server_in_another_time_zone_loses_no_edit(read):
    """It takes the time for its own, seven hours west, where its records are dated too."""
    registry = Filtered()
    w = read(registry, **PLAIN)
    w.sync()
    for number in (1, 2):
        registry.edit(number, datetime.now(UTC) - timedelta(hours=7), approval=2000 + number)
        run = w.sync()
        assert (run.kind, run.updated) == (Kind.INCREMENTAL, 1)


@pytest.mark.invariant(5)
def test_a_start_that_nothing_sends_reads_everything_and_says_so(read):
    registry = Filtered()
    settings = {"endpoint": {"incremental": {"cursor_path": "modified_at"}}}
    w = read(registry, **{"Connector Settings": settings})
    w.sync()
    registry.edit(1, approval=2001)
    run = w.sync()
    assert (run.kind, run.status, run.updated) == (Kind.FULL, Status.SUCCEEDED, 1)
    assert "sends {incremental.start_value}" in run.full_reason


@pytest.mark.invariant(1)
def test_client_side_syncs_only_what_changed(read):
    """All pages are read; the records before the start are not compared."""
    registry = Filtered()
    terms = {"cursor_path": "modified_at", "client_side": True, "lag": 0}
    w = read(registry, **{"Connector Settings": {"endpoint": {"incremental": terms}}})
    assert (w.sync().read, len(w.values())) == (8, 8)
    registry.edit(1, approval=2001)
    registry.records[2].update(approval=1999)  # without a new time: only a full run finds it
    run = w.sync()
    assert (run.kind, run.status) == (Kind.INCREMENTAL, Status.SUCCEEDED), run.warnings
    assert (run.read, run.updated) == (2, 1) and set(registry.asked) == {""}
    assert w.values()["C-000001"]["Approval"] == 2001
    registry.records = registry.records[3:]  # the record of the watermark is gone
    run = w.sync()
    assert run.kind == Kind.FULL and "C-000001" in run.full_reason


@pytest.mark.invariant(1)
@pytest.mark.parametrize("client_side", [True, False])
def test_initial_value_is_where_the_first_reading_begins(read, client_side):
    registry = Filtered()
    start = registry.records[5]["modified_at"]
    terms = {"cursor_path": "modified_at", "initial_value": start, "client_side": client_side}
    endpoint = {"incremental": {**terms, "lag": 0}}
    if not client_side:
        endpoint["params"] = {"since": "{incremental.start_value}"}
    w = read(registry, **{"Connector Settings": {"endpoint": endpoint}})
    run = w.sync()
    assert (run.status, run.read) == (Status.SUCCEEDED, 3), run.warnings
    assert set(w.values()) == {"C-000005", "C-000006", "C-000007"}
    assert registry.asked == ([""] if client_side else [start])
    registry.edit(1, approval=2001)
    run = w.sync()
    assert (run.kind, run.created) == (Kind.INCREMENTAL, 1)
