"""Aliases, authors and folders by record: what people add stays, what the record lost goes."""

from __future__ import annotations

import pytest

from registry_sync.models import Change, Drift, SyncRun
from sandbox.tenant.entities import edit_by_hand
from sandbox.tenant.namespace import Namespace
from tests.support.drafting import preview_all
from tests.support.entities import compounds, of_type
from tests.support.worlds import forget

pytestmark = pytest.mark.once

Kind, Status = SyncRun.Kind, SyncRun.Status
ALIASES = {"aliases": ["synonyms[*]", "cas"]}


def people_add(w, id_: str, *aliases: str) -> None:
    """Let someone give an entity more aliases in Benchling."""
    entity = w.tenant.entity(id_)
    edit_by_hand(w.tenant, entity)
    Namespace(w.tenant, []).alias(entity, [*entity.aliases, *aliases])


def test_aliases_are_added_and_removed_beside_those_of_people(world):
    records = compounds("C", "CC", synonyms=["Aspirin", "ASA"], cas="50-78-2")
    records[1] |= {"synonyms": ["Compound 2", " C-2 "], "cas": None}
    w = of_type(world, "custom_entity", records, rules=ALIASES)
    assert w.sync().created == 2
    assert w.tenant.entity("C-1").aliases == ["Aspirin", "ASA", "50-78-2"]
    assert w.tenant.entity("C-2").aliases == []  # its own name and id
    people_add(w, "C-1", "Hand")
    w.registry.edit("C-1", synonyms=["Aspirin", "New"])
    assert w.sync().updated == 1
    assert sorted(w.tenant.entity("C-1").aliases) == ["50-78-2", "Aspirin", "Hand", "New"]
    w.registry.edit("C-1", note="b")  # aliases stay out of an update that does not change them
    assert w.sync(kind=Kind.FULL).updated == 1 and not Drift.objects.exists()
    assert len(w.tenant.entity("C-1").aliases) == 4


def test_an_alias_is_taken_as_a_name_is_and_follows_when_it_is_free(world):
    records = compounds("C", "CC", "CCC", synonyms=[])
    records[0]["synonyms"] = ["compound 3"]
    records[1]["synonyms"] = ["Shared"]
    w = of_type(world, "custom_entity", records, rules=ALIASES)
    run = w.sync()
    error = w.open_errors()["C-3"]
    assert (run.created, run.failed, error.code) == (2, 1, "name_taken")
    assert "already used by C-1, as an alias" in error.message
    assert "Give C-3 another name, or remove the alias from C-1, in the registry, or have the" in (
        error.remedy
    )
    w.registry.edit("C-3", name="Other", synonyms=["shared"])
    w.sync()
    error = w.open_errors()["C-3"]
    assert "The alias “shared” of C-3" in error.message and error.field == "aliases"
    assert error.remedy.startswith(
        "Remove the alias from C-3, or remove the alias from C-2, in the registry. It will be"
    )
    w.registry.edit("C-2", synonyms=[])
    w.sync()
    assert not w.open_errors() and w.tenant.entity("C-3").aliases == ["shared"]


def test_a_lost_database_does_not_take_the_aliases_of_people(world):
    w = of_type(world, "custom_entity", compounds("C", synonyms=["Ours"]), rules=ALIASES)
    w.sync()
    people_add(w, "C-1", "Hand")
    forget()
    assert w.sync().status == Status.SUCCEEDED and w.written() == 1
    w.registry.edit("C-1", synonyms=["Ours", "More"])
    assert w.sync().updated == 1
    assert sorted(w.tenant.entity("C-1").aliases) == ["Hand", "More", "Ours"]


