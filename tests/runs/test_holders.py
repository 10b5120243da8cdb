"""Who holds a run: one process at a time, and only while its lease lasts."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import OperationalError
from django.utils import timezone

from registry_sync import ledger, runs
from registry_sync.core.waits import OBJECT_LIMIT
from registry_sync.ledger.record_outcome import Outcome, RecordOutcome
from registry_sync.models import LedgerEntry, SyncRun
from registry_sync.runs import lease as leases
from registry_sync.runs.lease import write_past_frozen
from tests.support.factories import LaneFactory, SyncRunFactory

pytestmark = pytest.mark.django_db
Status = SyncRun.Status
SECOND = timedelta(seconds=1)


@pytest.fixture
def run():
    return SyncRunFactory(status=Status.QUEUED, finished_at=None)


def stored() -> SyncRun:
    return SyncRun.objects.get()  # there is one


def runs_out() -> None:
    SyncRun.objects.update(lease_until=runs.database_now() - SECOND)


@pytest.mark.invariant(4)
def test_a_live_holder_is_not_taken_over_and_a_silent_one_is(run):
    first = runs.claim(run.pk)
    assert runs.is_held(run) and runs.claim(run.pk) is None
    runs_out()
    assert not runs.is_held(run)
    second = runs.claim(run.pk)
    assert second.fence == first.fence + 1
    with pytest.raises(runs.LeaseLost):
        runs.renew(first)
    runs.renew(second)


@pytest.mark.invariant(4)
def test_what_a_stale_holder_gives_up_is_not_the_new_holders_lease(run):
    first = runs.claim(run.pk)
    runs_out()
    second = runs.claim(run.pk)
    runs.release(first, waiting_until=timezone.now() + timedelta(hours=1), reason=OBJECT_LIMIT)
    assert runs.is_held(run) and not runs.is_waiting(run)
    runs.release(second)
    assert not runs.is_held(run) and runs.claim(run.pk) is not None


@pytest.mark.invariant(4)
def test_a_release_says_why_it_waits_and_the_next_claim_ends_the_wait(run):
    lease = runs.claim(run.pk)
    runs.release(lease, waiting_until=timezone.now() + timedelta(minutes=5), reason=OBJECT_LIMIT)
    waiting = stored()
    assert runs.is_waiting(run) and waiting.lease_until is None
    assert (waiting.waiting_code, waiting.waiting_for) == (OBJECT_LIMIT.code, OBJECT_LIMIT)
    left = waiting.waiting_until - runs.database_now()
    assert timedelta(minutes=4) < left <= timedelta(minutes=5)
    runs.claim(run.pk)
    claimed = stored()
    assert (claimed.waiting_until, claimed.waiting_code, claimed.waiting_for) == (None, "", "")


@pytest.mark.invariant(4)
def test_a_wait_that_is_over_is_none(run):
    runs.release(runs.claim(run.pk), waiting_until=timezone.now() - SECOND, reason="x")
    assert not runs.is_waiting(run)


@pytest.mark.invariant(4)
def test_a_claim_begins_the_run_once_and_says_who_holds_it(run):
    runs.claim(run.pk)
    first = stored()
    assert first.status == Status.RUNNING and abs(first.started_at - first.heartbeat) < 30 * SECOND
    assert ":" in first.lease_holder
    left = first.lease_until - runs.database_now()
    assert runs.lease_time() - 5 * SECOND < left <= runs.lease_time()
    runs_out()
    SyncRun.objects.update(started_at=first.started_at - SECOND)
    runs.claim(run.pk)
    assert stored().started_at == first.started_at - SECOND


@pytest.mark.parametrize(
    "values",
    [{"paused_at": timezone.now()}, {"status": Status.FAILED}, {"status": Status.CANCELLED}],
)
@pytest.mark.invariant(4)
def test_a_paused_or_ended_run_is_claimed_by_no_one(run, values):
    SyncRun.objects.update(**values)
    assert runs.claim(run.pk) is None and stored().fence == run.fence


@pytest.mark.invariant(4)
def test_one_runs_claim_leaves_the_others_alone(run):
    ended = SyncRunFactory()
    lease = runs.claim(run.pk)
    runs.renew(lease)
    ended.refresh_from_db()
    assert ended.status == Status.SUCCEEDED and ended.started_at is None and ended.fence == 0
    assert not runs.is_held(ended) and not runs.is_waiting(ended)
    other = SyncRunFactory(status=Status.QUEUED, app_id="app_other")
    theirs = runs.claim(other.pk)
    assert theirs.fence == lease.fence, "a number is of one run"
    SyncRun.objects.filter(pk=other.pk).update(lease_until=None, read=1)
    runs.renew(lease)
    runs.save_columns(run, lease, read=7)
    runs.release(lease, waiting_until=timezone.now() + SECOND * 60, reason="x")
    other.refresh_from_db()
    assert (other.lease_until, other.read, other.waiting_for) == (None, 1, "")
    assert not runs.is_held(other) and not runs.is_waiting(other)
    late = runs.database_now() + timedelta(hours=1)
    SyncRun.objects.filter(pk=ended.pk).update(lease_until=late)
    runs.shorten_leases()
    ended.refresh_from_db()
    assert ended.lease_until == late, "it is over: no one waits for it"


@pytest.mark.invariant(4)
def test_a_renewed_lease_lasts_a_whole_lease_from_now(run):
    lease = runs.claim(run.pk)
    long_ago = runs.database_now() - timedelta(minutes=10)
    SyncRun.objects.update(lease_until=long_ago, heartbeat=long_ago)
    runs.renew(lease)
    renewed = stored()
    assert renewed.lease_until - renewed.heartbeat == runs.lease_time()
    assert runs.database_now() - renewed.heartbeat < 5 * SECOND


@pytest.mark.invariant(4)
def test_an_ended_run_is_written_by_no_one(run, django_assert_num_queries):
    lease = runs.claim(run.pk)
    with django_assert_num_queries(1):  # with the lease: nothing can come between
        runs.save_columns(run, lease, read=3)
    assert stored().read == run.read == 3
    SyncRun.objects.update(status=Status.CANCELLED)
    with pytest.raises(runs.LeaseLost):
        runs.save_columns(run, lease, read=4)
    assert stored().read == run.read == 3


@pytest.mark.invariant(4)
def test_a_stale_holder_records_nothing(run):
    run.lane = LaneFactory()
    run.save()
    lease = runs.claim(run.pk)
    runs_out()
    newer = runs.claim(run.pk)
    outcome = RecordOutcome("C-1", "hash", Outcome.UNCHANGED)
    with pytest.raises(runs.LeaseLost):
        ledger.record(run, lease, [outcome])
    assert not LedgerEntry.objects.exists() and stored().read == 0
    ledger.record(SyncRun.objects.get(), newer, [outcome])
    assert LedgerEntry.objects.get().outcome == "unchanged" and stored().read == 1


def silent(**values) -> list[SyncRun]:
    """Let the run be as given, else silent for long; return what is stranded."""
    past = runs.database_now() - timedelta(hours=1)
    usual = {"status": Status.RUNNING, "lease_until": past, "heartbeat": past, "started_at": past,
             "waiting_until": None, "paused_at": None}  # fmt: skip
    SyncRun.objects.update(**{**usual, **values})
    return list(runs.stranded())


@pytest.mark.invariant(4)
def test_what_is_stranded(run):
    past, future = (runs.database_now() + side * timedelta(hours=1) for side in (-1, 1))
    assert silent() == silent(lease_until=None) == silent(waiting_until=past) == [run]
    assert silent(heartbeat=None) == silent(heartbeat=future) == [run]
    now = {"heartbeat": runs.database_now()}
    assert silent(started_at=None, created_at=past, status=Status.QUEUED, **now) == [run]
    assert silent(**now) == []  # it is about to be queued, or was released just now
    assert silent(started_at=None, created_at=runs.database_now(), **now) == []
    assert silent(lease_until=future) == silent(waiting_until=future) == []
    assert silent(paused_at=past) == []
    assert silent(status=Status.SUCCEEDED) == []


@pytest.mark.parametrize(("share", "is_stranded"), [(0.15, False), (0.2, True)])
def test_a_sixth_of_a_lease_is_long_enough_to_be_silent(run, settings, share, is_stranded):
    settings.LEASE_SECONDS = 100_000  # however long this test takes
    now = runs.database_now()
    assert bool(silent(heartbeat=now - share * runs.lease_time())) == is_stranded


@pytest.mark.invariant(4)
def test_a_lease_that_ends_too_late_is_shortened_and_no_other(run):
    lease = runs.claim(run.pk)
    before = stored().lease_until
    runs.shorten_leases()
    assert stored().lease_until == before
    SyncRun.objects.update(lease_until=before + timedelta(hours=1))
    runs.shorten_leases()
    assert stored().lease_until <= runs.database_now() + runs.lease_time()
    runs.renew(lease)


@pytest.mark.invariant(4)
def test_what_cannot_be_written_is_raised(run):
    def write() -> None:
        SyncRun.objects.update(read=7)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        write_past_frozen(write)
    assert stored().read == 0, "written whole or not at all"


@pytest.mark.once
def test_sqlite_has_a_timeout_of_its_own(run):
    def write() -> None:
        raise OperationalError("database is locked")

    with pytest.raises(OperationalError, match="database is locked"):
        write_past_frozen(write)


@pytest.mark.invariant(4)
def test_a_connection_that_was_frozen_in_a_transaction_is_ended(monkeypatch, settings):
    """PostgreSQL's part, without one: a row stays locked, for two leases."""
    settings.LEASE_SECONDS = 30
    clock, sent = [0.0], []

    class Cursor(contextlib.nullcontext):
        def execute(self, sql, params=()):
            sent.append((sql, params))

    monkeypatch.setattr(leases, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    postgres = SimpleNamespace(vendor="postgresql", cursor=lambda: Cursor(Cursor()))
    monkeypatch.setattr(leases, "connection", postgres)

    def write() -> None:
        clock[0] += 10
        raise OperationalError("canceling statement due to lock timeout")

    with pytest.raises(OperationalError):
        write_past_frozen(write)
    assert clock[0] == 70 and "'lock_timeout', '500ms'" in sent[0][0]
    ended = [params for sql, params in sent if "pg_terminate_backend" in sql]
    assert ended == [["0:00:20"]] * 6, "whoever was silent for most of a lease"
    assert write_past_frozen(lambda: 5) == 5


def test_a_resumed_run_asks_again_for_what_it_waited_for(run):
    runs.release(
        runs.claim(run.pk), waiting_until=timezone.now() + timedelta(hours=1), reason=OBJECT_LIMIT
    )
    assert runs.pause(run, actor="Ann", reason="The limit is lifted.")
    assert runs.is_waiting(run) and runs.claim(run.pk) is None
    assert runs.resume(run) and not runs.is_waiting(run)
    assert runs.claim(run.pk) is not None
