"""Entities that people merge away: found, followed and undone, or made again; and moved records."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from registry_sync.desk import withdrawals
from registry_sync.desk.worklist.decisions import LeftInUse, Merges
from registry_sync.jobs import runner
from registry_sync.ledger import recording
from registry_sync.models import Change, Drift, Lane, LedgerEntry, Merge, SyncRun, Withdrawal
from registry_sync.sync.plans.proposals import Person
from registry_sync.sync.survivors import survivors
from sandbox.tenant.entities import add_by_hand, edit_by_hand, merge_by_hand
from sandbox.tenant.namespace import Namespace
from tests.support import factories as made
from tests.support.commands import command
from tests.support.registry import compound
from tests.support.worlds import INCREMENTAL, World

pytestmark = pytest.mark.once
Kind, Status, State = SyncRun.Kind, SyncRun.Status, Merge.State


FLAG = {"endpoint": {**INCREMENTAL["endpoint"], "deletes": {"mode": "flag", "path": "deleted"}}}


def entity(w: World, registry_id: str) -> Any:
    return next(e for e in w.tenant.entities.values() if e.entity_registry_id == registry_id)


@pytest.fixture
def merged(world) -> World:
    """C-1 was merged into C-2; C-3 links to it."""
    w = world([compound(1), compound(2), compound(3, parent="C-000001")])
    w.sync()
    merge_by_hand(w.tenant, entity(w, "C-000001"), entity(w, "C-000002"))
    return w


def test_a_merge_is_found_and_waits_for_a_decision(merged):
    run = merged.sync(kind=Kind.FULL)
    assert (run.status, run.failed, run.created) == (Status.COMPLETED_WITH_WARNINGS, 1, 0)
    error = merged.open_errors()["C-000001"]
    assert error.code == "merged_away" and "C-000002 “Compound 2”" in error.message
    assert merged.sync().failed == 0 and "C-000001" in merged.open_errors()
    assert merged.sync(kind=Kind.FULL).failed == 1 and Merge.objects.count() == 1
    assert "C-000001" not in merged.values()


def test_the_survivor_is_followed_and_that_is_undone(merged):
    w = merged
    w.sync(kind=Kind.FULL)
    Merge.objects.update(state=State.FOLLOWED)
    w.sync(kind=Kind.RETRY, only=["C-000001"])
    assert not w.open_errors()
    change = Change.objects.get(kind="merged")
    assert (change.before, change.after) == ("C-000001", "C-000002")
    w.registry.edit("C-000001", approval=1777)
    w.registry.edit("C-000003", approval=1888)
    run = w.sync()
    assert (run.warnings, run.updated) == ([], 1)
    assert w.values()["C-000003"]["Approval"] == 1888
    assert w.values()["C-000003"]["Parent"] == "C-000002"
    full = w.sync(kind=Kind.FULL)
    assert full.status == Status.SUCCEEDED and not Drift.objects.filter(closed_at=None).exists()
    Merge.objects.update(state=State.OPEN, applied=False)
    LedgerEntry.objects.filter(external_id="C-000001").update(raw_hash="")
    w.sync(only=["C-000001"])
    assert w.open_errors()["C-000001"].code == "merged_away"


def test_it_is_made_again_once_its_names_are_free(merged):
    w = merged
    w.sync(kind=Kind.FULL)
    Merge.objects.update(state=State.ANEW)
    assert w.sync().created == 0 and "C-000001" in w.open_errors()
    survivor = entity(w, "C-000002")
    for alias in list(survivor.aliases):
        Namespace(w.tenant, []).free(survivor, alias)
        survivor.aliases.remove(alias)
    run = w.sync()
    assert run.created == 1 and not w.open_errors()
    assert w.values()["C-000001"]["name"] == "Compound 1"
    assert Merge.objects.get().closed_at is not None


def test_links_that_benchling_changed_lead_back_although_no_one_followed(merged):
    w = merged
    w.sync(kind=Kind.FULL)
    assert w.values()["C-000003"]["Parent"] == "C-000002", "Benchling did so"
    assert Drift.objects.filter(closed_at=None, external_id="C-000003").exists()
    Merge.objects.update(state=State.ANEW)
    Namespace(w.tenant, []).alias(entity(w, "C-000002"), [])
    assert command()[0] == 0 and not w.open_errors()
    assert command()[0] == 0  # a run of what links follows
    assert w.values()["C-000003"]["Parent"] == "C-000001"
    assert not Drift.objects.filter(closed_at=None).exists()
    full = w.sync(kind=Kind.FULL)
    assert (full.status, full.updated) == (Status.SUCCEEDED, 0)


def test_links_that_followed_lead_back_once_it_is_made_again(merged):
    w = merged
    w.add_lane("Lot", [compound(n, id=f"L-{n}", name=f"Lot {n}", parent=f"C-{n:06d}")
                       for n in (1, 2)])  # fmt: skip
    lot = w.lanes[0].schema
    for definition in w.tenant.schemas[lot]["fieldDefinitions"]:
        if definition["name"] == "Parent":
            definition["schemaId"] = w.schema
    command("--full")
    Merge.objects.update(state=State.FOLLOWED)
    command()

    def parents() -> dict[str, str]:
        return {id_: w.values()[id_]["Parent"] for id_ in ("C-000003", "L-1", "L-2")}

    assert set(parents().values()) == {"C-000002"}
    survivor = entity(w, "C-000002")
    Namespace(w.tenant, []).alias(survivor, [])
    Merge.objects.update(state=State.ANEW, applied=False)
    LedgerEntry.objects.filter(external_id="C-000001").update(raw_hash="")
    w.sync(only=["C-000001"], lane=Lane.objects.get(schema_id=w.schema))
    status, said = command()
    assert status == 0 and w.values()["C-000001"]["name"] == "Compound 1", said
    assert parents() == {"C-000003": "C-000001", "L-1": "C-000001", "L-2": "C-000002"}
    count, written = SyncRun.objects.count(), w.written()
    assert command("--full")[0] == 0
    assert (SyncRun.objects.count(), w.written()) == (count + 2, written), "nothing is left to do"


def test_what_another_lanes_run_writes_meanwhile_stays_when_links_are_redirected(db, monkeypatch):
    old, new = {"entityRegistryId": "C-1"}, {"entityRegistryId": "C-2"}
    row = made.LedgerEntryFactory(fields={"parent": old, "note": "a"}, entity_hash="written")
    links_of = recording.links_of

    def meanwhile(values):
        found = links_of(values)
        LedgerEntry.objects.filter(pk=row.pk).update(fields={"parent": old, "note": "b"})
        return found

    monkeypatch.setattr(recording, "links_of", meanwhile)
    recording.redirect_ledger_links(row.lane, "C-1", "C-2")
    row.refresh_from_db()
    assert row.fields == {"parent": new, "note": "b"}


@pytest.fixture
def scoped(world) -> tuple[World, Lane, Lane]:
    """A list that two lanes share by its `site`: compounds, and lots beside them."""
    settings = {"endpoint": {"params": {"since": "{incremental.start_value}"},
                             "incremental": {"cursor_path": "modified_at", "lag": 0}}}  # fmt: skip
    w = world(
        [compound(n) for n in range(4)],
        config={"Connector Settings": {**settings, "scope": [{"path": "site", "is_not": "Lot"}]}},
    )
    lot_settings = {**settings, "registry_id_template": "L-{id}",
                    "scope": [{"path": "site", "is": "Lot"}]}  # fmt: skip
    config = {"API URL": w.registry.url, "External Name Field": "lot {name}",
              "Connector Settings": lot_settings}  # fmt: skip
    w.add_lane("Lot", [], config=config)
    compounds = w.sync().lane
    lots = Lane.objects.exclude(pk=compounds.pk).get(position__isnull=False)
    runner.work_to_end(lots.runs.get().pk)  # the first one requested it
    return w, compounds, lots


def test_a_record_that_moves_to_another_lane_names_its_old_entity(scoped):
    w, compounds, lots = scoped
    w.registry.edit("C-000001", site="Lot")
    run = w.sync(lane=lots)
    error = w.open_errors()["C-000001"]
    assert run.created == 0 and error.code == "moved" and "C-000001 “Compound 1”" in error.message
    w.sync(lane=compounds)
    assert w.sync(lane=lots).created == 0 and "C-000001" in w.open_errors()
    Withdrawal.objects.update(state=Withdrawal.State.KEPT)
    run = w.sync(lane=lots)
    assert run.created == 1 and not w.open_errors() and "L-C-000001" in w.values()


def test_a_record_that_moves_back_is_unarchived_after_its_other_entity_is_archived(scoped):
    w, compounds, lots = scoped

    def in_use() -> list[str]:
        ours = ("C-000001", "L-C-000001")
        found = w.tenant.entities.values()
        return [
            e.entity_registry_id for e in found if e.entity_registry_id in ours and not e.archived
        ]

    Lane.objects.update(withdrawn_policy="archive", withdrawn_set_at=timezone.now())
    w.registry.edit("C-000001", site="Lot")
    w.sync(lane=compounds)
    assert in_use() == []
    w.sync(lane=lots)
    assert in_use() == ["L-C-000001"]
    w.registry.edit("C-000001", site="Paris", approval=1888)
    dry = w.sync(lane=compounds, kind=Kind.DRY_RUN)
    assert "would be unarchived" not in "\n".join(dry.log.values_list("text", flat=True))
    for _ in range(2):
        w.sync(lane=compounds)
        assert in_use() == ["L-C-000001"]
        error = w.open_errors()["C-000001"]
        assert error.code == "moved" and "L-C-000001" in error.message
    w.sync(lane=lots)
    assert in_use() == []
    run = w.sync(lane=compounds)
    assert in_use() == ["C-000001"] and not w.open_errors()
    assert w.values()["C-000001"]["Approval"] == 1888 and run.updated == 1


def test_a_restored_entity_is_no_merge(world):
    w = world([compound(1), compound(2)])
    w.sync()
    edit_by_hand(w.tenant, entity(w, "C-000001"), archived="Retired")
    w.sync(kind=Kind.FULL)
    assert not Merge.objects.exists() and Drift.objects.get().field_id == "archived"


def test_a_link_to_what_was_merged_waits_for_the_decision(merged):
    w = merged
    w.registry.edit("C-000003", approval=1801)
    w.sync()  # no look has found the merge yet
    assert w.open_errors()["C-000003"].code == "link_missing"
    w.sync(kind=Kind.FULL)
    w.registry.edit("C-000003", approval=1802)
    w.sync()
    error = w.open_errors()["C-000003"]
    assert "C-000001, which is not in Benchling (it was merged into C-000002; " in error.message
    Merge.objects.update(state=State.FOLLOWED)
    w.sync()
    assert not w.open_errors() and w.values()["C-000003"]["Parent"] == "C-000002"
    assert w.values()["C-000003"]["Approval"] == 1802


@pytest.mark.parametrize("other", ["own", "foreign", "archived"])
def test_a_survivor_that_is_merged_in_turn_leads_on(world, other):
    w = world([compound(n) for n in (1, 2, 4)] + [compound(3, parent="C-000001")])
    lots = [{"id": "L-1", "name": "Lot 1", "parent": "C-000001", "approval": 1}]
    field = {"name": "Parent", "type": "entity_link", "schemaId": w.schema}
    w.add_lane("Lot", lots, fields=[field, {"name": "Approval", "type": "integer"}],
               rows=[("Parent", "parent"), ("Approval", "approval")])  # fmt: skip
    compounds = w.sync().lane
    lot_lane = Lane.objects.exclude(pk=compounds.pk).get()
    runner.work_to_end(lot_lane.runs.get().pk)
    if other == "foreign":
        row = {"registryId": w.benchling_registry, "schemaId": w.schema, "fields": {}}
        for n in (2, 4):
            add_by_hand(w.tenant, {**row, "name": f"Other {n}", "entityRegistryId": f"O-{n}"})
    second, third = ("O-2", "O-4") if other == "foreign" else ("C-000002", "C-000004")
    merge_by_hand(w.tenant, entity(w, "C-000001"), entity(w, second))
    w.sync(kind=Kind.FULL, lane=compounds)
    Merge.objects.update(state=State.FOLLOWED)
    w.sync(kind=Kind.RETRY, only=["C-000001"], lane=compounds)
    merge_by_hand(w.tenant, entity(w, second), entity(w, third))
    if other == "archived":
        edit_by_hand(w.tenant, entity(w, third), archived="Retired")
    w.registry.edit("C-000003", approval=1801)
    w.lanes[0].registry.edit("L-1", approval=2)
    for lane in (compounds, lot_lane, compounds, lot_lane):
        w.sync(lane=lane)
    values = w.values()
    assert (values["C-000003"]["Parent"], values["C-000003"]["Approval"]) == (third, 1801)
    assert (values["L-1"]["Parent"], values["L-1"]["Approval"]) == (third, 2)
    assert Merge.objects.get(external_id="C-000001").survivor_registry_id == third
    w.sync(kind=Kind.FULL, lane=compounds)
    w.sync(kind=Kind.FULL, lane=lot_lane)
    wrong = {"C-000002"} if other != "foreign" else set()
    assert w.open_errors().keys() == wrong, "the second merge waits for its own decision"
    drift = Drift.objects.filter(closed_at=None).values_list("external_id", "field_id")
    assert set(drift) == ({("C-000004", "archived")} if other == "archived" else set())


def test_a_survivor_stays_while_a_record_in_the_registry_follows_it(world):
    endpoint = {**INCREMENTAL["endpoint"], "deletes": {"mode": "flag", "path": "retired"}}
    w = world(
        [compound(n) for n in range(7)], config={"Connector Settings": {"endpoint": endpoint}}
    )
    w.sync()
    Lane.objects.update(withdrawn_policy="archive", withdrawn_set_at=timezone.now())
    for merged, survivor in ((1, 2), (3, 4), (5, 6)):
        merge_by_hand(w.tenant, *(entity(w, f"C-00000{n}") for n in (merged, survivor)))
    w.sync(kind=Kind.FULL)
    Merge.objects.update(state=State.FOLLOWED)
    for survivor in (2, 4, 6):
        w.registry.edit(f"C-00000{survivor}", retired=True)
    assert w.sync(kind=Kind.DRY_RUN).archived == 0
    run = w.sync()
    row, other, old = Withdrawal.objects.order_by("external_id")
    assert (run.archived, row.state, entity(w, "C-000002").archived) == (0, "kept", None)
    assert "C-000001, which is still in the registry, follows this entity" in row.note
    for decide in (withdrawals.release_withdrawals, withdrawals.keep_in_use):
        decide(Withdrawal.objects.filter(pk=other.pk), by=Person("ann"), reason="in use")
    said, other.note = other.note, Withdrawal.objects.get(pk=other.pk).note
    assert said and not other.note
    Withdrawal.objects.filter(pk=other.pk).update(note=said)  # as earlier versions left it
    Withdrawal.objects.filter(pk=old.pk).update(kept_for="")  # as they left this one
    Withdrawal.objects.filter(pk=row.pk).update(note="It is followed.")
    assert [row.kept_for, other.kept_for] == ["C-000001", "C-000003"]
    Merge.objects.update(state=State.OPEN, applied=False)
    assert w.sync().archived == 0, "whoever undoes the decision about a merge archives nothing"
    Merge.objects.update(state=State.FOLLOWED)
    for merged in (1, 3, 5):
        w.registry.edit(f"C-00000{merged}", retired=True)
    assert w.sync().archived == 2 and entity(w, "C-000002").archived == "Retired"
    assert entity(w, "C-000004").archived is None, "someone decided to keep it"
    assert w.sync(kind=Kind.FULL).status == Status.SUCCEEDED and not w.open_errors()


def test_what_someone_decides_about_a_survivor_counts_while_a_record_follows_it(merged):
    w = merged
    w.sync(kind=Kind.FULL)
    Merge.objects.update(state=State.FOLLOWED)
    w.registry.edit("C-000002", deleted=True)
    w.configure(**{"Connector Settings": FLAG})
    Lane.objects.update(withdrawn_policy="archive", withdrawn_set_at=timezone.now())
    w.sync()
    Withdrawal.objects.update(state=Withdrawal.State.RELEASED)
    assert w.sync().archived == 1


def test_a_merged_record_that_left_the_registry_waits_for_no_decision(merged):
    w = merged
    w.configure(**{"Connector Settings": FLAG})
    w.registry.edit("C-000001", deleted=True)
    w.sync(kind=Kind.FULL)
    assert not w.open_errors() and Merge.objects.exists()
    assert not Withdrawal.objects.exists() and not Merges().rows().exists(), "nothing to decide"
    w.registry.edit("C-000001", deleted=False)
    w.sync()
    assert w.open_errors()["C-000001"].code == "merged_away" and Merges().rows().exists()


def test_links_lead_to_the_last_survivor_of_every_chain(db):
    lane = made.LaneFactory()
    chain = {"A": "B", "B": "E", "C": "D", "X": "Y", "Y": "X"}  # Y was registered again
    for old, new in chain.items():
        made.MergeFactory(
            lane=lane, external_id=old, entity_registry_id=old, survivor_registry_id=new,
            state=State.FOLLOWED,
        )  # fmt: skip
    found = survivors(["A", "B", "C", "D", "X"])
    assert [found.get(old) for old in "ABCD"] == ["E", "E", "D", None]
    assert found["X"] in "XY"


def test_names_that_people_move_to_another_entity_lead_no_other_links(world):
    rows = [compound(n) for n in (1, 2, 4)]
    w = world([*rows, compound(3, parent="C-000001"), compound(5, parent="C-000002")])
    w.sync()
    first, second, third = (entity(w, f"C-00000{n}") for n in (1, 2, 4))
    merge_by_hand(w.tenant, first, second)
    w.sync(kind=Kind.FULL)
    Merge.objects.update(state=State.FOLLOWED)
    w.sync(kind=Kind.RETRY, only=["C-000001"])
    names, left = Namespace(w.tenant, []), list(second.aliases)
    for alias in left:
        names.free(second, alias)
        second.aliases.remove(alias)
    names.alias(third, [*third.aliases, *left])
    w.sync(kind=Kind.FULL)
    assert Merge.objects.get().survivor_registry_id == "C-000004"
    w.registry.edit("C-000003", approval=1801)
    assert w.sync(kind=Kind.FULL).updated == 1
    assert not Drift.objects.filter(closed_at=None).exists()
    parents = [w.values()[f"C-00000{n}"]["Parent"] for n in (3, 5)]
    assert parents == ["C-000004", "C-000002"]


@pytest.mark.parametrize("mode", ["absence", "feed", "none"])
def test_merged_records_that_are_gone_ask_nothing_and_hold_no_survivor(world, mode):
    deletes = {"mode": mode} | ({"path": "deleted"} if mode == "feed" else {})
    w = world([compound(n) for n in range(8)], config={
        "Connector Settings": {"endpoint": {**INCREMENTAL["endpoint"], "deletes": deletes}}
    })  # fmt: skip
    w.registry.deleted, hours = [], iter(range(10))

    def full() -> SyncRun:
        w.registry.date = datetime.now(UTC) + timedelta(hours=2 * next(hours) - 20)
        return w.sync(kind=Kind.FULL)

    def leave(number: int) -> None:
        [record] = [r for r in w.registry.records if r["id"] == f"C-{number:06d}"]
        w.registry.records.remove(record)
        w.registry.deleted.append({"id": record["id"], "modified_at": "2999-01-01T00:00:00Z"})

    full()
    Lane.objects.update(withdrawn_policy="archive", withdrawn_set_at=timezone.now())
    merge_by_hand(w.tenant, entity(w, "C-000001"), entity(w, "C-000002"))
    merge_by_hand(w.tenant, entity(w, "C-000003"), entity(w, "C-000004"))
    full()
    Merge.objects.filter(external_id="C-000003").update(state=State.FOLLOWED)
    assert Merges().rows().count() == 1
    for number in (1, 3, 4):
        leave(number)
    first, second = full(), full()
    assert not w.open_errors() and not Merges().rows().exists(), "nothing to decide"
    assert "C-000001" not in str(first.warnings) and "C-000003" not in str(first.warnings)
    assert not LeftInUse().rows().exclude(external_id="C-000004").exists()
    for id_, state in ("C-000001", "staged"), ("C-000003", "held"):  # a guard, containers
        Withdrawal.objects.filter(external_id=id_).update(state=state)
    full()
    left = dict(Withdrawal.objects.values_list("external_id", "state"))
    assert left["C-000001"] == left["C-000003"] == "theirs"
    assert left["C-000004"] == ("gone" if mode == "none" else "archived"), second.warnings
