"""Records that leave the registry: archived, staged, brought back and undone, on the real line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from registry_sync.benchling import archiving
from registry_sync.canvas.text import previewed
from registry_sync.desk import withdrawals as decisions
from registry_sync.ledger.chain_check import verify_chain
from registry_sync.models import Change, Drift, FeedReading, Lane, LedgerEntry, SyncRun, Withdrawal
from registry_sync.monitoring.doctor.lane import check_withdrawals
from registry_sync.reporting.session_messages import counts_sentence
from registry_sync.sync.plans.proposals import Person
from sandbox.tenant.containers import store_by_hand
from sandbox.tenant.entities import edit_by_hand
from tests.support.entities import of_type
from tests.support.registry import compound
from tests.support.worlds import World

pytestmark = pytest.mark.once
Json = dict[str, Any]
Kind, Status, State = SyncRun.Kind, SyncRun.Status, Withdrawal.State
FLAG = {"mode": "flag", "path": "retired"}
ABSENCE = {"mode": "absence"}


def settings_of(deletes: Json | None = None, **more: Any) -> Json:
    endpoint: Json = {
        "params": {"since": "{incremental.start_value}"},
        "incremental": {"cursor_path": "modified_at", "lag": 0},
    }
    if deletes:
        endpoint["deletes"] = deletes
    return {"Connector Settings": {"endpoint": endpoint, **more}}


@pytest.fixture
def leaving(world: Callable[..., World]) -> Callable[..., World]:
    """Give a synced world of 12 records whose lane archives, unless another policy is asked."""

    def make(
        deletes: Json | None, *, policy: str = "archive", count: int = 12, **more: Any
    ) -> World:
        w = world([compound(n) for n in range(count)], config=settings_of(deletes, **more))
        w.registry.date = datetime.now(UTC) - timedelta(hours=10)
        w.sync()
        set_policy(policy)
        return w

    return make


def set_policy(policy: str, **values: Any) -> None:
    Lane.objects.update(withdrawn_policy=policy, withdrawn_set_at=timezone.now(), **values)


def archived(w: World) -> dict[str, str]:
    """Return what is archived in the tenant, with the reasons."""
    return {e.entity_registry_id: e.archived for e in w.tenant.entities.values() if e.archived}


def codes(run: SyncRun) -> set[str]:
    return {warning["code"].partition(":")[0] for warning in run.warnings}


def entity_of(w: World, number: int) -> Any:
    found = w.tenant.entities.values()
    return next(e for e in found if e.entity_registry_id == f"C-{number:06d}")


def remove(w: World, *numbers: int) -> list[Json]:
    gone = {f"C-{n:06d}" for n in numbers}
    taken = [r for r in w.registry.records if r["id"] in gone]
    w.registry.records[:] = [r for r in w.registry.records if r["id"] not in gone]
    return taken


def full(w: World, hours: float = 9) -> SyncRun:
    """Run in full, so many hours after the registry's time in the first such run."""
    w.registry.date = datetime.now(UTC) + timedelta(hours=hours - 10)
    return w.sync(kind=Kind.FULL)


def decide(to: str, **where: Any) -> None:
    Withdrawal.objects.filter(closed_at=None, **where).update(state=to)


def changes(kind: str) -> list[tuple[str, Any, Any]]:
    rows = Change.objects.filter(kind=kind).order_by("id")
    return list(rows.values_list("external_id", "before", "after"))


def test_a_flag_archives_in_the_run_that_sees_it_and_its_return_unarchives(leaving):
    w = leaving(FLAG)
    w.registry.edit("C-000001", retired=True)
    dry = w.sync(kind=Kind.DRY_RUN)
    assert archived(w) == {} and not Withdrawal.objects.exists()
    assert "would be archived. C-000001 “Compound 1”, as “Retired”" in log_of(dry)
    assert "Nothing is" not in log_of(dry) and not dry.warnings
    assert dry.archived == 1 and ", 1 would be archived." in counts_sentence(dry)
    assert "0 refused, 1 archived. Nothing was written." in previewed(dry)
    run = w.sync()
    assert (run.status, run.archived, codes(run)) == (Status.SUCCEEDED, 1, set())
    assert archived(w) == {"C-000001": "Retired"}
    assert changes("archived") == [("C-000001", None, "Retired")]
    looked = full(w)
    assert looked.status == Status.SUCCEEDED and not Drift.objects.exists()
    w.registry.edit("C-000001", retired=False, approval=1999)
    run = w.sync()
    assert archived(w) == {} and w.values()["C-000001"]["Approval"] == 1999
    assert (run.status, run.updated) == (Status.SUCCEEDED, 1)
    assert changes("unarchived") == [("C-000001", "Retired", None)]
    row = Withdrawal.objects.get()
    assert row.closed_at and row.ended == "unarchived"
    assert verify_chain(Lane.objects.get()).broken == ""


