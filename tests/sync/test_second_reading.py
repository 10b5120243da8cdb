"""What a second reader of the mends found: each of these failed, and must not again."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from registry_sync import runs
from registry_sync.benchling import bulk_upsert as upsert
from registry_sync.benchling.bulk_upsert import Upserter
from registry_sync.benchling.client import Client, Wait, retry_time
from registry_sync.jobs import runner as jobs
from registry_sync.jobs.control import cancel
from registry_sync.models import Batch, SyncRun
from registry_sync.reporting import app_status
from registry_sync.source import client as source
from registry_sync.source import http as exchange
from registry_sync.source.paths import ABSENT, compile_path
from registry_sync.sync import source_tracking as reading
from registry_sync.sync.clients import client_of_settings
from tests.support.odd import Reply
from tests.support.people import hand
from tests.support.registry import compound
from tests.support.worlds import INCREMENTAL

pytestmark = pytest.mark.once
Status, Kind = SyncRun.Status, SyncRun.Kind
DETAIL = {"endpoint": {**INCREMENTAL["endpoint"], "detail": {"path": "{id}"}}}
KNOWN = ("id", "modified_at")


def listed(w, serve, records, bad, *, size=1000, headers=None):
    """A registry whose list gives ids and times, in pages of `size`; `bad` maps id to a Reply."""

    def answer(asked):
        external_id = asked.path.removeprefix("/list").strip("/")
        if external_id:
            return bad.get(external_id) or records[external_id]
        found = [
            {k: r[k] for k in KNOWN}
            for r in records.values()
            if r["modified_at"] >= asked.query.get("since", "")
        ]
        start = int(asked.query.get("start", 0))
        more = start + size < len(found)
        since = asked.query.get("since", "")
        nxt = f"?start={start + size}&since={since}" if more else None
        return {"items": found[start : start + size], "next": nxt}

    odd = serve(answer)
    w.configure(**{"API URL": odd.url + "/list", "Connector Settings": DETAIL})
    return odd


# 1
def test_two_forbidden_records_on_the_last_page_stop_nobody_else(world, serve):
    records = {f"C-{n:06d}": compound(n) for n in range(12)}
    w, no = world([]), Reply({"detail": "no"}, status=403)
    listed(w, serve, records, {"C-000010": no, "C-000011": no}, size=10)
    for _ in range(3):
        run = w.sync()
    assert run.status == Status.COMPLETED_WITH_WARNINGS, (run.status, run.error, run.read)


def test_two_forbidden_changes_stop_nobody_else(world, serve):
    records = {f"C-{n:06d}": compound(n) for n in range(12)}
    w, bad = world([]), {}
    listed(w, serve, records, bad)
    assert w.sync().status == Status.SUCCEEDED
    for n in (10, 11):  # 11 set the watermark: it is the overlap
        bad[f"C-{n:06d}"] = Reply({"detail": "no"}, status=404)
        records[f"C-{n:06d}"].update(modified_at=f"2026-01-06T00:00:{n}Z")
    for _ in range(3):
        run = w.sync()
    assert run.status == Status.COMPLETED_WITH_WARNINGS


# 2
def test_a_detail_that_redirects_elsewhere_costs_one_record(world, serve):
    records = {f"C-{n:06d}": compound(n) for n in range(12)}
    w = world([])
    away = Reply({}, status=302, headers={"Location": "https://archive.example.org/x"})
    listed(w, serve, records, {"C-000003": away})
    run = w.sync()
    assert (run.status, run.created) == (Status.COMPLETED_WITH_WARNINGS, 11), (
        run.status,
        run.error,
    )


# 3
def test_what_stays_broken_does_not_starve_the_rest(world, serve, monkeypatch):
    monkeypatch.setattr(exchange, "ATTEMPTS", 1)  # each would be waited for, thrice
    monkeypatch.setattr(source, "MOST_BROKEN", 1)
    records = {f"C-{n:06d}": compound(n) for n in range(12)}
    w, cut = world([]), Reply(b'{"id": ', length=500)
    bad = {"C-000003": Reply({"d": 1}, status=403), "C-000005": Reply({"d": 1}, status=403)}
    listed(w, serve, records, bad)
    assert w.sync().failed == 2
    bad["C-000003"] = cut  # from now on the first one is never answered
    del bad["C-000005"]
    for _ in range(2):
        w.sync()
    assert set(w.open_errors()) == {"C-000003"}


# 4
def work_until_the_second_waits(w, settings, monkeypatch) -> SyncRun:
    """Work one slice of two batches in flight: the first lands, then the other one has to wait."""
    settings.IN_FLIGHT, settings.BATCH_SIZE = 2, 100
    land, landed = Upserter.land, []

    def second_waits(self, flight):
        if landed:
            raise Wait(retry_time(0), "another registration in Benchling")
        land(self, flight)
        landed.append(flight)

    run, _ = runs.request(kind=Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    with monkeypatch.context() as patched:
        patched.setattr(Upserter, "land", second_waits)
        assert jobs.work_slice(run.pk) is jobs.End.WAITING
    w.settle()
    run.refresh_from_db()
    return run


def test_landed_batches_are_written_down_when_a_later_one_waits(world, settings, monkeypatch):
    w = world([compound(n) for n in range(200)], granular_locking=True)
    run = work_until_the_second_waits(w, settings, monkeypatch)
    assert run.created == 100, f"{run.created} recorded of the batch that landed"


def test_paused_after_that_nothing_is_doubled(world, settings, monkeypatch):
    w = world([compound(n) for n in range(200)], granular_locking=True, contract="after")
    run = work_until_the_second_waits(w, settings, monkeypatch)
    w.tenant.clock.advance(3700)
    SyncRun.objects.update(waiting_until=None)
    run = jobs.work_to_end(run.pk)
    assert (run.status, run.created) == (Status.SUCCEEDED, 200)
    assert w.written() <= 300, w.written()  # at most the one that truly flew


# 5
def test_twins_of_different_times_do_not_take_turns_for_ever(world):
    records = [compound(n) for n in range(5)]
    records.append(compound(2, name="Twin", smiles="N", modified_at="2026-02-01T00:00:00Z"))
    w = world(records)
    w.sync()
    seen = []
    for _ in range(3):
        before = w.written()
        run = w.sync()
        seen.append(
            (
                run.kind,
                run.updated,
                w.written() - before,
                [x["code"] for x in run.warnings],
                sorted(w.open_errors()),
            )
        )
    assert all(s[2] == 0 for s in seen), seen


def test_three_records_of_one_id_are_no_short_read(world):
    records = [compound(n) for n in range(5)]
    records += [compound(2, name="Twin", smiles="N"), compound(2, name="Third", smiles="O")]
    w = world(records)
    run = w.sync()
    again = w.sync()
    assert [x["code"] for x in run.warnings] == [] and again.kind == Kind.INCREMENTAL, (
        run.warnings,
        again.kind,
    )


# 6
@pytest.mark.parametrize(
    "path, empty",
    [
        ("salts[*].names[*]", {"salts": [{"names": []}]}),
        ('"odd.key"[*]', {"odd.key": []}),
        ("['salts'][*]", {"salts": []}),
        ("salts[*].name", {"salts": [{"name": None}]}),
    ],
)
def test_the_emptied_list_is_no_absence(path, empty):
    assert compile_path(path)(empty) is not ABSENT


def test_an_emptied_identity_is_unknown(world):
    settings = {"endpoint": INCREMENTAL["endpoint"], "identity": ["cas[*]"]}
    records = [compound(n, cas=[f"50-00-{n}"]) for n in range(5)]
    w = world(records, config={"Connector Settings": settings})
    assert w.sync().status == Status.SUCCEEDED
    w.registry.edit("C-000002", cas=[], name="Other")
    run = w.sync()
    assert run.updated == 1 and not w.open_errors(), [e.message for e in w.open_errors().values()]


def test_an_identity_that_is_filled_later_is_no_other_substance(world):
    settings = {"endpoint": INCREMENTAL["endpoint"], "identity": ["cas[*]"]}
    records = [compound(n, cas=[]) for n in range(5)]
    w = world(records, config={"Connector Settings": settings})
    assert w.sync().status == Status.SUCCEEDED
    w.registry.edit("C-000002", cas=["50-00-0"], name="Other")
    run = w.sync()
    assert run.updated == 1 and not w.open_errors(), [e.message for e in w.open_errors().values()]


# 7
def test_a_total_that_counts_more_among_changes_reads_not_everything_each_time(world):
    w = world([compound(n) for n in range(50)])
    w.registry.total = lambda found: len(found) + (1 if len(found) < 40 else 0)
    w.sync()
    kinds = []
    for _ in range(4):
        kinds.append(w.sync().kind)
    assert Kind.INCREMENTAL in kinds, kinds


# 8
def test_a_dry_run_lets_what_others_made_be_pointed_at(world):
    w = world([compound(n) for n in range(5)])
    w.sync()
    hand(w, "H-1", "By hand")
    w.registry.records.append(compound(9, parent="H-1", modified_at="2026-03-01T00:00:00Z"))
    dry = w.sync(kind=Kind.DRY_RUN)
    real = w.sync()
    assert (dry.created, dry.failed) == (real.created, real.failed), (
        (dry.created, dry.failed),
        (real.created, real.failed),
    )


def test_a_dry_run_counts_each_record_once_when_it_reads_all_again(world):
    w = world([compound(n) for n in range(20)], page_size=5)
    w.sync()
    w.registry.records.pop(19)  # the one that set the watermark is gone
    w.registry.edit("C-000003", name="Other")
    dry = w.sync(kind=Kind.DRY_RUN)
    assert (dry.read, dry.updated) == (19, 1), (dry.read, dry.updated, dry.unchanged)


# 9
def test_the_guard_of_the_first_page_survives_a_kill(world, monkeypatch):
    w = world([compound(n) for n in range(20)])
    w.sync()
    for r in w.registry.records:
        del r["smiles"]
        r["smile"] = "C"

    class Killed(BaseException):
        pass

    def killed(self, records):
        raise Killed

    run, _ = runs.request(kind=Kind.FULL, trigger=SyncRun.Trigger.SCHEDULE)
    with monkeypatch.context() as patched:
        patched.setattr(reading.Reading, "_check_paths", killed)
        with pytest.raises(Killed):
            jobs.work_slice(run.pk)
    SyncRun.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    run = jobs.work_to_end(run.pk)
    assert run.status == Status.FAILED and run.error_code == "path_gone", (
        run.status,
        run.unchanged,
    )


# 10
def test_a_task_that_never_ends_ends_the_run_some_day(world, monkeypatch):
    monkeypatch.setattr(upsert, "PATIENCE", 0.3)
    w = world([compound(n) for n in range(5)], task_base=10_000_000.0)
    run, _ = runs.request(kind=Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    assert jobs.work_slice(run.pk) is jobs.End.WAITING
    Batch.objects.update(sent_at=timezone.now() - timedelta(hours=7))
    SyncRun.objects.update(waiting_until=None)
    assert jobs.work_slice(run.pk) is jobs.End.DONE
    run.refresh_from_db()
    assert (run.status, run.error_code) == (Status.FAILED, "endless_task")
    assert "A Benchling admin asks Benchling's support" in run.remedy
    w.tenant.clock.advance(10_000_100)
    assert w.sync().status == Status.SUCCEEDED and w.written() == len(w.values()) == 5


def test_control_of_the_guard(world):
    w = world([compound(n) for n in range(20)])
    w.sync()
    for r in w.registry.records:
        del r["smiles"]
        r["smile"] = "C"
    assert w.sync(kind=Kind.FULL).error_code == "path_gone"


def test_a_detail_whose_connection_breaks_costs_one_record(world, serve):
    records = {f"C-{n:06d}": compound(n) for n in range(12)}
    w = world([])
    listed(w, serve, records, {"C-000003": Reply(b'{"id": ', length=500)})
    run = w.sync()
    assert (run.status, run.created) == (Status.COMPLETED_WITH_WARNINGS, 11), (
        run.status,
        run.error,
    )


def test_a_whole_number_of_5000_digits_is_one_records_matter(world, serve):
    records = [compound(n) for n in range(12)]
    body = json.dumps({"items": records}).replace("1953", "1" * 5000, 1).encode()
    w = world([])
    w.configure(**{"API URL": serve(lambda asked: Reply(body)).url + "/list"})
    run = w.sync()
    assert (run.status, run.created) == (Status.COMPLETED_WITH_WARNINGS, 11), (
        run.status,
        run.error,
    )


def test_a_successor_session_of_a_cancelled_run_is_closed(world, monkeypatch):
    """Timed out while it waited; a person cancels between the creation and its writing down."""
    w = world([compound(n) for n in range(5)])
    run, _ = runs.request(kind=Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    lease = runs.claim(run.pk)
    run.refresh_from_db()
    client = client_of_settings()
    session = app_status.Session(run, lease, client)
    session.open()
    first = w.session()
    first["status"] = "TIMEOUT"
    make = app_status.create

    def create(run, client, body):
        made = make(run, client, body)
        cancel(SyncRun.objects.get(pk=run.pk), actor="Ann", reason="Wrong")
        return made

    monkeypatch.setattr(app_status, "create", create)
    with pytest.raises(runs.LeaseLost):
        session.progress("So far", at_once=True)
    monkeypatch.undo()
    left = [s["status"] for s in w.tenant.sessions.values()]
    assert "RUNNING" not in left, left


def test_a_pause_at_the_request_limit_outlasts_the_tasks_and_doubles_nothing(
    world, settings, monkeypatch
):
    """The request limit is met while the last flights land."""
    settings.IN_FLIGHT, settings.BATCH_SIZE = 2, 100
    w = world([compound(n) for n in range(200)], granular_locking=True, contract="after")
    look, tasks = Client.task, []

    def task(self, task_id):
        tasks.append(task_id)
        if len(set(tasks)) == 2:
            runs.pause(SyncRun.objects.get(), actor="Ann", reason="Lunch")
            self.pause(5, "Benchling's request limit")  # what _pace does with a full window
        return look(self, task_id)

    run, _ = runs.request(kind=Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    with monkeypatch.context() as patched:
        patched.setattr(Client, "task", task)
        assert jobs.work_slice(run.pk) is jobs.End.WAITING
    w.settle()
    w.tenant.clock.advance(3700)
    SyncRun.objects.update(waiting_until=None)
    run.refresh_from_db()
    assert runs.resume(run)
    run = jobs.work_to_end(run.pk)
    assert (run.status, run.created) == (Status.SUCCEEDED, 200)
    assert w.written() <= 300, "the batch that was polled, and no other"


def test_a_pilot_carries_what_can_be_had(world, serve):
    records = {f"C-{n:06d}": compound(n) for n in range(12)}
    w, bad = world([]), {}
    listed(w, serve, records, bad)
    w.sync()
    bad["C-000003"] = Reply({"detail": "no"}, status=403)
    records["C-000004"].update(name="Other")
    run = w.sync(only=["C-000003", "C-000004"])
    assert run.updated == 1


def test_a_dry_run_says_of_a_circle_what_the_sync_does(world):
    w = world([compound(1, parent="C-000002"), compound(2, parent="C-000001")])
    dry = w.sync(kind=Kind.DRY_RUN)
    real = w.sync()
    assert (dry.created, dry.failed) == (real.created, real.failed), (
        (dry.created, dry.failed),
        (real.created, real.failed),
    )


def test_a_record_missing_from_retry_is_not_a_failed_run(world, serve):
    """All was read; only what is asked for again at the end cannot be had."""
    records = {f"C-{n:06d}": compound(n) for n in range(12)}
    w, bad = world([]), {}
    bad["C-000003"] = Reply({"detail": "no"}, status=403)
    listed(w, serve, records, bad)
    w.sync()
    bad["C-000003"] = Reply({"detail": "no"}, status=401)
    records["C-000005"].update(name="Other", modified_at="2026-01-07T00:00:00Z")
    w.sync()
    run = w.sync()
    assert run.status != Status.FAILED, (run.error, w.values()["C-000005"]["name"])
