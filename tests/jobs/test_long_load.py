"""A long first load: capped, paused, resumed, cancelled, restarted, and honest about its time."""

from __future__ import annotations

import io
import json
import time
from datetime import datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from registry_sync import runs
from registry_sync.core.dates import duration
from registry_sync.jobs import runner as jobs
from registry_sync.jobs.reconciler import reconcile
from registry_sync.models import Batch, SyncRun
from registry_sync.reporting import app_status
from registry_sync.runs import estimate
from sandbox.tenant.state import Fault
from tests.support.deployment import kill, until
from tests.support.environment import FULL
from tests.support.factories import SyncRunFactory
from tests.support.listeners import Interrupt
from tests.support.registry import compound

Status = SyncRun.Status


def control(*words: str) -> str:
    out = io.StringIO()
    call_command("run", *words, stdout=out)
    return out.getvalue()


@pytest.fixture(autouse=True)
def small_batches(settings) -> None:
    settings.BATCH_SIZE = 100


def test_a_paused_run_stops_holds_its_place_and_goes_on(world):
    w = world([compound(n) for n in range(1000)], page_size=100, contract="after")
    pause = Interrupt(300, lambda: control("pause", "--reason", "The lab registers today"))
    run = w.sync(listener=pause)
    assert run.is_active and run.paused_at and 300 <= w.written() < 700
    assert "The lab registers today" in w.session()["messages"][0]["content"]
    assert w.session()["status"] == "RUNNING"
    with pytest.raises(SystemExit) as busy:
        call_command("sync_registry", stdout=io.StringIO(), stderr=io.StringIO())
    assert busy.value.code == 75
    assert not runs.stranded().exists() and jobs.work_slice(run.pk) is jobs.SliceEnd.BUSY
    assert "The lab registers today" in control()
    written = w.written()
    control("resume")
    run = jobs.work_to_end(run.pk)
    assert run.status == Status.SUCCEEDED and len(w.values()) == 1000
    assert w.written() == 1000 and written < 1000 and run.read == 1000


@pytest.mark.once
def test_a_run_that_tries_errors_again_is_paused_between_their_batches(world):
    w = world([compound(n, kind="Peptide") for n in range(1200)], contract="after")
    w.sync()
    assert len(w.open_errors()) == 1200 and w.written() == 0
    w.tenant.add_option(w.kinds, "Peptide")
    pause = Interrupt(0, lambda: control("pause", "--reason", "The lab registers today"))
    run, _ = runs.request_run(kind=SyncRun.Kind.RETRY, trigger=SyncRun.Trigger.SCHEDULE)
    jobs.work_slice(run.pk, pause)
    run.refresh_from_db()
    assert run.is_active and run.paused_at and w.written() == 500
    control("resume")
    run = jobs.work_to_end(run.pk)
    assert run.status == Status.SUCCEEDED and not w.open_errors()
    assert w.written() == len(w.values()) == 1200


@pytest.mark.invariant(1)
def test_a_cancelled_run_says_who_and_why_and_the_next_one_loses_nothing(world):
    w = world([compound(n) for n in range(1000)], page_size=100, contract="after")
    cancel = Interrupt(300, lambda: control("cancel", "--reason", "Wrong schema"))
    run = w.sync(listener=cancel)
    assert run.status == Status.CANCELLED and "Wrong schema" in run.error
    session = w.session()
    assert session["status"] == "FAILED"
    said = session["messages"][0]["content"]
    assert "Cancelled by " in said and ": Wrong schema" in said
    written = w.written()
    run = w.sync()
    assert run.status == Status.SUCCEEDED and len(w.values()) == 1000
    assert w.written() <= 1500 and written <= 800
    assert run.full_reason == "this is the lane's first run"


def test_a_run_that_waits_can_be_cancelled_at_once(world, settings):
    settings.OBJECTS_PER_HOUR = 100
    w = world([compound(n) for n in range(300)], page_size=100, contract="after")
    run, _ = runs.request_run(kind=SyncRun.Kind.FULL, trigger=SyncRun.Trigger.SCHEDULE)
    while jobs.work_slice(run.pk) is not jobs.SliceEnd.WAITING:
        pass
    control("cancel", "--reason", "Not today")
    run.refresh_from_db()
    assert run.status == Status.CANCELLED and w.session()["status"] == "FAILED"
    began = time.monotonic()
    assert jobs.work_to_end(run.pk).status == Status.CANCELLED and time.monotonic() - began < 60