def test_a_dry_run_tells_what_a_run_would_archive(leaving):
    w = leaving({**ABSENCE, "ids_endpoint": "ids"}, policy="tell")
    remove(w, 5)

    def told(hours: float) -> str:
        w.registry.date = datetime.now(UTC) + timedelta(hours=hours - 10)
        said = log_of(w.sync(kind=Kind.DRY_RUN))
        return next((line for line in said.splitlines() if "C-000005 “" in line), "")

    w.registry.date = datetime.now(UTC) - timedelta(hours=10)
    w.sync()
    assert told(hours=2) == ""
    set_policy("archive")
    assert told(hours=2) == ""  # its only listing is older than the policy
    w.sync()
    assert told(hours=2.5) == "" and "archived. C-000005" in told(hours=4)
    set_policy("tell")
    decide(State.RELEASED)
    assert "archived. C-000005" in told(hours=4)
    LedgerEntry.objects.update(written_run_id=None)
    entity_of(w, 5).creator = "ent_person"
    assert "left in use. C-000005" in told(hours=4) and archived(w) == {}


def log_of(run: SyncRun) -> str:
    return "\n".join(run.log.values_list("text", flat=True))


def test_a_run_of_named_records_archives_nothing_and_says_so(leaving):
    w = leaving(FLAG)
    w.registry.edit("C-000001", retired=True)
    run = w.sync(only=["C-000001"])
    assert "A run of named records archives nothing." in run.warnings[0]["text"]
    assert not archived(w) and w.sync().archived == 1


def test_tell_warns_once_and_lists(leaving):
    w = leaving(FLAG, policy="tell")
    w.registry.edit("C-000001", retired=True)
    run = w.sync()
    assert codes(run) == {"withdrawn"} and "(C-000001)" in run.warnings[0]["text"]
    assert w.sync().status == full(w).status == Status.SUCCEEDED
    assert archived(w) == {} and Withdrawal.objects.get().state == State.GONE
    set_policy("archive")  # what is listed is archived by the next run
    assert w.sync().archived == 1 and archived(w) == {"C-000001": "Retired"}


def test_absence_counts_after_two_complete_listings_an_hour_apart(leaving):
    w = leaving(ABSENCE)
    taken = remove(w, 5)
    first = full(w, 0)
    assert codes(first) == {"withdrawn"} and archived(w) == {}
    assert full(w, hours=0.9).status == Status.SUCCEEDED and archived(w) == {}
    run = full(w, hours=1.1)
    assert (run.status, run.archived) == (Status.SUCCEEDED, 1)
    assert archived(w) == {"C-000005": "Retired"}
    w.registry.records += taken
    assert full(w, hours=2).status == Status.SUCCEEDED and archived(w) == {}
    remove(w, 5)
    full(w, hours=3)
    assert archived(w) == {}
    set_policy("archive", withdrawn_reason="Missing")
    full(w, hours=5)  # the first one after the policy was set
    assert archived(w) == {}
    full(w, hours=6.1)
    assert archived(w) == {"C-000005": "Missing"}


def test_listings_before_the_policy_was_set_archive_nothing(leaving):
    w = leaving(ABSENCE, policy="tell")
    remove(w, 5)
    full(w, 0)
    full(w, hours=2)
    assert Withdrawal.objects.get().state == State.GONE
    set_policy("archive")
    assert w.sync().archived == 0 and archived(w) == {}  # an incremental run lists nothing
    store_by_hand(w.tenant, entity_of(w, 5), "Tube")
    full(w, hours=4)
    full(w, hours=6)
    assert Withdrawal.objects.get().state == State.HELD
    w.tenant.containers.clear()
    w.configure(**settings_of({"mode": "none"}))
    assert full(w, hours=7).archived == 0 and archived(w) == {}  # absence no longer counts
    w.configure(**settings_of(ABSENCE))
    set_policy("archive")
    assert w.sync().archived == 0 and full(w, hours=8).archived == 0 and archived(w) == {}
    assert full(w, hours=10).archived == 1


