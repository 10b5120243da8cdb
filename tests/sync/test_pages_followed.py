"""What each page of a registry says: its clock, its total, its filter, and what it lacks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import timezone

from registry_sync.core.problems import ConfigError, Problem
from registry_sync.ledger.record_outcome import Outcome
from registry_sync.models import SyncRun
from registry_sync.source.pages import Page, Sign
from registry_sync.sync.known_pages import KnownPages
from registry_sync.sync.records import Compared, SourceRecord, record_outcome
from registry_sync.sync.source_tracking import SourceTracker
from tests.support.contexts import connector_of, context
from tests.support.factories import LedgerEntryFactory, SyncRunFactory

pytestmark = [pytest.mark.once, pytest.mark.django_db]
Kind = SyncRun.Kind
NOON = datetime(2025, 1, 6, 12, tzinfo=UTC)
EARLIER = NOON - timedelta(hours=1)
NO_FILTER = {"endpoint": {"incremental": {"cursor_path": "modified_at", "client_side": True}}}
MORE = {"page": 2}


def records(*numbers: int, when: datetime | None = NOON, **values: Any) -> list[SourceRecord]:
    kept = {"name": "Aspirin", "f0": "a", **values}
    raws = [{"id": f"C-{n}", **{k: v for k, v in kept.items() if v is not None}} for n in numbers]
    return [SourceRecord(str(raw["id"]), raw, f"{n:x}", when) for n, raw in enumerate(raws, 1)]


class Followed:
    """A tracker of a run, and the pages that it is given."""

    def __init__(self, connector: Any = None, **values: Any) -> None:
        made = connector_of(connector) if connector is not None else None
        values = {"since": EARLIER, **values}
        client = SimpleNamespace(server_date="")
        self.ctx = context(connector=made, client=client, **values)
        self.tracker = SourceTracker(self.ctx, lambda since: since)
        self.run = self.ctx.run

    def page(self, some: list[SourceRecord], *, next_: Any = MORE, **values: Any) -> str:
        """Follow a page; return why everything must be read."""
        kept = {"total": None, "server_date": timezone.now(), **values}
        page = Page([r.raw for r in some], None, next_, bytes=1, **kept)
        return self.tracker.follow(page, some)

    def saved(self) -> SyncRun:
        return SyncRun.objects.get(pk=self.run.pk)

    def warnings(self) -> list[str]:
        return [warning["code"] for warning in self.saved().warnings]

    def logged(self) -> str:
        return " ".join(self.run.log.values_list("text", flat=True))


def whole(**values: Any) -> Followed:
    return Followed(**{"reads_all": True, "since": None, "kind": Kind.FULL, **values})


def test_the_first_page_is_kept_before_any_of_its_records():
    one = whole(source_total=77)
    one.page(records(1, 2), total=5, server_date=timezone.now())
    kept = one.saved()
    assert kept.source_total == 5 and kept.reading["began"] and kept.server_date is not None
    assert kept.reading["pages"] == 0
    place = one.tracker.place()
    assert (place["watermark"], place["watermark_record"], place["source_total"]) == (
        NOON,
        "C-1",
        5,
    )
    assert (place["expected_record"], place["older"], place["reading"]["pages"]) == ("", 0, 1)


def test_the_clock_of_the_first_page_counts():
    one = whole()
    first = timezone.now() - timedelta(minutes=1)
    one.page(records(1), server_date=first)
    one.page(records(2), server_date=first + timedelta(minutes=1))
    assert one.saved().server_date == first
    again = one.tracker.start_over()
    assert (again.number, again.pages, again.began) == (2, 0, "")
    one.page(records(1), total=3, server_date=first + timedelta(minutes=1))
    assert one.saved().server_date == first, "a reading of the same window goes by the first one"
    assert one.saved().source_total == 3 and one.tracker.watch.reading.began


def test_the_greatest_total_counts():
    one = whole()
    for total in (3, 5, None, 4):
        one.page(records(1), total=total)
    assert one.run.source_total == 5


@pytest.mark.parametrize(
    ("total", "values", "taken"),
    [
        (5, {}, 5), (6, {}, None), (4, {}, 4), (None, {}, None),
        (5, {"since_asked": EARLIER}, None),
        (9, {"reads_all": True, "since": None}, 9),
    ],
)  # fmt: skip
def test_a_total_near_that_of_everything_is_that_of_everything(total, values, taken):
    one = Followed(**values)
    SyncRunFactory(lane=one.ctx.lane, reads_all=True, source_total=10)
    SyncRunFactory(lane=one.ctx.lane, source_total=1000)
    one.page(records(1), total=total)
    assert one.run.source_total == taken


@pytest.mark.parametrize("whole_total", ["no run", None])
def test_without_a_total_of_everything_none_is_taken(whole_total):
    one = Followed()
    if whole_total is None:
        SyncRunFactory(lane=one.ctx.lane, reads_all=True)
    one.page(records(1), total=5)
    assert one.run.source_total is None


def test_a_registry_without_a_filter_counts_more_than_is_synced():
    one = Followed(NO_FILTER)
    one.page(records(1), total=5)
    assert one.run.source_total is None and one.tracker.watch.reading.total == 5
    early, late, timeless = (records(1, when=when)[0] for when in (EARLIER, NOON, None))
    older = records(1, when=EARLIER - timedelta(seconds=1))[0]
    assert one.tracker.changed([older, early, late, timeless]) == [early, late, timeless]
    other = Followed()
    assert other.tracker.changed([older, early]) == [older, early]


@pytest.mark.parametrize(
    ("values", "said"),
    [({}, "3 records were older than asked for"), ({"since_asked": EARLIER}, ""),
     ({"reads_all": True}, "")],
)  # fmt: skip
def test_a_filter_that_is_ignored_reads_everything(values, said):
    one = Followed(**values)
    old = records(1, 2, 3, when=EARLIER - timedelta(days=1))
    assert said in (told := one.page(old)) and bool(told) == bool(said)


@pytest.mark.parametrize(("minutes", "back"), [(4, False), (6, True)])
def test_a_clock_that_went_back_reads_everything(minutes, back):
    one = Followed()
    now = timezone.now()
    SyncRunFactory(lane=one.ctx.lane, server_date=now)
    there = now - timedelta(minutes=minutes)
    assert ("clock went back" in one.page(records(1), server_date=there)) == back
    assert one.page(records(2), server_date=there) == "", "the first page says it"


def test_a_page_that_nothing_can_be_made_of_reads_everything():
    one = Followed()
    assert one.page(records(1), doubt="it has moved") == "it has moved"
    assert one.run.server_date is None and one.tracker.watch.reading.pages == 0


@pytest.mark.parametrize("kind", [Kind.INCREMENTAL, Kind.DRY_RUN])
def test_what_a_page_teaches_is_kept_unless_nothing_may_be(kind):
    one = Followed(kind=kind)
    one.page(records(1), learned={"records_at": "items"}, next_=None)
    kept = {} if kind == Kind.DRY_RUN else {"records_at": "items", "largest_page": 1}
    assert one.ctx.lane.source_state == kept


@pytest.mark.parametrize("reads_all", [True, False])
def test_a_path_that_no_record_of_the_first_page_has_is_told(reads_all):
    one = Followed(reads_all=reads_all)
    one.page(records(*range(10), f0=None))
    one.page(records(*range(10, 20), f0=None))
    text = "None of the 10 records of the first page has “f0”."
    assert one.logged().count(text) == reads_all and one.warnings() == []
    other = Followed(reads_all=True)
    other.page(records(*range(10)))
    assert other.logged() == ""


def test_what_speaks_against_a_page_is_a_warning_unless_it_is_explained():
    one = whole()
    one.ctx.lane.source_state = {"largest_page": 3}
    signs = [Sign(code, f"It says {code}.", "Look.") for code in ("full_page", "answer_partial")]
    one.page(records(1, 2), signs=tuple(signs), next_=None)
    assert one.warnings() == ["answer_partial"]
    assert "It says answer_partial. Look." in one.logged()


@pytest.mark.parametrize(
    ("reads_all", "largest", "says"), [(True, 3, True), (False, 3, False), (False, 2, True)]
)
def test_a_token_is_passed_over_among_fewer_changes_alone(reads_all, largest, says):
    one = Followed(**({"reads_all": True, "since": None, "kind": Kind.FULL} if reads_all else {}))
    known = KnownPages(one.ctx).paginator
    one.ctx.lane.source_state = {"largest_page": largest, "paginator": known}
    token = Sign("more_said", "It mentions a next page at cursor.", "Look.", unsure=True)
    one.page(records(1, 2), signs=(token,), next_=None)
    assert ("more_said" in one.warnings()) == says


MANY = Sign("total_exceeded", "It counts fewer.", "Look.")


@pytest.mark.parametrize(("total", "warns"), [(1, True), (2, False), (None, True)])
def test_more_records_than_are_counted_are_judged_at_the_end(total, warns):
    one = Followed(kind=Kind.DRY_RUN)
    one.page(records(1, 2), total=total, signs=(MANY,), next_=None)
    assert one.warnings() == []
    assert one.tracker.moved() is False
    assert one.warnings() == ["total_exceeded"] * warns


@pytest.mark.parametrize("exceeded", [True, False])
def test_a_list_that_moved_is_read_again_from_its_first_page(exceeded):
    one = whole()
    one.page(records(1, 2), total=1, signs=(MANY,) if exceeded else ())
    one.tracker.watch.reading.again = 1
    assert one.tracker.moved() is True and one.warnings() == []
    one.page(records(1, 2), total=4)
    assert (one.saved().source_total, one.run.source_total) == (4, 4)
    assert one.tracker.moved() is False and "total_exceeded" not in one.warnings()


def test_a_start_over_forgets_what_was_too_much():
    one = whole()
    one.page(records(1, 2), total=1, signs=(MANY,))
    one.tracker.start_over()
    one.page(records(1, 2), total=4, next_=None)
    one.tracker.moved()
    assert "total_exceeded" not in one.warnings()


def test_what_came_again_is_noted_and_what_came_first_too():
    one = whole()
    some = records(1, 2, 3)
    one.page(some)
    out = Compared({}, came_again=[(some[0], False)], later=[some[1]])
    one.tracker.judge(some, out, again=False)
    reading = one.tracker.watch.reading
    assert (reading.again, reading.examples, reading.digest) == (1, ["C-1"], "3")
    one.tracker.judge(some, out, again=True)
    assert (reading.again, reading.digest) == (1, "7"), "which ones came again is not known"


@pytest.mark.parametrize(
    ("values", "pages", "stops"),
    [({}, 1, True), ({}, 2, False), ({"reads_all": False, "since": EARLIER}, 1, False)],
)
def test_a_field_that_takes_no_value_of_the_first_page_stops_the_run(values, pages, stops):
    one = whole(**values)
    problem = Problem("source", "wrong_type", "It is wrong.", "Correct it.", field="Field 0")
    for first in range(0, 10 * pages, 10):
        some = records(*range(first, first + 10))
        one.page(some)
    settled = [record_outcome(record, Outcome.FAILED, problems=(problem,)) for record in some]
    try:
        one.tracker.judge(some, Compared({}, settled=settled), again=False)
    except ConfigError as stopped:
        assert stops and stopped.code == "field_type"
    else:
        assert not stops


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, ""),
        ({"source_total": 2}, ""),
        ({"source_total": 3}, "the registry says that 3 records changed, but only 2 distinct"),
        ({"source_total": 3, "kind": Kind.DRY_RUN}, ""),
        ({"source_total": 3, "reads_all": True}, ""),
        ({"expected_record": "C-9"}, "C-9, the newest record of the last run, did not come back"),
        ({"expected_record": "C-9", "reads_all": True}, ""),
    ],
)
def test_what_did_not_come_is_said_at_the_end(values, said):
    one = Followed(read=2, **values)
    lost = one.tracker.lost()
    assert said in lost and bool(lost) == bool(said) and one.logged() == ""


def test_a_registry_that_counts_more_than_it_gives_is_known_by_its_last_full_run():
    one = Followed(read=2, source_total=3)
    SyncRunFactory(
        lane=one.ctx.lane, reads_all=True, full_reason="the registry says that 9 records changed"
    )
    assert one.tracker.lost() == ""
    assert "The registry says that 3 records changed, but gave 2;" in one.logged()


def test_what_is_older_than_asked_is_told_at_the_end():
    one = Followed()
    LedgerEntryFactory(lane=one.ctx.lane)
    one.page(records(1, when=EARLIER - timedelta(minutes=1)))
    assert one.tracker.lost() == "" and "1 record came that is older than asked for" in one.logged()


@pytest.mark.parametrize(("came", "ignored"), [((1, 2, 3), False), ((1, 2, 3, 4), True)])
def test_a_few_older_ones_of_a_small_registry_are_no_ignored_filter(
    came: tuple[int, ...], ignored: bool
) -> None:
    """Those that changed bring what belongs to them; if all come, the filter is ignored."""
    one = Followed()
    for number in range(1, 5):
        LedgerEntryFactory(lane=one.ctx.lane, external_id=f"C-{number}")
    old = records(*came, when=EARLIER - timedelta(days=3))
    assert bool(one.page(old, next_=None)) == ignored