def test_a_folder_by_record_moves_the_entity_and_an_unknown_one_is_its_error(world):
    records = compounds("C", "CC", "CCC", site="BS")
    records[1]["site"], records[2]["site"] = "ZH", "XX"
    rules = {"folder": {"path": "site", "table": {"BS": "Basel", "ZH": "Zurich"}}}
    w = of_type(world, "custom_entity", records)
    basel, zurich = w.tenant.add_folder("Basel"), w.tenant.add_folder("Zurich")
    w.configure(**{"Mapping Rules": rules})
    assert w.sync().created == 2
    places = {e.entity_registry_id: e.folder_id for e in w.tenant.entities.values()}
    assert places == {"C-1": basel, "C-2": zurich}
    assert "“XX” is not in the label table" in w.open_errors()["C-3"].message
    w.registry.edit("C-1", site="ZH")
    assert w.sync().updated == 1 and w.tenant.entity("C-1").folder_id == zurich
    w.configure(**{"Mapping Rules": {"folder": {"path": "site"}}})
    w.registry.edit("C-1", site="basel")
    w.sync()
    assert w.tenant.entity("C-1").folder_id == basel
    assert w.open_errors()["C-2"].code == "folder_missing"


def test_a_folder_that_comes_back_is_found_by_the_next_run(world):
    records = compounds("C", "CC", site="Basel")
    records[1]["site"] = "Twice"
    w = of_type(world, "custom_entity", records)
    basel, twins = w.tenant.add_folder("Basel"), [w.tenant.add_folder("Twice") for _ in range(2)]
    w.tenant.folders[basel]["archiveRecord"] = {"reason": "Retired"}
    w.configure(**{"Mapping Rules": {"folder": {"path": "site"}}})
    assert w.sync().failed == 2
    missing, twice = (w.open_errors()[id_] for id_ in ("C-1", "C-2"))
    assert (missing.code, missing.waits_for) == ("folder_missing", "folder")
    assert "a Benchling admin gives the app access to the folder" in missing.remedy
    assert "a Benchling admin renames all but one of the folders" in twice.remedy
    w.tenant.folders[basel]["archiveRecord"] = None
    w.tenant.folders[twins[0]]["name"] = "Once"
    assert w.sync().created == 2 and not w.open_errors()


@pytest.mark.parametrize("lost", [None, "absent"])
def test_a_record_without_a_folder_leaves_its_entity_where_it_is(world, lost):
    w = of_type(world, "custom_entity", compounds("C", site="Basel"))
    basel = w.tenant.add_folder("Basel")
    w.configure(**{"Mapping Rules": {"folder": {"path": "site"}}})
    w.sync()
    w.registry.edit("C-1", note="b", site=None)
    if lost:
        w.registry.records[0].pop("site")
    run = w.sync()
    assert (run.updated, run.warnings) == (1, []) and w.tenant.entity("C-1").folder_id == basel
    assert not Change.objects.filter(run=run, field_id="folder").exists()
    assert w.sync(kind=Kind.FULL).status == Status.SUCCEEDED and not Drift.objects.exists()


def test_an_author_who_is_no_api_id_is_found_before_anything_is_sent(world):
    records = compounds(*("C" * n for n in range(1, 6)), chemist="ent_ada")
    for record, chemist in zip(records, ("ada@example.com", "Ada Byron", "ada", 5), strict=False):
        record["chemist"] = chemist
    w = of_type(world, "custom_entity", records, rules={"authors": ["chemist"]})
    dry, run = w.sync(kind=Kind.DRY_RUN), w.sync()
    assert (dry.created, dry.failed) == (run.created, run.failed) == (1, 4)
    error = w.open_errors()["C-1"]
    assert "“ada@example.com” is not the API id of a Benchling user" in error.message
    assert "maps authors to a path that has API ids" in error.remedy
    assert w.tenant.counters["bulk_calls"] == 1 and not w.tenant.counters["single_upserts"]


def test_authors_are_users_by_their_ids_beside_those_of_people(world):
    records = compounds("C", chemist="ent_ada")
    w = of_type(world, "molecule", records, rules={"authors": ["chemist"]})
    assert w.sync().created == 1 and w.tenant.entity("C-1").authors == ["ent_ada"]
    w.tenant.users["ent_eva"] = "Eva"
    w.tenant.entity("C-1").authors.append("ent_eva")
    w.registry.edit("C-1", chemist="ent_max")
    assert w.sync(kind=Kind.FULL).updated == 1 and not Drift.objects.exists()
    assert sorted(w.tenant.entity("C-1").authors) == ["ent_eva", "ent_max"]