def test_a_record_that_comes_back_between_two_listings_is_not_archived(leaving):
    w = leaving(ABSENCE)
    taken = remove(w, 5)
    full(w, 0)
    w.registry.records += taken
    full(w, hours=2)
    remove(w, 5)
    full(w, hours=4)
    assert archived(w) == {}


def test_a_great_share_is_staged_released_brought_back_and_undone(leaving):
    w = leaving(ABSENCE)
    taken = remove(w, 1, 2, 3, 4)
    full(w, 0)
    run = full(w, hours=2)
    assert codes(run) == {"withdrawals_staged"} and archived(w) == {}
    said = run.warnings[0]["text"]
    assert "C-000001, C-000002, C-000003, …" in said and "than the 3 that this lane may" in said
    assert w.sync().status == Status.COMPLETED_WITH_WARNINGS  # as long as they wait
    decide(State.RELEASED, external_id__in=["C-000001", "C-000002", "C-000003"])
    decide(State.KEPT, state=State.STAGED)
    run = w.sync()
    assert (run.status, run.archived) == (Status.SUCCEEDED, 3)
    assert sorted(archived(w)) == ["C-000001", "C-000002", "C-000003"]
    assert full(w, hours=4).archived == 0 and len(archived(w)) == 3
    w.registry.records += taken[:2]
    full(w, hours=6)
    assert sorted(archived(w)) == ["C-000003"]
    decide(State.UNDO, external_id="C-000003")
    undone = w.sync(kind=Kind.RETRY, only=["C-000003"])
    assert undone.status == Status.SUCCEEDED and archived(w) == {}
    assert full(w, hours=8).archived == 0 and archived(w) == {}
    assert Withdrawal.objects.get(closed_at=None, external_id="C-000003").state == State.KEPT


def test_two_deletions_in_parts_are_one_for_the_guard(leaving):
    w = leaving(FLAG)
    for n in range(4):
        w.registry.edit(f"C-{n:06d}", retired=True)
    dry = w.sync(kind=Kind.DRY_RUN)
    assert dry.archived == 0 and codes(dry) == {"withdrawals_staged"}
    assert "4 records that are in Benchling left the registry (C-" in dry.warnings[0]["text"]
    assert w.sync().archived == 0
    w.registry.edit("C-000007", retired=True)
    assert w.sync().archived == 0 and archived(w) == {}
    assert Withdrawal.objects.filter(state=State.STAGED).count() == 5


def test_what_others_archived_or_archived_again_is_left(leaving):
    w = leaving(FLAG)
    by_id = {e.entity_registry_id: e for e in w.tenant.entities.values()}
    edit_by_hand(w.tenant, by_id["C-000002"], archived="Expended")
    w.registry.edit("C-000001", retired=True)
    w.registry.edit("C-000002", retired=True)
    assert w.sync().archived == 1
    edit_by_hand(w.tenant, by_id["C-000001"], archived=None)
    edit_by_hand(w.tenant, by_id["C-000001"], archived="Retired")  # same reason, another time
    for n in (1, 2):
        w.registry.edit(f"C-{n:06d}", retired=False)
    w.sync()
    assert archived(w) == {"C-000001": "Retired", "C-000002": "Expended"}
    assert changes("unarchived") == []


def test_what_someone_unarchived_stays_in_use(leaving):
    w = leaving(FLAG)
    w.registry.edit("C-000001", retired=True)
    w.sync()
    entity = next(e for e in w.tenant.entities.values() if e.archived)
    edit_by_hand(w.tenant, entity, archived=None)
    assert full(w).archived == 0 and archived(w) == {}
    row = Withdrawal.objects.get()
    assert row.state == State.KEPT and "Someone unarchived it" in row.note


def test_what_a_container_holds_stays_unless_the_policy_says_otherwise(leaving, monkeypatch):
    w = leaving(FLAG)
    store_by_hand(w.tenant, entity_of(w, 1), "Tube 1")
    w.registry.edit("C-000001", retired=True)
    w.registry.edit("C-000002", retired=True)
    run = w.sync()
    assert archived(w) == {"C-000002": "Retired"} and codes(run) == {"withdrawn"}
    row = Withdrawal.objects.get(external_id="C-000001")
    assert (row.state, row.containers) == (State.HELD, 1)
    with monkeypatch.context() as patch:  # no ledger is read for what stays
        patch.setattr("registry_sync.sync.withdrawals.incoming_links.incoming_links", None)
        assert w.sync().status == Status.SUCCEEDED
    set_policy("archive", withdrawn_held=True)
    assert w.sync().archived == 1 and sorted(archived(w)) == ["C-000001", "C-000002"]


