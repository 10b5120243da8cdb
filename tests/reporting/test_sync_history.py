"""One result in Benchling for each run that got a session, and what happens where there is none."""

from __future__ import annotations

import uuid
from contextlib import suppress
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from registry_sync import runs
from registry_sync.benchling import transport
from registry_sync.core.stopping import Stopping
from registry_sync.jobs.control import cancel_run
from registry_sync.jobs.reconciler import reconcile
from registry_sync.models import HistoryResult, HistorySchema, RunLog, SyncRun
from registry_sync.monitoring.doctor import checkup as doctor
from registry_sync.reporting import app_status, sync_history
from registry_sync.reporting.history_row import TYPES
from registry_sync.sync.clients import client_of_settings
from sandbox.tenant.state import Fault
from tests.support.desk import owner, read  # noqa: F401
from tests.support.history import keep_history, rows
from tests.support.registry import compound
from tests.support.worlds import APP

Status, Kind = SyncRun.Status, SyncRun.Kind
pytestmark = pytest.mark.once


def log_of(run: SyncRun) -> str:
    return "\n".join(RunLog.objects.filter(run=run).values_list("text", flat=True))


def test_each_run_with_a_session_leaves_one_row(world):
    w = world([compound(n) for n in range(5)])
    keep_history(w)
    first = w.sync()
    w.sync(kind=Kind.DRY_RUN)
    failed = _failed(w)
    cancelled = _cancelled()
    silent, _ = runs.request_run(kind=Kind.FULL, trigger="admin")
    cancel_run(silent, actor="Ada", reason="Never began")
    made = rows(w)
    assert [row["outcome"] for row in made] == ["SUCCEEDED", "FAILED", "CANCELLED"]
    assert made[2]["person"] == "Ada" and made[2]["run"] == cancelled.pk
    assert made[0]["created"] == made[0]["read"] == 5 and made[0]["archived"] == 0
    assert set(TYPES) - set(made[0]) == {"person"}  # the schedule
    assert made[0]["run"] == first.pk and made[0]["session_id"] == first.session_id
    assert made[0]["lane"] == "Compound" and made[0]["watermark"]
    assert made[1]["run"] == failed.pk
    one = next(iter(w.tenant.results))
    name = f"{first.tenant}/{APP}/{first.session_id}"
    assert one == str(uuid.uuid5(uuid.NAMESPACE_URL, name))
    project = next(iter(w.tenant.projects))
    assert {row["projectId"] for row in w.tenant.results.values()} == {project}
    assert w.tenant.counters["transactions_aborted"] == 1  # learned once


def _cancelled() -> SyncRun:
    run, _ = runs.request_run(kind=Kind.INCREMENTAL, trigger="canvas", actor="Ada")
    lease = runs.claim(run.pk)
    run.refresh_from_db()
    app_status.Session(run, lease, client_of_settings()).open()
    cancel_run(run, actor="Ada", reason="Enough")
    return run


def _failed(w) -> SyncRun:
    w.tenant.hidden.add(w.folder)
    run = w.sync()
    w.tenant.hidden.clear()
    assert run.status == Status.FAILED and run.session_id
    return run


@pytest.mark.parametrize("shape", ["fields", "global", "none"])
def test_names_that_the_schema_lacks_are_left_out_and_reported_once(world, shape):
    w = world([compound(n) for n in range(2)], result_errors=shape)
    keep_history(w, without=("archived", "person"))
    one, two = w.sync(trigger="admin", actor="Ada"), w.sync(trigger="admin", actor="Ada")
    assert one.status == two.status == Status.SUCCEEDED
    assert [set(TYPES) - set(row) for row in rows(w)] == [{"archived", "person"}] * 2
    assert "system names person, archived" in log_of(one)
    assert "system names" not in log_of(two)


def test_a_refused_result_leaves_its_run_green_and_is_reported(world, owner):  # noqa: F811
    w = world([compound(n) for n in range(2)])
    schema = keep_history(w)
    w.tenant.result_schemas[schema]["archiveRecord"] = {"reason": "Retired"}
    run = w.sync()
    assert run.status == Status.SUCCEEDED and not run.warnings and not rows(w)
    assert "was not written: Schema Registry Sync runs is archived." in log_of(run)
    session = w.session()
    assert session["status"] == "SUCCEEDED"
    assert any("Sync History Schema was not written" in m["content"] for m in session["messages"])
    page = read(owner, reverse("admin:registry_sync_syncrun_change", args=[run.pk]))
    assert "Result in Sync History not written: Schema Registry Sync runs is archived." in page
    w.tenant.result_schemas[schema]["archiveRecord"] = None
    assert w.sync().status == Status.SUCCEEDED and len(rows(w)) == 1