@pytest.mark.once
def test_the_sessions_timeout_grows_with_the_run(world, settings, monkeypatch):
    settings.OBJECTS_PER_HOUR = 100
    monkeypatch.setattr(app_status, "EVERY", 0.0)
    w = world([compound(n) for n in range(500)], page_size=100, contract="off")
    run, _ = runs.request_run(kind=SyncRun.Kind.FULL, trigger=SyncRun.Trigger.SCHEDULE)
    for hours, days in ((0, 1), (13, 2), (800, 4)):
        SyncRun.objects.update(created_at=timezone.now() - timedelta(hours=hours))
        # Each slice ends waiting for an hour, which we let pass.
        Batch.objects.update(sent_at=timezone.now() - timedelta(hours=1))
        assert jobs.work_slice(run.pk) is jobs.SliceEnd.WAITING
        assert w.session()["timeoutSeconds"] == days * 86400
    assert w.session()["status"] == "RUNNING"


@pytest.mark.parametrize("then", ["resume", "cancel"])
@pytest.mark.once
def test_a_pause_that_outlasts_its_session_is_told_in_another_one(world, then):
    w = world([compound(n) for n in range(1000)], page_size=100, contract="after")
    run = w.sync(listener=Interrupt(300, lambda: control("pause", "--reason", "Inventory")))
    w.tenant.clock.advance(26 * 3600)
    words = ("--reason", "Never mind") if then == "cancel" else ()
    control(then, *words)
    if then == "resume":
        run = jobs.work_to_end(run.pk)
        assert run.status == Status.SUCCEEDED and len(w.values()) == w.written() == 1000
    run.refresh_from_db()
    ended = "SUCCEEDED" if then == "resume" else "FAILED"
    assert [s["status"] for s in w.tenant.sessions.values()] == ["TIMEOUT", ended]
    assert w.session()["id"] == run.session_id and not run.session_open
    said = str(w.session()["messages"])
    assert ("1,000 records read" in said and "State: lane" in said) or "Never mind" in said
    assert run.log.filter(text__contains="had timed out").count() == 1


@pytest.mark.once
def test_a_session_that_a_cancel_could_not_close_is_closed_later(world):
    w = world([compound(n) for n in range(300)], page_size=100, contract="after")

    def cancel() -> None:
        w.tenant.faults.append(Fault("PATCH /api/v2/app-sessions", "status", status=403))
        control("cancel", "--reason", "Benchling is moody")

    run = w.sync(listener=Interrupt(100, cancel))
    assert run.status == Status.CANCELLED and run.session_open
    assert w.session()["status"] == "RUNNING"
    SyncRun.objects.update(finished_at=timezone.now() - timedelta(minutes=1))
    reconcile()
    assert w.session()["status"] == "FAILED"
    assert "Benchling is moody" in w.session()["messages"][0]["content"]


@pytest.mark.parametrize("words", [("pause",), ("cancel", "--reason", " ")])
@pytest.mark.once
def test_pause_and_cancel_want_a_reason(db, words):
    with pytest.raises(CommandError) as refused:
        control(*words)
    assert refused.value.returncode == 64


@pytest.mark.once
def test_without_a_run_there_is_nothing_to_control(db):
    with pytest.raises(CommandError, match="No run is active"):
        control("resume")


@pytest.mark.once
def test_the_admin_pauses_resumes_and_cancels(world, admin_client):
    w = world([compound(n) for n in range(600)], page_size=100, contract="after")
    url = reverse("admin:registry_sync_syncrun_changelist")
    run, _ = runs.request_run(kind=SyncRun.Kind.FULL, trigger=SyncRun.Trigger.SCHEDULE)

    def press(action: str, **more: str):
        asked = {"action": action, "_selected_action": [run.pk], **more}
        answer = admin_client.post(url, asked, follow=True)
        run.refresh_from_db()
        return answer.content.decode()

    assert "Reason (visible to all users)" in press("pause") and run.paused_at is None
    press("pause", decided="yes", reason="Lunch")
    assert run.paused_by == "admin" and run.paused_reason == "Lunch"
    press("resume", decided="yes", reason="Back")
    assert run.paused_at is None
    assert jobs.work_to_end(run.pk).status == Status.SUCCEEDED and w.written() == 600
    assert "No selected run is active" in press("cancel", decided="yes", reason="Too late")
    assert run.status == Status.SUCCEEDED


# -- how long it takes -------------------------------------------------------------------------


def a_run(**values) -> SyncRun:
    whole = {
        "reads_all": True, "source_total": 80_000, "read": 20_000,
        "created": 20_000, "phase_seconds": {"pull": 20.0, "upsert": 80.0},
    }  # fmt: skip
    return SyncRunFactory.build(**whole | values)


@pytest.mark.once
def test_the_estimate_counts_the_work(db):
    assert estimate.time_left(a_run(), per_hour=0) == timedelta(seconds=300)
    half = a_run(created=10_000, unchanged=10_000)
    assert estimate.time_left(half, per_hour=0) == timedelta(seconds=300)


