"""Batches of rows: each row is written, refused with its own words, or left for another run.

Time passes only in the test's clock, so that waits cost nothing.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from registry_sync.benchling import bad_rows, bulk_upsert, lost_answers, upsert_rows
from registry_sync.benchling.bulk_upsert import PATIENCE, Upserter
from registry_sync.benchling.client import Task
from registry_sync.benchling.errors import LOCK_TRIES, LOCKED, AnswerLost, Refused, Wait
from registry_sync.benchling.upsert_rows import UpsertRow
from registry_sync.core.problems import SyncError
from registry_sync.core.waits import REGISTRATION_LOCK, TASK_RUNNING

pytestmark = pytest.mark.once
Json = dict[str, Any]
DOWN = SyncError("Benchling is down.", remedy="Wait.", kind="transient", code="down")


def rows_of(count: int) -> list[UpsertRow]:
    return [UpsertRow(f"C-{n}", json.dumps({"entityRegistryId": f"R-{n}"})) for n in range(count)]


class Tenant:
    """Takes rows but for the `bad` ones, and names these as `shape` says; a list of one's own."""

    def __init__(self, bad: Json, shape: Callable[[list[Json]], Any]) -> None:
        self.bad, self.shape = bad, shape
        self.held: dict[str, Json] = {}
        self.tasks: dict[str, Task] = {}
        self.bulk: list[int] = []
        self.single: list[str] = []
        self.looked = 0
        self.locked = self.lost = self.lost_before = self.forgets = self.slow = 0

    def start_upsert(self, rows: Sequence[str]) -> str:
        bodies = [json.loads(row) for row in rows]
        self.bulk.append(len(bodies))
        if self.lost_before:
            self.lost_before -= 1
            raise AnswerLost(DOWN)
        self.tasks[id_ := f"task-{len(self.bulk)}"] = self.work(bodies)
        if self.lost:
            self.lost -= 1
            raise AnswerLost(DOWN)
        return id_

    def work(self, bodies: Sequence[Json]) -> Task:
        if self.locked:
            self.locked -= 1
            return Task("FAILED", message=f"{LOCKED}. Please wait.")
        ids = [body["entityRegistryId"] for body in bodies]
        named = [{"index": n, "message": self.bad[i]} for n, i in enumerate(ids) if i in self.bad]
        if named:
            return Task("FAILED", message="Your request was invalid.", errors=self.shape(named))
        self.held |= {i: {"id": f"bfi_{i}", "entityRegistryId": i} for i in ids}
        # In another order than they were sent in.
        return Task("SUCCEEDED", entities=[self.held[i] for i in reversed(ids)])

    def task(self, task_id: str) -> Task | None:
        self.looked += 1
        if self.forgets:
            self.forgets -= 1
            return None
        if self.slow:
            self.slow -= 1
            return Task("RUNNING")
        return self.tasks[task_id]

    def upsert_one(self, body: Json) -> Json:
        id_ = body["entityRegistryId"]
        self.single.append(id_)
        if id_ in self.bad:
            raise Refused(400, f"exactly: {self.bad[id_]}")
        self.held[id_] = {"id": f"bfi_{id_}", "entityRegistryId": id_}
        if self.lost:
            self.lost -= 1
            raise AnswerLost(DOWN)
        return self.held[id_]


