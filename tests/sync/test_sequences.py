"""DNA and AA sequences: what people draw on them outlives every update."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.urls import reverse

from registry_sync.models import Drift, LedgerEntry, SyncRun
from sandbox.tenant.entities import draw_by_hand, edit_by_hand
from sandbox.tenant.state import Fault
from tests.support.entities import of_type, sequences

pytestmark = pytest.mark.once

Kind, Status = SyncRun.Kind, SyncRun.Status
BASES = "ACGTACGTACGTACGTACGT"
GENE = {"name": "gene", "start": 0, "end": 8, "strand": 1, "type": "CDS"}
TAIL = {"name": "tail", "start": 12, "end": 0, "strand": 1, "type": "misc"}


def drawn(w, id_: str, key: str = "annotations") -> list[str]:
    return [each["name"] for each in w.tenant.entity(id_).parts.get(key, [])]


def test_what_people_draw_is_kept_and_a_loss_is_held_until_someone_allows_it(world):
    w = of_type(world, "dna_sequence", sequences(BASES, BASES + "TT"))
    assert w.sync().created == 2
    draw_by_hand(w.tenant, w.tenant.entity("S-1"), annotations=[GENE, TAIL])
    # A field and the case of the bases: nothing of the drawings is touched.
    w.registry.edit("S-1", note="b", bases=BASES.lower())
    assert w.sync().updated == 1
    assert w.values()["S-1"]["Note"] == "b" and drawn(w, "S-1") == ["gene", "tail"]
    # A base at the same length fits; what is cut or moved does not, and is named before.
    w.registry.edit("S-1", bases="T" + BASES[1:])
    assert w.sync().updated == 1 and drawn(w, "S-1") == ["gene", "tail"]
    LedgerEntry.objects.update(entity_id="")  # an answer without it: it is asked for
    w.registry.edit("S-1", bases="T" + BASES[1:12], note="c")
    run = w.sync()
    error = w.open_errors()["S-1"]
    assert (run.failed, error.code) == (1, "drawings_lost")
    assert "“tail” (13 to the end)" in error.message and "gene" not in error.message
    assert w.values()["S-1"]["Note"] == "b" and w.tenant.entity("S-1").parts["bases"] != "T"
    call_command("allow", "drawings", "--id", "S-1", "--reason", "agreed")
    assert w.sync().updated == 1 and not w.open_errors()
    assert drawn(w, "S-1") == ["gene"] and w.values()["S-1"]["Note"] == "c"
    assert w.sync(kind=Kind.FULL).status == Status.SUCCEEDED and not Drift.objects.exists()


@pytest.mark.parametrize(
    ("lost", "absent", "circular"),
    [("absent", "", True), ("absent", "clear", False), ("null", "", False), ("blank", "", False)],
)
def test_a_topology_that_a_record_lost_stays_or_is_cleared_as_any_value(
    world, lost, absent, circular
):
    settings = {"Connector Settings": {"endpoint": {"absent": absent}}} if absent else {}
    w = of_type(world, "dna_sequence", sequences(BASES, BASES + "A", circular=True))
    w.registry.records[1].pop("circular")  # a new one without it is linear
    w.configure(**settings)
    assert w.sync().created == 2 and w.tenant.entity("S-2").parts["isCircular"] is False
    w.registry.edit("S-1", note="b", **{"absent": {}, "null": {"circular": None},
                                        "blank": {"circular": " "}}[lost])  # fmt: skip
    if lost == "absent":
        w.registry.records[0].pop("circular")
    run = w.sync()
    assert run.updated == 1 and w.values()["S-1"]["Note"] == "b"
    assert w.tenant.entity("S-1").parts["isCircular"] is circular
    told = [each["text"] for each in run.warnings]
    assert bool(told) == (lost == "absent" and not absent)
    assert all("“circular”" in text and "for this field alone" not in text for text in told)
    assert not w.sync(kind=Kind.FULL).updated and not Drift.objects.exists()


@pytest.mark.parametrize(
    "type_, bases, said",
    [
        ("dna_sequence", "ACGU", "“U” at position 4"), ("rna_oligo", "ACGT", "“T” at position 4"),
        ("dna_oligo", "AC-GT", "a gap at position 3"), ("aa_sequence", "MK K", "a blank at pos"),
        ("dna_sequence", "", "no value for the required field “sequence”"),
    ],
)  # fmt: skip
def test_a_wrong_letter_is_one_records_error_with_its_position(world, type_, bases, said):
    w = of_type(world, type_, sequences("ACG", bases))
    run = w.sync()
    assert (run.created, run.failed) == (1, 1)
    assert said in w.open_errors()["S-2"].message


def test_an_update_by_id_finds_its_bad_rows_and_survives_a_lost_answer(world):
    w = of_type(world, "dna_sequence", sequences(*[BASES + "A" * n for n in range(6)]))
    assert w.sync().created == 6
    for entity in w.tenant.entities.values():
        draw_by_hand(w.tenant, entity, annotations=[GENE])
    w.tenant.refuse["S-3"] = "It is locked."
    w.tenant.faults.append(Fault("POST .*dna-sequences:bulk-update", "apply_then_drop"))
    for n in range(1, 7):
        w.registry.edit(f"S-{n}", note="b")
    run = w.sync()
    assert not w.tenant.faults and w.written() == 6 + 5
    assert (run.updated, run.failed) == (5, 1) and "It is locked" in w.open_errors()["S-3"].message
    assert all(drawn(w, f"S-{n}") == ["gene"] for n in range(1, 7))
    assert [w.values()[f"S-{n}"]["Note"] for n in (1, 3, 6)] == ["b", "a", "b"]


def test_a_sequence_that_a_schema_takes_once_is_found_before_anything_is_sent(world):
    w = of_type(world, "aa_sequence", sequences("MKV", "mkv", "MKW"))
    w.tenant.schemas[w.schema]["constraint"] = {
        "fieldDefinitionNames": [], "hasUniqueResidues": True,
    }  # fmt: skip
    assert w.sync(kind=Kind.DRY_RUN).failed == 1
    run = w.sync()
    error = w.open_errors()["S-2"]
    assert (run.created, run.failed, error.code) == (2, 1, "structure_taken")
    assert "that of S-1" in error.message and "Benchling says" not in error.message
    w.registry.edit("S-1", bases="MKVV")
    w.sync()
    assert not w.open_errors() and len(w.values()) == 3
    # What is archived holds nothing.
    edit_by_hand(w.tenant, w.tenant.entity("S-3"), archived="Retired")
    w.registry.records.append({**sequences("MKW")[0], "id": "S-4", "name": "Sequence 4"})
    assert w.sync(kind=Kind.FULL).created == 1
    assert "S-4" in w.values() and "S-4" not in w.open_errors()


def test_the_pages_of_records_show_sequences_and_what_people_changed(world, owner):
    w = of_type(world, "dna_sequence", sequences(BASES, "ACGU", synonyms=["Alias one"]),
                rules={"aliases": ["synonyms[*]"]})  # fmt: skip
    w.sync()
    draw_by_hand(w.tenant, w.tenant.entity("S-1"), bases="TTTT")
    w.sync(kind=Kind.FULL)
    page = reverse("admin:registry_sync_record")
    said = owner.get(page, {"id": "S-1"}).content.decode()
    assert "TTTT" in said and BASES in said and "Alias one" in said
    assert "“U” at position 4" in owner.get(page, {"id": "S-2"}).content.decode()
    drift = owner.get(reverse("admin:registry_sync_drift_changelist")).content.decode()
    assert "TTTT" in drift
