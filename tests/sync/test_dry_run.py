"""A dry run predicts what the sync does."""

from __future__ import annotations

import pytest

from registry_sync.models import SyncRun
from registry_sync.sync.delivery.dry_run_waits import DryRunWaits
from tests.support.drafting import preview_all
from tests.support.entities import compounds, of_type
from tests.support.people import hand
from tests.support.registry import compound

Status, Kind = SyncRun.Status, SyncRun.Kind


@pytest.mark.invariant(8)
def test_a_dry_run_foretells_links_to_earlier_and_later_pages(world):
    records = [compound(n) for n in range(300)]
    records[250]["parent"] = "C-000001"  # an earlier page
    records[2]["parent"] = "C-000290"  # a later page
    w = world(records)
    dry = w.sync(kind=Kind.DRY_RUN)
    run = w.sync()
    assert (dry.created, dry.failed) == (run.created, run.failed) == (300, 0)
    values = w.values()
    assert values["C-000250"]["Parent"] == "C-000001"
    assert values["C-000002"]["Parent"] == "C-000290"


@pytest.mark.invariant(8)
def test_a_dry_run_foretells_names_given_up(world):
    w = world([compound(n) for n in range(10)])
    w.sync()
    w.registry.edit("C-000001", name="New")
    w.registry.edit("C-000002", name="Compound 1")
    dry = w.sync(kind=Kind.DRY_RUN)
    run = w.sync()
    assert (dry.updated, dry.failed) == (run.updated, run.failed) == (2, 0)
    assert w.values()["C-000002"]["name"] == "Compound 1"


@pytest.mark.once
@pytest.mark.parametrize(
    ("parent", "failed"), [(None, 0), ("C-000006", 0), ("C-000009", 0), ("C-404", 4)]
)
def test_a_dry_run_follows_a_chain_of_given_up_names(world, parent, failed, monkeypatch):
    w = world([compound(n) for n in range(10)])
    w.sync()
    for n in range(8):
        more = {"parent": parent} if 1 < n < 4 and parent else {}
        w.registry.edit(f"C-{n:06d}", name=f"Compound {n + 1}" if n < 7 else "Free", **more)
    rounds, pass_some = [], DryRunWaits.pass_some
    monkeypatch.setattr(DryRunWaits, "pass_some", lambda w: rounds.append(w) or pass_some(w))
    dry = w.sync(kind=Kind.DRY_RUN)
    run = w.sync()
    assert (dry.updated, dry.failed) == (run.updated, run.failed) == (8 - failed, failed)
    assert len(rounds) <= 2, "the second finds that no more can pass"


@pytest.mark.once
def test_a_dry_run_follows_links_from_page_to_page(world, monkeypatch):
    w = world([compound(n, parent=f"C-{n + 1:06d}") for n in range(8)], page_size=1)
    w.registry.record("C-000007")["parent"] = None
    rounds, pass_some = [], DryRunWaits.pass_some
    monkeypatch.setattr(DryRunWaits, "pass_some", lambda w: rounds.append(w) or pass_some(w))
    dry = w.sync(kind=Kind.DRY_RUN)
    assert (dry.created, dry.failed, len(rounds)) == (8, 0, 2)


@pytest.mark.once
@pytest.mark.invariant(8)
@pytest.mark.parametrize("circle", [True, False])
def test_a_dry_run_leaves_aliases_to_a_record_that_says_nothing_of_them(world, circle):
    records = compounds("C", "CC", "CCC", synonyms=[])
    records[1]["synonyms"] = ["Former"]
    w = of_type(world, "custom_entity", records, rules={"aliases": ["synonyms[*]"]})
    w.sync()
    w.registry.edit("C-1", synonyms=["Former"], **({"name": "Free"} if circle else {}))
    del w.registry.records[1]["synonyms"]
    w.registry.edit("C-2", name="Compound 1" if circle else "Compound 3")
    if not circle:
        w.registry.edit("C-3", name="Free")
    dry, run = w.sync(kind=Kind.DRY_RUN), w.sync()
    assert (dry.updated, dry.failed) == (run.updated, run.failed)
    assert run.failed == (2 if circle else 1) and w.tenant.entity("C-2").aliases == ["Former"]


