"""Plans at the desk: read, signed by a second person with their password, and applied."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.test import Client

from registry_sync.canvas.standing import PLAN_WAITS, standing_of
from registry_sync.desk import withdrawals
from registry_sync.jobs import runner as jobs
from registry_sync.models import Allowance, Lane, Plan, Proposal, SyncRun, Withdrawal
from registry_sync.monitoring.health import assess
from registry_sync.sync.gates import allowances
from registry_sync.sync.plans.second import SecondPerson
from tests.support import ROOT, factories
from tests.support.command_schema import checked
from tests.support.desk import groups, person, text
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
    assert "Applied" in text(owner.get(page))


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
    assert "name: Compound 1 → Other" in capsys.readouterr().out
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
    assert any("waits for a signature" in one.text for one in assess(lane).findings)
    assert standing_of(lane.runs.all()).lines(attended=True)[-1] == PLAN_WAITS
    Lane.objects.update(plans_for=Lane.PlansFor.NOTHING)
    lane.refresh_from_db()
    assert PLAN_WAITS not in standing_of(lane.runs.all()).lines(attended=True)


def test_an_override_takes_two_people(world, owner):
    w = world([compound(1)])
    run = w.sync()
    lane = run.lane
    Lane.objects.update(second_allow=True)
    factories.SyncRunFactory(lane=lane, status="FAILED", error_code="path_gone")
    what = Allowance.What.PATH_GONE
    with pytest.raises(SecondPerson):
        allowances.allow(lane, what, "", actor="mona", reason="renamed")
    with pytest.raises(SecondPerson):  # the same person again
        allowances.allow(lane, what, "", actor="mona", reason="renamed")
    row = Proposal.objects.get()
    assert not Allowance.objects.exists()
    at = f"/admin/registry_sync/proposal/{row.pk}/"
    assert "Confirm and do it" in text(owner.get(at + "change/"))
    assert "allows it once" in text(
        owner.post(at + "decide/", {"do": "confirm", "reason": "seen"}, follow=True)
    )
    row.refresh_from_db()
    assert (row.state, row.decided_by) == ("confirmed", "Olivia")
    assert Allowance.objects.get().actor == "Olivia"


def test_a_release_of_withdrawals_takes_two_people(world):
    w = world([compound(1)])
    lane = w.sync().lane
    Lane.objects.update(second_release=True)
    left = factories.WithdrawalFactory(lane=lane)
    rows = Withdrawal.objects.filter(pk=left.pk)
    with pytest.raises(SecondPerson):
        withdrawals.release(rows, actor="mona", reason="retired")
    assert rows.get().state == Withdrawal.State.STAGED
    withdrawals.release(rows, actor="paul", reason="retired, seen")
    assert rows.get().state == Withdrawal.State.RELEASED


def test_plan_make_with_nothing_to_write_leaves_no_run_behind(world):
    w = world([compound(1)])
    w.sync()
    Lane.objects.update(plans_for=Lane.PlansFor.EVERYTHING)
    with pytest.raises(SystemExit) as end:
        call_command("plan", "make")
    noted = SyncRun.objects.first()
    assert (end.value.code, noted.kind, noted.status) == (0, Kind.APPLY, SyncRun.Status.SUCCEEDED)
