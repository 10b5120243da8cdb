"""Accepted differences: no drift, not written, listed, ended by the registry or by a person."""

from __future__ import annotations

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import call_command
from django.urls import reverse

from registry_sync.jobs import runner
from registry_sync.models import Change, Drift, LedgerEntry, Pin, SyncRun
from tests.support.desk import owner, read, viewer  # noqa: F401
from tests.support.people import by_hand
from tests.support.registry import compound
from tests.support.worlds import looked_up

Status, FULL = SyncRun.Status, SyncRun.Kind.FULL
DRIFT = reverse("admin:registry_sync_drift_changelist")
PINS = reverse("admin:registry_sync_pin_changelist")
REASON = {"decided": "yes", "reason": "The lab measured it"}
pytestmark = pytest.mark.once


@pytest.fixture
def edited(world):
    """Six compounds; people edited one value, renamed one, and archived one."""
    w = world([compound(n) for n in range(6)], config={"Connector Settings": looked_up()})
    w.sync()
    w.tenant.clock.advance(3600)
    by_hand(w, "C-000003", Approval=1900)
    by_hand(w, "C-000004", name="Aspirin")
    by_hand(w, "C-000005", archived="Retired")
    w.sync(kind=FULL)
    return w


def act(client, url: str, action: str, *rows, reason=REASON):
    return client.post(
        url, {"action": action, "_selected_action": [row.pk for row in rows], **reason}
    )


def drift(external_id: str) -> Drift:
    return Drift.objects.get(external_id=external_id, closed_at=None)


def accept(client, *ids: str) -> None:
    assert act(client, DRIFT, "accept", *map(drift, ids)).status_code == 302


def finish() -> SyncRun:
    """Work the run that the desk requested."""
    run = SyncRun.objects.latest("pk")
    assert run.is_active
    return runner.work_to_end(run.pk)


def change_source(w, number: int, **values) -> None:
    w.registry.edit(f"C-{number:06d}", **values)


def test_an_accepted_value_is_no_drift_and_is_not_written(edited, owner):  # noqa: F811
    w = edited
    accept(owner, "C-000003", "C-000004")
    assert set(Drift.objects.exclude(closed_at=None).values_list("ended", flat=True)) == {
        "accepted"
    }
    before = w.written()
    LedgerEntry.objects.update(raw_hash="")  # even where every record is compared
    run = w.sync(kind=FULL)
    assert w.written() == before and run.unchanged == 6
    assert [d.external_id for d in Drift.objects.filter(closed_at=None)] == ["C-000005"]
    values = w.values()
    assert values["C-000003"]["Approval"] == 1900 and values["C-000004"]["name"] == "Aspirin"
    w.sync(kind=SyncRun.Kind.DRY_RUN, reads_all=True)
    assert SyncRun.objects.latest("pk").unchanged == 6


def test_other_fields_of_the_record_are_still_written(edited, owner):  # noqa: F811
    w = edited
    accept(owner, "C-000003", "C-000004")
    change_source(w, 3, smiles="CCO")
    change_source(w, 4, smiles="CCN")
    before = w.written()
    run = w.sync()
    assert run.updated == 2 and w.written() == before + 2
    assert w.values()["C-000003"]["SMILES"] == "CCO"
    assert w.values()["C-000003"]["Approval"] == 1900
    assert w.values()["C-000004"]["name"] == "Aspirin"
    changed = Change.objects.filter(run=run).values_list("external_id", "field")
    assert sorted(changed) == [("C-000003", "SMILES"), ("C-000004", "SMILES")]
    assert not Drift.objects.filter(closed_at=None, external_id="C-000003").exists()


def test_it_ends_when_the_registrys_value_changes(edited, owner):  # noqa: F811
    w = edited
    accept(owner, "C-000003")
    change_source(w, 3, approval=2001)
    w.sync(kind=SyncRun.Kind.DRY_RUN)
    assert Pin.objects.get().closed_at is None  # a dry run decides nothing
    run = w.sync()
    assert run.updated == 1 and w.values()["C-000003"]["Approval"] == 2001
    pin = Pin.objects.get()
    assert pin.ended == "changed" and pin.closed_at is not None
    row = Change.objects.get(run=run)
    assert (row.field, row.before, row.after) == ("Approval", 1900, 2001)


def test_taken_back_the_registrys_value_is_written(edited, owner):  # noqa: F811
    w = edited
    accept(owner, "C-000003")
    answer = act(owner, PINS, "take_back", Pin.objects.get())
    assert answer.status_code == 302
    run = finish()
    assert run.only == ["C-000003"] and run.updated == 1
    assert w.values()["C-000003"]["Approval"] == 1953
    pin = Pin.objects.get()
    assert (pin.ended, pin.closed_by, pin.closed_reason) == (
        "taken back", "Olivia", "The lab measured it",
    )  # fmt: skip
    assert w.sync(kind=FULL).updated == 0


