"""The sandbox's molecules and sequences: structures, letters, drawings, and what is unique."""

from __future__ import annotations

import httpx
import pytest

from sandbox.tenant.entities import add_by_hand, draw_by_hand, edit_by_hand
from sandbox.tenant.errors import Refusal
from tests.support.tenants import Tenant

pytestmark = pytest.mark.once
GENE = {"name": "gene", "start": 1, "end": 4, "strand": 1, "type": "CDS", "color": "#F00"}
DRAWN = {
    "annotations": [GENE], "primers": [{"start": 0, "end": 3, "strand": 1}],
    "parts": [{"start": 0, "end": 2, "strand": 1}],
    "translations": [{"name": "t", "strand": 1, "regions": [{"start": 0, "end": 3}]}],
}  # fmt: skip


def molecule(t: Tenant, id_: str, value: str, kind: str = "smiles"):
    schema = next(s["id"] for s in t.state.schemas.values() if s["type"] == "molecule")
    structure = {"structureFormat": kind, "value": value}
    return t.row(id_, schemaId=schema, chemicalStructure=structure)


def plasmid(t: Tenant, id_: str, bases: str, **more):
    schema = next(s["id"] for s in t.state.schemas.values() if s["type"] == "dna_sequence")
    given = {"annotations": [], "primers": [], "isCircular": True, **more}
    return t.row(id_, schemaId=schema, bases=bases, **given)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("[H]C([H])O", "CO"),  # explicit hydrogens
        ("CC(=O)Oc1ccccc1C(=O)[O-].[Na+]", "CC(=O)OC1=CC=CC=C1C(=O)[O-]"),  # salts; kekulised
        ("C1=CC=CC=C1", "C1=CC=CC=C1"), ("c1ccccc1", "C1=CC=CC=C1"),
        ("[CH3:1][OH:2]", "CO"), ("OC", "CO"),  # atom maps; order
        ("C[C@H](N)C(=O)O.Cl", "C[C@H](N)C(=O)O"), ("N[C@@H](C)C(O)=O", "C[C@H](N)C(=O)O"),
    ],
)  # fmt: skip
def test_a_structure_comes_back_canonical_and_without_its_salts(tenant, given, kept):
    t = tenant()
    t.add_schema("molecule")
    t.write("molecule", "upsert", molecule(t, "A", given))
    held = t.entity("A")
    assert (held["canonicalizedSmiles"], held["originalSmiles"]) == (kept, given)
    assert "chemicalStructure" not in held


def test_a_molfile_has_no_original_smiles_and_what_is_no_structure_is_refused(tenant):
    from rdkit import Chem

    t = tenant()
    t.add_schema("molecule")
    block = Chem.MolToMolBlock(Chem.MolFromSmiles("OCC"))
    t.write("molecule", "upsert", molecule(t, "A", block, "molfile"))
    held = t.entity("A")
    assert (held["canonicalizedSmiles"], held["originalSmiles"]) == ("CCO", None)
    for value, kind in (("C1CC", "smiles"), ("CCO", "molfile"), (" ", "smiles"), ("C(C)(C)(C)(C)C",
                        "smiles")):  # fmt: skip
        task = t.write("molecule", "upsert", molecule(t, "B", "C"), molecule(t, "A", value, kind))
        (error,) = task["errors"]
        assert error["index"] == 1 and "structure is invalid" in error["message"], value
    assert t.entity("A")["canonicalizedSmiles"] == "CCO" and t.state.entity("B") is None


@pytest.mark.parametrize("unique", [False, True])
def test_a_tenant_may_refuse_a_second_molecule_of_one_structure(tenant, unique):
    t = tenant(unique_structures=unique)
    t.add_schema("molecule")
    t.write("molecule", "upsert", molecule(t, "A", "CCO.Cl"))
    for rows in ([molecule(t, "B", "OCC")], [molecule(t, "C", "CN"), molecule(t, "D", "NC")]):
        task = t.write("molecule", "upsert", *rows)
        assert task["status"] == ("FAILED" if unique else "SUCCEEDED")
        if unique:
            (error,) = task["errors"]
            assert error["index"] == len(rows) - 1 and "not unique" in error["message"]
            assert f"in use by {'A' if len(rows) == 1 else 'C'}" in error["message"]
    assert t.write("molecule", "upsert", molecule(t, "A", "CCO.Br"))["status"] == "SUCCEEDED"
    edit_by_hand(t.state, t.state.entity("A"), archived="Retired")
    assert t.write("molecule", "upsert", molecule(t, "B", "OCC"))["status"] == "SUCCEEDED"


