"""Turns at a Benchling registry: who sends next, and for whom no one waits."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from registry_sync import runs
from registry_sync.models import Batch, Lane, SyncRun
from registry_sync.sync.delivery.turns import Turns
from tests.support.factories import BatchFactory, LaneFactory

pytestmark = pytest.mark.django_db


class Line:
    """Two lanes with a claimed run each; `then` are what happens while the first one waits."""

    def __init__(self) -> None:
        self.lanes = [LaneFactory(position=n) for n in range(2)]
        self.mine, self.other = (self._run(lane) for lane in self.lanes)
        self.tasks: dict[str, bool] = {}
        self.then: list[Any] = []
        self.waits = 0
        self.told: list[str] = []

    def _run(self, lane: Lane) -> tuple[SyncRun, runs.Lease]:
        run, _ = runs.request_run(kind="full", trigger="schedule", lane=lane)
        lease = runs.claim(run.pk)
        assert lease is not None
        run.refresh_from_db()
        return run, lease

    def turns(self, *, in_flight: int = 1) -> Turns:
        run, lease = self.mine
        ctx: Any = SimpleNamespace(
            run=run, lease=lease, lane=run.lane, terms=SimpleNamespace(in_flight=in_flight),
            pacer=SimpleNamespace(pause=self._pause, show_wait=self.told.append),
            client=SimpleNamespace(task=lambda id_: SimpleNamespace(running=self.tasks[id_])),
        )  # fmt: skip
        return Turns(ctx)

    def _pause(self, seconds: float, reason: str) -> None:
        self.waits += 1
        assert self.then, "it would wait for ever"
        self.then.pop(0)()

    def set_other(self, **values: Any) -> None:
        SyncRun.objects.filter(pk=self.other[0].pk).update(**values)

    def batch(self, whose: tuple[SyncRun, Any], **values: Any) -> Batch:
        return BatchFactory(run=whose[0], number=Batch.objects.count() + 1, size=1, **values)

    def take(self, **terms: Any) -> int:
        """Take a turn and give it up; return how often it waited."""
        turns = self.turns(**terms)
        turns.take(self.batch(self.mine))
        turns.pass_on()
        assert SyncRun.objects.get(pk=self.mine[0].pk).turn_since is None
        return self.waits


@pytest.fixture
def line(settings) -> Line:
    settings.BENCHLING_APP_ID, settings.BENCHLING_URL = "app_test", "https://t.example.com"
    return Line()


def test_who_waits_longer_goes_first(line):
    line.set_other(turn_since=timezone.now() - timedelta(seconds=5))
    line.then = [lambda: None, lambda: line.set_other(turn_since=None)]
    assert line.take() == 2


def test_a_long_wait_says_for_whose_run_it_is_and_a_short_one_nothing(line):
    Lane.objects.filter(pk=line.lanes[1].pk).update(schema_name="Lots")
    mine, pk = line.mine[0], line.other[0].pk
    line.set_other(turn_since=timezone.now() - timedelta(seconds=5))
    line.then = [lambda: None] * 5 + [lambda: line.set_other(turn_since=None)]
    assert line.take() == 6 and line.told == []
    seen = []

    def look():
        row = SyncRun.objects.get(pk=mine.pk)
        seen.append((row.waiting_code, row.waiting_for, runs.hold_up(row)))

    line.batch(line.other, task_id="t1", asked_at=timezone.now())
    line.tasks["t1"] = True
    line.then = [lambda: None] * 6 + [look, look, lambda: line.tasks.update(t1=False)]
    line.take()
    whom = f"its turn to write to Benchling, after run {pk} (Lots)"
    assert seen == [("turn", whom, runs.HoldUp("waiting", f"Waiting for {whom}."))] * 2
    assert line.told == [whom], "once, as long as it is the same run"
    row = SyncRun.objects.get(pk=mine.pk)
    assert (row.waiting_code, row.waiting_for, runs.hold_up(row)) == ("", "", None)


def test_who_came_later_lets_it_go(line):
    line.set_other(turn_since=timezone.now() + timedelta(hours=1))
    assert line.take() == 0


@pytest.mark.parametrize(
    "gone",
    [{"lease_until": timezone.now() - timedelta(seconds=1)}, {"status": "CANCELLED"}],
)
def test_nobody_waits_for_a_run_without_a_holder(line, gone):
    line.set_other(turn_since=timezone.now() - timedelta(seconds=5), **gone)
    assert line.take() == 0


def test_a_task_of_another_lane_is_waited_for_until_benchling_has_ended_it(line):
    line.batch(line.other, task_id="t1", asked_at=timezone.now())
    line.tasks["t1"] = True
    line.then = [lambda: None, lambda: line.tasks.update(t1=False)]
    assert line.take() == 2, "that it has landed need not be recorded"
    assert line.take(in_flight=2) == 2, "there is room for two"


def test_what_another_lane_is_about_to_send_is_waited_for(line):
    sent = line.batch(line.other, asked_at=timezone.now())
    line.then = [lambda: Batch.objects.filter(pk=sent.pk).update(done_at=timezone.now())]
    assert line.take() == 1
    stuck = line.batch(line.other, asked_at=timezone.now())
    line.set_other(turn_since=timezone.now() + timedelta(hours=1))
    assert line.take() == 1, "it waits itself, and two must not wait for each other"
    assert stuck.done_at is None


def test_since_when_it_waits_is_read_under_the_lock_of_the_line(line, monkeypatch):
    """Else a run that comes later may look, and send, before this one's earlier time is there."""
    before: list[str] = []
    with CaptureQueriesContext(connection) as queries:

        def now():
            before.extend(query["sql"] for query in queries.captured_queries)
            return timezone.now()

        monkeypatch.setattr(runs, "database_now", now)
        line.take()
    lock = "FOR NO KEY UPDATE" if connection.features.has_select_for_update else "UPDATE "
    assert any(lock in sql for sql in before)


def test_a_look_reads_no_records_of_batches(line):
    line.batch(line.other, task_id="t1", asked_at=timezone.now(), lines="{}")
    line.tasks["t1"] = False
    with CaptureQueriesContext(connection) as queries:
        assert line.take() == 0
    looked = [
        q["sql"] for q in queries.captured_queries if "t1" in q["sql"] or "task_id" in q["sql"]
    ]
    assert looked and not [sql for sql in looked if '"lines"' in sql and sql.startswith("SELECT")]


def test_a_write_that_is_no_batch_holds_its_turn_until_it_ends(line):
    with pytest.raises(ZeroDivisionError), line.turns().turn():
        assert SyncRun.objects.get(pk=line.mine[0].pk).turn_since is not None
        raise ZeroDivisionError
    assert SyncRun.objects.get(pk=line.mine[0].pk).turn_since is None


def test_an_only_lane_takes_no_turns(line, django_assert_num_queries):
    Lane.objects.filter(position=1).update(position=None)
    turns = line.turns()
    with django_assert_num_queries(1):  # once, whether it is the only one
        for _ in range(2):
            turns.take(Batch())
            turns.pass_on()
