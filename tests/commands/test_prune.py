"""`manage.py prune`: what is old goes, and what the audit, runs or people still need stays."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from registry_sync import runs
from registry_sync.core import stopping
from registry_sync.jobs import runner as jobs
from registry_sync.jobs.pruning import prune as pruning
from registry_sync.ledger import chain_check
from registry_sync.models import (
    Alert,
    AlertMessage,
    Batch,
    Change,
    EntityError,
    Lane,
    MappingDraft,
    Plan,
    PreviewNote,
    Refusal,
    RunLog,
    SyncRun,
    WebhookDelivery,
    WebhookRefusal,
)
from registry_sync.monitoring.metrics import tallies
from registry_sync.sync.plans import lifecycle
from tests.support.command_schema import checked
from tests.support.commands import command, command_apart
from tests.support.factories import (
    AlertFactory,
    AlertMessageFactory,
    BatchFactory,
    CanvasFactory,
    EntityErrorFactory,
    LaneFactory,
    MappingDraftFactory,
    PlanFactory,
    RunLogFactory,
    SyncRunFactory,
    WebhookDeliveryFactory,
    WebhookRefusalFactory,
    WithdrawalFactory,
)
from tests.support.plans import apply
from tests.support.registry import compound

SETTINGS = ("RUNS", "LOGS", "ERRORS", "RAW_RECORDS", "DELIVERIES")
DAYS = 30


@pytest.fixture
def keep(settings):
    def set_days(*names: str, days: int = DAYS) -> None:
        for name in names or SETTINGS:
            setattr(settings, f"KEEP_{name}_DAYS", days)

    return set_days


def age(days: float) -> None:
    """Let everything have happened so many days ago."""
    then = timezone.now() - timedelta(days=days)
    SyncRun.objects.exclude(finished_at=None).update(finished_at=then, created_at=then)
    EntityError.objects.exclude(closed_at=None).update(closed_at=then)
    WebhookDelivery.objects.update(received_at=then)
    WebhookRefusal.objects.update(day=then.date())
    Alert.objects.exclude(ended_at=None).update(ended_at=then)
    AlertMessage.objects.update(created_at=then)


def rows() -> dict[str, int]:
    kept = (SyncRun, RunLog, EntityError, Refusal, Change, Batch)
    return {model.__name__: model.objects.count() for model in kept}


def test_what_is_old_goes_and_the_lane_goes_on_as_before(world, keep):
    records = [compound(n) for n in range(6)]
    records[4]["approval"] = records[5]["approval"] = "x"
    w = world(records)
    first = w.sync()
    w.sync(kind=SyncRun.Kind.DRY_RUN)
    w.registry.edit("C-000004", approval=1999)
    cure = w.sync()
    quiet = [w.sync() for _ in range(2)]
    lane = Lane.objects.get()

    age(5000)
    before = rows()
    status, said = command(name="prune")
    assert status == 0 and "runs: kept for ever (KEEP_RUNS_DAYS)" in said
    assert rows() == before

    keep("RAW_RECORDS")
    assert "raw records: 1 row before" in command(name="prune")[1] and rows() == before
    opened, closed = EntityError.objects.order_by("-external_id")
    assert opened.raw and closed.raw is None and closed.message

    keep()
    age(DAYS - 1)
    before = rows()
    assert "runs: 0 rows before" in command(name="prune")[1] and rows() == before
    age(DAYS + 1)
    totals, verdict = tallies.totals(), chain_check.verify_chain(lane)
    status, out, _ = command_apart("--dry-run", "--json", name="prune")
    would = {one["name"]: one["rows"] for one in checked("prune", out)["kinds"]}
    assert status == 0 and rows() == before and would["runs"] and would["logs"]
    status, out, _ = command_apart("--json", name="prune")
    done = {one["name"]: one["rows"] for one in checked("prune", out)["kinds"]}
    assert done["logs"] == before["RunLog"] and not RunLog.objects.exists()
    assert done["errors"] == 1 and EntityError.objects.get().external_id == "C-000005"
    left = set(SyncRun.objects.values_list("pk", flat=True))
    # The first and the curing run wrote; the last one is where the next run starts.
    assert left >= {first.pk, cure.pk, quiet[-1].pk}
    assert not left & {run.pk for run in quiet[:-1]}
    assert Change.objects.count() == before["Change"]
    assert tallies.totals() == totals, "the metrics' counters stay"
    assert chain_check.verify_chain(lane) == verdict and not verdict.broken
    assert command("--verify", name="audit")[0] == 0
    assert {one["rows"] for one in checked("prune", command_apart("--json", name="prune")[1])[
        "kinds"]} == {0}  # fmt: skip
    w.registry.edit("C-000001", approval=2001)
    w.registry.edit("C-000005", approval=2002)
    run = w.sync()
    assert (run.status, run.kind, run.updated + run.created) == (
        "SUCCEEDED", "incremental", 2
    )  # fmt: skip
    assert not runs.open_errors(lane).exists()


def test_runs_that_something_needs_stay(db, keep):
    keep("RUNS")
    lane = LaneFactory()
    base = {"lane": lane, "finished_at": timezone.now()}
    plain, lost = SyncRunFactory(**base), SyncRunFactory(**base | {"lane": None}, status="FAILED")
    kept = {
        "open session": SyncRunFactory(**base, session_open=True),
        "a run follows": SyncRunFactory(**base, follow_up={"asked_at": "x"}),
        "wrote": SyncRunFactory(**base, updated=1),
        "on a canvas": CanvasFactory(
            canvas_id="cnvs_9", run=SyncRunFactory(**base), used_at=timezone.now()
        ).run,
        "run again": SyncRunFactory(**base, updated=1, rerun_of=SyncRunFactory(**base)).rerun_of,
        "open batch": BatchFactory(run=SyncRunFactory(**base), done_at=None).run,
        "saw it return": WithdrawalFactory(lane=lane, closed_run=SyncRunFactory(**base)).closed_run,
        "previewed": CanvasFactory(canvas_id="cnvs_10", preview=SyncRunFactory(**base)).preview,
        "drawn": CanvasFactory(canvas_id="cnvs_11", drawn_run=SyncRunFactory(**base)).drawn_run,
        "planned": PlanFactory(lane=lane, run=SyncRunFactory(**base)).run,
    }
    words = SyncRunFactory(**base)
    error = EntityErrorFactory(lane=lane, run=SyncRunFactory(**base))
    said = {"external_id": "C-1", "at": timezone.now(), "kind": "source", "code": "refused"}
    first = Refusal.objects.create(run=words, error=error, message="No.", **said)
    Refusal.objects.create(run=error.run, error=error, same_as=first, **said)
    kept |= {"has words": words, "last to refuse": error.run}
    last = SyncRunFactory(**base)
    failed = SyncRunFactory(**base, status="FAILED")
    active = SyncRunFactory(lane=lane, status="RUNNING")
    age(DAYS + 1)
    command(name="prune")
    left = set(SyncRun.objects.values_list("pk", flat=True))
    assert not left & {plain.pk, lost.pk}
    assert {why for why, run in kept.items() if run.pk not in left} == set()
    assert {last.pk, failed.pk, active.pk} <= left


def test_plans_that_no_one_signed_go_with_their_runs(world, keep):
    w = world([compound(1)])
    w.sync()
    Lane.objects.update(plans_for=Lane.PlansFor.EVERYTHING)
    for name in ("Other", "Signed"):
        w.registry.edit("C-000001", f"2026-03-0{len(name) - 4}T00:00:00Z", name=name)
        w.sync()
    void, signed = Plan.objects.order_by("pk")
    lifecycle.sign_plan(signed, actor="bea", reason="checked")
    applied = apply(signed)
    quiet = []
    for _ in range(2):  # nothing to write: a plan without rows, and a run that notes the reading
        planned = w.sync()
        quiet += [planned, jobs.work_to_end(runs.active(planned.lane).pk)]
    keep("RUNS")
    age(DAYS + 1)
    Plan.objects.update(made_at=timezone.now() - timedelta(days=DAYS + 1))
    assert "\nplans: 2 rows before" in command("--dry-run", name="prune")[1]
    assert "\nplans: 2 rows before" in command(name="prune")[1]
    left = set(SyncRun.objects.values_list("pk", flat=True))
    assert not left & {void.run_id, quiet[0].pk, quiet[1].pk}
    assert left >= {signed.run_id, applied.pk, quiet[2].pk, quiet[3].pk}
    assert set(Plan.objects.all()) == {signed, quiet[3].plan}, "the last one says what is in force"
    assert w.sync().status == SyncRun.Status.SUCCEEDED


def test_deliveries_and_alerts_that_are_over_go(db, keep, caplog):
    caplog.set_level("INFO", pruning.logger.name)
    keep("DELIVERIES")
    now, state = timezone.now(), WebhookDelivery.State
    for n, one in enumerate([state.DONE, state.IGNORED, state.RECEIVED, state.WORKING]):
        WebhookDeliveryFactory(webhook_id=f"w{n}", type="v2.app.installed", state=one)
    press = WebhookDeliveryFactory(webhook_id="w9", type=WebhookDelivery.PRESS, state=state.DONE)
    WebhookRefusalFactory(reason="stale", count=4)
    over, going = AlertFactory(what="stale", ended_at=now), AlertFactory(what="failing")
    AlertMessageFactory(alert=over, sent_at=now)
    AlertMessageFactory(alert=going, sent_at=now)
    AlertMessageFactory(alert=None, sent_at=now)
    age(DAYS + 1)
    totals = tallies.totals()
    would = command("--dry-run", name="prune")[1]
    assert not caplog.messages, "nothing was deleted"
    said = command(name="prune")[1]
    assert _counts(would) == _counts(said), "what metrics have not counted yet goes as well"
    assert "\ndeliveries: 2 rows before" in said and "refused deliveries: 1 row before" in said
    begins = {line.partition(" before 20")[0] for line in caplog.messages}
    assert begins == {f"Pruned {what}" for what in (
        "deliveries: 2 rows", "refused deliveries: 1 row", "alerts: 1 row", "test messages: 1 row",
    )}  # fmt: skip
    assert all(line.endswith(" UTC (KEEP_DELIVERIES_DAYS)") for line in caplog.messages)
    left = set(WebhookDelivery.objects.values_list("state", flat=True))
    assert left == {state.RECEIVED, state.WORKING, state.DONE}
    assert WebhookDelivery.objects.get(state=state.DONE) == press
    assert [m.alert for m in AlertMessage.objects.all()] == [going] == list(Alert.objects.all())
    assert not WebhookRefusal.objects.exists() and tallies.totals() == totals


def _counts(said: str) -> list[tuple[str, str]]:
    return re.findall(r"^([a-z ]+): (\d+) rows? before", said, re.MULTILINE)


def test_a_message_that_is_still_tried_keeps_its_alert(db, keep):
    keep("DELIVERIES")
    over = AlertFactory(what="stale", ended_at=timezone.now())
    message = AlertMessageFactory(alert=over, next_try_at=timezone.now())
    age(DAYS + 1)
    for way in (["--dry-run"], []):
        assert "\nalerts: 0 rows before" in command(*way, name="prune")[1]
    assert AlertMessage.objects.get() == message


State = MappingDraft.State


@pytest.mark.parametrize(
    ("state", "goes"),
    [(State.OPEN, False), (State.WAITING, False), (State.PUBLISHED, True), (State.DISCARDED, True)],
)
def test_samples_of_drafts_that_have_ended_go_and_their_counts_stay(db, keep, state, goes):
    keep("RAW_RECORDS")
    field = {"id": "tf_1", "name": "Mass", "changed": 1, "examples": [["C-1", "1", "2"]]}
    counts = {"read": 2, "new": 1, "refused": 1, "fingerprint": "f"}
    draft = MappingDraftFactory(
        state=state, sample=[{"id": "C-1"}], suggestions=[{"examples": ["2"]}],
        preview=counts | {"fields": [field], "rows": [{"id": "C-1"}]},
    )  # fmt: skip
    shown = counts | {"fields": [], "rows": [{"id": "C-1"}]}
    unsampled = MappingDraftFactory(state=state, preview=shown)
    for of in (draft, unsampled):
        PreviewNote.objects.create(draft=of, kind="refused", key="x", external_id="C-2")
    assert "samples: 0 rows before" in command(name="prune")[1], "they are new"
    MappingDraft.objects.update(updated_at=timezone.now() - timedelta(days=DAYS + 1))
    assert f"samples: {'2 rows' if goes else '0 rows'} before" in command(name="prune")[1]
    draft.refresh_from_db()
    unsampled.refresh_from_db()
    assert (draft.sample == draft.suggestions == unsampled.preview["rows"] == []) is goes
    assert draft.preview == counts | (
        {"fields": [field | {"examples": []}], "rows": []}
        if goes else {"fields": [field], "rows": [{"id": "C-1"}]}
    )  # fmt: skip
    assert PreviewNote.objects.count() == (0 if goes else 2)
    assert "samples: 0 rows before" in command(name="prune")[1]


def test_it_goes_on_where_it_was_stopped(db, keep, monkeypatch):
    keep()
    lane = LaneFactory()
    for _ in range(4):
        run = SyncRunFactory(lane=lane, finished_at=timezone.now())
        RunLogFactory.create_batch(3, run=run)
    age(DAYS + 1)
    monkeypatch.setattr(pruning, "CHUNK", 2)
    calls = iter(range(100))

    def stop_at_the_third() -> None:
        if next(calls) == 2:
            raise stopping.Stopping

    monkeypatch.setattr(pruning.stopping, "check", stop_at_the_third)
    before = RunLog.objects.count()
    status, said = command(name="prune")
    assert status == 1 and "the next call continues" in said
    assert RunLog.objects.count() == before - 4
    monkeypatch.setattr(pruning.stopping, "check", lambda: None)
    assert command(name="prune")[0] == 0 and not RunLog.objects.exists()
    assert list(SyncRun.objects.all()) == [run], "it is the last good one"