def test_a_schema_may_want_unique_residues_and_fields(tenant):
    t = tenant()
    t.add_schema("dna_sequence", constraint={"hasUniqueResidues": True, "fieldDefinitionNames": []})
    t.write("dna_sequence", "upsert", plasmid(t, "A", "ACGT"))
    task = t.write("dna_sequence", "upsert", plasmid(t, "B", "acgt"))
    assert task["errors"][0]["message"] == "The sequence is not unique: it is in use by A."
    named = {"hasUniqueResidues": False, "fieldDefinitionNames": ["Note"]}
    t.state.schemas[t.schema]["constraint"] = named
    note = {"fields": {"Note": {"value": "n"}}}
    assert t.upsert(t.row("X", **note), t.row("Y"), t.row("Z"))["status"] == "SUCCEEDED"
    assert "in use by X" in t.upsert(t.row("Y", **note))["errors"][0]["message"]
    with pytest.raises(Refusal, match="value of Note"):
        add_by_hand(t.state, t.row("V", **note))


@pytest.mark.parametrize(
    ("type_", "key", "good", "bad", "at"),
    [("dna_sequence", "bases", "acgtNRY", "ACU", "'U' at position 3"),
     ("dna_sequence", "bases", "", "AC-T", "'-' at position 3"),
     ("dna_oligo", "bases", "ACGT", "ACGU", "'U' at position 4"),
     ("rna_oligo", "bases", "acgu", "ACT", "'T' at position 3"),
     ("aa_sequence", "aminoAcids", "MKX*", "M-K", "'-' at position 2")],
)  # fmt: skip
def test_alphabets(tenant, type_, key, good, bad, at):
    t = tenant()
    schema = t.add_schema(type_)
    drawn = {"dna_sequence": {"annotations": [], "primers": [], "isCircular": False},
             "aa_sequence": {"annotations": []}}.get(type_, {})  # fmt: skip
    assert t.write(type_, "upsert", t.row("A", schemaId=schema, **{key: good}, **drawn))["response"]
    assert t.entity("A")[key] == good  # as it was sent, in its case
    refused = t.write(type_, "upsert", t.row("A", schemaId=schema, **{key: bad}, **drawn))
    assert at in refused["errors"][0]["message"]
    change = {"id": t.state.entity("A").id, key: bad}
    assert at in t.write(type_, "update", change)["errors"][0]["message"]


def test_an_upsert_replaces_drawings_and_an_update_keeps_them(tenant):
    t = tenant()
    t.add_schema("dna_sequence")
    t.write("dna_sequence", "upsert", plasmid(t, "A", "ACGTA"))
    entity = t.state.entity("A")
    draw_by_hand(t.state, entity, **DRAWN)
    assert DRAWN.items() <= t.entity("A").items()
    t.write("dna_sequence", "update", {"id": entity.id, "name": "New", "bases": "ACGTT"})
    held = t.entity("A")
    assert DRAWN.items() <= held.items() and (held["name"], held["bases"]) == ("New", "ACGTT")
    assert held["isCircular"] is True
    t.write("dna_sequence", "update", {"id": entity.id, "primers": []})
    assert t.entity("A")["primers"] == []
    assert t.entity("A")["annotations"] == [GENE]
    t.write("dna_sequence", "upsert", plasmid(t, "A", "ACGTT"))
    held = t.entity("A")
    assert all(held[key] == [] for key in DRAWN)


@pytest.mark.parametrize("mode", ["drop", "refuse"])
def test_drawings_must_lie_on_their_sequence(tenant, mode):
    t = tenant(unfitting_drawings=mode)
    t.add_schema("dna_sequence")
    whole = {"name": "all", "start": 0, "end": 5, "strand": -1}
    task = t.write("dna_sequence", "upsert", plasmid(t, "A", "ACGTA", annotations=[GENE, whole]))
    assert task["status"] == "SUCCEEDED"
    assert t.entity("A")["annotations"][1]["end"] == 0  # how the end of a sequence is written
    id_ = t.state.entity("A").id
    shorter = t.write("dna_sequence", "update", {"id": id_, "bases": "ACGT"})
    assert shorter["status"] == ("SUCCEEDED" if mode == "drop" else "FAILED")
    names = [drawing["name"] for drawing in t.entity("A")["annotations"]]
    assert names == (["gene"] if mode == "drop" else ["gene", "all"])
    outside = t.write("dna_sequence", "update", {"id": id_, "annotations": [{**GENE, "end": 9}]})
    assert "outside of the sequence" in outside["errors"][0]["message"]


