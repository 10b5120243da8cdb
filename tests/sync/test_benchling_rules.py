"""Whatever Benchling does where its contract is open, every record arrives or is told."""

from __future__ import annotations

import pytest

from registry_sync.benchling import bulk_upsert
from registry_sync.benchling import client as benchling_client
from registry_sync.benchling.entity_types import ENTITY_TYPES
from registry_sync.models import EntityError, Lane, SyncRun
from registry_sync.sync.delivery.left_out import KINDS
from sandbox.tenant.entities import add_by_hand, edit_by_hand, merge_by_hand
from tests.support.commands import adopt
from tests.support.patience import skip_object_limit
from tests.support.registry import compound
from tests.support.worlds import APP, FIELDS, ROWS, World

pytestmark = pytest.mark.once
Status, Kind = SyncRun.Status, SyncRun.Kind


class OthersRegister:
    """Someone else's registration, which ends when the service waits for it."""

    def __init__(self, w: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.w, self.waits = w, 0
        for module in (benchling_client, bulk_upsert):
            monkeypatch.setattr(module, "lock_pause", self.wait)

    def begin(self) -> None:
        self.w.tenant.tasks["theirs"] = {
            "status": "RUNNING", "registry": self.w.benchling_registry, "rows": [], "app": APP,
            "locked": False, "ready": float("inf"),
        }  # fmt: skip

    def wait(self, attempt: int) -> float:
        self.waits += 1
        del self.w.tenant.tasks["theirs"]
        return 0.0


@pytest.mark.invariant(11)
def test_an_adoption_waits_for_someone_elses_registration(world, monkeypatch):
    w = world([compound(n) for n in range(3)])
    row = {"schemaId": w.schema, "registryId": w.benchling_registry}
    theirs = add_by_hand(w.tenant, {**row, "entityRegistryId": "CMP-1", "name": "Compound 1"})
    w.sync()
    adopt("--id", "C-000001", "--reason", "The same")
    others = OthersRegister(w, monkeypatch)
    others.begin()
    run = w.sync()
    assert (run.status, run.updated, others.waits) == (Status.SUCCEEDED, 1, 1)
    assert w.tenant.entity("C-000001") is theirs and w.values()["C-000001"]["SMILES"] == "CC"


@pytest.mark.invariant(12)
def test_what_was_cleared_is_put_back_after_someone_elses_registration(world, monkeypatch):
    w = world([compound(n) for n in range(3)], omitted_fields="clear")
    w.sync()
    entity = w.tenant.entity("C-000001")
    entity.aliases.append("Uno")
    w.registry.edit("C-000001", smiles="N")
    others, count = OthersRegister(w, monkeypatch), w.tenant.count_write

    def write(written, *, created):
        count(written, created=created)
        if not others.waits:  # the update has cleared it: others come before it is put back
            others.begin()

    w.tenant.count_write = write
    assert w.sync().status == Status.SUCCEEDED and others.waits == 1
    assert entity.aliases == ["Uno"] and w.values()["C-000001"]["SMILES"] == "N"


def test_single_upserts_wait_for_the_hourly_limit(world, monkeypatch):
    w = world([compound(n) for n in range(12)], objects_per_hour=720, object_burst=12)
    skip_object_limit(monkeypatch, w, seconds=30)
    bad = [2, 5, 9]
    for n in bad:
        w.tenant.refuse[f"C-{n:06d}"] = "The SMILES is not valid."
    run = w.sync()
    assert (run.created, run.failed) == (9, 3) and w.written() == 9
    assert set(w.open_errors()) == {f"C-{n:06d}" for n in bad}
    assert w.tenant.counters["throughput_429"]


@pytest.mark.invariant(6)
def test_one_entity_out_of_reach_stops_no_other(world):
    w = world([compound(n) for n in range(12)])
    w.sync()
    entity = w.tenant.entity("C-000004")
    w.tenant.hidden.add(entity.id)
    for n in range(12):
        w.registry.edit(f"C-{n:06d}", approval=2020)
    run = w.sync()
    assert (run.status, run.updated, run.failed) == (Status.COMPLETED_WITH_WARNINGS, 11, 1)
    error = w.open_errors()["C-000004"]
    assert error.code == "permission" and entity.id in error.message
    w.tenant.hidden.clear()
    assert w.sync(kind=Kind.RETRY).status == Status.SUCCEEDED and not w.open_errors()
    assert {values["Approval"] for values in w.values().values()} == {2020}


@pytest.mark.invariant(6)
@pytest.mark.usefixtures("page_by_page")
def test_a_folder_lost_in_the_middle_is_one_failure(world):
    w = world([compound(n) for n in range(900)], page_size=300)
    w.registry.on_page = lambda page: w.tenant.hidden.add(w.folder) if page == 3 else None
    run = w.sync()
    assert run.status == Status.FAILED and run.error_kind == "benchling"
    assert "Synced Entity Location" in run.error and not EntityError.objects.exists()
    w.tenant.hidden.clear()
    w.registry.on_page = lambda page: None
    assert w.sync().status == Status.SUCCEEDED and len(w.values()) == 900


@pytest.mark.parametrize("mode", ["reject", "last"])
@pytest.mark.invariant(2)
@pytest.mark.usefixtures("page_by_page")
def test_no_id_is_sent_twice_in_a_request(world, mode):
    """The registry lists a record again, on the next page, after it was changed."""
    w = world([compound(n) for n in range(6)], page_size=4, duplicate_ids=mode)
    w.sync()
    for n in range(6):
        w.registry.edit(f"C-{n:06d}", approval=2000)

    def change(page: int) -> None:
        w.registry.on_page = lambda page: None
        w.registry.edit("C-000001", approval=2020)
        w.registry.records.insert(5, w.registry.records.pop(1))

    w.registry.on_page = change
    w.sync(kind=Kind.FULL)
    w.sync()
    assert w.values()["C-000001"]["Approval"] == 2020 and not w.open_errors()
    assert not [e for e in EntityError.objects.all() if "Duplicate" in e.message]


def test_a_text_that_is_too_long_is_one_refused_record(world):
    fields = [*FIELDS, {"name": "Note", "type": "text"}]
    records = [compound(n, note="n" * (255 if n != 3 else 256)) for n in range(6)]
    records[4]["smiles"] = "C" * 10_001
    w = world(records, fields=fields, rows=[*ROWS, ("Note", "note")])
    run = w.sync()
    assert (run.created, run.failed) == (4, 2)
    for id_, field, most in (("C-000003", "Note", "255"), ("C-000004", "SMILES", "10,000")):
        error = w.open_errors()[id_]
        assert error.field == field and most in error.message, error.message


@pytest.mark.invariant(3)
def test_names_that_differ_in_their_encoding_alone_are_not_sent(world):
    w = world([compound(1, name="Caf\u00e9"), compound(2, name="Cafe\u0301"), compound(3)])
    run = w.sync()
    assert (run.created, run.failed) == (2, 1)
    assert [e.code for e in w.open_errors().values()] == ["name_taken"]
    assert w.tenant.counters["bulk_calls"] == 1 and not w.tenant.counters["single_upserts"]


@pytest.mark.invariant(1)
def test_lists_that_lag_behind_lose_nothing(world):
    w = world([compound(n) for n in range(6)], list_lag=3600)
    assert w.sync().status == Status.SUCCEEDED
    w.registry.records.append(compound(7))
    w.registry.edit("C-000001", approval=2020)
    assert w.sync().status == w.sync(kind=Kind.FULL).status == Status.SUCCEEDED
    assert len(w.values()) == 7 and w.values()["C-000001"]["Approval"] == 2020
    assert not w.open_errors() and w.written() == 8


@pytest.mark.invariant(11)
def test_a_record_whose_entity_was_merged_is_told_and_written_nowhere(world):
    w = world([compound(n) for n in range(5)])
    w.sync()
    duplicate, survivor = w.tenant.entity("C-000001"), w.tenant.entity("C-000002")
    merge_by_hand(w.tenant, duplicate, survivor)
    before = {e.id: (e.name, dict(e.fields)) for e in w.tenant.entities.values()}
    w.registry.edit("C-000001", smiles="N", name="Renamed")
    for kind in (Kind.INCREMENTAL, Kind.FULL, Kind.RETRY):
        run = w.sync(kind=kind)
        assert run.status == Status.COMPLETED_WITH_WARNINGS, run.error
        assert set(w.open_errors()) == {"C-000001"}
    assert {e.id: (e.name, dict(e.fields)) for e in w.tenant.entities.values()} == before
    error = w.open_errors()["C-000001"]
    assert "C-000001" in error.message and "C-000002" in error.message
    # The survivor is still its own record's, with the aliases that it was given.
    w.registry.edit("C-000002", smiles="O")
    w.sync()
    assert w.values()["C-000002"]["SMILES"] == "O"
    assert survivor.aliases == ["Compound 1", "C-000001"]


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("mode", ["fail", "update", "unarchive"])
@pytest.mark.invariant(12)
def test_an_archived_entity_is_told_and_left(world, mode, known):
    """Whatever a tenant does with it, and whether it is known what the tenant keeps."""
    w = world([compound(n) for n in range(5)], archived_match=mode)
    w.sync()
    Lane.objects.update(kept=list(KINDS) if known else [])
    entity = w.tenant.entity("C-000002")
    edit_by_hand(w.tenant, entity, archived="Retired")
    for n in range(5):
        w.registry.edit(f"C-{n:06d}", approval=2020)
    run = w.sync()
    assert (run.updated, run.failed) == (4, 1)
    assert w.open_errors()["C-000002"].code == "archived"
    assert entity.archived == "Retired" and w.values()["C-000002"]["Approval"] != 2020
    edit_by_hand(w.tenant, entity, archived=None)
    assert w.sync(kind=Kind.FULL).status == Status.SUCCEEDED
    assert {values["Approval"] for values in w.values().values()} == {2020}


def test_who_has_a_refused_name_is_asked_ever_more_rarely_where_no_one_is_found(world, monkeypatch):
    w = world([compound(n) for n in range(3)])
    w.tenant.refuse["C-000001"] = "The name is already in use."
    real, asked = benchling_client.Client.entities_named, []

    def counted(client, names, **more):
        asked.append(client.entity_type.name)
        return real(client, names, **more)

    monkeypatch.setattr(benchling_client.Client, "entities_named", counted)
    searched = []
    for _ in range(7):
        asked.clear()
        w.sync()
        searched.append(len(asked) >= len(ENTITY_TYPES))
    assert searched == [True, True, True, False, True, False, False]
    assert EntityError.objects.get().times_seen == 7, "each run sent it once"
    del w.tenant.refuse["C-000001"]
    assert w.sync().created == 1, "each run tries the record all the same"


@pytest.mark.invariant(12)
def test_a_batch_of_archived_entities_alone_is_not_sent(world):
    w = world([compound(n) for n in range(3)], archived_match="unarchive")
    w.sync()
    edit_by_hand(w.tenant, w.tenant.entity("C-000001"), archived="Retired")
    w.registry.edit("C-000001", approval=2020)
    calls = w.tenant.counters["bulk_calls"]
    run = w.sync()
    assert (run.status, run.failed) == (Status.COMPLETED_WITH_WARNINGS, 1)
    assert w.tenant.counters["bulk_calls"] == calls
    assert not run.batches.filter(done_at=None).exists()
