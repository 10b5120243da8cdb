"""Whoever asked for something in a plan does not sign it, also where the schedule made it."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from registry_sync import runs
from registry_sync.models import (
    Adoption,
    Lane,
    Merge,
    Pin,
    Plan,
    PlanRow,
    SyncRun,
    Withdrawal,
)
from registry_sync.sync.plans import lifecycle
from registry_sync.sync.plans.requesters import requester_names
from tests.support import factories as made
from tests.support.factories import (
    AllowanceFactory,
    MappingVersionFactory,
    PlanFactory,
    ProposalFactory,
)
from tests.support.registry import compound

pytestmark = pytest.mark.once
Kind, Trigger = SyncRun.Kind, SyncRun.Trigger


def test_who_asked_for_a_part_of_the_schedules_plan_does_not_sign_it(world):
    w = world([compound(n) for n in range(4)])
    w.sync()
    Lane.objects.update(plans_for=Lane.PlansFor.EVERYTHING)
    ann = User.objects.create_superuser("ann")
    w.registry.edit("C-000001", name="New name")
    alone: dict[str, Any] = {"kind": Kind.INCREMENTAL, "trigger": Trigger.ADMIN}
    assert w.sync(only=["C-000001"], actor="ann", **alone).held == 1
    assert w.sync(only=["C-000003"], actor="eve", **alone).held == 0  # nothing to write
    plan = w.sync().plan
    assert (plan.planned_by, plan.requesters, plan.asked_users) == ("", ["ann"], f",{ann.pk},")
    User.objects.update(username="anna")  # the same one still
    for name, pk in (("ann", None), ("anna", ann.pk)):
        with pytest.raises(lifecycle.PlanError, match=f"{name} asked for something in"):
            lifecycle.sign_plan(plan, actor=name, user_id=pk, reason="mine")
        sign = {"signed_by": name, "signed_user": pk, "signed_at": timezone.now()}
        with pytest.raises(IntegrityError), transaction.atomic():
            Plan.objects.filter(pk=plan.pk).update(state="signed", sign_reason="mine", **sign)
    w.registry.edit("C-000002", name="Other name")
    w.sync(only=["C-000002"], actor="an", **alone)
    newer = w.sync().plan
    assert newer != plan and newer.requesters == ["an", "ann"]
    # The same writes again, with one more who asked for them: the plan stays, and names them all.
    w.sync(only=["C-000002"], actor="bob", **alone)
    assert w.sync().plan == newer
    newer.refresh_from_db()
    assert newer.requesters == ["an", "ann", "bob"]
    lifecycle.sign_plan(newer, actor="eve", user_id=ann.pk + 1, reason="checked")
    assert newer.signed_by == "eve"


def test_who_joined_a_run_asked_for_it_too(db):
    lane = made.LaneFactory()
    active = made.SyncRunFactory(lane=lane, status="RUNNING", started_at=timezone.now())
    for actor in ("ann", "bob"):
        runs.request_or_follow(
            kind=Kind.INCREMENTAL, trigger=Trigger.ADMIN, actor=actor, lane=lane, only=[actor],
            asked_at=runs.database_now(),
        )  # fmt: skip
    active.refresh_from_db()
    SyncRun.objects.update(status="SUCCEEDED", finished_at=timezone.now())
    follower = runs.start_following(active)
    assert (follower.actor, follower.joined_by) == ("ann", ["bob"])
    _, answer = runs.request_or_follow(
        kind=Kind.INCREMENTAL, trigger=Trigger.ADMIN, actor="eve", lane=lane, only=["bob"],
        asked_at=runs.database_now(),
    )  # fmt: skip
    follower.refresh_from_db()
    assert answer is runs.Answer.JOINED and follower.joined_by == ["bob", "eve"]


@pytest.fixture
def plan(db) -> Plan:
    """A plan of the schedule with the records a and b."""
    lane = made.LaneFactory(schema_id="ts_1")
    run = made.SyncRunFactory(lane=lane, kind=Kind.PLAN, fingerprint="new")
    found = PlanFactory(lane=lane, run=run, changes=2)
    for id_ in "ab":
        PlanRow.objects.create(plan=found, external_id=id_, action="change", digest=id_)
    return found


def decide(plan: Plan, kind: str, id_: str, actor: str) -> Any:
    """Let someone decide about a record, or about the lane."""
    lane, now = plan.lane, timezone.now()
    if kind == "override":
        what = "identity" if id_ else "great-change"
        return AllowanceFactory(lane=lane, what=what, external_id=id_, actor=actor)
    if kind == "withdrawal":
        return made.WithdrawalFactory(
            lane=lane, external_id=id_, actor=actor, state=Withdrawal.State.RELEASED
        )
    if kind == "adoption":
        state = Adoption.State.APPROVED
        return made.AdoptionFactory(lane=lane, external_id=id_, actor=actor, state=state)
    if kind == "merge":
        return made.MergeFactory(
            lane=lane, external_id=id_, actor=actor, state=Merge.State.ANEW, decided_at=now
        )
    if kind == "pin":
        return made.PinFactory(
            lane=lane, external_id=id_, closed_by=actor, closed_at=now, ended=Pin.End.TAKEN_BACK
        )
    return MappingVersionFactory(
        tenant=lane.tenant, app_id=lane.app_id, schema_id="ts_1", number=1, actor=actor, at=now
    )


@pytest.mark.parametrize(
    ("kind", "id_"),
    [("override", "a"), ("override", ""), ("withdrawal", "a"), ("adoption", "a"), ("merge", "a"),
     ("pin", "a"), ("publication", "")],
)  # fmt: skip
def test_whoever_decided_something_in_it_is_named(plan, kind, id_):
    decide(plan, kind, id_, "ann")
    if id_:
        decide(plan, kind, "c", "eve")  # of another record
    assert requester_names(plan) == {"ann"}
    PlanRow.objects.all().delete()
    plan.changes = 0
    assert requester_names(plan) == set()  # nothing to sign


def test_who_published_a_mapping_that_runs_have_used_may_sign(plan):
    decide(plan, "publication", "", "ann")
    made.SyncRunFactory(lane=plan.lane, fingerprint="new")
    plan.run = made.SyncRunFactory(lane=plan.lane, kind=Kind.PLAN, fingerprint="new")
    assert requester_names(plan) == set()


@pytest.mark.parametrize("kind", ["override", "withdrawal", "publication"])
def test_of_two_people_the_one_who_proposed_has_asked(plan, kind):
    row = decide(plan, kind, "a", "bob")
    what, subject = {
        "override": ("allow", {"what": "identity", "external_id": "a", "form": "x"}),
        "withdrawal": ("release", {"withdrawals": [row.pk]}),
        "publication": ("publish", {"draft": None}),
    }[kind]
    ProposalFactory(
        lane=plan.lane, what=what, subject=subject, state="confirmed", proposed_by="ann",
        reason="x", decided_by="bob", decision="y",
    )  # fmt: skip
    assert requester_names(plan) == {"ann"}