@pytest.mark.once
def test_the_estimate_counts_our_own_cap(db):
    assert estimate.time_left(a_run(), per_hour=20_000) == timedelta(
        hours=2
    )  # an hour's room is free
    unchanged = a_run(created=0, unchanged=20_000)
    assert estimate.time_left(unchanged, per_hour=20_000) == timedelta(seconds=300)


@pytest.mark.once
def test_the_estimate_counts_benchlings_limit_by_what_it_let_through(db):
    now = timezone.now()
    slow = a_run(limited_at=now - timedelta(hours=1), limited_written=5_000)
    assert estimate.time_left(slow, per_hour=0, now=now) == timedelta(hours=4)
    just_met = a_run(limited_at=now, limited_written=20_000)
    assert estimate.time_left(just_met, per_hour=0, now=now) is None


@pytest.mark.parametrize(
    "values",
    [{"source_total": None}, {"reads_all": False}, {"read": 10}, {"phase_seconds": {"pull": 1}}],
)
@pytest.mark.once
def test_where_too_little_is_known_nothing_is_said(db, values):
    assert estimate.time_left_sentence(a_run(**values), per_hour=0) == ""


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(0.2, "a minute"), (59, "59 min"), (62, "1 h"), (156, "2 h 40 min"), (660, "11 h"),
     (1400, "23 h"), (1440, "1 d"), (3000, "2 d 2 h")],
)  # fmt: skip
@pytest.mark.once
def test_durations_are_said_as_people_do(minutes, words):
    assert duration(timedelta(minutes=minutes)) == words


FASTEST = 160
"""Times our clock: four hours of Benchling's limit in a minute and a half."""
COLUMNS = ("read", "created", "updated", "retried", "reads_all", "source_total", "phase_seconds",
           "limited_at", "limited_written")  # fmt: skip


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.timeout(1200)
def test_a_long_load_under_an_hourly_limit_with_a_restart(deploy):
    """On a fast clock, yet never so fast that this machine could not meet the limit.

    A quarter of a load of 80,000 at 20,000 an hour; `make test-long` loads all of it.
    """
    count = 80_000 if FULL else 20_000
    share, per_hour, burst = count / 80_000, count // 4, count // 16
    d = deploy(
        count, page_size=1000, contract="off", objects_per_hour=per_hour, object_burst=burst,
        env={"BATCH_SIZE": "500", "LEASE_SECONDS": "5"},
    )  # fmt: skip
    began: list[float] = []

    def set_the_clock() -> None:
        """On our own clock the first objects meet the limit; their pace is what is possible."""
        tenant = d.world.tenant
        if not began and d.world.written():
            began.append(time.time())
        if tenant.clock.speed == 1.0 and tenant.counters["throughput_429"]:
            possible = (d.world.written() - 500) / (time.time() - began[0])
            tenant.clock.run_at(min(FASTEST / share, 0.5 * possible * 3600 / per_hour))

    ends: list[tuple[float, float]] = []

    def half_way() -> bool:
        set_the_clock()
        _ask(d, ends)
        return d.world.written() >= count // 2

    child = d.start("sync_registry", log="load")
    until(half_way, seconds=600, what="half of it")
    kill(child)
    said = ""
    while child.poll() != 0:
        if child.poll() is not None:
            assert child.returncode in (-9, 75), d.log("load")
            child = d.start("sync_registry", log="load")
        _ask(d, ends)
        said += str(list(d.world.tenant.sessions.values())[-1]["messages"])
        time.sleep(0.5)
    ended = time.time()
    values = d.world.values()
    assert len(values) == count and d.world.written() <= count + 500
    assert all(f"C-{n:06d}" in values for n in range(0, count, 97))
    assert d.world.tenant.counters["throughput_429"] and "left, until" in said
    # Honest: the middle one of all estimates missed what was really left by a third at most.
    missed = sorted(abs(end - ended) / max(10.0, ended - at) for at, end in ends)
    assert len(missed) > 10 and missed[len(missed) // 2] < 0.33, ends


def _ask(d, ends: list[tuple[float, float]]) -> None:
    """Note when the run would end by the estimate that can be made of its row now."""
    for row in d.rows(f"SELECT {', '.join(COLUMNS)} FROM registry_sync_syncrun"):
        values = dict(zip(COLUMNS, row, strict=True))
        if isinstance(values["phase_seconds"], str):
            values["phase_seconds"] = json.loads(values["phase_seconds"])
        if isinstance(values["limited_at"], str):
            values["limited_at"] = datetime.fromisoformat(values["limited_at"] + "+00:00")
        left = estimate.time_left(SyncRun(**values), per_hour=0)
        if left is not None and values["read"] < values["source_total"]:
            ends.append((time.time(), time.time() + left.total_seconds()))
