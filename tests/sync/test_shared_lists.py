"""Aliases and authors that people and the registry both have, move, or no one can see."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps

from registry_sync.benchling.client import Client
from registry_sync.desk import drift as desk_drift
from registry_sync.jobs import runner as jobs
from registry_sync.ledger import pins
from registry_sync.ledger.pins import FieldDifference
from registry_sync.ledger.shared_items import forget_lost, own_items
from registry_sync.models import Drift, Lane, LedgerEntry, SyncRun
from registry_sync.sync.delivery.batch_log import BatchLog
from sandbox.tenant.entities import add_by_hand, edit_by_hand
from sandbox.tenant.namespace import Namespace
from tests.support.entities import NOTE, compounds, of_type
from tests.support.killing import Killed, killed_in
from tests.support.worlds import forget

pytestmark = pytest.mark.once

Kind, Status = SyncRun.Kind, SyncRun.Status
ALIASES = {"aliases": ["synonyms[*]"]}


def set_by_hand(w, id_: str, *aliases: str) -> None:
    """Let someone give an entity these aliases in Benchling."""
    entity = w.tenant.entity(id_)
    edit_by_hand(w.tenant, entity)
    Namespace(w.tenant, []).alias(entity, list(aliases))


def aliases(w, id_: str = "C-1") -> list[str]:
    return sorted(w.tenant.entity(id_).aliases)


def listing(w, *synonyms: str, id_: str = "C-1", **more) -> SyncRun:
    """Sync after the registry has changed a record's synonyms."""
    w.registry.edit(id_, synonyms=list(synonyms), **more)
    return w.sync()


def test_an_alias_that_people_added_stays_when_the_registry_lists_and_drops_it(world):
    w = of_type(world, "custom_entity", compounds("C", synonyms=["Ours"]), rules=ALIASES)
    w.sync()
    set_by_hand(w, "C-1", "Ours", "Hand")
    assert listing(w, "Ours", "hand").updated == 1 and aliases(w) == ["Hand", "Ours"]
    assert listing(w, "New").updated == 1 and aliases(w) == ["Hand", "New"]
    listing(w, "New", "Hand", note="b")
    assert listing(w, "New").updated == 1 and aliases(w) == ["Hand", "New"]
    set_by_hand(w, "C-1", "New")  # whoever adds it now, has it
    listing(w, "New", "Hand")
    assert listing(w, "New").updated == 1 and aliases(w) == ["New"]
    assert w.sync(kind=Kind.FULL).updated == 0 and not Drift.objects.exists()


@pytest.mark.parametrize("rebuilt", [False, True])
def test_an_alias_that_people_removed_is_free_for_another_record(world, rebuilt):
    w = of_type(world, "custom_entity", compounds("C", "CC", synonyms=[]), rules=ALIASES)
    w.sync()
    set_by_hand(w, "C-1", "Hand")
    if rebuilt:
        forget()
        w.sync()
    else:
        listing(w, "Hand")
        listing(w)
    assert listing(w, "Hand", id_="C-2").failed == 1
    set_by_hand(w, "C-1")
    assert w.sync().updated == 1 and aliases(w, "C-2") == ["Hand"]
    for id_ in ("C-1", "C-2"):
        w.registry.edit(id_, note="b")
        assert w.sync(kind=Kind.DRY_RUN).updated == w.sync().updated == 1
    assert aliases(w) == [] and aliases(w, "C-2") == ["Hand"]


def test_an_alias_that_the_record_still_lists_does_not_become_this_apps():
    row = LedgerEntry(fields={"aliases": ["Ours", "Hand"]}, found_items={"aliases": ["hand", "x"]})
    forget_lost(row, "aliases", {"ours"})
    assert own_items(row, "aliases") == {"ours"} and row.found_items == {"aliases": ["hand"]}


ALIASES_BY_HAND = [
    # ours, by hand, the registry's, those left; and when the registry then drops “Hand”
    (["Ours"], ["Hand"], ["Ours", "Hand"], ["Hand", "Ours"], ["Hand", "Ours"]),
    (["Ours"], ["Hand"], ["Ours"], ["Hand", "Ours"], ["Hand", "Ours"]),
    (["A", "B"], ["B"], ["A"], ["A"], ["A"]),
    (["A", "B"], ["B"], ["A", "B"], ["A", "B"], ["A", "B"]),
    (["Hand", "B"], ["Hand"], ["Hand", "B"], ["B", "Hand"], ["B"]),
]


