"""Plans at the desk: read, signed by a second person with their password, and applied."""

from __future__ import annotations

import html
import json
import re

import pytest
from django.contrib.auth.models import Permission, User
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.db.models import F
from django.test import Client
from django.utils import timezone

from registry_sync.canvas.lane_status import PLAN_WAITS, lane_status
from registry_sync.desk import withdrawals
from registry_sync.jobs import runner as jobs
from registry_sync.models import (
    Allowance,
    EntityError,
    Lane,
    Plan,
    PlanRow,
    Proposal,
    SyncRun,
    Withdrawal,
)
from registry_sync.monitoring.health import assess_lane, assess_service
from registry_sync.sync.gates import allowances
from registry_sync.sync.plans.proposals import Person, SecondPerson
from tests.support import ROOT, factories
from tests.support.command_schema import checked
from tests.support.desk import groups, person, read, text
from tests.support.registry import compound

pytestmark = pytest.mark.once
Kind, State = SyncRun.Kind, Plan.State


@pytest.fixture
def planned(world):
    w = world([compound(1, name="Aspirin"), compound(2, name="Betaine")])
    w.sync(kind=Kind.PLAN, actor="Olivia")
    return w, Plan.objects.get()


def sign(client, plan, password="secret", reason="Checked with the lab"):
    at = f"/admin/registry_sync/plan/{plan.pk}/sign/"
    answer = client.post(at, {"password": password, "reason": reason}, follow=True)
    plan.refresh_from_db()
    return text(answer)


def test_a_plan_is_read_signed_by_a_second_person_and_applied(planned, owner):
    w, plan = planned
    page = f"/admin/registry_sync/plan/{plan.pk}/change/"
    shown = text(owner.get(page))
    assert "Aspirin" in shown and "Betaine" in shown and "2 to create" in shown
    assert "Olivia made Plan" in shown and "second person must sign" in shown
    found = text(owner.get(page, {"q": "aspi", "action": "create"}))
    assert "Aspirin" in found and "Betaine" not in found
    assert "second person" in sign(owner, plan) and plan.state == State.OPEN

    second = person("Paula", groups.OWNERS)
    assert "password is wrong" in sign(second, plan, password="guess")
    assert "Enter a reason" in sign(second, plan, reason=" ")
    assert plan.state == State.OPEN
    assert "is signed" in sign(second, plan)
    assert (plan.state, plan.signed_by) == (State.SIGNED, "Paula")
    assert w.values() == {}
    answer = owner.post(f"/admin/registry_sync/plan/{plan.pk}/apply/")
    run = jobs.work_to_end(SyncRun.objects.latest("pk").pk)
    assert answer["Location"].endswith(f"/syncrun/{run.pk}/change/")
    assert (run.kind, run.actor, run.created) == (Kind.APPLY, "Olivia", 2)
    assert "Applied</strong>: 2 to create; 2 of 2 were written." in text(owner.get(page))


def test_every_row_of_a_large_plan_can_be_read(owner):
    plan = factories.PlanFactory(creates=10_150, changes=101)
    PlanRow.objects.bulk_create(
        PlanRow(plan=plan, external_id=f"C-{n}", name="a&b+c", action="change", digest="x")
        for n in range(101)
    )
    page = f"/admin/registry_sync/plan/{plan.pk}/change/"
    assert "Page 1 of 103, 10,251 rows" in text(owner.get(page))
    assert "Page 2 of 2, 101 rows" in text(owner.get(page, {"action": "change", "page": 2}))
    found = text(owner.get(page, {"q": "a&b+", "action": "change"}))
    assert "Page 1 of 2, 101 rows" in found
    onward = html.unescape(re.findall(r'<a href="([^"]+)">Next</a>', found)[0])
    assert "Page 2 of 2, 101 rows" in text(owner.get(page + onward))


def test_who_may_not_apply_is_told_what_comes(owner, viewer):
    signed = {"signed_by": "Paula", "signed_at": timezone.now(), "sign_reason": "x"}
    plan = factories.PlanFactory(state=State.SIGNED, changes=1, **signed)
    page = f"/admin/registry_sync/plan/{plan.pk}/change/"
    assert ">Apply</button>" in text(owner.get(page))
    assert "The next scheduled run applies this plan" in text(viewer.get(page))
    Plan.objects.update(expires_at=timezone.now())
    shown = text(owner.get(page))
    assert "Make a new one." in shown and ">Apply</button>" not in shown


