"""Molecules: structures from the record, compared as Benchling canonicalises them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from django.urls import reverse

from registry_sync.benchling.chemistry import process, structures
from registry_sync.benchling.client import Client
from registry_sync.models import Drift, EntityError, Lane, Substance, SyncRun
from registry_sync.sync.gates.substances import LEARNED
from sandbox.tenant.entities import add_by_hand, edit_by_hand
from sandbox.tenant.state import Fault
from tests.support.entities import compounds, of_type

pytestmark = pytest.mark.once

Kind, Status = SyncRun.Kind, SyncRun.Status


def test_structures_are_held_as_sent_and_never_change_by_themselves(world):
    w = of_type(world, "molecule", compounds("CCO", "OC(=O)c1ccccc1.[Na+]", "C[C@H](N)O"))
    run = w.sync()
    assert (run.status, run.created) == (Status.SUCCEEDED, 3)
    shown = {e.entity_registry_id: e.parts for e in w.tenant.entities.values()}
    assert shown["C-2"]["originalSmiles"] == "OC(=O)c1ccccc1.[Na+]"
    assert "." not in shown["C-2"]["canonicalizedSmiles"]
    for kind in (Kind.INCREMENTAL, Kind.FULL):
        assert w.sync(kind=kind).status == Status.SUCCEEDED
    assert w.written() == 3 and not Drift.objects.exists()


def test_an_invalid_structure_is_one_records_error_with_its_place(world):
    w = of_type(world, "molecule", compounds("CCO", "CC(", "C(C)(C)(C)(C)C", "c1cccc1", "", "CCØ"))
    run = w.sync()
    assert (run.status, run.created, run.failed) == (Status.COMPLETED_WITH_WARNINGS, 1, 5)
    errors = {id_: error.message for id_, error in w.open_errors().items()}
    assert "at position 3" in errors["C-2"] and "atom 1 (C)" in errors["C-3"]
    assert "atoms 1, 2, 3, 4, 5" in errors["C-4"] and "no value" in errors["C-5"]
    assert "at position 3: “Ø”" in errors["C-6"], "RDKit would read CC"
    assert w.open_errors()["C-2"].code == "invalid_structure"
    w.registry.edit("C-2", smiles="CC")
    assert w.sync().created == 1 and "C-2" not in w.open_errors()


def test_a_structure_that_rdkit_was_stopped_at_is_read_again(world, monkeypatch):
    w = of_type(world, "molecule", compounds("CCO", "CCCCCCON", "CCCCCCNO"))
    structures._read.cache_clear()  # this process may have read one of them
    ask, asked = process.CHILD.ask, Counter()

    def stopped(text: str) -> dict[str, Any]:
        asked[text] += 1
        if text == "CCCCCCON" and asked[text] == 1:
            raise process.NoAnswer
        if text == "CCCCCCNO":
            raise process.TooLong
        return ask(text)

    monkeypatch.setattr(process.CHILD, "ask", stopped)
    run = w.sync()
    (error,) = w.open_errors().values()
    assert (run.created, error.external_id, error.kind) == (2, "C-3", "transient")
    assert error.code == "structure_unread" and "within 10 seconds" in error.message
    monkeypatch.undo()
    assert w.sync().created == 1 and not w.open_errors()


def test_a_second_record_of_a_structure_is_told_before_it_is_sent(world, owner):
    w = of_type(world, "molecule", compounds("CCN", "CCO"), unique_structures=True)
    w.sync()

    def add(id_: str, smiles: str) -> EntityError:
        w.registry.records.append({**compounds(smiles)[0], "id": id_, "name": id_})
        w.registry.edit(id_)
        w.sync()
        return w.open_errors()[id_]

    error = add("C-3", "CCN.Cl")
    assert error.code == "structure_taken" and "that of C-1" in error.message
    assert "Benchling says" in error.message
    # From now on it is found before anything is sent.
    sent = w.tenant.counters["single_upserts"]
    error = add("C-9", "OCC")
    assert error.code == "structure_taken" and "that of C-2" in error.message
    assert "Benchling says" not in error.message
    assert w.tenant.counters["single_upserts"] == sent
    page = reverse("admin:registry_sync_entityerror_change", args=[error.pk])
    assert ">C-2</a>" in owner.get(page).content.decode()
    w.registry.edit("C-2", smiles="CCCO")  # it gives the structure up
    w.sync()
    assert "C-9" not in w.open_errors() and len(w.values()) == 3
    # An admin lifts the constraint: one record that is tried on demand shows it, for all.
    add("C-4", "CCN.Br")
    w.sync(kind=Kind.RETRY)
    assert set(w.open_errors()) == {"C-3", "C-4"}
    w.tenant.switches.unique_structures = False
    w.sync()
    assert set(w.open_errors()) == {"C-3", "C-4"}
    w.sync(kind=Kind.RETRY)
    assert not w.open_errors() and len(w.values()) == 5


def test_records_of_one_structure_are_counted_and_listed_with_their_salts(world, owner):
    w = of_type(world, "molecule", compounds("CCN", "CCN.Cl", "CCO"))
    assert w.sync().status == Status.SUCCEEDED
    said = " ".join(each["content"] for each in w.session()["messages"])
    assert "2 records share one structure" in said
    found = {s.external_id: (s.canonical, s.stripped) for s in Substance.objects.all()}
    assert found == {"C-1": ("CCN", ""), "C-2": ("CCN", "Cl"), "C-3": ("CCO", "")}
    page = owner.get(reverse("admin:registry_sync_substance_changelist")).content.decode()
    assert "C-1" in page and "C-2" in page and "C-3" not in page and "Cl" in page


def test_a_name_of_another_type_of_entity_is_waited_for_without_being_sent_again(world):
    w = of_type(world, "molecule", compounds("CCN", name="Structure of 5'-CCN"))
    lots = w.tenant.add_schema("Lot", w.benchling_registry, fields=[])
    where = {"registryId": w.benchling_registry, "schemaId": lots}
    lot = add_by_hand(w.tenant, {"entityRegistryId": "L-1", "name": "Structure of 5'-CCN", **where})
    assert w.sync().failed == 1 and w.open_errors()["C-1"].code == "name_taken"
    assert LEARNED not in Lane.objects.get().source_state  # a name's conflict teaches no rule
    sent = w.tenant.counters["single_upserts"]
    w.sync()
    assert w.tenant.counters["single_upserts"] == sent
    assert w.sync().status == Status.COMPLETED_WITH_WARNINGS
    edit_by_hand(w.tenant, lot, name="Lot 1")
    assert w.sync().created == 1 and not w.open_errors()


def test_a_name_of_an_rna_sequence_is_settled_with_its_holder(world, monkeypatch):
    w = of_type(world, "molecule", compounds("CCN", "CCO"))
    schema = w.tenant.add_schema("mRNA", w.benchling_registry, fields=[], type="rna_sequence")
    where = {"registryId": w.benchling_registry, "schemaId": schema, "bases": "ACGU"}
    held = add_by_hand(w.tenant, {"entityRegistryId": "RNA-1", "name": "Compound 1", **where})
    # A type that the app may not read stops no run.
    denied = {"error": {"type": "forbidden", "message": "No access.", "userMessage": "No access."}}
    w.tenant.faults.append(Fault("GET .*/dna-oligos", "status", status=403, body=denied))
    run, error = w.sync(), w.open_errors()["C-1"]
    assert (run.created, run.failed, error.code) == (1, 1, "name_taken") and not w.tenant.faults
    assert "RNA-1, an entity of the schema mRNA in Benchling" in error.message
    sent = w.tenant.counters["single_upserts"]
    with monkeypatch.context() as patched:  # its holder is asked for by its id, no list by name
        patched.delattr(Client, "entities_named")
        assert w.sync().retried == 0 and w.tenant.counters["single_upserts"] == sent
    edit_by_hand(w.tenant, held, name="Transcript 1")
    assert w.sync().created == 1 and not w.open_errors()