class Books:
    """The watcher: what became of each row, by external id."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self.got: dict[str, str] = {}
        self.refusals: dict[str, str] = {}
        self.postponed: dict[str, str] = {}
        self.steps: list[Any] = []
        self.suspects: list[Refused | None] = []

    def sending(self, rows: Sequence[UpsertRow]) -> None:
        self.steps.append(("sending", len(rows)))

    def unsent(self) -> None:
        self.steps.append("unsent")

    def sent(self, rows: Sequence[UpsertRow], task_id: str) -> None:
        self.steps.append(("sent", len(rows), task_id))

    def written(self, rows: Sequence[UpsertRow], entities: dict[str, Json]) -> None:
        for row in rows:
            self.put(self.got, row, entities[row.body["entityRegistryId"]]["id"])

    def refused(self, row: UpsertRow, refusal: Refused) -> None:
        self.put(self.refusals, row, refusal.message)

    def set_aside(self, rows: Sequence[UpsertRow], message: str) -> None:
        for row in rows:
            self.put(self.postponed, row, message)

    def put(self, book: dict[str, str], row: UpsertRow, said: str) -> None:
        known = self.got.keys() | self.refusals.keys() | self.postponed.keys()
        assert row.external_id not in known, "each row has one outcome"
        book[row.external_id] = said

    def find_written(self, rows: Sequence[UpsertRow]) -> Json:
        held = self.tenant.held
        return {
            row.external_id: held[row.body["entityRegistryId"]]
            for row in rows
            if row.body["entityRegistryId"] in held
        }

    def suspect(self, refusal: Refused | None) -> None:
        self.suspects.append(refusal)


class Case:
    def __init__(self, monkeypatch: Any, bad: Json, shape: Callable[[list[Json]], Any]) -> None:
        self.now, self.waits = 0.0, list[tuple[float, str]]()
        clock = SimpleNamespace(monotonic=lambda: self.now)
        for module in (bulk_upsert, lost_answers):
            monkeypatch.setattr(module, "time", clock)
        self.tenant = Tenant(bad, shape)
        self.books = Books(self.tenant)
        self.upserter = Upserter(self.tenant, self.books, self.pause)  # type: ignore[arg-type]

    def pause(self, seconds: float, reason: str = "") -> None:
        self.now += seconds
        self.waits.append((seconds, reason))

    def send(self, count: int, *, spent: int = 0) -> Books:
        self.upserter.land(self.upserter.start(rows_of(count), spent=spent))
        return self.books


@pytest.fixture
def case(monkeypatch):
    return lambda bad=(), shape=list: Case(
        monkeypatch, {f"R-{n}": f"row {n} is bad" for n in bad}, shape
    )


ALL, FIRST, NONE = list, (lambda named: named[0]), (lambda named: None)
SHAPES = pytest.mark.parametrize("shape", [ALL, FIRST, NONE], ids=["all", "first", "none"])


def test_rows_that_fit_cost_one_call_and_one_look(case):
    c = case()
    books = c.send(5)
    assert books.got == {f"C-{n}": f"bfi_R-{n}" for n in range(5)} and not books.refusals
    assert (c.tenant.bulk, c.tenant.single, c.tenant.looked) == ([5], [], 1)
    assert books.steps == [("sending", 5), ("sent", 5, "task-1")] and books.suspects == []
    assert c.waits == [(c.upserter.clock.base / 0.7 + 5 * c.upserter.clock.per_row / 0.7, "")]


@SHAPES
@pytest.mark.parametrize("bad", [(0,), (7,), (0, 7), (3, 4), (1, 2, 6)], ids=str)
@pytest.mark.invariant(3)
def test_each_bad_row_is_refused_in_its_own_words_and_the_others_are_written(case, shape, bad):
    c = case(bad, shape)
    books = c.send(8)
    assert books.refusals == {f"C-{n}": f"exactly: row {n} is bad" for n in bad}
    assert books.got == {f"C-{n}": f"bfi_R-{n}" for n in range(8) if n not in bad}
    assert books.suspects == [None] and not books.postponed
    assert len(c.tenant.bulk) + len(c.tenant.single) == c.upserter.calls <= 1 + 6 * len(bad)


def test_named_rows_cost_one_call_each_and_one_for_the_rest(case):
    c = case((0, 5), ALL)
    c.send(8)
    assert (c.tenant.bulk, c.tenant.single) == ([8, 6], ["R-0", "R-5"])


def test_rows_that_are_all_bad_are_sent_no_more_together(case):
    c = case(range(3), ALL)
    books = c.send(3)
    assert c.tenant.bulk == [3] and len(books.refusals) == 3


def test_one_row_is_asked_for_its_reason(case):
    c = case((0,), NONE)
    books = c.send(1)
    assert books.refusals == {"C-0": "exactly: row 0 is bad"}
    assert (c.tenant.bulk, c.tenant.single) == ([1], ["R-0"])


def test_a_clean_half_proves_the_other_one_bad(case):
    c = case((7,), NONE)
    c.send(8)
    assert (c.tenant.bulk, c.tenant.single) == ([8, 4, 2], ["R-6", "R-7"])


def test_beyond_twenty_named_rows_the_tasks_own_words_are_used(case):
    c = case(range(25), ALL)
    books = c.send(30)
    assert len(c.tenant.single) == bad_rows.CONFIRMED == 20
    assert books.refusals["C-19"] == "exactly: row 19 is bad"
    assert books.refusals["C-20"] == "row 20 is bad" and len(books.got) == 5


def test_a_row_that_is_named_without_a_message_is_asked_for_it(case):
    c = case(range(22), lambda named: [{"index": one["index"]} for one in named])
    books = c.send(30)
    assert books.refusals["C-21"] == "exactly: row 21 is bad"


def test_where_a_named_row_passes_alone_the_unconfirmed_ones_are_tried(case):
    c = case(range(25), ALL)
    take = c.tenant.upsert_one

    def upsert_one(body: Json) -> Json:
        c.tenant.bad.clear()  # the cause is gone by now
        return take(body)

    c.tenant.upsert_one = upsert_one
    books = c.send(30)
    assert not books.refusals and len(books.got) == 30
    assert c.tenant.bulk == [30, 10]


def test_one_named_row_that_passes_alone_is_remembered(case):
    c = case(range(25), ALL)
    take = c.tenant.upsert_one

    def upsert_one(body: Json) -> Json:
        for n in (0, *range(20, 25)):  # theirs is gone, that of the others is not
            c.tenant.bad.pop(f"R-{n}", None)
        return take(body)

    c.tenant.upsert_one = upsert_one
    books = c.send(25)
    assert set(books.refusals) == {f"C-{n}" for n in range(1, 20)} and len(books.got) == 6


@pytest.mark.parametrize("index", [-1, 8, "0", True, None])
def test_an_answer_that_names_no_row_of_the_batch_is_not_trusted(case, index):
    c = case((2,), lambda named: [{"index": index, "message": "?"}])
    books = c.send(8)
    assert books.refusals == {"C-2": "exactly: row 2 is bad"} and len(books.got) == 7


@SHAPES
def test_what_the_budget_leaves_over_is_postponed(case, monkeypatch, shape):
    monkeypatch.setattr(bad_rows, "BUDGET", 6)
    c = case(range(0, 32, 2), shape)
    books = c.send(32)
    assert len(books.got) + len(books.refusals) + len(books.postponed) == 32 and books.postponed
    assert len(c.tenant.bulk) + len(c.tenant.single) == c.upserter.calls == 6
    assert set(books.postponed.values()) <= {"Your request was invalid."} | {
        f"row {n} is bad" for n in range(32)
    }


@pytest.fixture
def few(monkeypatch):
    """Take batches in parts of four rows, each of which may cost six calls."""
    for module in (upsert_rows, bad_rows):
        monkeypatch.setattr(module, "FEW", 4)
    monkeypatch.setattr(bad_rows, "BUDGET", 6)


@pytest.mark.parametrize(
    ("count", "bad", "bulk"),
    [(4, (1,), [4, 2, 2]), (5, (1,), [5, 4, 2, 2]), (12, (5,), [12, 4, 4, 2, 2, 4])],
    ids=["few", "more", "many"],
)
def test_more_than_a_few_rows_are_sent_in_parts(case, few, count, bad, bulk):
    c = case(bad, NONE)
    books = c.send(count)
    assert set(books.refusals) == {f"C-{n}" for n in bad} and len(books.got) == count - len(bad)
    assert c.tenant.bulk == bulk
    assert c.upserter.limit == bad_rows.budget_of(count)


def test_a_part_that_is_all_bad_leaves_the_next_one_its_budget(case, few):
    c = case(range(4), NONE)
    books = c.send(8)
    assert {f"C-{n}" for n in range(4, 8)} <= set(books.got)
    assert len(books.refusals) + len(books.postponed) == 4


def test_rows_that_are_named_without_words_are_postponed_in_those_of_the_task(case, monkeypatch):
    monkeypatch.setattr(bad_rows, "BUDGET", 1)
    c = case(range(22), lambda named: [{"index": one["index"]} for one in named])
    assert set(c.send(30).postponed.values()) == {"Your request was invalid."}


def test_what_no_budget_confirms_is_not_taken_for_written(case, monkeypatch):
    monkeypatch.setattr(bad_rows, "BUDGET", 1)
    books = case(range(25), ALL).send(30)
    assert books.refusals == {f"C-{n}": f"row {n} is bad" for n in range(20, 25)}


def test_what_an_earlier_process_spent_counts(case, monkeypatch):
    monkeypatch.setattr(bad_rows, "BUDGET", 6)
    c = case((0,), NONE)
    books = c.send(8, spent=6)
    assert (c.tenant.bulk, c.tenant.single) == ([8], []) and len(books.postponed) == 8


def test_a_batch_that_is_refused_at_once_is_suspected_with_its_status(case):
    c = case((1,), ALL)

    def refuse(rows: Sequence[str]) -> str:
        raise Refused(400, "Not like this", [{"index": 1, "message": "row 1"}])

    c.tenant.start_upsert, take = refuse, c.tenant.start_upsert
    flight = c.upserter.start(rows_of(3))
    c.tenant.start_upsert = take
    c.upserter.land(flight)
    assert [refused.status for refused in c.books.suspects] == [400]
    assert c.books.steps[:2] == [("sending", 3), "unsent"]
    assert len(c.books.got) == 2 and set(c.books.refusals) == {"C-1"}


def test_a_lost_permission_is_suspected_of_every_row(case):
    c = case((0,), ALL)

    def upsert_one(body: Json) -> Json:
        raise Refused(403, "You may not")

    c.tenant.upsert_one = upsert_one
    c.send(2)
    assert [refused and refused.status for refused in c.books.suspects] == [None, 403, 403]


@pytest.mark.parametrize("count", [1, 3, LOCK_TRIES - 1])
def test_a_batch_waits_for_another_registration(case, count):
    c = case()
    c.tenant.locked = count
    books = c.send(4)
    locked = [seconds for seconds, reason in c.waits if reason == REGISTRATION_LOCK]
    assert len(books.got) == 4 and len(locked) == count and books.suspects == []
    assert all(2 * n <= seconds <= 4 * n for n, seconds in enumerate(locked, 1))
    assert c.tenant.bulk == [4] * (count + 1)


def test_a_lock_that_stays_lets_the_run_wait(case):
    c = case()
    c.tenant.locked = 1000
    with pytest.raises(Wait) as waits:
        c.send(2)
    assert waits.value.reason == REGISTRATION_LOCK and not c.books.got
    assert sum(reason == REGISTRATION_LOCK for _, reason in c.waits) == LOCK_TRIES


def test_a_slow_task_is_looked_at_less_and_less_often(case):
    c = case()
    c.tenant.slow = 12
    books = c.send(4)
    seconds = [wait for wait, _ in c.waits]
    assert len(books.got) == 4 and c.tenant.looked == 13
    assert all(0 < wait <= 6 for wait in seconds) and max(seconds) > 3 > 0.5 > seconds[1]
    assert c.upserter.clock.bounded


def test_looks_at_a_slow_task_begin_soon_and_end_five_seconds_apart(case, monkeypatch):
    monkeypatch.setattr(bulk_upsert, "random", SimpleNamespace(uniform=lambda low, high: high))
    c = case()
    c.now, c.tenant.slow = 1000.0, 14
    c.send(4)
    seconds = [wait for wait, _ in c.waits]
    assert seconds[1:4] == pytest.approx([0.12, 0.18, 0.27]) and seconds[-1] == 6.0
    c = case()
    c.tenant.slow = 1
    c.send(2000)
    assert c.waits[1][0] == pytest.approx(0.08 * 1.2 * c.waits[0][0]) and c.waits[1][0] > 0.2


def test_a_task_that_takes_too_long_lets_the_run_wait(case, monkeypatch):
    c, asked = case(), []
    monkeypatch.setattr(bulk_upsert, "retry_time", lambda seconds: asked.append(seconds))
    c.tenant.slow = 10_000
    with pytest.raises(Wait) as waits:
        c.send(4)
    assert waits.value.reason == TASK_RUNNING and asked == [60] and PATIENCE < c.now < PATIENCE + 10


@pytest.mark.parametrize("lost", ["lost", "forgets"])
@pytest.mark.invariant(2)
def test_a_batch_whose_answer_is_lost_is_looked_up_and_not_sent_again(case, lost):
    c = case()
    setattr(c.tenant, lost, 1)
    books = c.send(4)
    assert len(books.got) == 4 and c.tenant.bulk == [4]


@pytest.mark.invariant(2)
def test_a_batch_that_never_arrived_is_sent_again(case):
    c = case()
    c.tenant.lost_before = 2
    books = c.send(4)
    assert len(books.got) == 4 and c.tenant.bulk == [4, 4, 4] and c.now > 2 * lost_answers.LATE


def test_a_batch_that_never_arrives_ends_the_run(case):
    c = case()
    c.tenant.lost_before = 1000
    with pytest.raises(SyncError, match="is down"):
        c.send(4)
    assert len(c.tenant.bulk) == lost_answers.LOSSES + 1


def test_a_batch_whose_tasks_are_all_forgotten_ends_the_run(case):
    c = case()

    def start_upsert(rows: Sequence[str]) -> str:
        c.tenant.bulk.append(len(rows))
        return "lost"

    c.tenant.start_upsert, c.tenant.task = start_upsert, lambda task_id: None
    with pytest.raises(SyncError, match="lost"):
        c.send(4)
    assert len(c.tenant.bulk) == lost_answers.LOSSES + 1


@pytest.mark.parametrize("count", [4, 2000])
def test_what_is_missing_is_looked_for_until_its_request_must_have_ended(case, count):
    c = case()
    expected = c.upserter.clock.expect(count)
    rows = rows_of(count)
    assert c.upserter.missing(rows, started=c.now) == rows
    assert c.waits[0] == (pytest.approx(expected), "")
    assert 0 < c.now - 2 * expected - lost_answers.LATE <= 4.0
    c.now, c.waits = 100.0, []
    assert c.upserter.missing(rows, started=100.0 - expected) == rows
    assert c.waits[0] == (0.5, ""), "it should have ended by now"


def test_a_lost_request_that_may_hold_the_lock_lets_the_run_wait_a_minute(case, monkeypatch):
    c, asked = case(), []
    monkeypatch.setattr(bulk_upsert, "retry_time", lambda seconds: asked.append(seconds))
    c.tenant.lost_before, c.tenant.locked = 1, 1000
    with pytest.raises(Wait) as waits:
        c.send(4)
    assert waits.value.reason == REGISTRATION_LOCK
    assert set(asked) == {60}
    assert len(c.tenant.bulk) == lost_answers.LOSSES + 1


@pytest.mark.invariant(2)
def test_a_row_whose_answer_is_lost_is_looked_up_and_not_sent_again(case):
    c = case((0,), ALL)
    flight = c.upserter.start(rows_of(2))
    c.tenant.bad.clear()
    c.tenant.lost = 1
    c.upserter.land(flight)
    assert set(c.books.got) == {"C-0", "C-1"} and c.tenant.single == ["R-0", "R-1"]


@pytest.mark.parametrize(("one", "other"), list(itertools.pairwise([0, 1, 3])))
def test_the_rest_after_a_process_died_is_sent_and_nothing_twice(case, one, other):
    c = case()
    rows = rows_of(4)
    for row in rows[one:other]:
        c.tenant.upsert_one(row.body)
    c.tenant.single.clear()
    c.upserter.land_again(c.upserter.missing(rows, started=c.now), spent=2, size=4)
    assert len(c.books.got) == 4 and c.tenant.bulk == [4 - (other - one)]
    assert c.upserter.calls == 3


def test_a_row_that_others_took_while_its_answer_was_lost_is_refused(case):
    c = case()
    c.tenant.lost, look = 1, c.books.find_written
    c.books.find_written = lambda rows: {**look(rows), "C-1": Refused(0, "taken")}
    flight = c.upserter.start(rows_of(2))
    c.upserter.land(flight)
    assert (set(c.books.got), c.books.refusals) == ({"C-0"}, {"C-1": "taken"})
    assert c.tenant.bulk == [2]


def test_nothing_is_missing_of_what_is_there(case):
    c = case()
    c.tenant.work([row.body for row in rows_of(2)])
    assert c.upserter.missing(rows_of(2), started=c.now) == [] and len(c.books.got) == 2
    assert len(c.waits) == 1, "one look"


def test_a_cause_that_holds_for_the_rest_is_suspected_too(case):
    c = case((0,), ALL)
    c.upserter.land_again(rows_of(4), spent=2, size=4)
    assert c.books.suspects == [None] and set(c.books.refusals) == {"C-0"}
    assert len(c.books.got) == 3