def test_who_asked_for_something_in_a_plan_is_named_and_does_not_sign(owner):
    asked = {"asked_by": "\nAnn\nOlivia\n"}
    plan = factories.PlanFactory(changes=1, planned_by="Carl", **asked)
    page = f"/admin/registry_sync/plan/{plan.pk}/change/"
    shown = text(owner.get(page))
    assert "other than Carl, who made it, and Ann and Olivia, who asked for something" in shown
    assert "Olivia asked for something in" in shown and "Sign this plan" not in shown
    assert "Someone who did not must sign" in sign(owner, plan) and plan.state == State.OPEN
    assert "other than Carl, who made it, and Ann and Olivia" in read(owner)


def test_wrong_passwords_count_as_at_login(planned, settings):
    _, plan = planned
    settings.AXES_FAILURE_LIMIT = 2
    settings.AXES_ENABLED = True
    second, at = person("Paula", groups.OWNERS), f"/admin/registry_sync/plan/{plan.pk}/sign/"
    said = [
        second.post(at, {"password": password, "reason": "x"}).status_code
        for password in ("guess", "guess", "secret")
    ]
    assert said == [302, 429, 429]  # the right one comes too late
    plan.refresh_from_db()
    assert plan.state == State.OPEN


def test_who_may_not_sign_does_not(planned, viewer):
    _, plan = planned
    at = f"/admin/registry_sync/plan/{plan.pk}/"
    assert viewer.post(at + "sign/", {"password": "secret", "reason": "x"}).status_code == 403
    title = Permission.objects.get(codename="sign_plan").name  # as a group's page shows it
    assert f"“{title}”" in text(viewer.get(at + "change/"))
    assert f"*{title}* (`sign_plan`)" in (ROOT / "docs" / "plans.md").read_text(encoding="utf-8")
    directory = User.objects.create_superuser("Dora")
    directory.set_unusable_password()
    directory.save()
    client = Client()
    client.force_login(directory)
    assert "no password here" in text(client.get(at + "change/"))


def test_commands_list_show_make_and_apply(world, capsys):
    w = world([compound(1)])
    w.sync()
    w.registry.edit("C-000001", name="Other")
    with pytest.raises(SystemExit) as end:
        call_command("plan", "make", "--json")
    made = checked("plan_make", capsys.readouterr().out)
    assert end.value.code == 2 and made["run"]["warnings"][0]["code"] == "plan_waits"
    plan = Plan.objects.get()
    call_command("plan", "show", plan.pk, "--json")
    (row,) = checked("plan_show", capsys.readouterr().out)["rows"]
    assert row["values"] == [{"field": "name", "before": "Compound 1", "after": "Other"}]
    call_command("plan", "show", plan.pk)
    said = capsys.readouterr().out
    assert "name: Compound 1 → Other" in said
    assert f"Plan {plan.pk}: open, 1 to change, made by" in said
    call_command("plan", "list", "--json")
    assert checked("plan_list", capsys.readouterr().out)["plans"][0]["state"] == "open"
    with pytest.raises(CommandError, match="only a signed plan") as refused:
        call_command("plan", "apply", plan.pk)
    assert refused.value.returncode == 1
    sign(person("Paula", groups.OWNERS), plan)
    with pytest.raises(SystemExit) as end:
        call_command("plan", "apply", plan.pk)
    assert end.value.code == 0 and w.values()["C-000001"]["name"] == "Other"


def test_sync_registry_exits_with_2_while_a_plan_waits(world, capsys):
    w = world([compound(1)])
    w.sync()
    Lane.objects.update(plans_for=Lane.PlansFor.EVERYTHING)
    with pytest.raises(SystemExit) as end:
        call_command("sync_registry", "--quiet")
    assert end.value.code == 0  # nothing to write: a second run notes what was read
    assert [run.kind for run in SyncRun.objects.all()[:2]] == [Kind.APPLY, Kind.PLAN]
    w.registry.edit("C-000001", name="Other")
    with pytest.raises(SystemExit) as end:
        call_command("sync_registry", "--json")
    said = checked("sync_registry", capsys.readouterr().out)
    assert end.value.code == 2
    assert "plan_waits" in json.dumps(said) and w.values()["C-000001"]["name"] == "Compound 1"
    (session,) = [s for s in w.tenant.sessions.values() if "signature" in json.dumps(s)]
    assert session["status"] == "COMPLETED_WITH_WARNINGS"
    lane = Lane.objects.get()
    found = assess_lane(lane, assess_service()).findings
    assert any("waits for a signature" in one.text for one in found)
    assert lane_status(lane.runs.all()).lines(attended=True)[-1] == PLAN_WAITS
    Lane.objects.update(plans_for=Lane.PlansFor.NOTHING)
    lane.refresh_from_db()
    assert PLAN_WAITS not in lane_status(lane.runs.all()).lines(attended=True)


