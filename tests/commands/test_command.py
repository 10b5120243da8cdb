"""`manage.py sync_registry`: what it says and how it exits."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command, load_command_class
from django.db import DatabaseError
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from registry_sync import runs
from registry_sync.jobs import runner as jobs
from registry_sync.models import EntityError, SyncRun
from tests.support.commands import command, manage
from tests.support.registry import compound
from tests.support.worlds import PRIVATE

OPERATOR = {
    "DEBUG": "1",
    "BENCHLING_URL": "http://127.0.0.1:1",
    "BENCHLING_CLIENT_ID": "id",
    "BENCHLING_CLIENT_SECRET": "secret",
    "BENCHLING_APP_ID": "app_1",
    "BENCHLING_PRIVATE_KEY": PRIVATE,
}


@pytest.mark.invariant(5)
def test_exit_statuses_follow_the_outcome(world):
    records = [compound(n) for n in range(20)]
    w = world(records)
    status, said = command()
    assert status == 0 and "20 records read: 20 created" in said
    w.registry.edit("C-000003", name="Compound 4")
    status, said = command()
    assert status == 2 and "Open errors: 1" in said
    assert command()[0] == 2
    EntityError.objects.update(dismissed_at=timezone.now(), dismissed_by="owner")
    assert command()[0] == 0
    w.registry.token = "other"
    status, said = command()
    assert status == 1 and "API Key" in said


@pytest.mark.invariant(4)
def test_a_live_run_is_left_alone_and_a_dead_one_is_finished(world):
    w = world([compound(n) for n in range(20)])
    run, _ = runs.request_run(kind=SyncRun.Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    runs.claim(run.pk)
    status, said = command()
    assert status == 75 and f"Run {run.pk} is active" in said
    SyncRun.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    status, said = command()
    assert status == 0 and "taking it over" in said
    run.refresh_from_db()
    assert run.status == SyncRun.Status.SUCCEEDED and len(w.values()) == 20


@pytest.mark.parametrize(
    "words",
    [
        ["--full", "--retry-failed"],
        ["--since", "yesterday-ish"],
        ["--details"],
        ["--dry-run", "--enqueue"],
        ["--only", "A", "--since", "2026-01-05"],
        ["--only", ""],  # a script's empty variable must not become a run of everything
        ["--only", " , "],
        ["--since", ""],
        ["--onyl", "A"],
    ],
)
@pytest.mark.once
def test_wrong_usage_is_64_and_starts_nothing(words, db):
    assert command(*words)[0] == 64
    assert not SyncRun.objects.exists()


@pytest.mark.parametrize(
    "words",
    [
        ["sync_registry", "--onyl", "A"],
        ["run", "stop"],
        ["allow", "great-change"],
        ["audit"],
        ["audit", "--csv", "x.csv", "--since", "2026-02-31"],
    ],
)
@pytest.mark.once
def test_an_unknown_word_ends_with_64_and_says_so_in_a_line(words, db, capsys):
    name = words[0]
    with pytest.raises(SystemExit) as ended:
        load_command_class("registry_sync", name).run_from_argv(["manage.py", *words])
    assert ended.value.code == 64
    said = capsys.readouterr().err
    assert said.startswith("usage: manage.py") and f"manage.py {name}: error: " in said


@pytest.mark.parametrize("words", [["adopt", "--csv"], ["audit", "--csv"]])
@pytest.mark.once
def test_a_file_that_cannot_be_written_is_named(world, words):
    world([compound(1)])
    command()
    with pytest.raises(CommandError, match=r"/nowhere/x\.csv cannot be used: No such file"):
        call_command(*words, "/nowhere/x.csv")


@pytest.mark.parametrize("words", [["run"], ["adopt"], ["audit", "--verify"]])
def test_a_database_that_cannot_be_used_is_told_in_a_sentence(db, monkeypatch, words):
    def gone(self, *statement):
        raise DatabaseError("no such table: registry_sync_lane")

    with monkeypatch.context() as patch:
        patch.setattr(CursorWrapper, "execute", gone)
        with pytest.raises(CommandError, match="The operator must check DATABASE_URL") as told:
            call_command(*words)
    assert told.value.returncode == 1


def test_since_reads_from_there_and_leaves_the_watermark(world):
    w = world([compound(n) for n in range(300)])
    command()
    kept = SyncRun.objects.latest("pk").watermark
    status, said = command("--since", "2026-01-05T00:04:00Z")
    assert status == 0 and "60 records read" in said
    command()
    assert SyncRun.objects.latest("pk").watermark == kept
    assert w.written() == 300


@pytest.mark.invariant(8)
@pytest.mark.once
def test_a_dry_run_names_what_it_would_do(world):
    records = [compound(n) for n in range(5)]
    records[4]["name"] = "Compound 1"
    w = world(records)
    status, said = command("--dry-run", "--details")
    assert status == 2 and w.written() == 0
    assert "C-000001: created" in said and "SMILES: – → CC" in said
    assert "C-000004: refused" in said and "C-000001" in said


def test_only_carries_the_records_that_are_named(world):
    w = world([compound(n) for n in range(30)])
    status, said = command("--only", "C-000003,C-000004")
    assert status == 0 and set(w.values()) == {"C-000003", "C-000004"}
    status, said = command("--only", "C-000003,nobody")
    assert status == 2 and "nobody is not in the registry" in said


def test_by_hand_notes_the_person(world):
    world([compound(1)])
    command("--by-hand")
    run = SyncRun.objects.get()
    assert run.trigger == SyncRun.Trigger.COMMAND and run.actor


@pytest.mark.once
def test_without_redis_enqueue_says_what_to_do(world, settings):
    settings.REDIS_URL = ""
    world([compound(1)])
    status, said = command("--enqueue")
    assert status == 1 and "REDIS_URL" in said


def test_a_waiting_run_says_what_it_waits_for(world, settings):
    settings.OBJECTS_PER_HOUR = settings.BATCH_SIZE = 1
    world([compound(n) for n in range(3)])
    run, _ = runs.request_run(kind=SyncRun.Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    assert jobs.work_slice(run.pk) is jobs.SliceEnd.WAITING
    status, said = command()
    assert status == 75 and f"Run {run.pk} is active." in said
    assert "Waiting for this app's own limit of 1 object per hour; next try at " in said
    out = io.StringIO()
    call_command("run", stdout=out)
    assert "Waiting for this app's own limit of 1 object per hour; next try at " in out.getvalue()


@pytest.mark.parametrize(("left", "told"), [(60, "A worker (host:7) has taken it over"), (0, "or")])
def test_a_run_that_a_worker_took_over_is_said_to_go_on(world, monkeypatch, left, told):
    world([compound(1)])

    def taken(run_id, listener=None, *, looks=True):
        until = timezone.now() + timedelta(seconds=left) if left else None
        SyncRun.objects.update(status="RUNNING", lease_holder="host:7", lease_until=until)
        return SyncRun.objects.get(pk=run_id)

    monkeypatch.setattr(jobs, "work_to_end", taken)
    status, said = command()
    assert status == 75 and "has not ended. A worker" in said and told in said


@pytest.mark.process
@pytest.mark.once
@pytest.mark.parametrize("words", [["sync_registry"], ["run"]])
def test_a_database_without_tables_is_migrated_by_the_operator(tmp_path, words):
    database = f"sqlite:///{tmp_path / 'empty.sqlite3'}"
    done = manage(*words, DATABASE_URL=database, **OPERATOR)
    assert done.returncode == 1 and "The operator must run manage.py migrate." in done.stderr
    assert "Nothing is lost" not in done.stderr and "Traceback" not in done.stderr


def test_a_pilot_taken_over_is_not_taken_for_the_sync(world):
    from django.core.management import call_command

    w = world([compound(n) for n in range(5)])
    runs.request_run(
        kind=SyncRun.Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE, only=["C-000001"]
    )
    with pytest.raises(SystemExit):
        call_command("sync_registry")
    assert len(w.values()) == 5


@pytest.mark.invariant(7)
@pytest.mark.once
def test_a_dry_run_says_first_and_last_that_nothing_was_written(world):
    w = world([compound(n) for n in range(12)])
    w.registry.record("C-000003")["kind"] = "Peptide"
    for options in ((), ("--details",)):
        _status, said = command("--dry-run", *options)
        lines = [line for line in said.splitlines() if line.strip()]
        assert lines[0] == "DRY RUN: nothing is written to Benchling."
        assert lines[-1] == "DRY RUN: nothing was written to Benchling."
        assert "11 would be created" in said and "11 created" not in said
        assert "1 would be refused" in said
    w.registry.token = "another"
    status, said = command("--dry-run")
    assert status == 1 and said.strip().splitlines()[-1].startswith("DRY RUN: nothing was")
    assert w.written() == 0


def test_a_dry_run_asked_is_not_a_real_run_done(world):
    from django.core.management import call_command

    world([compound(n) for n in range(5)])
    runs.request_run(kind=SyncRun.Kind.FULL, trigger=SyncRun.Trigger.SCHEDULE)
    with pytest.raises(SystemExit):
        call_command("sync_registry", "--dry-run")
    assert SyncRun.objects.filter(kind=SyncRun.Kind.DRY_RUN).exists()