@pytest.mark.parametrize(("ours", "by_hand", "listed", "restored", "left"), ALIASES_BY_HAND)
def test_restored_aliases_are_this_apps_as_before(world, ours, by_hand, listed, restored, left):
    w = of_type(world, "custom_entity", compounds("C", synonyms=ours), rules=ALIASES)
    w.sync()
    w.tenant.clock.advance(3600)
    set_by_hand(w, "C-1", *by_hand)
    w.sync(kind=Kind.FULL)
    lane = Lane.objects.get()
    found = desk_drift.differences_of(lane, desk_drift.open_drift(lane))
    done = pins.restore(lane, list(found.values()), actor="o", reason="r")
    assert pins.records_that_differ(done) == ["C-1"]
    w.registry.edit("C-1", synonyms=listed)
    w.sync(kind=Kind.FULL)
    assert aliases(w) == restored
    listing(w, *(item for item in listed if item != "Hand"))
    assert aliases(w) == left


def test_an_alias_by_hand_stays_peoples_when_it_is_accepted_as_the_registry_lists_it(world):
    w = of_type(world, "custom_entity", compounds("C", synonyms=["Ours"]), rules=ALIASES)
    w.sync()
    set_by_hand(w, "C-1", "Hand")
    w.registry.edit("C-1", synonyms=["Ours", "Hand"])
    each = FieldDifference("C-1", "", "aliases", "Aliases", ["Hand"], ["Ours", "Hand"])
    assert pins.accept(Lane.objects.get(), [each], actor="o", reason="As compared with reconcile")
    assert w.sync().updated == 0 and aliases(w) == ["Hand"]
    assert listing(w, "Ours").updated == 1 and aliases(w) == ["Hand", "Ours"]


def test_an_alias_that_an_entity_of_people_has_is_named_and_follows_when_it_is_free(world):
    w = of_type(world, "custom_entity", compounds("C", synonyms=["Ours"]), rules=ALIASES)
    w.sync()
    row = {"entityRegistryId": "L-7", "name": "Lot 7", "schemaId": w.add_schema("Lot", fields=NOTE),
           "registryId": w.benchling_registry, "fields": {}, "aliases": ["Hand"]}  # fmt: skip
    lot = add_by_hand(w.tenant, row)
    assert listing(w, "Ours", "hand").failed == 1
    error = w.open_errors()["C-1"]
    assert (error.code, error.field, error.value) == ("name_taken", "aliases", "hand")
    assert "The alias “hand” of C-1 is already used by" in error.message
    assert error.remedy.startswith("A Benchling admin removes the alias from the entity")
    assert w.sync().updated == 0
    Namespace(w.tenant, []).alias(lot, [])
    assert w.sync().updated == 1 and aliases(w) == ["Ours", "hand"] and not w.open_errors()


def test_an_author_whom_people_added_stays(world):
    w = of_type(world, "molecule", compounds("C", who=["ent_ada"]), rules={"authors": ["who[*]"]})
    w.sync()
    w.tenant.entity("C-1").authors.append("ent_max")
    w.registry.edit("C-1", who=["ent_ada", "ent_max"])
    w.sync()
    w.registry.edit("C-1", who=[])
    assert w.sync().updated == 1 and w.tenant.entity("C-1").authors == ["ent_max"]


def test_drift_of_aliases_ends_when_a_run_writes_them(world):
    w = of_type(world, "custom_entity", compounds("C", synonyms=["Ours"]), rules=ALIASES)
    w.sync()
    w.tenant.clock.advance(3600)
    set_by_hand(w, "C-1", "Hand")
    w.sync(kind=Kind.FULL)
    (drift,) = Drift.objects.filter(closed_at=None)
    assert drift.field_id == "aliases"
    listing(w, "Ours", note="b")
    assert Drift.objects.filter(closed_at=None).exists(), "they were not sent"
    listing(w, "New")
    assert aliases(w) == ["Hand", "New"] and not Drift.objects.filter(closed_at=None).exists()


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("dies_in", ["sending", "start_upsert", "polling"])
def test_who_added_an_alias_is_known_after_a_kill(world, dies_in):
    w = of_type(world, "custom_entity", compounds("C", synonyms=["Ours"]), rules=ALIASES)
    w.sync()
    set_by_hand(w, "C-1", "Ours", "Hand")
    w.registry.edit("C-1", synonyms=["Ours", "Hand", "New"])
    send = Client.start_upsert

    def dies(self, *given):
        if dies_in == "polling":
            send(self, *given)
        raise Killed

    if dies_in == "sending":
        run = killed_in(BatchLog, "sending", dies)
        LedgerEntry.objects.update(found_items=None)  # as the last version left it
    else:
        run = killed_in(Client, "start_upsert", dies)
    assert jobs.work_to_end(run.pk).updated == 1
    assert aliases(w) == ["Hand", "New", "Ours"]
    assert listing(w).updated == 1 and aliases(w) == ["Hand"]