def test_what_the_app_cannot_reach_stops_no_run(world):
    w = world([compound(n) for n in range(2)])
    w.tenant.hidden.add(keep_history(w))
    run = w.sync()
    assert run.status == Status.SUCCEEDED
    assert HistoryResult.objects.get(run=run).state == "refused"


@pytest.mark.parametrize("kind", ["apply_then_drop", "status"])
def test_a_lost_answer_makes_no_second_row(world, kind):
    w = world([compound(n) for n in range(2)])
    keep_history(w)
    w.tenant.faults.append(Fault("POST .*assay-results:bulk-create", kind))
    run = w.sync()
    assert run.status == Status.SUCCEEDED and not run.session_open
    row = HistoryResult.objects.get(run=run)
    assert row.state == "waiting" and "will be tried again" in log_of(run)
    reconcile()
    assert HistoryResult.objects.get(run=run).state == "waiting"  # not yet
    HistoryResult.objects.update(next_try_at=timezone.now() - timedelta(seconds=1))
    reconcile()
    assert HistoryResult.objects.get(run=run).state == "written"
    assert list(w.tenant.results) == [row.result_id]
    reconcile()
    assert len(rows(w)) == 1


@pytest.mark.parametrize(
    "path", ["result-transactions$", "result-transactions/.*/results", ":abort", "bulk-create"]
)
def test_nothing_waits_for_a_limit_that_is_used_up(world, monkeypatch, path):
    w = world([compound(n) for n in range(2)])
    keep_history(w)
    w.tenant.faults.append(Fault(f"POST .*{path}", "status", times=99, status=429))
    waits = []
    monkeypatch.setattr(transport.Transport, "_wait_for_limit", lambda self, n: waits.append(n))
    run = w.sync()
    assert run.status == Status.SUCCEEDED and not run.session_open and not waits
    assert HistoryResult.objects.get(run=run).state == (
        "written" if path == ":abort" else "waiting"
    )
    assert _history_point()[0] != "bad"
    w.tenant.faults.clear()
    HistoryResult.objects.update(next_try_at=timezone.now() - timedelta(seconds=1))
    reconcile()
    assert HistoryResult.objects.get(run=run).state == "written" and len(rows(w)) == 1


def test_a_process_that_stops_while_the_task_runs_leaves_its_id(world, monkeypatch):
    w = world([compound(n) for n in range(2)])
    keep_history(w)
    run = w.sync()
    HistoryResult.objects.update(state="waiting", tries=0, task_id="", next_try_at=timezone.now())
    w.tenant.results.clear()

    def stop(row, client):
        raise Stopping

    with monkeypatch.context() as dying:
        dying.setattr(sync_history, "_ended_task", stop)
        with pytest.raises(Stopping):
            reconcile()
    row = HistoryResult.objects.get(run=run)
    assert row.task_id in w.tenant.tasks and row.state == "waiting"
    HistoryResult.objects.update(task_id="")  # it died before it could keep the task's id
    monkeypatch.setattr(sync_history, "has_result", _unknown_once(sync_history.has_result))
    reconcile()
    row.refresh_from_db()
    assert (row.state, row.note) == ("written", "") and list(w.tenant.results) == [row.result_id]


def _unknown_once(has_result):
    """Return a look that does not find a result yet, as while its task runs, and then does."""
    asked = []

    def look(client, result_id):
        asked.append(result_id)
        return len(asked) > 1 and has_result(client, result_id)

    return look


def test_without_a_schema_nothing_is_requested(world):
    w = world([compound(n) for n in range(2)])
    w.sync()
    assert not HistoryResult.objects.exists()
    assert not [name for name in w.tenant.endpoints if "result" in name]


def _history_point() -> tuple[str, str, str]:
    point = {point.name: point for point in doctor.examine()}["Sync History"]
    return point.state, point.finding, point.remedy


