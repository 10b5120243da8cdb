"""What a run that applies a plan leaves: whether the next plan has it, and from where it reads."""

from __future__ import annotations

import pytest

from registry_sync import ledger, runs
from registry_sync.jobs import runner as jobs
from registry_sync.models import Lane, SyncRun, Withdrawal
from registry_sync.sync import retry_phase
from registry_sync.sync.plans import outcome
from registry_sync.sync.withdrawals.archives import archiving
from tests.support.killing import Killed, killed
from tests.support.odd import Reply
from tests.support.people import by_hand, hand
from tests.support.plans import apply, fates, in_use, signed
from tests.support.registry import compound

pytestmark = pytest.mark.once
Kind, Status = SyncRun.Kind, SyncRun.Status
NO_TIMES = {"endpoint": {"params": {"since": "{incremental.start_value}"},
                         "incremental": {"lag": 0}}}  # fmt: skip


def planned(w) -> set[tuple[str, str]]:
    """Return what the lane's next plan has."""
    plan = w.sync(kind=Kind.PLAN).plan
    return set(plan.rows.values_list("external_id", "action"))


def test_an_archive_that_is_left_does_not_hold_the_watermark(leaving):
    w = leaving
    w.registry.edit("C-000001", name="New name")
    w.registry.edit("C-000003", retired=True)
    plan = signed(w)
    by_hand(w, "C-000003")  # which is left, as someone touched it
    w.registry.edit("C-000002", retired=True)
    run = apply(plan)
    assert (run.updated, run.archived, run.held) == (1, 0, 0)
    assert runs.good_runs(plan.lane).first() == run
    assert planned(w) == {("C-000002", "archive"), ("C-000003", "archive")}


def test_an_entity_that_is_not_unarchived_is_planned_again(leaving):
    w = leaving
    w.registry.edit("C-000001", retired=True)
    w.sync()
    w.registry.edit("C-000002", name="New name")
    plan = signed(w)
    w.registry.edit("C-000001", retired=False)  # once the plan had read it
    run = apply(plan)
    assert (run.updated, run.held) == (1, 0) and "C-000001" not in in_use(w)
    assert runs.good_runs(plan.lane).first() == run
    assert planned(w) == {("C-000001", "unarchive")}


@pytest.mark.parametrize("sent", [True, False], ids=["archived", "not sent"])
def test_a_record_that_is_back_before_its_archive_is_known_is_planned(leaving, sent):
    w = leaving
    w.registry.edit("C-000001", retired=True)
    run, _ = runs.request_run(kind=Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    with pytest.MonkeyPatch.context() as patched:
        place, name = (ledger, "record_archiving") if sent else (archiving, "archive")
        patched.setattr(place, name, killed)
        with pytest.raises(Killed):
            jobs.work_to_end(run.pk)
    SyncRun.objects.update(lease_until=None, status=Status.CANCELLED)
    assert Withdrawal.objects.get().state == "sent" and ("C-000001" in in_use(w)) != sent
    w.registry.edit("C-000001", retired=False)
    w.registry.edit("C-000002", name="New name")
    plan = signed(w)
    rows = {("C-000002", "change")} | ({("C-000001", "unarchive")} if sent else set())
    assert set(plan.rows.values_list("external_id", "action")) == rows
    run = apply(plan)
    assert set(fates(plan).values()) == {"written"} and run.held == 0
    assert "C-000001" in in_use(w) and not Withdrawal.objects.filter(closed_at=None).exists()


def test_without_times_what_changed_since_the_plan_is_not_held(world):
    w = world([compound(n) for n in range(5)], config={"Connector Settings": NO_TIMES})
    w.sync()
    for n in (0, 1):
        w.registry.edit(f"C-00000{n}", name=f"New {n}")
    plan = signed(w)
    w.registry.edit("C-000001", name="Newer")
    w.registry.edit("C-000002", name="Other")
    w.registry.records.append(compound(9, modified_at=w.registry.record("C-000002")["modified_at"]))
    run = apply(plan)
    assert (run.updated, run.held) == (1, 0) and runs.good_runs(plan.lane).first() == run
    assert run.watermark == plan.run.server_date
    left = {("C-000001", "change"), ("C-000002", "change"), ("C-000009", "create")}
    assert planned(w) == left
    plan = signed(w)
    by_hand(w, "C-000002", SMILES="By hand")
    run = apply(plan)  # no one but this run would read what the plan had read
    assert (run.updated, run.created, run.held) == (1, 1, 1)
    assert planned(w) == {("C-000002", "change")}


def test_without_times_what_a_plan_refused_is_held_once_it_passes(world):
    w = world([compound(n) for n in range(3)], config={"Connector Settings": NO_TIMES})
    w.sync()
    w.registry.edit("C-000001", parent="P-9")
    w.registry.edit("C-000002", name="New name")
    plan = signed(w)
    assert set(fates(plan)) == {"C-000002"}
    hand(w, "P-9", "The parent")
    assert (apply(plan).updated, SyncRun.objects.first().held) == (1, 1)
    assert planned(w) == {("C-000001", "change")}


def test_a_record_that_is_held_counts_once_also_after_a_kill(world):
    records = [compound(1, parent="C-000002"), compound(2, parent="C-000001")]
    w = world(records, page_size=1)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(retry_phase, "joined_circles", lambda ctx: [])
        w.sync()
    assert {e.waits_for for e in w.open_errors().values()} == {"link"}
    Lane.objects.update(plans_for=Lane.PlansFor.EVERYTHING)
    run, _ = runs.request_run(kind=Kind.RETRY, trigger=SyncRun.Trigger.ADMIN)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(outcome, "conclude", killed)
        with pytest.raises(Killed):
            jobs.work_to_end(run.pk)
    SyncRun.objects.update(lease_until=None)
    run = jobs.work_to_end(run.pk)
    assert run.held == 2 and "2 changes left for a plan" in run.warnings[0]["text"]
    assert planned(w) == {("C-000001", "create"), ("C-000002", "create")}


def test_one_record_that_cannot_be_read_stops_no_plan_and_none_counts_twice(world, serve):
    records, bad, new = {f"C-00000{n}": compound(n) for n in range(4)}, set[str](), set[str]()

    def answer(asked):
        if id_ := asked.path.removeprefix("/list").strip("/"):
            return Reply({"detail": "no"}, status=422) if id_ in bad else records[id_]
        return [{"id": id_} for id_ in records if not asked.query.get("since") or id_ in new]

    w = world([])
    detail = {"endpoint": {**NO_TIMES["endpoint"], "detail": {"path": "{id}"}}}
    w.configure(**{"API URL": serve(answer).url + "/list", "Connector Settings": detail})
    w.sync()
    Lane.objects.update(plans_for=Lane.PlansFor.EVERYTHING)
    for id_ in ("C-000001", "C-000002"):
        records[id_] = records[id_] | {"name": f"New {id_}"}
        assert w.sync(only=[id_]).held == 1
    new.add("C-000001")  # which the run reads anyway
    bad.add("C-000002")
    run = w.sync()
    assert (run.kind, run.read, run.updated) == (Kind.PLAN, 1, 1)
    assert set(run.plan.rows.values_list("external_id", flat=True)) == {"C-000001"}
    assert "Someone asked for C-000002" in run.warnings[0]["text"]
