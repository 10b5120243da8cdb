"""Withdrawals and merges at the desk and by command: listed, decided with a reason, undone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from registry_sync.jobs import runner
from registry_sync.models import Lane, Merge, SyncRun, Withdrawal
from sandbox.tenant.containers import store_by_hand
from sandbox.tenant.entities import merge_by_hand
from tests.support.chembl import compounds
from tests.support.commands import command
from tests.support.desk import owner, read, text, viewer  # noqa: F401
from tests.support.environment import FULL
from tests.support.registry import compound

pytestmark = pytest.mark.once
LIST = reverse("admin:registry_sync_withdrawal_changelist")
MERGES = reverse("admin:registry_sync_merge_changelist")
REASON = {"decided": "yes", "reason": "Discontinued"}
State, Status = Withdrawal.State, SyncRun.Status
FLAG = {"endpoint": {"params": {"since": "{incremental.start_value}"},
                     "incremental": {"cursor_path": "modified_at", "lag": 0},
                     "deletes": {"mode": "flag", "path": "retired"}}}  # fmt: skip


@pytest.fixture
def staged(world):
    """Five of twelve records left at once: they wait. A container holds the first one."""
    w = world([compound(n) for n in range(12)], config={"Connector Settings": FLAG})
    w.sync()
    assert command("set", "Compound", "--withdrawn", "archive", "--reason", "Shipped",
                   name="lanes")[0] == 0  # fmt: skip
    for n in range(5):
        w.registry.edit(f"C-{n:06d}", retired=True)
    held = next(e for e in w.tenant.entities.values() if e.entity_registry_id == "C-000000")
    store_by_hand(w.tenant, held, "Tube")
    w.sync()
    return w


def act(client, action: str, rows, *, url: str = LIST, reason=REASON):
    return client.post(
        url, {"action": action, "_selected_action": [row.pk for row in rows], **reason}
    )


def finish() -> SyncRun:
    run = SyncRun.objects.latest("pk")
    assert run.is_active
    return runner.work_to_end(run.pk)


def archived(w) -> list[str]:
    return sorted(e.entity_registry_id for e in w.tenant.entities.values() if e.archived)


def test_staged_withdrawals_are_shown_released_and_undone(staged, owner, viewer):  # noqa: F811
    w, rows = staged, list(Withdrawal.objects.order_by("external_id"))
    assert all(row.state == State.STAGED for row in rows) and len(rows) == 5
    assert "waits for a decision" in read(owner, LIST) and "C-000003" in read(viewer, LIST)
    act(viewer, "archive", rows)
    assert not archived(w) and Withdrawal.objects.filter(state=State.STAGED).count() == 5
    page = act(owner, "archive", rows, reason={}).content.decode()
    assert all(f"C-{n:06d} “Compound {n}”" in page for n in range(5))
    assert "Containers hold 1 entity: C-000000 (1 container)." in page and not archived(w)
    assert act(owner, "archive", rows[:4]).status_code == 302
    assert act(owner, "keep", rows[4:]).status_code == 302
    run = finish()
    assert (run.status, run.archived, run.actor) == (Status.SUCCEEDED, 4, "Olivia")
    assert archived(w) == [f"C-{n:06d}" for n in range(4)]
    assert {e.archived for e in w.tenant.entities.values() if e.archived} == {"Shipped"}
    act(owner, "undo", [rows[0]])
    assert finish().status == Status.SUCCEEDED and archived(w) == [f"C-{n:06d}" for n in (1, 2, 3)]
    assert LogEntry.objects.filter(change_message__contains="Discontinued").count() == 6
    assert w.sync().status == Status.SUCCEEDED and len(archived(w)) == 3


def test_the_command_lists_decides_and_undoes(staged):
    w = staged
    status, said = command(name="withdrawals")
    assert status == 0 and "C-000001 “Compound 1”: marked in the registry" in said
    assert "5 withdrawals, of which 5 wait for a decision." in said
    assert command("archive", "--all", name="withdrawals")[0] == 64  # no reason
    assert command("archive", "--reason", "x", name="withdrawals")[0] == 64  # none named
    assert command("keep", "C-000000", "--reason", "In use", name="withdrawals")[0] == 0
    logged = LogEntry.objects.values_list("change_message", flat=True)
    assert any(said.endswith("manage.py withdrawals keep: In use") for said in logged)
    assert any("manage.py lanes set: withdrawn records are archived as" in said for said in logged)
    assert command("keep", "C-999999", "--reason", "In use", name="withdrawals")[0] == 1
    assert command("archive", "--all", "--reason", "Gone", name="withdrawals")[0] == 0
    run = w.sync()
    assert run.archived == 4 and run.status == Status.SUCCEEDED
    assert command("undo", "--run", str(run.pk), "--reason", "No", name="withdrawals")[0] == 0
    assert w.sync().status == Status.SUCCEEDED and archived(w) == []


def test_a_decision_about_several_lanes_must_name_one(staged, owner):  # noqa: F811
    lane = Lane.objects.get()
    other = lane_like(lane)
    row = Withdrawal.objects.get(external_id="C-000001")
    row.pk, row.lane = None, other
    row.save()
    for words in (["C-000001"], ["--all"]):
        status, said = command("archive", *words, "--reason", "Gone", name="withdrawals")
        assert status == 64 and "Name one with --lane" in said
    assert not Withdrawal.objects.exclude(state=State.STAGED).exists()
    Lane.objects.filter(pk=other.pk).update(position=None)  # it is not configured any more
    page = owner.post(LIST, {"action": "archive", "_selected_action": [row.pk], **REASON},
                      follow=True).content.decode()  # fmt: skip
    assert "no run reads them" in page and not SyncRun.objects.filter(kind="retry").exists()
    assert Withdrawal.objects.get(pk=row.pk).state == State.STAGED


def lane_like(lane: Lane) -> Lane:
    other = Lane.objects.get(pk=lane.pk)
    other.pk, other.schema_id, other.schema_name = None, "ts_other", "Lot"
    other.position = 2
    other.save()
    return other


@pytest.mark.parametrize(
    "words",
    [
        ["set", "Compound"],
        ["set", "--withdrawn", "tell"],
        ["set", "Nowhere", "--withdrawn", "tell"],
        ["set", "Compound", "--withdrawn", "burn"],
        ["set", "Compound", "--withdrawn", "archive", "--reason", "Lost"],
        ["set", "Compound", "--withdrawn", "tell", "--held"],
        ["--withdrawn", "tell"],
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(staged, words):
    before = Lane.objects.values_list("withdrawn_policy", "withdrawn_reason").get()
    assert command(*words, name="lanes")[0] == 64
    assert Lane.objects.values_list("withdrawn_policy", "withdrawn_reason").get() == before


def test_a_lane_s_page_sets_the_policy(staged, owner):  # noqa: F811
    lane = Lane.objects.get()
    url = reverse("admin:registry_sync_lane_change", args=[lane.pk])
    asked = {"drift_policy": "report", "withdrawn_policy": "tell", "withdrawn_reason": "Expired",
             "withdrawn_held": "on"}  # fmt: skip
    assert owner.post(url, asked).status_code == 302
    now = Lane.objects.get()
    assert (now.withdrawn_policy, now.withdrawn_reason, now.withdrawn_held) == (
        "tell", "Expired", True,
    )  # fmt: skip
    assert now.withdrawn_set_at > lane.withdrawn_set_at
    status, said = command(name="lanes")
    assert status == 0 and "withdrawn:  reported only" in said


def test_a_merge_is_followed_and_undone_at_the_desk(world, owner):  # noqa: F811
    w = world([compound(n) for n in range(3)])
    w.sync()
    by_id = {e.entity_registry_id: e for e in w.tenant.entities.values()}
    merge_by_hand(w.tenant, by_id["C-000001"], by_id["C-000002"])
    w.sync(kind="full")
    merge = Merge.objects.get()
    decide = reverse("admin:registry_sync_merge_decide", args=[merge.pk])
    assert f'<a href="{decide}">Decide…</a>' in text(owner.get(MERGES))
    offered = re.findall(r'name="action" value="(\w+)"', text(owner.get(decide)))
    assert offered == ["follow", "anew"]
    shown = read(owner, reverse("admin:registry_sync_merge_change", args=[merge.pk]))
    assert "Acted on by a run: not yet" in shown and "Decide…" in shown
    page = act(owner, "anew", [merge], url=MERGES, reason={}).content.decode()
    assert "C-000002 must lose the aliases “C-000001” and “Compound 1”." in page
    form = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]+)"', text(owner.get(decide))))
    act(owner, "follow", [merge], url=MERGES)
    late = owner.post(MERGES, {**form, "action": "anew", "reason": "seen later"})
    assert "Something changed since this page was shown" in text(late)
    merge.refresh_from_db()
    assert merge.state == Merge.State.FOLLOWED
    assert finish().status == Status.SUCCEEDED and not w.open_errors()
    act(owner, "undo", [merge], url=MERGES)
    finish()
    assert w.open_errors()["C-000001"].code == "merged_away"


def test_the_record_s_page_tells_of_its_archive(staged, owner):  # noqa: F811
    Withdrawal.objects.filter(external_id="C-000001").update(state=State.RELEASED)
    staged.sync()
    url = f"{reverse('admin:registry_sync_record')}?id=C-000001&lane={Lane.objects.get().pk}"
    page = read(owner, url)
    assert "Archived in Benchling: the record left the registry." in page
    assert "Shipped" in page


COUNT, GONE = (2628, 2000) if FULL else (60, 48)
ABSENCE = {"Connector Settings": {"endpoint": {"deletes": {"mode": "absence"}}},
           "External ID Field": "molecule_chembl_id",
           "External Name Field": "{pref_name} [{molecule_chembl_id}]"}  # fmt: skip


def listed(w, hours: float) -> SyncRun:
    """Read the whole list, so many hours after the first time by the registry's clock."""
    w.registry.date = datetime.now(UTC) + timedelta(hours=hours - 12)
    return w.sync(kind="full")


