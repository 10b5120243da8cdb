"""A preview knows names, ids and links: it counts and names what the run then refuses."""

from __future__ import annotations

from typing import Any

import pytest

from registry_sync.drafts.preview_notes import Notes
from registry_sync.models import MappingDraft, Refusal, SyncRun
from sandbox.tenant.entities import add_by_hand, edit_by_hand
from tests.support.desk import read
from tests.support.drafting import page, preview_all
from tests.support.registry import compound
from tests.support.worlds import World

pytestmark = pytest.mark.once


def counted(found: dict[str, Any]) -> tuple[int, ...]:
    return tuple(found[name] for name in ("read", "new", "changed", "unchanged", "refused"))


def ran(run: SyncRun) -> tuple[int, ...]:
    return (run.read, run.created, run.updated, run.unchanged, run.failed)


def by_hand(w: World, registry_id: str, name: str, **values: Any) -> Any:
    row = {"schemaId": w.schema, "registryId": w.benchling_registry, "folderId": w.folder,
           "entityRegistryId": registry_id, "name": name, "fields": {}, **values}  # fmt: skip
    return add_by_hand(w.tenant, row)


def lively(w: World) -> None:
    """Fill a registry with every way in which a name, an id or a link is taken."""
    edit = {
        3: {"name": "compound 2 "},  # another spelling of a name before it
        4: {"name": "C-000001"},  # a name that is another's registry id
        5: {"name": "Made by hand"},  # of an entity that someone else made
        6: {"name": "Their alias"},
        8: {"parent": "C-000019"},  # comes later
        9: {"parent": "NOWHERE"},
        11: {"parent": "C-000012"}, 12: {"parent": "C-000011"},  # a circle
        13: {"kind": "Peptide"},  # no option
        14: {"name": None},
        15: {"parent": "C-000009"},  # of a record that is refused itself
    }  # fmt: skip
    for number, values in edit.items():
        w.registry.record(f"C-{number:06d}").update(values)
    by_hand(w, "X-1", "Made by hand")
    by_hand(w, "X-2", "Another", aliases=["Their alias"])
    by_hand(w, "C-000007", "Not ours")


def test_before_the_first_run_the_preview_equals_the_run(world, desk):
    w = world([compound(n) for n in range(20)])
    lively(w)
    found = preview_all(desk, desk.start("live"))
    run = w.sync()
    assert counted(found) == ran(run)
    assert run.failed == 9 and found["refused"] == 9


def test_of_two_of_one_name_that_link_to_each_other_neither_is_new(world, desk):
    w = world([compound(n) for n in range(4)])
    w.registry.record("C-000001").update(parent="C-000002", name="Twin")
    w.registry.record("C-000002").update(parent="C-000001", name="Twin")
    found = preview_all(desk, desk.start("live"))
    run = w.sync()
    assert counted(found) == ran(run)
    assert run.failed == 2


def test_a_name_is_free_again_whose_record_links_to_none_that_comes(world, desk):
    w = world([compound(n) for n in range(4)])
    w.registry.record("C-000001").update(parent="NOWHERE", name="Twin")
    w.registry.record("C-000002").update(parent="C-000003", name="Twin")
    w.registry.record("C-000003").update(parent="C-000002")
    found = preview_all(desk, desk.start("live"))
    run = w.sync()
    assert counted(found) == ran(run)


def test_aliases_that_new_records_share_are_refused_as_the_run_refuses_them(world, desk):
    aliases = {
        1: ["Twin", "Own 1"], 2: ["twin"],  # two records want one alias
        3: ["Compound 4"],  # which is the name of a later record
        5: ["Fourth"], 6: ["Fifth", "C-000000"],  # another's registry id
    }  # fmt: skip
    records = [compound(n, syn=aliases.get(n, [])) for n in range(8)]
    w = world(records, config={"Mapping Rules": {"aliases": ["syn[*]"]}})
    found = preview_all(desk, desk.start("live"))
    run = w.sync()
    assert counted(found) == ran(run) and run.failed == found["refused"] == 3


