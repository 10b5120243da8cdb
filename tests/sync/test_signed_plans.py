"""A plan is made instead of writing, signed by a second person, and applied as it was signed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from registry_sync import runs
from registry_sync.jobs import runner as jobs
from registry_sync.models import Lane, Plan, SyncRun
from registry_sync.monitoring.freshness import check_freshness
from registry_sync.sync.delivery.batch_log import BatchLog
from registry_sync.sync.gates import guards
from registry_sync.sync.plans import lifecycle
from tests.support.killing import Killed, killed
from tests.support.people import by_hand
from tests.support.plans import apply
from tests.support.registry import compound

pytestmark = pytest.mark.once
Kind, Status, State = SyncRun.Kind, SyncRun.Status, Plan.State
LATER = "2026-03-01T00:00:00Z"


def needing(w, what=Lane.PlansFor.EVERYTHING):
    Lane.objects.update(plans_for=what)
    return w


def fates(plan: Plan) -> dict[str, str]:
    return dict(plan.rows.values_list("external_id", "fate"))


def codes(run: SyncRun) -> list[str]:
    return [warning["code"] for warning in run.warnings]


@pytest.mark.invariant(8)
def test_a_lane_that_needs_plans_writes_what_was_signed_and_nothing_else(world):
    w = world([compound(n) for n in range(6)])
    first = w.sync()
    needing(w)
    w.registry.edit("C-000001", LATER, name="New name")
    w.registry.edit("C-000002", LATER, smiles="CCO")
    w.registry.records.append(compound(9, modified_at=LATER))
    before, written = w.values(), w.written()
    planned = w.sync()
    plan = Plan.objects.get()
    assert (planned.kind, planned.status) == (Kind.PLAN, Status.COMPLETED_WITH_WARNINGS)
    assert codes(planned) == ["plan_waits"]
    assert (plan.state, plan.creates, plan.changes) == (State.OPEN, 1, 2)
    assert (w.values(), w.written()) == (before, written)
    assert runs.good_runs(plan.lane).get() == first
    (row,) = plan.rows.filter(external_id="C-000001")
    assert row.values == [["name", "Compound 1", "New name"]]

    again = w.sync()  # the same: the plan stays, and expires later
    assert again.plan == plan and Plan.objects.count() == 1
    lifecycle.sign_plan(plan, actor="bea", reason="checked")
    applied = apply(plan)
    assert (applied.status, applied.created, applied.updated) == (Status.SUCCEEDED, 1, 2)
    assert set(fates(plan).values()) == {"written"} and plan.state == State.APPLIED
    assert w.values()["C-000001"]["name"] == "New name"
    assert w.written() - written == 3
    assert runs.good_runs(plan.lane).first() == applied
    assert w.sync().status == Status.SUCCEEDED
    assert w.written() - written == 3


def test_who_planned_cannot_sign_and_the_database_says_so_too(world):
    w = world([compound(1)])
    planned = w.sync(kind=Kind.PLAN, actor="ann")
    plan = Plan.objects.get(run=planned)
    with pytest.raises(lifecycle.PlanError, match="second person"):
        lifecycle.sign_plan(plan, actor="ann", reason="mine")
    with pytest.raises(IntegrityError), transaction.atomic():
        Plan.objects.filter(pk=plan.pk).update(
            state=State.SIGNED, signed_by="ann", signed_at=timezone.now(), sign_reason="mine"
        )
    with pytest.raises(IntegrityError), transaction.atomic():
        Plan.objects.filter(pk=plan.pk).update(state=State.SIGNED)
    with pytest.raises(lifecycle.PlanError, match="reason"):
        lifecycle.sign_plan(plan, actor="bea", reason=" ")
    assert apply(plan).error_code == "plan_unfit" and w.values() == {}
    lifecycle.sign_plan(plan, actor="bea", reason="checked")
    assert plan.signed_by == "bea"


def test_plans_expire_and_newer_ones_void_older_ones(world):
    w = world([compound(1)])
    w.sync(kind=Kind.PLAN, actor="ann")
    old = Plan.objects.get()
    w.registry.edit("C-000001", LATER, name="Other")
    w.sync(kind=Kind.PLAN, actor="ann")
    old.refresh_from_db()
    new = Plan.objects.exclude(pk=old.pk).get()
    assert (old.state, new.state) == (State.VOID, State.OPEN)
    with pytest.raises(lifecycle.PlanError, match="void"):
        lifecycle.sign_plan(old, actor="bea", reason="checked")
    lifecycle.sign_plan(new, actor="bea", reason="checked")
    Plan.objects.filter(pk=new.pk).update(expires_at=timezone.now() - timedelta(minutes=1))
    assert apply(new).error_code == "plan_unfit" and w.values() == {}


def test_rows_that_someone_edits_in_the_database_are_not_written(world):
    w = world([compound(1), compound(2)])
    w.sync(kind=Kind.PLAN)
    plan = Plan.objects.get()
    lifecycle.sign_plan(plan, actor="bea", reason="checked")
    plan.rows.filter(external_id="C-000001").update(name="Something else")
    run = apply(plan)
    assert set(w.values()) == {"C-000002"} and codes(run) == ["plan_left"]


def test_a_signed_plan_is_applied_first_and_what_is_new_planned(world):
    w = needing_after_first(world)
    w.registry.edit("C-000001", LATER, name="New name")
    w.sync()
    plan = Plan.objects.get()
    lifecycle.sign_plan(plan, actor="bea", reason="checked")
    w.registry.edit("C-000002", LATER, name="Unsigned")
    applied = w.sync()
    assert (applied.kind, applied.plan, applied.updated) == (Kind.APPLY, plan, 1)
    follower = jobs.work_to_end(runs.active(plan.lane).pk)
    assert (follower.kind, codes(follower)) == (Kind.PLAN, ["plan_waits"])
    assert [r.external_id for r in follower.plan.rows.all()] == ["C-000002"]
    assert w.values()["C-000002"]["name"] == "Compound 2"


def needing_after_first(world):
    w = world([compound(n) for n in range(4)])
    w.sync()
    return needing(w)


def test_a_quiet_lane_is_in_sync_and_moves_on(world):
    w = needing_after_first(world)
    first = w.sync()
    assert (first.kind, first.status, first.warnings) == (Kind.PLAN, Status.SUCCEEDED, [])
    noted = jobs.work_to_end(runs.active(first.lane).pk)
    assert (noted.kind, noted.status, noted.held) == (Kind.APPLY, Status.SUCCEEDED, 0)
    assert runs.good_runs(first.lane).first() == noted
    assert runs.active(first.lane) is None
    old = timezone.now() - timedelta(days=30)
    SyncRun.objects.exclude(pk=noted.pk).update(finished_at=old, created_at=old)
    assert check_freshness(first.lane).state == "ok"


def test_one_record_on_demand_is_left_for_the_plan(world):
    w = needing_after_first(world)
    w.registry.edit("C-000001", LATER, name="New name")
    run = w.sync(only=["C-000001"])
    assert (run.held, run.updated, codes(run)) == (1, 0, ["plan_waits"])
    assert w.values()["C-000001"]["name"] == "Compound 1"


def test_a_new_mapping_needs_a_plan_once(world):
    w = needing(world([compound(n) for n in range(3)]), Lane.PlansFor.NEW_MAPPINGS)
    w.sync()
    Lane.objects.update(plans_for=Lane.PlansFor.NEW_MAPPINGS)
    w.registry.edit("C-000001", LATER, name="Goes on as it is")
    assert w.sync().updated == 1
    w.configure(**{"Field Configurations": [("SMILES", "smiles"), ("Approval", "approval")]})
    planned = w.sync()
    assert planned.kind == Kind.PLAN


def test_a_great_change_is_left_for_a_plan(world, monkeypatch):
    monkeypatch.setattr(guards, "LEAST", 2)
    w = world([compound(n) for n in range(8)], page_size=2)
    w.sync()
    needing(w, Lane.PlansFor.GREAT_CHANGES)
    for n in range(8):
        w.registry.edit(f"C-00000{n}", LATER, smiles="CCO")
    run = w.sync()
    assert run.status == Status.COMPLETED_WITH_WARNINGS and codes(run) == ["plan_waits"]
    assert run.held and run.updated < 5
    planned = jobs.work_to_end(runs.active(run.lane).pk)
    assert planned.plan.changes == 8 - run.updated
    lifecycle.sign_plan(planned.plan, actor="bea", reason="meant")
    assert apply(planned.plan).updated == 8 - run.updated
    assert w.sync().status == Status.SUCCEEDED


def test_a_kill_while_applying_loses_nothing_and_overwrites_nothing(world):
    w = needing_after_first(world)
    for n in (1, 2):
        w.registry.edit(f"C-00000{n}", LATER, name=f"New {n}")
    w.sync()
    plan = Plan.objects.get()
    lifecycle.sign_plan(plan, actor="bea", reason="checked")
    run, _ = runs.request_run(
        kind=Kind.APPLY, trigger=SyncRun.Trigger.ADMIN, lane=plan.lane, plan=plan
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(BatchLog, "sending", killed)
        with pytest.raises(Killed):
            jobs.work_to_end(run.pk)
    SyncRun.objects.update(lease_until=None)
    by_hand(w, "C-000001", name="By hand")
    written = w.written()
    run = jobs.work_to_end(run.pk)
    values = w.values()
    assert (values["C-000001"]["name"], values["C-000002"]["name"]) == ("By hand", "New 2")
    assert w.written() - written == run.updated == 1
    plan.refresh_from_db()
    assert fates(plan) == {"C-000001": "benchling", "C-000002": "written"}