ALICE, BOB = Person("alice", 1001, may_sign=True), Person("bob", 1002, may_sign=True)


def stopped(lane: Lane) -> SyncRun:
    return factories.SyncRunFactory(lane=lane, status="FAILED", error_code="path_gone")


def allow(lane: Lane, by: Person) -> Allowance:
    return allowances.allow(lane, Allowance.What.PATH_GONE, "", by=by, reason="renamed")


def states() -> list[str]:
    return list(Proposal.objects.order_by("pk").values_list("state", flat=True))


def test_an_override_takes_two_people(owner):
    lane = factories.LaneFactory(second_allow=True)
    stopped(lane)
    for _ in range(2):  # the same person again
        with pytest.raises(SecondPerson):
            allow(lane, ALICE)
    row = Proposal.objects.get()
    assert not Allowance.objects.exists()
    stopped(lane)  # the schedule goes on: it is the same stop
    at = f"/admin/registry_sync/proposal/{row.pk}/"
    assert "Confirm and do it" in text(owner.get(at + "change/"))
    assert "Overridden for the next run" in text(
        owner.post(at + "decide/", {"do": "confirm", "reason": "seen"}, follow=True)
    )
    row.refresh_from_db()
    olivia = User.objects.get(username="Olivia")
    assert (row.state, row.decided_by, row.decided_user) == ("confirmed", "Olivia", olivia.pk)
    assert Allowance.objects.get().actor == "Olivia"


def test_no_one_confirms_what_was_proposed_about_an_earlier_stop(world, owner):
    w = world([compound(1)])
    lane = w.sync().lane
    Lane.objects.update(second_allow=True)
    stopped(lane)
    with pytest.raises(SecondPerson):
        allow(lane, ALICE)
    factories.SyncRunFactory(lane=lane, status="SUCCEEDED")
    row = Proposal.objects.get()
    at = f"/admin/registry_sync/proposal/{row.pk}/"
    assert "Confirm and do it" not in text(owner.get(at + "change/"))
    owner.post(at + "decide/", {"do": "confirm", "reason": "seen"})
    assert not Allowance.objects.exists()
    stopped(lane)
    with pytest.raises(SecondPerson):  # another stop: this proposes
        allow(lane, BOB)
    assert not Allowance.objects.exists() and Proposal.objects.count() == 2
    w.sync()  # a good run: both are over
    assert states() == ["void", "void"]


def test_a_record_is_overridden_in_the_form_that_both_saw(db):
    lane = factories.LaneFactory(second_allow=True)
    error = factories.EntityErrorFactory(lane=lane, code="another_substance", raw_hash="one")
    how = {"what": Allowance.What.IDENTITY, "external_id": error.external_id, "reason": "same"}
    with pytest.raises(SecondPerson):
        allowances.allow(lane, by=ALICE, **how)
    EntityError.objects.update(raw_hash="another")
    with pytest.raises(SecondPerson):
        allowances.allow(lane, by=BOB, **how)
    allowances.void_outdated(lane)
    assert states() == ["void", "open"] and not Allowance.objects.exists()


@pytest.mark.parametrize(
    "second",
    [
        Person("renamed", 1001, may_sign=True),
        Person("alice", 1003, may_sign=True),
        Person("bob", 1002),
        Person("root"),
    ],
    ids=["renamed", "takes the name", "may not sign", "command"],
)
def test_who_is_no_second_person(db, second):
    lane = factories.LaneFactory(second_allow=True)
    stopped(lane)
    for one in (ALICE, second):
        with pytest.raises(SecondPerson):
            allow(lane, one)
    assert states() == ["open"] and not Allowance.objects.exists()
    with pytest.raises(IntegrityError), transaction.atomic():
        Proposal.objects.update(
            state="confirmed", decided_by="renamed", decided_user=1001, decision="x"
        )
    assert allow(lane, BOB)


def test_commands_only_propose(db, capsys):
    lane = factories.LaneFactory(second_allow=True, position=1)
    stopped(lane)
    with pytest.raises(SecondPerson):
        allow(lane, ALICE)
    with pytest.raises(CommandError) as refused:
        call_command("allow", "path-gone", "--reason", "renamed")
    assert refused.value.returncode == 2 and not Allowance.objects.exists()