def test_doctor_proves_it_and_creates_nothing(world):
    w = world([compound(n) for n in range(2)])
    assert _history_point()[:2] == (
        "ok", "No Sync History Schema is chosen; runs create no results.",
    )  # fmt: skip
    schema = keep_history(w, project=False, without=("watermark",))
    state, finding, remedy = _history_point()
    assert state == "warning" and "watermark" in finding and "only the app can read" in finding
    assert "watermark (datetime)" in remedy and "Sync History Project" in remedy
    keep_history(w)
    assert _history_point()[0] == "ok" and not w.tenant.results and not w.tenant.transactions
    w.tenant.hidden.add(list(w.tenant.result_schemas)[-1])
    assert _history_point()[0] == "bad"
    w.configure(**{"Sync History Schema": schema})
    w.tenant.result_schemas[schema]["archiveRecord"] = {"reason": "Retired"}
    assert _history_point()[0] == "bad" and "archived" in _history_point()[1]


def test_doctor_says_what_data_modifications_would_mean(world, capsys):
    w = world([compound(1)])
    project = w.tenant.folders[w.folder]["projectId"]
    w.tenant.projects[project] = {"id": project, "name": "Chemistry", "archiveRecord": None}
    with suppress(SystemExit):
        call_command("doctor")
    assert "Synced. If its project (“Chemistry”) has Data Modifications (GxP)" in (
        capsys.readouterr().out
    )


def test_a_required_field_that_no_run_fills_is_told(world):
    w = world([compound(n) for n in range(2)], result_errors="none")
    schema = keep_history(w)
    w.tenant.system_names[schema]["batch"] = w.tenant.definition(
        {"name": "Batch", "type": "text", "isRequired": True}
    )
    run = w.sync()
    assert run.status == Status.SUCCEEDED and not rows(w)
    assert "was not written: The result is not valid." in log_of(run) or "400" in log_of(run)


def test_dropdowns_are_filled_by_the_label_of_an_option(world):
    w = world([compound(n) for n in range(2)])
    schema = keep_history(w, without=("outcome", "trigger"))
    outcomes = w.tenant.add_dropdown("Outcomes", ["Succeeded", "Failed"])
    triggers = w.tenant.add_dropdown("Triggers", ["admin"])
    for name, options in (("outcome", outcomes), ("trigger", triggers)):
        field = w.tenant.definition(
            {"name": name.title(), "type": "dropdown", "dropdownId": options, "isRequired": False}
        )
        w.tenant.result_schemas[schema]["fieldDefinitions"].append(field)
        w.tenant.system_names[schema][name] = field
    first, second = w.sync(), w.sync()
    succeeded = w.tenant.dropdowns[outcomes]["options"][0]["id"]
    assert [row["outcome"] for row in rows(w)] == [succeeded] * 2 and "trigger" not in rows(w)[0]
    assert "have no option for trigger “schedule”" in log_of(first)
    assert "no option" not in log_of(second) and "system names" not in log_of(first)
    added = w.tenant.add_option(triggers, "Schedule")
    w.sync()
    assert rows(w)[2]["trigger"] == added
    left_out = {"outcome": "not text"}  # as version 0.1 learned it
    HistorySchema.objects.update(left_out=left_out, options=None, learned_at=timezone.now())
    w.sync()
    assert (rows(w)[3]["outcome"], rows(w)[3]["trigger"]) == (succeeded, added)


@pytest.mark.parametrize("tries", [1, sync_history.TRIES])
def test_a_refused_look_at_the_task_does_not_say_that_nothing_was_written(world, tries):
    w = world([compound(n) for n in range(2)])
    keep_history(w)
    refuse = [Fault("GET .*/tasks/", "status", times=99, status=403)]
    if tries > 1:
        refuse.append(Fault("GET .*assay-results:bulk-get", "status", times=99, status=403))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sync_history, "_write", _refusing(sync_history._write, w, refuse))
        patched.setattr(sync_history, "TRIES", 1 if tries > 1 else sync_history.TRIES)
        run = w.sync()
    result = HistoryResult.objects.get(run=run)
    assert len(rows(w)) == 1 and "was not written" not in log_of(run)
    if tries == 1:
        assert result.state == "written"
    else:
        assert result.state == "unknown" and "is not known to be written" in log_of(run)


def _refusing(write, w, faults):
    """Return the attempt of a tenant that has these faults from then on."""

    def attempt(*given):
        w.tenant.faults += faults
        return write(*given)

    return attempt