@pytest.mark.once
def test_long_names_fit_the_address_of_a_dry_run(world):
    w = world([compound(n, name=f"{n} " + "α" * 200) for n in range(120)])
    dry = w.sync(kind=Kind.DRY_RUN)
    assert (dry.status, dry.created, dry.failed) == (Status.SUCCEEDED, 120, 0), dry.error


@pytest.mark.once
def test_a_dry_run_lets_what_others_made_be_pointed_at(world):
    w = world([compound(n) for n in range(5)])
    w.sync()
    hand(w, "H-1", "By hand")
    w.registry.records.append(compound(9, parent="H-1", modified_at="2026-03-01T00:00:00Z"))
    dry = w.sync(kind=Kind.DRY_RUN)
    real = w.sync()
    assert (dry.created, dry.failed) == (real.created, real.failed) == (1, 0)
    assert w.values()["C-000009"]["Parent"] == "H-1"


@pytest.mark.once
@pytest.mark.invariant(8)
def test_a_dry_run_counts_each_record_once_when_it_reads_all_again(world):
    w = world([compound(n) for n in range(20)], page_size=5)
    w.sync()
    w.registry.records.pop(19)  # the one that set the watermark is gone
    w.registry.edit("C-000003", name="Other")
    dry = w.sync(kind=Kind.DRY_RUN)
    assert (dry.read, dry.updated) == (19, 1), (dry.read, dry.updated, dry.unchanged)


@pytest.mark.once
@pytest.mark.invariant(8)
def test_a_dry_run_says_of_a_circle_what_the_sync_does(world):
    w = world([compound(1, parent="C-000002"), compound(2, parent="C-000001")])
    dry = w.sync(kind=Kind.DRY_RUN)
    real = w.sync()
    assert (dry.created, dry.failed) == (real.created, real.failed) == (2, 0)
    assert {id_: v["Parent"] for id_, v in w.values().items()} == {
        "C-000001": "C-000002", "C-000002": "C-000001"
    }  # fmt: skip


@pytest.mark.invariant(8)
@pytest.mark.once
def test_links_that_no_run_could_write_are_refused_in_a_dry_run_and_a_preview(world, desk):
    w = world([compound(n, parent=None) for n in range(4)])
    other = w.add_schema("Other", fields=[])
    hand(w, "O-1", "Other one", schemaId=other)
    w.sync()
    for number, target in enumerate(["O-1", "c-000002", "C-000003"]):
        w.registry.edit(f"C-{number:06d}", parent=target)
    found = preview_all(desk, desk.start("live"))
    dry, run = w.sync(kind=SyncRun.Kind.DRY_RUN), w.sync()
    assert (dry.updated, dry.failed) == (run.updated, run.failed) == (1, 2)
    assert (found["changed"], found["refused"]) == (1, 2)
    assert w.values()["C-000002"]["Parent"] == "C-000003"


@pytest.mark.invariant(8)
@pytest.mark.parametrize(
    ("named", "counts"), [("Compound 1", (5, 1)), ("Compound 9", (1, 5)), ("Compound 0", (1, 5))]
)
def test_a_dry_run_says_of_a_circle_of_links_what_the_sync_does(world, named, counts):
    """The circle comes on several pages, with a record that links into it, and one that cannot go.

    Where one of it cannot have its name, the whole circle waits.
    """
    records = [compound(9), *(compound(n, parent=f"C-{(n + 1) % 3:06d}") for n in range(3))]
    records += [compound(4, parent="C-000000"), compound(5, parent="GONE")]
    records[2]["name"] = named
    w = world(records, page_size=1)
    dry = w.sync(kind=SyncRun.Kind.DRY_RUN)
    run = w.sync()
    assert (dry.created, dry.failed) == (run.created, run.failed) == counts