@pytest.mark.parametrize("mode", ["replace", "add"])
def test_aliases_are_replaced_or_added(tenant, mode):
    t = tenant(aliases=mode)
    t.upsert(t.row("A", aliases=["x"]), t.row("B"))
    t.upsert(t.row("A", aliases=["y"]))
    assert t.entity("A")["aliases"] == (["y"] if mode == "replace" else ["x", "y"])
    taken = t.upsert(t.row("B", aliases=["x"]))["status"]
    assert taken == ("SUCCEEDED" if mode == "replace" else "FAILED")


def test_a_tenant_may_take_fewer_archive_reasons(tenant):
    t = tenant(archive_reasons=("Retired",))
    t.upsert(t.row("A"))
    ids = [t.state.entity("A").id]
    body = {"customEntityIds": ids, "reason": "Other"}
    answer = t.http.post("/custom-entities:archive", json=body)
    assert answer.status_code == 400 and "'Other' is not accepted" in answer.text
    assert (
        t.http.post("/custom-entities:archive", json={**body, "reason": "Nope"}).status_code == 400
    )
    t.state.malformed.clear()  # the document knows eight reasons
    assert t.entity("A")["archiveRecord"] is None
    assert (
        t.http.post("/custom-entities:archive", json={**body, "reason": "Retired"}).status_code
        == 200
    )


def test_values_of_a_field_with_a_unit_say_so(tenant):
    t = tenant()
    unit = {"id": "unit_1", "name": "gram per litre", "symbol": "g/L", "unitTypeId": "qnty_1"}
    schema = t.state.add_schema(
        "Lot", t.registry, fields=[{"name": "Titre", "type": "float", "unit": unit}]
    )
    t.upsert(t.row("A", schemaId=schema, fields={"Titre": {"value": 1.5}}))
    assert (
        t.entity("A")["fields"]["Titre"] | {"unit": unit, "value": 1.5}
        == t.entity("A")["fields"]["Titre"]
    )
    shown = t.get(f"/entity-schemas/{schema}").json()["fieldDefinitions"]
    assert shown[0]["unit"]["symbol"] == "g/L"


def test_the_tenants_page_shows_parts_of_one_schema(tenant):
    t = tenant()
    t.add_schema("molecule")
    t.write("molecule", "upsert", molecule(t, "A", "CCO.Cl"))
    t.add_schema("dna_sequence")
    t.write("dna_sequence", "upsert", plasmid(t, "B", "ACGT"))
    t.upsert(t.row("C"))

    def shown(schema: str):
        query = {"schema": schema}
        return httpx.get(f"{t.server.url}/sandbox/state", params=query).json()["entities"]

    assert [e["registryId"] for e in shown("")] == ["A", "B", "C"]
    (one,) = shown("molecules")
    assert (one["fields"]["Structure"], one["fields"]["As it was given"]) == ("CCO", "CCO.Cl")
    assert shown("DNA sequences")[0]["fields"]["Sequence"] == "4 bp, circular: ACGT"


def test_a_dropdowns_list_is_set_as_a_whole(tenant):
    t = tenant()
    id_ = t.state.add_dropdown("Colours", ["red", "green"])
    red, green = t.state.dropdowns[id_]["options"]
    path = f"/dropdowns/{id_}"
    old = {"dropdownOptionIds": [green["id"]], "reason": "Retired"}
    assert t.http.post(f"{path}/options:archive", json=old).status_code == 200
    wanted = [{"id": green["id"], "name": "green"}, {"name": "blue"}]
    answer = t.http.patch(path, json={"options": wanted}).json()["options"]
    assert [(o["name"], bool(o["archiveRecord"])) for o in answer] == [("green", True),
                                                                       ("blue", False)]  # fmt: skip
    assert answer == t.get(path).json()["options"]
    gone = [{"id": red["id"], "name": "red"}]
    assert t.http.patch(path, json={"options": gone}).status_code == 404
    same = [{"name": "blue"}, {"name": "blue"}]
    assert t.http.patch(path, json={"options": same}).status_code == 400
    back = {"dropdownOptionIds": [green["id"]]}
    assert t.http.post(f"{path}/options:unarchive", json=back).status_code == 200
    assert t.get(path).json()["options"][0]["archiveRecord"] is None
    t.state.switches.dropdown_writes = "forbidden"
    assert t.http.patch(path, json={"options": same}).status_code == 403