def test_aliases_and_names_that_records_swap(world):
    records = compounds("C", "CC", "CCC", "CCCC", synonyms=[])
    for record, alias in zip(records, ("cas 1", "cas 2", "", "Former"), strict=True):
        record["synonyms"] = [alias] if alias else []
    w = of_type(world, "custom_entity", records, rules=ALIASES)
    w.sync()
    people_add(w, "C-1", "Hand")
    w.registry.edit("C-1", synonyms=["cas 2"])
    w.registry.edit("C-2", synonyms=["CAS 1"])
    w.registry.edit("C-3", name="Former")
    w.registry.edit("C-4", synonyms=["Compound 3"])
    dry = w.sync(kind=Kind.DRY_RUN)
    assert (dry.updated, dry.failed) == (4, 0), "a dry run says what the sync does"
    run = w.sync()
    assert not w.open_errors() and run.status == Status.SUCCEEDED
    held = {id_: sorted(w.tenant.entity(id_).aliases) for id_ in ("C-1", "C-2", "C-3", "C-4")}
    assert held == {"C-1": ["Hand", "cas 2"], "C-2": ["CAS 1"], "C-3": [], "C-4": ["Compound 3"]}
    assert w.tenant.entity("C-3").name == "Former" and w.sync(kind=Kind.FULL).updated == 0


def test_who_wants_to_share_names_keeps_its_own(world, desk):
    """As compounds that list each other's names, or the same synonyms."""
    records = compounds("C", "CC", "CCC", "CCCC", synonyms=[])
    records[2]["synonyms"], records[3]["synonyms"] = ["x"], ["y"]
    w = of_type(world, "custom_entity", records, rules=ALIASES)
    w.sync()
    w.registry.edit("C-1", synonyms=["Compound 2"])
    w.registry.edit("C-2", synonyms=["Compound 1"])
    for id_ in ("C-3", "C-4"):
        w.registry.edit(id_, synonyms=["x", "y"])
    found = preview_all(desk, desk.start("live"))
    assert (found["changed"], found["refused"]) == (0, 4)
    dry, run = w.sync(kind=Kind.DRY_RUN), w.sync()
    assert (dry.updated, dry.failed) == (run.updated, run.failed) == (0, 4)
    assert w.tenant.entity("C-1").name == "Compound 1"
    assert [w.tenant.entity(f"C-{n}").aliases for n in range(1, 5)] == [[], [], ["x"], ["y"]]


def test_aliases_that_are_no_longer_mapped_are_left_as_they_are(world):
    records = compounds("C", "CC", "CCC", "CCCC", synonyms=[])
    records[0]["synonyms"], records[3]["synonyms"] = ["Ours"], ["Former"]
    w = of_type(world, "custom_entity", records, rules=ALIASES)
    w.sync()
    people_add(w, "C-1", "Hand")
    w.configure(**{"Mapping Rules": {}})
    w.sync(kind=Kind.FULL)
    for id_, name in (("C-1", "Compound 2"), ("C-2", "Compound 1"), ("C-3", "Former"),
                      ("C-4", "Compound 3")):  # fmt: skip
        w.registry.edit(id_, name=name)
    dry, run = w.sync(kind=Kind.DRY_RUN), w.sync()
    assert (dry.updated, dry.failed) == (run.updated, run.failed) == (2, 2)
    assert w.tenant.entity("C-1").name == "Compound 2"
    assert w.tenant.entity("C-1").aliases == ["Ours", "Hand"]
    assert w.tenant.entity("C-3").name == "Compound 3", "it would wait with a temporary name"
    assert w.tenant.entity("C-4").aliases == ["Former"]
