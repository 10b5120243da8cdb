"""Lists that move while they are read: nothing is lost, or the run says so and reads again."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from registry_sync.jobs import runner as jobs
from registry_sync.models import EntityError, LedgerEntry, SyncRun
from registry_sync.sync.carry import Carrier
from registry_sync.sync.delivery.batch_delivery import BatchDelivery
from tests.support.killing import Killed, killed_in
from tests.support.registry import compound
from tests.support.worlds import INCREMENTAL

pytestmark = pytest.mark.once

Status, Kind = SyncRun.Status, SyncRun.Kind
AGO = timedelta(hours=2)
SINCE = {"params": {"since": "{incremental.start_value}"}}
BY_CURSOR = {
    "endpoint": {
        **INCREMENTAL["endpoint"],
        "paginator": {"type": "cursor", "cursor_path": "next", "cursor_param": "after"},
    }
}


class EditedList:
    """A list sorted by time whose records are edited while it is read, after every page.

    `start=` counts records; `after=` goes on after one, by its time and id.
    """

    def __init__(self, count, size=10, *, total=False):
        began = datetime.now(UTC) - AGO
        self.records = [compound(n, modified_at=_stamp(began, n)) for n in range(count)]
        self.size, self.total, self.edits = size, total, 0
        # No edit is later than the answers that have it, however quickly a run follows.
        self.asked, self.clock = [], datetime.now(UTC) - timedelta(seconds=10)
        self.window = self.records
        self.edit = lambda page: None

    def edit_oldest(self, number=1):
        """Edit the first records of what is being read, as its users do: their time is now."""
        for record in self.window[:number]:
            self.edits += 1
            self.clock += timedelta(milliseconds=20)
            record.update(approval=2000 + self.edits, modified_at=self.clock.isoformat())
        self.records.sort(key=_key)

    def answer(self, asked):
        self.asked.append(asked.query)
        since = asked.query.get("since", "")
        window = [r for r in self.records if not since or _when(r) >= _time(since)]
        self.window = window
        if "after" in asked.query:
            rest = [r for r in window if "|".join(_key(r)) > asked.query["after"]]
            start = len(window) - len(rest)
        else:
            start = int(asked.query.get("start", 0))
        page = window[start : start + self.size]
        more = start + self.size < len(window)
        body = {"items": [dict(r) for r in page]}
        if self.total:
            body["total"] = len(window)
        if self.by_cursor:
            body["next"] = "|".join(_key(page[-1])) if more else None
        else:
            body["next"] = f"/list?start={start + self.size}&since={since}" if more else None
        self.edit(len(self.asked))
        return body

    by_cursor = False


def _stamp(began, n):
    return (began + timedelta(seconds=n)).isoformat()


def _time(text):
    return datetime.fromisoformat(text)


def _when(record):
    return _time(record["modified_at"])


def _key(record):
    return record["modified_at"], record["id"]


def codes(run):
    return [warning["code"] for warning in run.warnings]


@pytest.fixture
def read(world, serve):
    """Give `read(listing, settings)`: a world whose registry is the list."""

    def start(listing, settings=INCREMENTAL):
        w = world([])
        w.configure(**{"API URL": serve(listing.answer).url, "Connector Settings": settings})
        return w

    return start


def assert_equal(w, listing):
    values = w.values()
    arrived = {key: value["Approval"] for key, value in values.items()}
    late = {r["id"] for r in listing.records if arrived.get(r["id"]) != r["approval"]}
    assert not late, sorted(late)


@pytest.mark.invariant(1)
@pytest.mark.parametrize("total", [True, False])
@pytest.mark.parametrize("first", [True, False])
def test_a_list_that_moved_once_is_read_again(read, total, first):
    """Full or of changes, with a total or without: ten edits during the first page."""
    listing = EditedList(60, total=total)
    w = read(listing)
    if not first:
        w.sync()
        listing.edit_oldest(45)
    began = len(listing.asked) + 1
    listing.edit = lambda page: listing.edit_oldest(10) if page == began else None
    run = w.sync()
    assert codes(run) == ["list_moved"], run.warnings
    assert run.kind == (Kind.FULL if first else Kind.INCREMENTAL)
    assert "10 records came again" in run.warnings[0]["text"]
    assert '"stable_order": true' in run.warnings[0]["text"]
    missed = {r["id"] for r in listing.records} - set(w.values())
    assert not missed
    run = w.sync()
    assert (run.kind, run.status) == (Kind.INCREMENTAL, Status.SUCCEEDED), run.full_reason
    assert_equal(w, listing)


def test_a_dry_run_tells_a_list_that_moved(read):
    listing = EditedList(60)
    w = read(listing)
    listing.edit = lambda page: listing.edit_oldest(10) if page == 1 else None
    run = w.sync(kind=Kind.DRY_RUN)
    assert codes(run) == ["list_moved"], run.warnings
    assert "10 records came again" in run.warnings[0]["text"] and not w.values()
    listing.edit = lambda page: None
    assert codes(w.sync(kind=Kind.DRY_RUN)) == []


@pytest.mark.invariant(1)
@pytest.mark.parametrize("first", [True, False])
def test_a_list_that_never_stands_still_is_never_green(read, first):
    """Edited after every page: within the bound it is not read whole, so the watermark stays."""
    listing = EditedList(60)
    w = read(listing)
    if not first:
        w.sync()
        listing.edit_oldest(45)
    listing.edit = lambda page: listing.edit_oldest()
    before = len(listing.asked)
    run = w.sync()
    assert codes(run) == ["list_moved"] and "each of 3 readings" in run.warnings[0]["text"]
    assert len(listing.asked) - before < 30
    assert run.watermark == run.since and (run.since is None) == first
    again = w.sync()
    assert again.since == run.since, "it asks from the same time, not from a lag before"
    listing.edit = lambda page: None
    w.sync()
    assert_equal(w, listing)
    assert w.sync().status == Status.SUCCEEDED


@pytest.mark.invariant(1)
def test_edits_through_a_long_keyset_read_hold_nothing_up(read):
    """It goes on after a record: one that is edited comes again at its end, and none is missed.

    With a total, those that come again are not more than it says.
    """
    listing = EditedList(120)
    listing.by_cursor = True
    w = read(listing, BY_CURSOR)
    reached = None
    for attempt in range(3):
        listing.total = attempt != 1
        until = len(listing.asked) + 8
        listing.edit = lambda page, until=until: listing.edit_oldest() if page < until else None
        listing.window = listing.records
        listing.edit_oldest(50)
        run = w.sync()
        assert (run.status, codes(run)) == (Status.SUCCEEDED, []), run.warnings
        assert reached is None or run.watermark > reached
        reached = run.watermark
        time.sleep(1)  # a Date header counts whole seconds
    listing.edit = lambda page: None
    w.sync()
    assert_equal(w, listing)


@pytest.mark.invariant(1)
def test_an_offset_list_converges_by_its_total(read):
    """Edited after every page, but the readings together have as many records as it counts."""
    listing = EditedList(60, total=True)
    w = read(listing)
    listing.edit = lambda page: listing.edit_oldest()
    reached = None
    for _ in range(3):
        run = w.sync()
        # What is left to read may fit on one page, which cannot move.
        assert codes(run) == ["list_moved"] or (reached and codes(run) == []), run.warnings
        assert reached is None or run.watermark > reached
        reached = run.watermark
        time.sleep(1)  # a Date header counts whole seconds
    listing.edit = lambda page: None
    w.sync()
    assert_equal(w, listing)


@pytest.mark.invariant(5)
def test_the_same_ids_on_two_pages_each_time_are_named(read):
    """The list has them twice: it did not move, so the watermark goes on."""
    listing = EditedList(25)
    listing.records.insert(12, dict(listing.records[3]))
    w = read(listing)
    run = w.sync()
    assert codes(run) == ["ids_repeat"] and "1 record came again" in run.warnings[0]["text"]
    assert run.watermark is not None and w.sync().kind == Kind.INCREMENTAL


@pytest.mark.invariant(1)
def test_a_list_without_order_is_no_green_run(read):
    """Each page is in another order, so that some records come twice and others not at all."""
    listing = EditedList(30)
    answer = listing.answer

    def shuffled(asked):
        turn = len(listing.asked) * 7
        listing.records = listing.records[turn % 30 :] + listing.records[: turn % 30]
        return answer(asked)

    listing.answer = shuffled
    w = read(listing)
    run = w.sync()
    assert codes(run) == ["list_moved"] and run.status == Status.COMPLETED_WITH_WARNINGS
    assert not any("no longer in the registry" in warning["text"] for warning in run.warnings)


@pytest.mark.invariant(1)
def test_an_edit_ahead_of_counted_pages_is_a_sign_unless_the_order_is_known(read):
    """The record moves to the front of a list sorted by name: the last pages do not show it."""
    listing = EditedList(40)
    listing.records.sort(key=lambda record: record["name"][::-1])

    def rename(page):
        if page == began + 2:
            now = datetime.now(UTC) + timedelta(seconds=3)
            listing.records[35].update(approval=1999, modified_at=now.isoformat())

    w = read(listing)
    began = 0
    listing.edit = rename
    run = w.sync()
    assert codes(run) == ["list_moved"] and "was changed while it was read" in str(run.warnings)
    stable = {"paginator": {"type": "auto", "stable_order": True}}
    w.configure(**{"Connector Settings": {"endpoint": {**INCREMENTAL["endpoint"], **stable}}})
    began = len(listing.asked)
    assert codes(w.sync(kind=Kind.FULL)) == []


@pytest.mark.invariant(1)
def test_stable_order_false_reads_until_two_readings_agree(read):
    unstable = {"paginator": {"type": "auto", "stable_order": False}}
    settings = {"endpoint": {**INCREMENTAL["endpoint"], **unstable}}
    listing = EditedList(25)
    w = read(listing, settings)
    run = w.sync()
    assert (run.status, run.read, len(listing.asked)) == (Status.SUCCEEDED, 25, 6)
    listing.records.insert(3, compound(99, modified_at=_stamp(datetime.now(UTC) - AGO, 0)))
    hidden = listing.records.pop(3)

    def show(page):
        if page == 9:
            listing.records.insert(3, hidden)

    listing.edit = show
    run = w.sync(kind=Kind.FULL)
    assert (run.read, len(listing.asked)) == (26, 15) and "C-000099" in w.values()


@pytest.mark.invariant(1)
@pytest.mark.parametrize("seconds", [0, 60])
def test_readings_go_on_from_slice_to_slice(read, settings, seconds):
    settings.SLICE_SECONDS = seconds
    listing = EditedList(60)
    w = read(listing)
    listing.edit = lambda page: listing.edit_oldest(10) if page == 2 else None
    run = w.sync()
    assert codes(run) == ["list_moved"] and "10 records came again" in run.warnings[0]["text"]
    assert len(w.values()) == 60 and run.read == 60 and not EntityError.objects.exists()


@pytest.mark.invariant(4)
@pytest.mark.parametrize("killed", [2, 9])
def test_a_kill_in_a_reading_hides_no_sign_and_is_none(read, killed):
    """In the first reading, and in the one that repeats it: 12 pages, not counting that again."""
    listing = EditedList(60)
    w = read(listing)
    began = 2 if killed > 6 else 1000  # else in the reading after the kill, on its first page
    listing.edit = lambda page: listing.edit_oldest(10) if page == began + 1 else None
    carry, pages = Carrier.carry, []

    def dies(self, records, **more):
        carry(self, records, **more)
        pages.append(records)
        if len(pages) == killed:
            raise Killed
        return 0

    run = killed_in(Carrier, "carry", dies)
    began = len(listing.asked) if killed < 6 else began
    run = jobs.work_to_end(run.pk)
    assert codes(run) == ["list_moved"] and "10 records came again" in run.warnings[0]["text"]
    assert (run.read, run.failed, len(w.values())) == (60, 0, 60)
    assert w.sync().status == Status.SUCCEEDED
    assert_equal(w, listing)


@pytest.mark.invariant(4)
def test_a_kill_within_the_first_page_is_no_sign(read, settings):
    """Some of its batches are recorded by then, and come a second time with the same page."""
    settings.BATCH_SIZE = 10
    listing = EditedList(60, size=40)
    w = read(listing)
    send = BatchDelivery.send_full_batches

    def dies(self):
        send(self)
        raise Killed

    run = killed_in(BatchDelivery, "send_full_batches", dies)
    assert LedgerEntry.objects.filter(seen_run_id=run.pk).count() >= 10
    run = jobs.work_to_end(run.pk)
    assert (run.status, codes(run)) == (Status.SUCCEEDED, []), run.warnings
    assert (run.read, len(w.values()), len(listing.asked)) == (60, 60, 3)
    assert_equal(w, listing)


class NumberedList:
    """A list sorted by id on numbered pages of five without a total; `gone` maps the number of a
    request to the id that is deleted after it."""

    def __init__(self, count):
        began = datetime.now(UTC) - AGO
        records = [compound(n, modified_at=_stamp(began, n)) for n in range(count)]
        self.records = {record["id"]: record for record in records}
        self.asked, self.gone = [], {}

    def edit(self, *numbers):
        for external_id in [list(self.records)[number] for number in numbers]:
            self.records[external_id]["approval"] = 3000 + len(self.asked)
            self.records[external_id]["modified_at"] = datetime.now(UTC).isoformat()

    def answer(self, asked):
        self.asked.append(asked.query)
        since = asked.query.get("since", "")
        window = [r for r in self.records.values() if not since or _when(r) >= _time(since)]
        start = 5 * (int(asked.query.get("page", 1)) - 1)
        body = {"items": [dict(r) for r in window[start : start + 5]]}
        if gone := self.gone.pop(len(self.asked), None):
            del self.records[gone]
        return body


def numbered(**more):
    return {"endpoint": {**INCREMENTAL["endpoint"], "paginator": {"type": "page_number", **more}}}


@pytest.mark.invariant(1)
def test_a_record_that_a_deletion_hid_on_numbered_pages_arrives(read):
    listing = NumberedList(12)
    ids = list(listing.records)
    w = read(listing, numbered())
    w.sync()
    listing.edit(*range(8))
    listing.gone = {len(listing.asked) + 1: ids[1]}  # the first of the next page is passed over
    run = w.sync()
    assert (run.kind, codes(run)) == (Kind.INCREMENTAL, []), run.warnings
    assert w.values()[ids[5]]["Approval"] == listing.records[ids[5]]["approval"]


@pytest.mark.invariant(1)
def test_a_new_record_that_a_deletion_hid_from_a_full_read_comes_with_the_next(read):
    listing = NumberedList(12)
    w = read(listing, numbered())
    w.sync()
    ids = list(listing.records)
    late = compound(77, modified_at=(datetime.now(UTC) - timedelta(seconds=9)).isoformat())
    rest = {key: listing.records[key] for key in ids[5:]}
    listing.records = {key: listing.records[key] for key in ids[:5]} | {late["id"]: late} | rest
    listing.edit(8)
    listing.gone = {len(listing.asked) + 1: ids[0]}
    run = w.sync(kind=Kind.FULL)
    assert late["id"] not in w.values() and "list_moved" not in codes(run)
    run = w.sync()
    assert run.kind == Kind.INCREMENTAL and late["id"] in w.values()


def test_a_list_that_is_known_to_stand_still_is_read_once(read):
    listing = NumberedList(12)
    w = read(listing, numbered(stable_order=True))
    w.sync()
    listing.edit(*range(8))
    asked = len(listing.asked)
    assert w.sync().kind == Kind.INCREMENTAL and len(listing.asked) - asked <= 4