def test_an_unchanged_mapping_refuses_what_the_run_refuses_and_names_it(world, desk, owner):
    w = world([compound(n) for n in range(20)])
    lively(w)
    w.tenant.refuse["C-000016"] = "No permission to see it."
    run = w.sync()
    draft = desk.start("live")
    found = preview_all(desk, draft)
    assert found["new"] == 0 and found["refused"] == run.failed == 10
    html = read(owner, page("preview", draft))
    for refusal in Refusal.objects.filter(run=run):
        assert refusal.external_id in html
        assert refusal.words.message.split(" (")[0][:60] in html, refusal.words.message
    assert "is already used by C-000002" in html and "X-1, an entity in Benchling that" in html
    assert "name already used in this Benchling registry" in html, "the cause by its title"
    again = w.sync(kind=SyncRun.Kind.FULL)
    assert counted(found) == ran(again)


def test_names_that_are_given_up_or_swapped_are_free_in_the_preview_too(world, desk):
    w = world([compound(n) for n in range(12)])
    w.sync()
    w.registry.edit("C-000001", name="Compound 2")  # a swap
    w.registry.edit("C-000002", name="Compound 1")
    w.registry.edit("C-000003", name="Compound 4")  # follows one that moves on
    w.registry.edit("C-000004", name="Something new")
    w.registry.edit("C-000005", name="Compound 6")  # 6 keeps its name
    w.registry.edit("C-000007", name="Somewhere else")
    w.registry.records.append(compound(20, name="Compound 7"))
    found = preview_all(desk, desk.start("live"))
    run = w.sync(kind=SyncRun.Kind.FULL)
    assert counted(found) == ran(run) and run.failed == 1
    assert found["renamed"] == 5


@pytest.mark.parametrize(
    ("parent", "failed"), [(None, 0), ("C-000006", 0), ("C-000009", 0), ("C-404", 4)]
)
def test_names_that_move_on_from_record_to_record_take_one_round(
    world, desk, parent, failed, monkeypatch
):
    w = world([compound(n) for n in range(10)])
    w.sync()
    for n in range(8):
        more = {"parent": parent} if 1 < n < 4 and parent else {}
        w.registry.edit(f"C-{n:06d}", name=f"Compound {n + 1}" if n < 7 else "Free", **more)
    rounds = rounds_of(monkeypatch)
    found = preview_all(desk, desk.start("live"))
    assert counted(found) == ran(w.sync(kind=SyncRun.Kind.FULL)) and found["refused"] == failed
    assert len(rounds) <= 3, "those that pass are taken, and those that remain are refused"


def test_links_from_page_to_page_take_one_round(world, desk, monkeypatch):
    w = world([compound(n, parent=f"C-{n + 1:06d}") for n in range(8)], page_size=1)
    w.registry.record("C-000007")["parent"] = None
    rounds = rounds_of(monkeypatch)
    found = preview_all(desk, desk.start("live"))
    assert counted(found) == ran(w.sync()) == (8, 8, 0, 0, 0)
    assert len(rounds) <= 3


def rounds_of(monkeypatch: pytest.MonkeyPatch) -> list[Notes]:
    """Return a list that grows whenever all that wait are read."""
    rounds, waiting = list[Notes](), Notes.waiting
    monkeypatch.setattr(Notes, "waiting", lambda notes: rounds.append(notes) or waiting(notes))
    return rounds


GONE = object()
MOVES: dict[str, tuple[int, dict[int, dict[str, Any]]]] = {
    "an alias is given up": (0, {1: {"syn": []}, 2: {"name": "Former"}}),
    "an alias moves": (0, {1: {"syn": ["Latter"]}, 2: {"syn": ["Former"]}}),
    "two want it": (1, {1: {"syn": []}, 2: {"name": "Former"}, 3: {"syn": ["former"]}}),
    "its record says nothing": (1, {1: {"syn": GONE}, 2: {"name": "Former"}}),
    "nothing, in a circle": (2, {1: {"syn": GONE, "name": "Compound 2"}, 2: {"name": "Former"}}),
    "a later one has the alias": (1, {
        1: {"name": "Compound 2"}, 2: {"name": "Free"}, 3: {"syn": ["Former", "Compound 1"]},
    }),
    "whose link is missing": (2, {
        1: {"syn": []}, 2: {"name": "Former", "parent": "C-404"}, 3: {"name": "Compound 2"},
    }),
}  # fmt: skip


