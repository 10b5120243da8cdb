"""Two people press in the same moment: what may be done once is done once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client

from registry_sync.core.problems import Problem, SyncError
from registry_sync.desk import withdrawals
from registry_sync.desk.drift import differences_of
from registry_sync.desk.error_decisions import dismiss as dismiss_errors
from registry_sync.ledger import pins
from registry_sync.ledger.errors import update_errors
from registry_sync.ledger.pins import FieldDifference
from registry_sync.ledger.record_outcome import RecordOutcome
from registry_sync.models import (
    Adoption,
    Allowance,
    Drift,
    EntityError,
    Lane,
    LedgerEntry,
    Merge,
    Pin,
    Proposal,
    Withdrawal,
)
from registry_sync.sync.gates import allowances
from registry_sync.sync.gates.adoption_approval import ApprovedTwice, approve
from registry_sync.sync.plans.proposals import Person
from tests.support import factories

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
ANN, BEA, CYD = (Person(name, number, True) for number, name in enumerate(("ann", "bea", "cyd")))


def at_once(first: Callable[[], Any], second: Callable[[], Any]) -> list[SyncError | None]:
    """Do both; the second begins before the first is committed. Return how each failed."""
    failed: list[SyncError | None] = [None, None]
    done, end, process = threading.Event(), threading.Event(), list[int]()

    def early() -> None:
        with transaction.atomic():
            try:
                first()
            except SyncError as error:  # what it has written is kept
                failed[0] = error
            finally:
                done.set()
            assert end.wait(120)
        connection.close()

    def late() -> None:
        try:
            process.append(pid())
            second()
        except SyncError as error:
            failed[1] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=each) for each in (early, late)]
    threads[0].start()
    assert done.wait(120)
    threads[1].start()
    while threads[1].is_alive() and not (process and is_waiting(process[0])):
        threads[1].join(0.02)
    end.set()
    for thread in threads:
        thread.join()
    return failed


def pid() -> int:
    connection.ensure_connection()
    return int(connection.connection.info.backend_pid)


def is_waiting(process: int) -> bool:
    """Return whether a connection waits for a lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT wait_event_type FROM pg_stat_activity WHERE pid = %s", [process])
        return cursor.fetchall() == [("Lock",)]


def stopped_lane(**values: Any) -> Lane:
    """A lane whose last run was stopped, and that has a refused record C-1."""
    lane = factories.LaneFactory(position=0, **values)
    run = factories.SyncRunFactory(lane=lane, status="FAILED", error_code="path_gone")
    factories.EntityErrorFactory(lane=lane, run=run, external_id="C-1", code="another_substance")
    return lane


def allow(lane: Lane, by: Person, external_id: str = "") -> Callable[[], Any]:
    what = Allowance.What.IDENTITY if external_id else Allowance.What.PATH_GONE
    return lambda: allowances.allow(lane, what, external_id, by=by, reason="renamed")


@pytest.mark.parametrize("external_id", ["", "C-1"])
def test_a_stop_is_overridden_once(external_id):
    lane = stopped_lane()
    failed = at_once(allow(lane, ANN, external_id), allow(lane, BEA, external_id))
    assert Allowance.objects.get().actor == "ann"
    assert failed[1] is not None and failed[1].code == "taken"
    assert "ann has already overridden it" in str(failed[1])


def test_records_are_overridden_once():
    lane, done = stopped_lane(), list[set[str]]()

    def press(by: Person) -> Callable[[], Any]:
        how = {"by": by, "reason": "renamed"}
        what = Allowance.What.IDENTITY
        return lambda: done.append(allowances.allow_records(lane, what, ["C-1"], **how))

    assert at_once(press(ANN), press(BEA)) == [None, None]
    assert Allowance.objects.get().actor == "ann" and done == [{"C-1"}, {"C-1"}]


def test_the_form_overrides_a_stop_once():
    lane, clients = stopped_lane(), [Client(), Client()]
    for number, client in enumerate(clients):
        client.force_login(User.objects.create_superuser(f"root{number}"))
    form = {"lane": lane.pk, "what": "path-gone", "external_id": "", "reason": "renamed"}

    def press(client: Client) -> Callable[[], Any]:
        return lambda: print(
            client.post("/admin/registry_sync/allowance/add/", form).content.decode()
        )

    assert at_once(press(clients[0]), press(clients[1])) == [None, None]
    assert Allowance.objects.get().actor == "root0"
    page = clients[1].get("/admin/").content.decode()
    assert "has already overridden it" in page


def test_the_same_is_proposed_once_and_confirmed_once():
    lane = stopped_lane(second_allow=True)
    at_once(allow(lane, ANN), allow(lane, ANN))
    assert Proposal.objects.get().proposed_by == "ann" and not Allowance.objects.exists()
    failed = at_once(allow(lane, BEA), allow(lane, CYD))  # both may confirm
    assert Allowance.objects.get().actor == Proposal.objects.get().decided_by == "bea"
    assert failed[1] is not None and Proposal.objects.get().state == "confirmed"