def test_restored_the_registrys_value_is_written(edited, owner):  # noqa: F811
    w = edited
    rows = [drift("C-000003"), drift("C-000004"), drift("C-000005")]
    asked = act(owner, DRIFT, "restore", *rows, reason={}).content.decode()
    assert "Restore the registry" in asked and "C-000005" not in asked  # nothing unarchives
    assert "C-000003, Approval: “1900” in Benchling, “1953” in the registry" in asked
    act(owner, DRIFT, "restore", *rows[:2])
    run = finish()
    assert set(run.only) == {"C-000003", "C-000004"} and run.updated == 2
    assert w.values()["C-000003"]["Approval"] == 1953
    assert w.values()["C-000004"]["name"] == "Compound 4"
    assert "Restore, requested by Olivia: The lab measured it" in "".join(
        run.log.values_list("text", flat=True)
    )


def test_pages_and_the_audit_list_it(edited, owner, viewer, capsys):  # noqa: F811
    accept(owner, "C-000003")
    assert "Integration" not in read(viewer, PINS) and "C-000003" in read(viewer, PINS)
    said = "Approval: Benchling keeps “1900”, the registry has “1953”."
    page = read(owner, f"{reverse('admin:registry_sync_record')}?id=C-000003")
    assert page.count(said) == 2  # at the top and in its history
    assert "The lab measured it" in page
    csv = b"".join(viewer.get(reverse("admin:registry_sync_pin_csv"))).decode()
    assert "C-000003" in csv and ",1900,1953,Olivia,The lab measured it," in csv
    call_command("audit", entity="C-000003")
    assert f"difference accepted by Olivia: {said} The lab measured it" in capsys.readouterr().out
    assert LogEntry.objects.filter(change_message__contains="The lab measured it").exists()
    assert act(viewer, DRIFT, "accept", drift("C-000004")).status_code in (200, 302, 403)
    assert act(viewer, PINS, "take_back", Pin.objects.get()).status_code in (200, 302, 403)
    assert Pin.objects.get().closed_at is None


def test_a_value_edited_again_is_drift_from_what_was_accepted(edited, owner):  # noqa: F811
    w = edited
    accept(owner, "C-000003")
    w.tenant.clock.advance(3600)
    by_hand(w, "C-000003", Approval=1800)
    w.sync(kind=FULL)
    row = drift("C-000003")
    assert (row.ours, row.theirs) == (1900, 1800)


def test_accepted_again_it_stands_with_its_first_acceptance_kept(edited, owner):  # noqa: F811
    w = edited
    accept(owner, "C-000003")
    w.tenant.clock.advance(3600)
    by_hand(w, "C-000003", Approval=1800)
    w.sync(kind=FULL)
    asked = act(owner, DRIFT, "accept", drift("C-000003"), reason={}).content.decode()
    assert "“1800” in Benchling, “1953” in the registry" in asked
    again = {"decided": "yes", "reason": "Measured again"}
    act(owner, DRIFT, "accept", drift("C-000003"), reason=again)
    LedgerEntry.objects.update(raw_hash="")
    w.sync(kind=FULL)
    assert w.values()["C-000003"]["Approval"] == 1800
    first, last = Pin.objects.order_by("pk")
    assert (first.reason, first.theirs, first.ended) == ("The lab measured it", 1900, "replaced")
    assert (first.closed_by, first.closed_reason) == ("Olivia", "Measured again")
    assert (last.theirs, last.source, last.closed_at) == (1800, 1953, None)


def test_restoring_a_pinned_field_writes_the_registrys_value(edited, owner):  # noqa: F811
    w = edited
    accept(owner, "C-000003")
    w.tenant.clock.advance(3600)
    by_hand(w, "C-000003", Approval=1800)
    w.sync(kind=FULL)
    act(owner, DRIFT, "restore", drift("C-000003"))
    assert finish().updated == 1 and w.values()["C-000003"]["Approval"] == 1953
    pin = Pin.objects.get()
    assert (pin.ended, pin.closed_by, pin.closed_reason) == (
        "taken back", "Olivia", "The lab measured it",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("action", "said"),
    [("accept", "0 differences accepted. 1 could not be"), ("restore", "1 could not be restored")],
)
def test_what_the_ledger_lacks_is_not_logged_as_decided(edited, owner, action, said):  # noqa: F811
    row = drift("C-000003")
    LedgerEntry.objects.filter(external_id="C-000003").update(entity_hash="")
    runs_before = SyncRun.objects.count()
    act(owner, DRIFT, action, row)
    assert said in read(owner, DRIFT)
    assert not LogEntry.objects.filter(object_id=row.pk).exists() and not Pin.objects.exists()
    assert SyncRun.objects.count() == runs_before and drift("C-000003").closed_at is None


def test_a_decision_is_about_the_rows_that_were_shown(edited, owner):  # noqa: F811
    rows = [drift("C-000003"), drift("C-000004")]
    asked = act(owner, DRIFT, "accept", *rows, reason={"select_across": "1"}).content.decode()
    (value,) = re.findall(r'name="_selected_action" value="([^"]*)"', asked)
    assert sorted(value.split(",")) == sorted(str(row.pk) for row in rows)
    assert "select_across" not in asked
    owner.post(DRIFT, {"action": "accept", "_selected_action": value, **REASON})
    assert Pin.objects.count() == 2