@pytest.mark.parametrize(("refused", "edits"), MOVES.values(), ids=list(MOVES))
def test_aliases_that_are_given_up_are_free_in_the_preview_too(world, desk, refused, edits):
    records = [compound(n, syn=["Former"] if n == 1 else []) for n in range(5)]
    w = world(records, config={"Mapping Rules": {"aliases": ["syn[*]"]}})
    w.sync()
    for number, values in edits.items():
        w.registry.edit(f"C-{number:06d}", **{k: v for k, v in values.items() if v is not GONE})
        for name in (name for name, value in values.items() if value is GONE):
            del w.registry.record(f"C-{number:06d}")[name]
    found = preview_all(desk, desk.start("live"))
    dry, run = w.sync(kind=SyncRun.Kind.DRY_RUN), w.sync(kind=SyncRun.Kind.FULL)
    assert counted(found) == ran(run) and found["refused"] == refused
    assert (dry.updated, dry.failed) == (run.updated, run.failed)


def test_a_new_name_template_frees_those_that_were_refused(world, desk):
    w = world([compound(n) for n in range(10)])
    w.registry.record("C-000003")["name"] = "Compound 2"
    w.sync()
    draft = desk.start("live")
    MappingDraft.objects.filter(pk=draft.pk).update(name_field="{name} [{id}]")
    found = preview_all(desk, draft)
    assert counted(found) == (10, 1, 9, 0, 0) and found["renamed"] == 9
    desk.publish(draft)
    assert counted(found) == ran(w.sync())


@pytest.mark.parametrize("size", [3, 200])
def test_slices_and_pages_change_nothing(world, desk, settings, size):
    """What was claimed on an earlier page, by another process, is known on a later one."""
    settings.SLICE_SECONDS = 0
    w = world([compound(n) for n in range(20)], page_size=size)
    lively(w)
    found = preview_all(desk, desk.start("live"))
    assert counted(found) == ran(w.sync())


def test_a_sample_says_what_it_does_not_know(world, desk, owner):
    w = world([compound(n) for n in range(6)])
    w.registry.record("C-000003")["name"] = "Compound 2"
    by_hand(w, "X-1", "Compound 4")
    draft = desk.start("live")
    desk.do(draft, "sample", at="preview")
    draft.refresh_from_db()
    assert draft.preview["refused"] == 2, "within the sample, and in Benchling"
    said = read(owner, page("preview", draft))
    assert "Not known here: names, ids and links of the records that were not read" in said
    preview_all(desk, draft)
    said = read(owner, page("preview", draft))
    assert "the names, aliases, ids and links of the whole registry and of Benchling" in said


def test_a_name_taken_in_benchling_since_the_last_run_is_known(world, desk):
    w = world([compound(n) for n in range(4)])
    w.sync()
    by_hand(w, "X-1", "Fresh")
    edit_by_hand(w.tenant, by_hand(w, "C-000009", "Gone"), archived="Retired")
    w.registry.edit("C-000002", name="Fresh")
    w.registry.records.append(compound(9))
    found = preview_all(desk, desk.start("live"))
    assert {cause["code"] for cause in found["causes"]} >= {"archived"}
    assert found["refused"] == w.sync().failed == 2


def test_the_preview_is_deleted_with_its_names(world, desk):
    w = world([compound(n) for n in range(5)])
    draft = desk.start("live")
    preview_all(desk, draft)
    assert not draft.notes.exclude(kind="refused").exists(), "names are kept while it works only"
    w.registry.record("C-000003")["kind"] = "Peptide"
    assert preview_all(desk, draft)["refused"] == 1 and draft.notes.count() == 1
    w.registry.record("C-000003")["kind"] = "Protein"
    assert preview_all(desk, draft)["refused"] == 0 and not draft.notes.exists()