def test_a_withdrawal_is_decided_once():
    row = factories.WithdrawalFactory()
    rows, kept = Withdrawal.objects.all(), list[Any]()
    at_once(
        lambda: withdrawals.release_withdrawals(rows, by=ANN, reason="gone"),
        lambda: kept.extend(withdrawals.keep_in_use(rows, by=BEA, reason="in use")),
    )
    row.refresh_from_db()
    assert (row.state, row.actor, kept) == (Withdrawal.State.RELEASED, "ann", [])


def test_an_entity_is_approved_for_one_record():
    lane = factories.LaneFactory()
    two = [
        factories.AdoptionFactory(lane=lane, external_id=f"C-{n}", entity_id="bfi_1")
        for n in (1, 2)
    ]
    refused = list[str]()

    def late() -> None:
        try:
            approve(two[1:], actor="bea", reason="mine")
        except ApprovedTwice as error:
            refused.append(str(error))

    at_once(lambda: approve(two[:1], actor="ann", reason="mine"), late)
    assert refused and refused[0].startswith("bfi_1 was already approved for C-1 by ann.")
    assert [row.actor for row in Adoption.objects.filter(state="approved")] == ["ann"]


def test_drift_is_decided_once():
    lane, row = drifted()
    found = list(differences_of(lane, [row]).values())
    restored = list[FieldDifference]()
    at_once(
        lambda: pins.accept(lane, found, actor="ann", reason="right"),
        lambda: restored.extend(pins.restore(lane, found, actor="bea", reason="wrong")),
    )
    row.refresh_from_db()
    assert (row.ended, restored, Pin.objects.get(closed_at=None).actor) == ("accepted", [], "ann")


def test_of_a_records_fields_each_is_decided_once():
    lane, row = drifted()
    other = factories.DriftFactory(
        lane=lane, external_id=row.external_id, field_id="g", ours="a", theirs="b"
    )
    found = differences_of(lane, [row, other])
    restored = list[FieldDifference]()
    at_once(
        lambda: pins.accept(lane, [found[row]], actor="ann", reason="right"),
        lambda: restored.extend(
            pins.restore(lane, list(found.values()), actor="bea", reason="wrong")
        ),
    )
    assert restored == [found[other]] and Pin.objects.get(closed_at=None).field_id == "f"
    assert set(Drift.objects.values_list("ended", flat=True)) == {"accepted", "restored"}


@pytest.mark.parametrize(
    ("first", "later", "decided"),
    [("accept", "restore", "accepted"), ("restore", "accept", "restored")],
)
def test_what_a_comparison_found_is_decided_once(first, later, decided):
    entry = factories.LedgerEntryFactory(fields={"f": "a"}, entity_hash="written")
    differences = [["f", "f", "b", "a", ""], ["name", "name", "Aspirin", entry.name, ""]]
    row = factories.ReconciledRecordFactory(
        lane=entry.lane, external_id=entry.external_id, differences=differences
    )
    found = pins.compared_differences(row)

    def decide(word: str, actor: str) -> Callable[[], Any]:
        return lambda: getattr(pins, word)(entry.lane, found, actor=actor, reason="seen")

    at_once(decide(first, "ann"), decide(later, "bea"))
    row.refresh_from_db()
    assert row.decided == decided
    standing = set(Pin.objects.values_list("field_id", "actor", "closed_at"))
    assert standing == ({("f", "ann", None), ("name", "ann", None)} if first == "accept" else set())


def drifted() -> tuple[Lane, Drift]:
    """A lane, and a value of a record in it that someone changed in Benchling."""
    entry = factories.LedgerEntryFactory(fields={"f": "a", "g": "a"}, entity_hash="written")
    place = {"lane": entry.lane, "external_id": entry.external_id}
    return entry.lane, factories.DriftFactory(**place, field_id="f", ours="a", theirs="b")


def test_a_merge_is_decided_once():
    row, clients = factories.MergeFactory(), [Client(), Client()]
    for number, client in enumerate(clients):
        client.force_login(User.objects.create_superuser(f"root{number}"))

    def press(client: Client, action: str) -> Callable[[], Any]:
        form = {"action": action, "_selected_action": row.pk, "decided": "1", "reason": "seen"}
        return lambda: client.post("/admin/registry_sync/merge/", form)

    assert at_once(press(clients[0], "follow"), press(clients[1], "anew")) == [None, None]
    row.refresh_from_db()
    assert (row.state, row.actor) == (Merge.State.FOLLOWED, "root0")


def test_an_error_that_is_dismissed_while_its_record_is_refused_again_stays_dismissed():
    error = factories.EntityErrorFactory(raw={"id": "C-1"})
    cause = Problem("source", "refused", error.message, error.remedy)
    again = RecordOutcome(
        "C-1", "hash", LedgerEntry.Outcome.FAILED, {"id": "C-1"}, problems=(cause,)
    )
    run = factories.SyncRunFactory(lane=error.lane)

    def dismiss() -> None:
        dismiss_errors(EntityError.objects.all(), actor="ann", reason="known")

    def refuse() -> None:
        with transaction.atomic():
            update_errors(run, error.lane, [again._replace(external_id=error.external_id)])

    assert at_once(dismiss, refuse) == [None, None]
    error.refresh_from_db()
    assert error.times_seen == 2 and error.run == run
    assert error.dismissed_by == "ann" and error.dismissed_at is not None
