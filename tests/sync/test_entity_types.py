"""Every entity type takes the whole line: created, changed, looked at, lost and found again."""

from __future__ import annotations

import pytest

from registry_sync.benchling import chemistry
from registry_sync.models import Adoption, Drift, Lane, LedgerEntry, SyncRun
from sandbox.tenant.entities import draw_by_hand
from sandbox.tenant.entity_types import WRITTEN
from tests.support.commands import adopt
from tests.support.entities import of_type
from tests.support.people import by_hand, hand
from tests.support.worlds import forget

pytestmark = pytest.mark.once

Kind, Status = SyncRun.Kind, SyncRun.Status
VALUES = {
    "custom_entity": ({}, {}), "molecule": ({"smiles": "CCO.Cl"}, {"smiles": "CCN"}),
    "dna_sequence": ({"bases": "ACGT"}, {"bases": "ACGG", "circular": True}),
    "aa_sequence": ({"bases": "MKV"}, {"bases": "MKW"}),
    "dna_oligo": ({"bases": "ACG"}, {"bases": "ACT"}),
    "rna_oligo": ({"bases": "ACG"}, {"bases": "ACU"}),
}  # fmt: skip
"""What a record has of each type, and what it is changed to."""
ROWS = {
    "molecule": {"chemicalStructure": {"structureFormat": "smiles", "value": "CCO"}},
    "dna_sequence": {"bases": "acgt", "isCircular": False, "annotations": [], "primers": []},
    "aa_sequence": {"aminoAcids": "mkv", "annotations": []},
    "dna_oligo": {"bases": "acg"}, "rna_oligo": {"bases": "acg"},
}  # fmt: skip
"""What people make in Benchling of the same record."""
LINKED = [{"name": "Note", "type": "text"}, {"name": "Parent", "type": "entity_link"}]


def record(number: int, type_: str, **values):
    return {"id": f"R-{number}", "name": f"Record {number}", "note": "a", "parent": None,
            "modified_at": "2026-01-01T00:00:00Z", **VALUES[type_][0], **values}  # fmt: skip


@pytest.mark.parametrize("type_", WRITTEN)
def test_the_whole_line_for_each_type(world, type_):
    records = [record(1, type_), record(2, type_, parent="R-1"), record(3, type_, parent="R-4")]
    w = of_type(world, type_, records, fields=LINKED, rows=[("Note", "note"), ("Parent", "parent")])
    assert w.sync(kind=Kind.DRY_RUN).created == 2 and not w.written()
    run = w.sync()
    assert (run.created, run.failed) == (2, 1) and w.values()["R-2"]["Parent"] == "R-1"
    # What it waits for arrives, and a known entity links what is new with it.
    w.registry.records.append(record(4, type_))
    w.registry.edit("R-4")
    w.registry.edit("R-2", parent="R-4", note="b", name="Renamed", **VALUES[type_][1])
    w.registry.edit("R-3")
    run = w.sync()
    assert (run.created, run.updated, run.failed) == (2, 1, 0)
    held = w.values()["R-2"]
    assert (held["Parent"], held["Note"], held["name"]) == ("R-4", "b", "Renamed")
    written = w.written()
    assert w.sync(kind=Kind.FULL).status == Status.SUCCEEDED
    assert w.written() == written and not Drift.objects.exists()
    # The database is lost: the ledger is filled again, and nothing is written.
    forget()
    assert w.sync().status == Status.SUCCEEDED
    assert w.written() == written and LedgerEntry.objects.count() == 4
    assert Lane.objects.get().entity_type.name == type_


@pytest.mark.parametrize("type_", [name for name in WRITTEN if name != "custom_entity"])
def test_an_edit_of_a_part_by_hand_is_drift_and_is_restored(world, type_):
    w = of_type(world, type_, [record(1, type_)])
    w.sync()
    new = {"bases": "TTT"} if type_ == "dna_oligo" else {"bases": "UUU"}
    draw_by_hand(w.tenant, w.tenant.entity("R-1"), **{
        "molecule": {"chemicalStructure": {"structureFormat": "smiles", "value": "CCCC"}},
        "aa_sequence": {"aminoAcids": "WWW"}, "dna_sequence": {"bases": "TTTT"},
    }.get(type_, new))  # fmt: skip
    assert w.sync(kind=Kind.FULL).updated == 0
    row = Drift.objects.get(closed_at=None)
    part = "structure" if type_ == "molecule" else "sequence"
    assert (row.field_id, row.ours) == (part, next(iter(VALUES[type_][0].values())))
    assert row.theirs in ("CCCC", "WWW", "TTTT", "TTT", "UUU")
    Lane.objects.update(drift_policy="restore")
    by_hand(w, "R-1", Note="changed")
    assert w.sync(kind=Kind.FULL).updated == 1
    assert w.values()["R-1"]["Note"] == "a" and not Drift.objects.filter(closed_at=None).exists()
    assert w.sync(kind=Kind.FULL).status == Status.SUCCEEDED


@pytest.mark.parametrize("type_", ROWS)
def test_what_people_made_before_is_taken_over_where_it_is_the_same(world, type_):
    w = of_type(world, type_, [record(1, type_), record(2, type_), record(3, type_, note="z")])
    for number in (1, 3):
        hand(w, f"R-{number}", f"Record {number}", fields={"Note": {"value": "a"}}, **ROWS[type_])
    run = w.sync()
    # It is the same in another case, and without its salt.
    rows = {row.external_id: row.state for row in Adoption.objects.all()}
    assert rows == {"R-1": Adoption.State.ADOPTED, "R-3": Adoption.State.OPEN}
    assert (run.created, run.failed) == (1, 1)
    adopt("--id", "R-3", "--reason", "the same")
    w.sync()
    assert w.values()["R-3"]["Note"] == "z" and "R-3" not in w.open_errors()


def test_without_rdkit_a_structure_is_compared_with_what_was_sent(world, monkeypatch):
    monkeypatch.setattr(chemistry.process, "is_available", lambda: False)
    molfile = "\n".join(["", "  x", "", "  1  0  0  0  0  0  0  0  0  0999 V2000",
                         "    0.0000    0.0000    0.0000 C   0  0", "M  END", ""])  # fmt: skip
    records = [record(1, "molecule"), record(2, "molecule", smiles="CC("), record(3, "molecule")]
    w = of_type(world, "molecule", records)
    note = {"fields": {"Note": {"value": "a"}}}
    structure = {"chemicalStructure": {"structureFormat": "smiles", "value": "CCO.Cl"}}
    hand(w, "R-3", "Record 3", **note, **structure)
    run = w.sync()
    assert (run.created, run.failed) == (1, 2) and Adoption.objects.get().state == "open"
    assert "a bracket is not closed" in w.open_errors()["R-2"].message
    assert w.sync(kind=Kind.FULL).updated == 0 and not Drift.objects.exists()
    rules = {"structure": {"molfile": "mol"}}
    w = of_type(world, "molecule", [record(1, "molecule", mol=molfile)], rules=rules)
    assert w.sync().created == 1
    assert w.sync(kind=Kind.FULL).updated == 0 and not Drift.objects.exists()
    draw_by_hand(w.tenant, w.tenant.entity("R-1"),
                 chemicalStructure={"structureFormat": "smiles", "value": "CCCC"})  # fmt: skip
    w.sync(kind=Kind.FULL)
    assert Drift.objects.get().theirs == "CCCC"