def test_a_release_covers_the_containers_that_were_shown(leaving, monkeypatch):
    w = leaving(FLAG, policy="tell")
    for n in (1, 2, 3):
        w.registry.edit(f"C-{n:06d}", retired=True)
    store_by_hand(w.tenant, entity_of(w, 1), "Tube 1")
    w.sync()
    rows = decisions.open_withdrawals([Lane.objects.get()])
    decisions.archive_facts(list(rows))
    decisions.release_withdrawals(rows, by=Person("Olivia"), reason="Shown")
    store_by_hand(w.tenant, entity_of(w, 2), "Tube 2")
    count = archiving.containers_of

    def keep_one(*args: Any) -> dict[str, int]:
        """Decide about one entity while a run is about to archive it."""
        decisions.keep_in_use(
            rows.filter(external_id="C-000003"), by=Person("Olivia"), reason="Needed"
        )
        return count(*args)

    def die(*args: Any) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(archiving, "containers_of", keep_one)
        patch.setattr(archiving, "archive", die)
        assert w.sync().status == Status.FAILED and archived(w) == {}
    assert w.sync().archived == 1 and archived(w) == {"C-000001": "Retired"}
    found = {row.external_id: (row.state, row.decision) for row in Withdrawal.objects.all()}
    assert found == {
        "C-000001": (State.ARCHIVED, "Shown"),
        "C-000002": (State.HELD, "Shown"),
        "C-000003": (State.KEPT, "Needed"),
    }


def test_a_reason_that_the_tenant_refuses_is_told(leaving):
    w = leaving(FLAG)
    w.tenant.switches.archive_reasons = ("Made in error",)
    w.registry.edit("C-000001", retired=True)
    run = w.sync()
    assert codes(run) >= {"archive_refused"} and archived(w) == {}
    assert Lane.objects.get().archive_fault
    set_policy("archive", withdrawn_reason="Made in error")
    assert w.sync().archived == 1 and Lane.objects.get().archive_fault == ""


def test_a_dry_run_says_which_records_left_the_scope_and_which_the_registry(leaving):
    scope = [{"path": "approval", "is_not": 1800}]
    w = leaving(FLAG, policy="tell", scope=scope)
    w.registry.edit("C-000001", retired=True)
    w.registry.edit("C-000002", approval=1800)
    dry = w.sync(kind=Kind.DRY_RUN)
    said = dry.warnings[0]["text"]
    assert "Left the lane's scope: C-000002." in said
    assert "Deleted, as the registry's record says: C-000001." in said
    line = "C-000002 would be reported as withdrawn. Left the lane's scope. Nothing is changed."
    assert line in log_of(dry)
    where = "no longer in the registry or outside the lane's scope by now (C-000001, C-000002)"
    assert where in w.sync().warnings[0]["text"]


def test_a_feed_is_read_since_its_own_last_read(leaving):
    feed = {"mode": "feed", "path": "deleted?since={incremental.start_value}"}
    w = leaving(None)
    w.registry.deleted = [{"id": "C-000003", "modified_at": "2020-01-01T00:00:00Z"}]
    w.configure(**settings_of(feed))
    assert w.sync().archived == 0 and not Withdrawal.objects.exists()  # older than the record
    remove(w, 3)
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    w.registry.deleted.append({"id": "C-000003", "modified_at": now})
    before = FeedReading.objects.values().get()
    dry = w.sync(kind=Kind.DRY_RUN)
    assert "C-000003 would be archived. C-000003 “Compound 3”, as “Retired”" in log_of(dry)
    assert archived(w) == {} and not Withdrawal.objects.exists()
    assert FeedReading.objects.values().get() == before, "a dry run keeps nothing"
    set_policy("tell")
    dry = w.sync(kind=Kind.DRY_RUN)
    assert "In the registry's list of deletions: C-000003" in dry.warnings[0]["text"]
    assert "C-000003 would be reported as withdrawn" in log_of(dry)
    set_policy("archive")
    run = w.sync()
    assert run.archived == 1 and archived(w) == {"C-000003": "Retired"}
    asked = [query for path, query in w.registry.asked if path.endswith("deleted")]
    assert asked[0] == {} and asked[-1]["since"] > "2026"
    w.registry.deleted.clear()
    w.registry.records.append(compound(3, modified_at=now))
    w.sync()
    assert archived(w) == {}
    assert w.sync().status == Status.SUCCEEDED and archived(w) == {}
    w.registry.deleted.append({"id": "C-000004", "modified_at": now})  # and is still listed
    assert w.sync().archived == 1
    told = {x["code"]: x["text"] for x in full(w).warnings}
    assert "the list of deletions has as well, such as C-000004. They" in told["feed_listed"]
    assert archived(w) == {} and "feed_listed" not in codes(full(w, hours=9.5))