def test_an_alias_that_one_record_drops_and_another_takes(world):
    records = compounds("C", "CC", synonyms=["Former"])
    records[0]["synonyms"] = []
    w = of_type(world, "custom_entity", records, rules=ALIASES)
    w.sync()
    w.registry.edit("C-1", synonyms=["Former"])
    w.registry.edit("C-2", synonyms=[])
    dry, run = w.sync(kind=Kind.DRY_RUN), w.sync()
    assert (dry.updated, dry.failed) == (run.updated, run.failed) == (2, 0)
    assert (aliases(w), aliases(w, "C-2")) == (["Former"], [])


def test_a_rebuilt_ledger_takes_no_alias_and_a_dry_run_says_so(world):
    records = compounds("C", "CC", "CCC", synonyms=[])
    records[0]["synonyms"], records[1]["synonyms"] = ["cas 1"], ["cas 2"]
    w = of_type(world, "custom_entity", records, rules=ALIASES)
    w.sync()
    set_by_hand(w, "C-2", "cas 2", "Hand")
    forget()
    assert w.sync().status == Status.SUCCEEDED
    sent = w.written()
    w.registry.edit("C-1", synonyms=["cas 2"])
    w.registry.edit("C-2", synonyms=["cas 1"])
    w.registry.edit("C-3", synonyms=["Hand"])
    dry, run = w.sync(kind=Kind.DRY_RUN), w.sync()
    assert (dry.updated, dry.failed) == (run.updated, run.failed) == (0, 3)
    assert w.written() == sent and (aliases(w), aliases(w, "C-2")) == (["cas 1"], ["Hand", "cas 2"])
    errors = w.open_errors()
    assert "removes the alias from the entity C-2 in Benchling" in errors["C-1"].remedy
    assert "used by C-2, as an alias" in errors["C-3"].message
    set_by_hand(w, "C-2")
    run = w.sync()
    assert (run.updated, run.failed) == (2, 1) and aliases(w) == ["cas 1", "cas 2"]
    assert aliases(w, "C-3") == ["Hand"] and list(w.open_errors()) == ["C-2"]
    set_by_hand(w, "C-1", "cas 2")
    assert w.sync().updated == 1 and aliases(w, "C-2") == ["cas 1"]
    assert listing(w).updated == 1 and aliases(w) == []


def test_an_upgrade_takes_for_its_own_what_entities_were_created_with(world):
    w = of_type(world, "custom_entity", compounds("C", synonyms=["Ours"]), rules=ALIASES)
    w.sync()
    listing(w, "Ours", "Later")
    LedgerEntry.objects.update(found_items=None)
    import_module("registry_sync.migrations.0063_known_items").find(apps, None)
    assert LedgerEntry.objects.get().found_items == {"aliases": ["later"]}
    assert listing(w).updated == 1 and aliases(w) == ["Later"]


@pytest.mark.parametrize("refused", ["", "User ent_new is archived."])
def test_an_author_who_is_no_user_yet_is_tried_again_by_each_run(world, refused):
    records = compounds("C", "CC", chemist="ent_ada")
    records[1]["chemist"] = "ent_new"
    w = of_type(world, "custom_entity", records, rules={"authors": ["chemist"]})
    w.tenant.refuse |= {"C-2": refused} if refused else {}
    assert (w.sync().created, w.sync().failed) == (1, 1)
    error = w.open_errors()["C-2"]
    assert (error.code, error.field, error.value) == ("author_unknown", "authors", "ent_new")
    assert (error.kind, error.waits_for) == ("benchling", "author")
    w.tenant.users["ent_new"] = "New"
    w.tenant.refuse.clear()
    assert w.sync().created == 1 and not w.open_errors()


def test_aliases_that_no_one_can_see_are_left_out_as_empty_ones_are(world):
    unseen = ["\u200b", "\ufeff", "\u200e\u202c", " \u00a0\u2003 ", "", "ASA"]
    records = compounds("C", "CC", synonyms=unseen)
    records[1]["synonyms"] = unseen[:-1]
    w = of_type(world, "custom_entity", records, rules=ALIASES)
    assert w.sync().created == 2 and not w.open_errors()
    assert [aliases(w, id_) for id_ in ("C-1", "C-2")] == [["ASA"], []]
