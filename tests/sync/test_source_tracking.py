"""What a run reads of the registry, and when it must read everything."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from registry_sync.jobs import runner as jobs
from registry_sync.models import SyncRun
from registry_sync.sync import source_tracking
from tests.support.killing import Killed, killed_in
from tests.support.registry import compound
from tests.support.worlds import INCREMENTAL

pytestmark = pytest.mark.once  # how a registry answers is no matter of the database

Status, Kind = SyncRun.Status, SyncRun.Kind


@pytest.mark.invariant(1)
def test_without_a_cursor_the_watermark_is_when_it_was_asked(world):
    settings_ = {
        "endpoint": {"params": {"since": "{incremental.start_value}"}, "incremental": {"lag": 0}}
    }
    w = world([compound(n) for n in range(5)], config={"Connector Settings": settings_})
    first = w.sync()
    time.sleep(1.1)
    second = w.sync()
    assert second.kind == Kind.INCREMENTAL
    assert second.watermark > first.watermark


@pytest.mark.invariant(1)
def test_another_filter_reads_everything(world):
    def terms(q):
        return {
            "endpoint": {
                "params": {"since": "{incremental.start_value}", "type": q},
                "incremental": {"cursor_path": "modified_at", "lag": 0},
            }
        }

    w = world([compound(n) for n in range(5)], config={"Connector Settings": terms("approved")})
    w.sync()
    w.registry.records.insert(0, compound(0, id="OLD", name="Old"))  # seen with the other filter
    w.configure(**{"Connector Settings": terms("all")})
    w.sync()
    assert "OLD" in w.values()


@pytest.mark.parametrize(
    ("terms", "times"),
    [
        ({"granularity": "day", "timezone": "Europe/Berlin"}, "2026-01-0{}"),
        ({"granularity": "day", "timezone": "America/New_York"}, "2026-01-0{}"),
        ({"datetime_format": "%Y-%m-%d"}, "2026-01-05 0{}:00:00"),
        ({"timezone": "Europe/Berlin"}, "2025-10-26T02:0{}:00"),
    ],
)
def test_what_the_text_of_since_asks_for_is_not_older_than_asked(world, serve, terms, times):
    """A day, or the hour before one that comes twice, brings more than the time itself."""
    records = [compound(n, modified_at=times.format(n)) for n in range(1, 10)]

    def answer(asked):
        return [r for r in records if r["modified_at"] >= asked.query.get("since", "")]

    w = world([])
    terms = {"cursor_path": "modified_at", "lag": 0, **terms}
    settings = {"params": {"since": "{incremental.start_value}"}, "incremental": terms}
    w.configure(**{"API URL": serve(answer).url, "Connector Settings": {"endpoint": settings}})
    w.sync()
    run = w.sync()
    assert (run.kind, run.status) == (Kind.INCREMENTAL, Status.SUCCEEDED), run.full_reason


@pytest.mark.invariant(1)
def test_a_record_passed_over_between_two_pages_of_changes_is_not_lost(world):
    """Sorted by the time of change, an edit moves all that follow by one while they are read."""
    w = world([compound(n) for n in range(60)], page_size=10)
    w.sync()

    def edit(number, seconds, **values):
        at = timezone.now() + timedelta(seconds=seconds)
        w.registry.edit(f"C-{number:06d}", at.strftime("%Y-%m-%dT%H:%M:%SZ"), **values)
        w.registry.records.sort(key=lambda record: record["modified_at"])

    def edit_again(page):
        if page == first + 1:
            edit(1, 0, approval=2002)

    for number in range(25):
        edit(number, number - 7200, approval=2001)
    first = w.registry.pages_served
    w.registry.on_page = edit_again
    run = w.sync()
    assert run.kind == Kind.INCREMENTAL, run.full_reason
    assert [warning["code"] for warning in run.warnings] == ["list_moved"]
    values = w.values()
    for record in w.registry.records:
        assert values[record["id"]]["Approval"] == record["approval"], record["id"]


def test_a_total_of_the_whole_collection_is_not_taken_for_that_of_the_changes(world):
    w = world([compound(n) for n in range(30)])
    w.registry.total = lambda found: len(w.registry.records)
    w.sync()
    run = w.sync()
    assert (run.kind, run.status, run.read) == (Kind.INCREMENTAL, Status.SUCCEEDED, 1)


def test_a_reading_begun_anew_does_not_go_on_in_the_one_before(world):
    """Half of all is older than asked for, so everything is read; then the process dies."""
    from registry_sync.sync.carry import Carrier

    incremental = {"cursor_path": "modified_at", "lag": 3600}
    asked = {"params": {"since": "{incremental.start_value}"}, "incremental": incremental}
    records = [compound(n) for n in range(150)]
    records += [compound(n, modified_at="2020-01-01T00:00:00Z") for n in range(150, 300)]
    w = world(records, page_size=100, config={"Connector Settings": {"endpoint": asked}})
    w.sync()
    for n in range(100, 110):
        w.registry.record(f"C-{n:06d}")["smiles"] = "N"
    first = w.registry.pages_served + 1
    w.registry.on_page = lambda page: setattr(w.registry, "ignores_filter", page >= first)
    carry = Carrier.carry

    def killed(self, records, **more):
        carry(self, records, **more)
        if self.ctx.run.reads_all:
            raise Killed
        return 0

    run = killed_in(Carrier, "carry", killed)
    run = jobs.work_to_end(run.pk)
    assert (run.reads_all, run.read) == (True, 300)
    assert {warning["code"] for warning in run.warnings} == {"older_than_asked"}


def test_an_emptied_identity_is_unknown(world):
    settings = {"endpoint": INCREMENTAL["endpoint"], "identity": ["cas[*]"]}
    records = [compound(n, cas=[f"50-00-{n}"]) for n in range(5)]
    w = world(records, config={"Connector Settings": settings})
    assert w.sync().status == Status.SUCCEEDED
    w.registry.edit("C-000002", cas=[], name="Other")
    run = w.sync()
    assert run.updated == 1 and not w.open_errors(), [e.message for e in w.open_errors().values()]


@pytest.mark.invariant(14)
def test_an_identity_that_is_filled_later_is_no_other_substance(world):
    settings = {"endpoint": INCREMENTAL["endpoint"], "identity": ["cas[*]"]}
    records = [compound(n, cas=[]) for n in range(5)]
    w = world(records, config={"Connector Settings": settings})
    assert w.sync().status == Status.SUCCEEDED
    w.registry.edit("C-000002", cas=["50-00-0"], name="Other")
    run = w.sync()
    assert run.updated == 1 and not w.open_errors(), [e.message for e in w.open_errors().values()]


def test_a_total_that_counts_more_among_changes_reads_not_everything_each_time(world):
    w = world([compound(n) for n in range(50)])
    w.registry.total = lambda found: len(found) + (1 if len(found) < 40 else 0)
    w.sync()
    kinds = []
    for _ in range(4):
        kinds.append(w.sync().kind)
    assert Kind.INCREMENTAL in kinds, kinds


@pytest.mark.invariant(14)
def test_the_guard_of_the_first_page_survives_a_kill(world):
    w = world([compound(n) for n in range(20)])
    w.sync()
    for r in w.registry.records:
        del r["smiles"]
        r["smile"] = "C"

    run = killed_in(source_tracking.SourceTracker, "_check_paths", kind=SyncRun.Kind.FULL)
    run = jobs.work_to_end(run.pk)
    assert run.status == Status.FAILED and run.error_code == "path_gone", (
        run.status,
        run.unchanged,
    )


def test_control_of_the_guard(world):
    w = world([compound(n) for n in range(20)])
    w.sync()
    for r in w.registry.records:
        del r["smiles"]
        r["smile"] = "C"
    assert w.sync(kind=Kind.FULL).error_code == "path_gone"
