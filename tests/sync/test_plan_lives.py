"""What happens to a plan between its making and its end: other mappings, faults, other people."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from registry_sync import runs
from registry_sync.core.problems import SourceError
from registry_sync.jobs import runner as jobs
from registry_sync.models import Lane, Plan, SyncRun
from registry_sync.sync.delivery.batch_log import BatchLog
from registry_sync.sync.plans import lifecycle, outcome
from tests.support.killing import Killed, killed
from tests.support.people import by_hand
from tests.support.plans import apply
from tests.support.registry import compound

pytestmark = pytest.mark.once
Kind, Status, State, PlansFor = SyncRun.Kind, SyncRun.Status, Plan.State, Lane.PlansFor


@pytest.fixture
def w(world):
    """A synced lane that needs plans for everything."""
    made = world([compound(n) for n in range(4)])
    made.sync()
    Lane.objects.update(plans_for=PlansFor.EVERYTHING)
    return made


def signed(w) -> Plan:
    """Return a plan of one renamed record, signed."""
    w.registry.edit("C-000001", name="New name")
    w.sync()
    plan = Plan.objects.filter(state=State.OPEN).get()
    lifecycle.sign_plan(plan, actor="bea", reason="checked")
    return plan


def follow(run: SyncRun) -> SyncRun:
    """Work the run that follows to its end."""
    return jobs.work_to_end(runs.active(run.lane).pk)


def codes(run: SyncRun) -> list[str]:
    return [warning["code"] for warning in run.warnings]


def publish(w) -> None:
    """Change the mapping so that it would write: the approval's value as another field's."""
    w.configure(**{"Field Configurations": [("SMILES", "id"), ("Approval", "approval")]})


@pytest.mark.invariant(8)
def test_a_plan_of_another_mapping_is_void_and_the_new_one_needs_its_own(w):
    Lane.objects.update(plans_for=PlansFor.NEW_MAPPINGS)
    w.registry.edit("C-000001", name="New name")
    w.sync(kind=Kind.PLAN)
    plan = Plan.objects.get()
    lifecycle.sign_plan(plan, actor="bea", reason="checked")
    before = w.values()
    publish(w)
    assert apply(plan).error_code == "plan_unfit"
    run = w.sync()
    plan.refresh_from_db()
    assert (run.kind, codes(run)) == (Kind.PLAN, ["plan_waits"])
    assert plan.state == State.VOID and "mapping has changed" in plan.void_reason
    assert runs.active(run.lane) is None and w.values() == before
    lifecycle.sign_plan(run.plan, actor="bea", reason="checked")
    applied = w.sync()
    assert (applied.kind, applied.updated) == (Kind.APPLY, 4)
    assert follow(applied).kind == Kind.INCREMENTAL  # the mapping is not new any more


def test_a_mapping_that_changes_while_a_plan_is_applied_writes_nothing(w):
    plan = signed(w)
    before = w.values()
    run, _ = runs.request_run(
        kind=Kind.APPLY, trigger=SyncRun.Trigger.ADMIN, lane=plan.lane, plan=plan
    )
    interrupt(run)
    publish(w)
    run = jobs.work_to_end(run.pk)
    assert (run.status, run.error_code) == (Status.FAILED, "plan_unfit")
    assert w.values() == before


def test_where_nothing_is_to_be_written_a_new_mapping_gets_a_plan_of_its_own(w):
    planned = w.sync()
    assert planned.plan.state == State.EMPTY
    publish(w)
    noted = follow(planned)
    assert (noted.kind, noted.plan.changes, codes(noted)) == (Kind.PLAN, 4, ["plan_waits"])


def interrupt(run: SyncRun) -> None:
    """Work a run until it would send, and end its process there."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(BatchLog, "sending", killed)
        with pytest.raises(Killed):
            jobs.work_to_end(run.pk)
    SyncRun.objects.update(lease_until=None)


