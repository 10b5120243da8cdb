"""Comparisons at the desk: started, shown, and decided record by record."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from registry_sync.admin import reconciliations as pages
from registry_sync.desk.drift import differences_of
from registry_sync.jobs import runner, tasks
from registry_sync.ledger import pins
from registry_sync.ledger.pins import compared_differences
from registry_sync.models import Drift, Pin, ReconciledRecord, Reconciliation, SyncRun
from tests.support import factories as made
from tests.support.desk import owner, read, viewer  # noqa: F401
from tests.support.people import by_hand
from tests.support.registry import compound
from tests.support.worlds import looked_up

LIST = reverse("admin:registry_sync_reconciliation_changelist")
RECORDS = reverse("admin:registry_sync_reconciledrecord_changelist")
DRIFT = reverse("admin:registry_sync_drift_changelist")
RUN = reverse("admin:registry_sync_reconciliation_run")
pytestmark = pytest.mark.once


@pytest.fixture
def compared(world):
    w = world([compound(n) for n in range(6)], config={"Connector Settings": looked_up()})
    w.sync()
    by_hand(w, "C-000001", Approval=1900)
    by_hand(w, "C-000002", Approval=1901, name="Aspirin")
    by_hand(w, "C-000003", archived="Retired")
    with pytest.raises(SystemExit):
        call_command("reconcile")
    return w


def act(client, action: str, *ids: str):
    chosen = ReconciledRecord.objects.filter(external_id__in=ids).values_list("pk", flat=True)
    data = {"action": action, "_selected_action": list(chosen), "decided": "1", "reason": "Seen"}
    return client.post(RECORDS, data)


def test_what_is_not_equal_is_shown_accepted_and_restored(compared, owner):  # noqa: F811
    w = compared
    said = "not equal: 6 records, 5 entities; 3 equal, 2 differing, 1 archived"
    assert said in read(owner, LIST)
    row = Reconciliation.objects.get()
    page = read(owner, f"{RECORDS}?reconciliation={row.pk}")
    assert "Approval: “1900” in Benchling, “1951” in the registry" in page
    assert "(last written by Ada Byron in Benchling (" in page and "Retired" in page
    act(owner, "accept", "C-000001", "C-000003")
    pin = Pin.objects.get()
    assert (pin.external_id, pin.theirs, pin.source, pin.actor) == (
        "C-000001", 1900, 1951, "Olivia",
    )  # fmt: skip
    act(owner, "restore", "C-000002")
    run = SyncRun.objects.latest("pk")
    assert run.only == ["C-000002"] and run.lane_id == row.lane_id
    assert runner.work_to_end(run.pk).updated == 1
    assert w.values()["C-000002"] == w.values()["C-000002"] | {
        "Approval": 1952, "name": "Compound 2",
    }  # fmt: skip
    decided = dict(ReconciledRecord.objects.values_list("external_id", "decided"))
    assert decided == {"C-000001": "accepted", "C-000002": "restored", "C-000003": ""}
    act(owner, "accept", "C-000001")
    assert "Nothing that was selected has values that differ now." in read(owner, RECORDS)
    csv = b"".join(owner.get(reverse("admin:registry_sync_reconciliation_csv", args=[row.pk])))
    assert b"C-000002,C-000002," in csv


def test_only_what_was_decided_is_marked(compared, owner):  # noqa: F811
    row = ReconciledRecord.objects.get(external_id="C-000002")
    structure = ["structure", "structure", "?", "CCN", ""]  # it cannot be read back
    row.differences = [*row.differences, structure]
    row.save()
    ReconciledRecord.objects.filter(external_id="C-000001").update(differences=[structure])
    act(owner, "accept", "C-000001", "C-000002")
    assert "2 differences accepted. 2 could not be" in read(owner, RECORDS)
    assert set(ReconciledRecord.objects.values_list("decided", flat=True)) == {""}
    noted = LogEntry.objects.filter(change_message__contains="Differences accepted: Seen")
    assert [one.object_id for one in noted] == [str(row.pk)]
    row.refresh_from_db()
    assert [each.field_id for each in compared_differences(row)] == ["structure"]


def test_only_the_last_comparison_keeps_its_records(compared, owner):  # noqa: F811
    by_hand(compared, "C-000003", archived=None)
    with pytest.raises(SystemExit):
        call_command("reconcile")
    first, last = Reconciliation.objects.order_by("pk")
    assert not first.records.exists() and first.counts["archived"] == 1
    assert last.records.count() == 2


def test_a_worker_compares_both_sides(compared, owner, viewer, settings, monkeypatch):  # noqa: F811
    assert viewer.post(RUN).status_code == 403
    assert "The operator runs manage.py reconcile" in (
        owner.post(RUN, follow=True).content.decode()
    )
    assert Reconciliation.objects.count() == 1
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    pushed = []
    listening = type("Seen", (), {"listening": True})
    monkeypatch.setattr(pages, "read_queues", lambda: listening)
    monkeypatch.setattr(pages, "enqueue_comparison", lambda row: pushed.append(row.pk) or True)
    owner.post(RUN)
    assert "not finished" in read(owner, LIST)
    tasks.run_reconciliation(*pushed)
    row = Reconciliation.objects.latest("pk")
    assert row.actor == "Olivia" and row.counts["differing"] == 2 and row.records.count() == 3
    tasks.run_reconciliation(*pushed)  # RQ may run a job twice
    assert row.records.count() == 3


@pytest.mark.parametrize("decision", ["restore", "accept"])
def test_what_is_decided_about_drift_is_decided_in_an_older_comparison(db, decision):
    row, drift = compared_drift()
    for field_id, left in (("f", ["name"]), ("name", [])):
        found = differences_of(row.lane, [drift[field_id]])
        getattr(pins, decision)(row.lane, list(found.values()), actor="ann", reason="Seen")
        assert [each.field_id for each in compared_differences(row)] == left
    row.refresh_from_db()
    assert row.decided == {"restore": "restored", "accept": "accepted"}[decision]


@pytest.mark.parametrize(
    ("ended", "hours", "left"),
    [("put right", 1, ["name"]), ("restored", 1, ["name"]), ("left", 1, ["f", "name"]),
     ("restored", -1, ["f", "name"]), ("restored", 0.1, ["name"])],
)  # fmt: skip
def test_drift_that_ended_after_a_comparison_began_is_left_out(db, ended, hours, left):
    row, drift = compared_drift()
    at = row.reconciliation.started_at + timedelta(hours=hours)
    Drift.objects.filter(pk=drift["f"].pk).update(ended=ended, closed_at=at)
    assert [each.field_id for each in compared_differences(row)] == left


def test_the_rows_of_one_decision_are_looked_up_together(owner, db):  # noqa: F811
    """Several records of a comparison, or drift in several fields, take as many queries as one."""
    row, drift = compared_drift()
    place = {"lane": row.lane, "reconciliation": row.reconciliation}
    rows = [row, *(made.ReconciledRecordFactory(**place) for _ in range(3))]
    counts = []
    for page, some in ((RECORDS, rows), (DRIFT, list(drift.values()))):
        for chosen in (some[:1], some):
            data = {"action": "accept", "_selected_action": [each.pk for each in chosen]}
            with CaptureQueriesContext(connection) as asked:
                assert owner.post(page, data).status_code == 200
            counts.append(len(asked))
    assert counts[0] == counts[1] and counts[2] == counts[3]


def compared_drift() -> tuple[ReconciledRecord, dict[str, Drift]]:
    """A record of a comparison that began two hours ago, and the drift in its two fields."""
    entry = made.LedgerEntryFactory(fields={"f": "a"}, entity_hash="written")
    place = {"lane": entry.lane, "external_id": entry.external_id}
    values = {"f": ("b", "a"), "name": ("Aspirin", entry.name)}
    then = timezone.now() - timedelta(hours=2)
    row = made.ReconciledRecordFactory(
        **place,
        reconciliation=made.ReconciliationFactory(
            lane=entry.lane, started_at=then, finished_at=then + timedelta(minutes=30)
        ),
        differences=[[id_, id_, *both, ""] for id_, both in values.items()],
    )
    drift = {
        id_: made.DriftFactory(**place, field_id=id_, theirs=theirs, ours=ours)
        for id_, (theirs, ours) in values.items()
    }
    return row, drift