def test_a_feed_without_times_is_believed_where_nothing_speaks_against_it(leaving):
    w = leaving({"mode": "feed", "path": "deleted"})
    FeedReading.objects.all().delete()
    w.registry.deleted = [{"id": "C-000004"}]  # years ago; the record was created again
    w.registry.edit("C-000005", approval=1900)
    remove(w, 6)
    w.sync()
    w.registry.deleted.append({"id": "C-000005"})  # after its page was read
    w.registry.edit("C-000005", approval=1901)
    w.sync()
    assert w.sync().archived == 0 and archived(w) == {}
    remove(w, 5)
    assert full(w).archived == 1 and archived(w) == {"C-000005": "Retired"}
    assert Withdrawal.objects.get(external_id="C-000006").state == State.ABSENT
    w.registry.deleted = [{"id": "C-000006"}]
    w.registry.beside = {"total": 7}
    run = w.sync()
    assert codes(run) == {"feed_cut"} and sorted(archived(w)) == ["C-000005", "C-000006"]
    w.registry.beside = {}
    assert w.sync().status == Status.SUCCEEDED and len(archived(w)) == 2


@pytest.mark.parametrize("ids", [{}, {"ids_endpoint": "ids"}])
def test_a_listing_with_a_record_without_an_id_does_not_count(leaving, ids):
    w = leaving({**ABSENCE, **ids})
    w.registry.record("C-000005")["id"] = None
    full(w, 0)
    full(w, hours=2)
    assert archived(w) == {} and not Withdrawal.objects.exists()


def test_a_list_of_ids_is_a_complete_listing_in_each_run(leaving):
    w = leaving({"mode": "absence", "ids_endpoint": "ids"})
    taken = remove(w, 5)
    w.registry.date = datetime.now(UTC) - timedelta(hours=10)
    run = w.sync()
    assert run.kind == Kind.INCREMENTAL and codes(run) == {"withdrawn"}
    w.registry.date += timedelta(hours=1.5)
    assert w.sync().archived == 1 and archived(w) == {"C-000005": "Retired"}
    w.registry.records += taken
    assert w.sync().status == Status.SUCCEEDED and archived(w) == {}
    w.registry.total = lambda found: len(found) + 1  # the list is cut
    remove(w, 6)
    w.registry.date += timedelta(hours=1.5)
    w.sync()
    assert not Withdrawal.objects.filter(external_id="C-000006").exists()


def test_a_record_that_leaves_the_scope_is_withdrawn(leaving):
    w = leaving(None, scope=[{"path": "kind", "is_not": "Draft"}])
    w.registry.edit("C-000001", kind="Draft")
    w.registry.records.append(compound(50, kind="Draft"))
    run = w.sync()
    assert run.status == Status.SUCCEEDED and archived(w) == {"C-000001": "Retired"}
    assert "C-000050" not in w.values() and Withdrawal.objects.get().how == "scope"
    w.registry.edit("C-000001", kind="Protein", approval=1888)
    assert w.sync().updated == 1 and archived(w) == {}