def act_on_all(client, action: str, rows) -> str:
    """Select all rows of the list, as the link below its first page does; return what is asked."""
    asked = {"action": action, "select_across": "1", "_selected_action": [rows[0].pk]}
    return text(client.post(LIST, asked))


def chosen_in(page: str) -> list[Withdrawal]:
    """Return what the page asks about: it names the rows in one value."""
    (value,) = re.findall(r'name="_selected_action" value="([\d,]+)"', page)
    return [Withdrawal(pk=value)]


def test_most_of_a_registry_leaves_waits_comes_back_and_is_undone(world, owner):  # noqa: F811
    rows = sorted(compounds().values(), key=lambda row: row["molecule_chembl_id"])[:COUNT]
    w = world(
        [*rows], page_size=1000, rows=[("SMILES", "smiles")], config=ABSENCE, contract="after"
    )
    assert listed(w, 0).created == COUNT
    command("set", "Compound", "--withdrawn", "archive", "--reason", "Retired", name="lanes")
    w.registry.records[:] = rows[1:]
    first = listed(w, 1)
    assert "listing without it, at least an hour later, must come" in first.warnings[0]["text"]
    assert not archived(w) and listed(w, 2.1).archived == 1
    assert archived(w) == [rows[0]["molecule_chembl_id"]]

    taken, w.registry.records[:] = rows[: GONE + 1], rows[GONE + 1 :]
    for hours in (3, 4.1):
        listed(w, hours)
    staged = list(Withdrawal.objects.filter(state=State.STAGED))
    assert len(staged) == GONE
    page = act_on_all(owner, "archive", Withdrawal.objects.all())
    names = re.findall(r"<li>(CHEMBL\d+) “", page)
    assert sorted(names) == sorted(row.external_id for row in staged)
    assert f"{GONE:,} entities, to be archived as “Retired”." in page
    assert "1 selected withdrawal is left out" in page
    with CaptureQueriesContext(connection) as asked:
        assert act(owner, "archive", chosen_in(page)).status_code == 302
    assert len(asked) < 60, "not a query for each"
    assert finish().archived == GONE and len(archived(w)) == GONE + 1
    assert LogEntry.objects.filter(change_message__contains="Discontinued").count() == GONE

    w.registry.records[:0] = taken[: GONE // 2]
    assert listed(w, 5).status == Status.SUCCEEDED and len(archived(w)) == GONE // 2 + 1
    page = act_on_all(owner, "undo", Withdrawal.objects.filter(closed_at=None))
    assert act(owner, "undo", chosen_in(page)).status_code == 302
    assert finish().status == Status.SUCCEEDED and archived(w) == []
    assert listed(w, 6.1).archived == 0 and w.written() == COUNT