def test_nothing_follows_a_plan_that_could_not_be_applied(w):
    plan = signed(w)
    w.registry.token = "changed"
    failed = w.sync()
    assert (failed.kind, failed.status) == (Kind.APPLY, Status.FAILED)
    assert runs.active(plan.lane) is None
    w.registry.token = "key"
    again = w.sync()
    assert (again.kind, again.updated) == (Kind.APPLY, 1)
    assert runs.active(plan.lane).kind == Kind.INCREMENTAL


def test_what_people_ask_for_meanwhile_follows_also_where_it_failed(w):
    plan = signed(w)
    w.registry.token = "changed"
    run, _ = runs.request_run(kind=Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)

    def fail(number):
        how = {"trigger": SyncRun.Trigger.ADMIN, "actor": "ann", "asked_at": timezone.now()}
        runs.request_or_follow(kind=Kind.RETRY, only=["C-000002"], lane=plan.lane, **how)
        w.registry.refuses = 401

    w.registry.token, w.registry.page_size, w.registry.on_page = "key", 1, fail
    assert jobs.work_to_end(run.pk).status == Status.FAILED
    assert runs.active(plan.lane).retries_all


def test_a_full_read_that_was_asked_for_follows_the_plan(w):
    signed(w)
    applied = w.sync(reads_all=True)
    assert applied.kind == Kind.APPLY
    assert runs.active(applied.lane).kind == Kind.FULL


def test_a_plan_that_is_being_applied_stays_until_the_run_ends(w):
    plan = signed(w)
    w.registry.edit("C-000002", name="Other")
    newer = w.sync(kind=Kind.PLAN, actor="ann").plan
    run, _ = runs.request_run(
        kind=Kind.APPLY, trigger=SyncRun.Trigger.ADMIN, lane=plan.lane, plan=plan
    )
    interrupt(run)
    with pytest.raises(lifecycle.PlanError, match=f"Run {run.pk} applies {plan}"):
        lifecycle.sign_plan(newer, actor="bea", reason="checked")
    with pytest.raises(lifecycle.PlanError, match="Cancel that run first"):
        lifecycle.void_plan(plan, actor="ann", reason="wrong")
    Plan.objects.filter(pk=plan.pk).update(expires_at=timezone.now() - timedelta(minutes=1))
    run = jobs.work_to_end(run.pk)
    plan.refresh_from_db()
    assert (run.status, run.updated, plan.state) == (Status.SUCCEEDED, 1, State.APPLIED)
    lifecycle.sign_plan(newer, actor="bea", reason="checked")


def test_rows_that_an_earlier_try_wrote_are_written(w, monkeypatch):
    plan = signed(w)

    def broken(ctx):
        raise SourceError("The registry broke off.", remedy="", code="unavailable")

    with monkeypatch.context() as patched:
        patched.setattr(outcome, "conclude", broken)
        assert apply(plan).status == Status.FAILED
    assert w.values()["C-000001"]["name"] == "New name" and plan.state == State.SIGNED
    again = apply(plan)
    assert (again.status, again.warnings, again.updated) == (Status.SUCCEEDED, [], 0)
    assert set(plan.rows.values_list("fate", flat=True)) == {"written"}


def test_a_busy_lane_moves_on_to_where_its_plan_had_read(w):
    plan = signed(w)
    w.registry.edit("C-000001", name="Newer")  # since the plan, one that it has
    w.registry.edit("C-000002", name="Other")  # and one that it has not
    applied = apply(plan)
    assert (codes(applied), applied.updated) == (["plan_left"], 0)
    assert runs.good_runs(plan.lane).first() == applied
    assert applied.watermark == plan.run.watermark
    planned = w.sync()
    assert {row.external_id for row in planned.plan.rows.all()} == {"C-000001", "C-000002"}
    assert not planned.reads_all


def test_what_someone_edited_in_benchling_is_planned_again(w):
    plan = signed(w)
    by_hand(w, "C-000001", name="By hand")
    applied = apply(plan)
    assert codes(applied) == ["plan_left"]
    assert runs.good_runs(plan.lane).first() != applied
    assert w.sync().plan.rows.get().values == [["name", "By hand", "New name"]]