def test_doctor_tells_what_waits_and_what_was_refused(leaving):
    w = leaving(FLAG)
    assert check_withdrawals(Lane.objects.get()).state == "ok"
    for n in range(4):
        w.registry.edit(f"C-{n:06d}", retired=True)
    w.sync()
    found = check_withdrawals(Lane.objects.get())
    assert found.state == "warning" and "4 withdrawals wait" in found.finding
    w.tenant.switches.archive_reasons = ("Other",)
    decide(State.RELEASED)
    w.sync()
    found = check_withdrawals(Lane.objects.get())
    assert found.state == "bad" and "“Retired”" in found.finding


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("custom_entity", {}),
        ("molecule", {"smiles": "CCO"}),
        ("dna_sequence", {"bases": "ACGT", "circular": False}),
        ("aa_sequence", {"bases": "MKV"}),
        ("dna_oligo", {"bases": "ACGT", "circular": False}),
        ("rna_oligo", {"bases": "ACGU"}),
    ],
)
def test_every_entity_type_is_archived_and_brought_back(world, kind, values):
    record = {"id": "E-1", "name": "One", "note": "a", "modified_at": "2026-01-05T00:00:00Z"}
    config = settings_of(FLAG)
    w = of_type(world, kind, [{**record, **values}], config=config)
    w.sync()
    set_policy("archive")
    w.registry.edit("E-1", retired=True)
    assert w.sync().archived == 1 and archived(w) == {"E-1": "Retired"}
    w.registry.edit("E-1", retired=False)
    assert w.sync().status == Status.SUCCEEDED and archived(w) == {}


def test_an_archive_whose_run_died_after_it_is_known_as_this_app_s(leaving, monkeypatch):
    w = leaving(FLAG)
    w.registry.edit("C-000001", retired=True)

    def die(*args: Any, **more: Any) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr("registry_sync.ledger.record_archiving", die)
        assert w.sync().status == Status.FAILED
    assert archived(w) == {"C-000001": "Retired"} and changes("archived") == []
    assert Withdrawal.objects.get().state == State.SENT
    run = w.sync()
    assert (run.status, run.archived) == (Status.SUCCEEDED, 1)
    assert changes("archived") == [("C-000001", None, "Retired")]
    w.registry.edit("C-000001", retired=False)
    w.sync()
    assert archived(w) == {} and changes("unarchived") == [("C-000001", "Retired", None)]


def test_a_name_that_the_entity_of_a_departed_record_keeps(leaving):
    w = leaving(FLAG, count=5)
    w.registry.edit("C-000001", retired=True)
    w.sync()
    assert archived(w) == {"C-000001": "Retired"}
    w.registry.records.append({**compound(7), "name": "Compound 1"})
    w.registry.edit("C-000007")
    w.sync()
    error = w.open_errors()["C-000007"]
    assert (error.code, error.kind) == ("name_taken", "benchling")
    assert "C-000001 has left the registry; this app archived its entity" in error.message
    assert "A Benchling admin renames the entity C-000001" in error.remedy
    assert "or C-000001 another name in the registry" not in error.remedy
    assert w.sync().retried == 0, "nothing changed"
    edit_by_hand(w.tenant, entity_of(w, 1), name="Compound 1 (old)")
    w.sync()
    assert not w.open_errors() and w.values()["C-000007"]["name"] == "Compound 1"
    edit_by_hand(w.tenant, entity_of(w, 1), archived=None)
    w.registry.edit("C-000001", retired=False, name="Compound 1b")
    w.sync()
    assert w.values()["C-000001"]["name"] == "Compound 1b" and not w.open_errors()


def test_errors_of_records_that_were_never_written_close_with_their_deletion(leaving):
    w = leaving({"mode": "feed", "path": "deleted?since={incremental.start_value}"}, count=6)
    for number in (2, 3, 4, 5):
        w.registry.records.append(compound(10 + number, approval="many"))
        w.registry.edit(f"C-0000{10 + number}")
    w.sync()
    assert len(w.open_errors()) == 4
    tombstone = {"id": "C-000012", "deleted": True, "modified_at": later(60)}
    w.registry.records[6] = tombstone  # in the list itself
    remove(w, 13)
    w.registry.deleted = [
        {"id": "C-000013", "modified_at": later(60)},
        {"id": "C-000014", "modified_at": "2020-01-01T00:00:00Z"},  # before it was made again
    ]
    run = w.sync()
    assert set(w.open_errors()) == {"C-000014", "C-000015"} and not Withdrawal.objects.exists()
    assert run.kind == Kind.INCREMENTAL and "Closed 1 error: " in log_of(run)
    w.registry.records.append(compound(13))
    w.registry.edit("C-000013", modified_at=later(120))
    w.sync()
    assert "C-000013" in w.values(), "it is back"


def later(seconds: float) -> str:
    when = datetime.now(UTC) + timedelta(seconds=seconds)
    return when.isoformat().replace("+00:00", "Z")