def test_who_is_renamed_is_still_who_planned(planned):
    _, plan = planned
    maker = person("Olivia", groups.OWNERS)
    Plan.objects.update(planned_user=User.objects.get().pk)
    User.objects.update(username="Oona")
    assert "second person" in sign(maker, plan) and plan.state == State.OPEN
    with pytest.raises(IntegrityError), transaction.atomic():
        Plan.objects.update(signed_by="x", signed_user=F("planned_user"))


def test_a_plan_keeps_the_user_who_made_it(world, owner):
    w = world([compound(1)])
    w.sync(kind=Kind.PLAN, actor="Olivia", trigger=SyncRun.Trigger.ADMIN)
    assert Plan.objects.get().planned_user == User.objects.get(username="Olivia").pk


def test_an_invalid_form_spends_no_confirmation(owner, monkeypatch):
    lane = factories.LaneFactory(second_allow=True)
    stopped(lane)
    with pytest.raises(SecondPerson):
        allow(lane, ALICE)
    sent = {"lane": lane.pk, "what": "path-gone", "external_id": "", "reason": "seen"}

    def unfit(self, **more):
        raise ValidationError("Not now.")

    with monkeypatch.context() as patched:
        patched.setattr(Allowance, "clean", unfit)
        assert "Not now." in text(owner.post("/admin/registry_sync/allowance/add/", sent))
    assert states() == ["open"]
    owner.post("/admin/registry_sync/allowance/add/", sent)
    assert states() == ["confirmed"] and Allowance.objects.get().actor == "Olivia"


def test_a_release_of_withdrawals_takes_two_people(db):
    lane = factories.LaneFactory(second_release=True)
    one, other = factories.WithdrawalFactory.create_batch(2, lane=lane)
    rows = Withdrawal.objects.all()
    with pytest.raises(SecondPerson):
        withdrawals.release_withdrawals(rows, by=ALICE, reason="retired")
    assert one.state == Withdrawal.State.STAGED
    Withdrawal.objects.filter(pk=other.pk).update(closed_at=timezone.now())  # it came back
    withdrawals.release_withdrawals(rows, by=BOB, reason="retired, seen")
    assert rows.get(pk=one.pk).state == Withdrawal.State.RELEASED
    assert rows.get(pk=other.pk).state == Withdrawal.State.STAGED
    assert states() == ["confirmed"]


def test_a_release_over_two_lanes_is_whole_or_not_at_all(db):
    lanes = [factories.LaneFactory(second_release=True) for _ in range(2)]
    first, _ = (factories.WithdrawalFactory(lane=lane) for lane in lanes)
    rows = Withdrawal.objects.all()
    with pytest.raises(SecondPerson):
        withdrawals.release_withdrawals(rows.filter(pk=first.pk), by=ALICE, reason="retired")
    with pytest.raises(SecondPerson):
        withdrawals.release_withdrawals(rows, by=BOB, reason="retired, seen")
    assert states() == ["open", "open"], "the confirmation is not spent"
    withdrawals.release_withdrawals(
        rows, by=Person("carol", 1004, may_sign=True), reason="retired, seen"
    )
    assert {row.state for row in rows} == {Withdrawal.State.RELEASED}


def test_who_may_not_sign_does_not_take_back_that_it_takes_two(owner):
    lane = factories.LaneFactory(second_allow=True, plans_for=Lane.PlansFor.NEW_MAPPINGS)
    at = f"/admin/registry_sync/lane/{lane.pk}/change/"
    clerk = person("Carl", groups.VIEWERS)
    rights = Permission.objects.filter(codename__in=["change_lane", "view_lane"])
    User.objects.get(username="Carl").user_permissions.add(*rights)
    form = {"drift_policy": lane.drift_policy, "withdrawn_policy": lane.withdrawn_policy}
    loose = form | {"plans_for": "nothing"}
    assert "Taking this back also needs" in text(clerk.post(at, loose))
    strict = form | {"plans_for": "everything", "second_allow": "on", "second_publish": "on"}
    clerk.post(at, strict)
    lane.refresh_from_db()
    assert (lane.plans_for, lane.second_allow, lane.second_publish) == ("everything", True, True)
    assert owner.post(at, loose).status_code == 302
    lane.refresh_from_db()
    assert (lane.plans_for, lane.second_allow, lane.second_publish) == ("nothing", False, False)


def test_plan_make_with_nothing_to_write_leaves_no_run_behind(world):
    w = world([compound(1)])
    w.sync()
    Lane.objects.update(plans_for=Lane.PlansFor.EVERYTHING)
    with pytest.raises(SystemExit) as end:
        call_command("plan", "make")
    noted = SyncRun.objects.first()
    assert (end.value.code, noted.kind, noted.status) == (0, Kind.APPLY, SyncRun.Status.SUCCEEDED)
