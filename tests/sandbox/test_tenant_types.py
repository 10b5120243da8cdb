"""The sandbox's six entity types: each with its operations, limits and parts."""

from __future__ import annotations

import pytest

from sandbox.tenant import configuration
from sandbox.tenant.entity_types import TYPES, WRITTEN
from tests.support.tenants import Tenant
from tests.support.worlds import APP

pytestmark = pytest.mark.once
DRAWN = {"annotations": [], "primers": []}
PARTS = {
    "custom_entity": {},
    "molecule": {"chemicalStructure": {"structureFormat": "smiles", "value": "CCO"}},
    "dna_sequence": {"bases": "acgT", "isCircular": True, **DRAWN},
    "aa_sequence": {"aminoAcids": "MK*", "annotations": []},
    "dna_oligo": {"bases": "ACGT"},
    "rna_oligo": {"bases": "ACGU"},
}
SHOWN = {
    "custom_entity": {},
    "molecule": {"canonicalizedSmiles": "CCO", "originalSmiles": "CCO"},
    "dna_sequence": {"bases": "acgT", "isCircular": True, "length": 4, **DRAWN},
    "aa_sequence": {"aminoAcids": "MK*", "length": 3},
    "dna_oligo": {"bases": "ACGT", "nucleotideType": "DNA"},
    "rna_oligo": {"bases": "ACGU", "nucleotideType": "RNA"},
}


def row(t: Tenant, type_: str, id_: str, **more):
    """Return a row of an upsert with what its type requires."""
    schema = next(s["id"] for s in t.state.schemas.values() if s["type"] == type_)
    return t.row(id_, **{"schemaId": schema, **PARTS[type_], **more})


@pytest.mark.parametrize("type_", WRITTEN)
def test_each_type_has_its_operations(tenant, type_):
    t, kind = tenant(), TYPES[type_]
    if type_ != "custom_entity":
        t.add_schema(type_)
    task = t.write(type_, "upsert", row(t, type_, "A"), row(t, type_, "B"))
    assert task["status"] == "SUCCEEDED" and len(task["response"][kind.key]) == 2
    held = t.entity("A")
    assert SHOWN[type_].items() <= held.items() and held["id"].startswith(kind.prefix)
    # One at a time, by its registry id and by its own.
    one = row(t, type_, "C")
    if type_ != "aa_sequence":  # the document wants it in the body as well there
        del one["entityRegistryId"]
    for status in (201, 200):
        assert t.http.patch(f"/{kind.path}/C:upsert", json=one).status_code == status
    answer = t.http.patch(f"/{kind.path}/{held['id']}", json={"name": "New", "aliases": ["x"]})
    assert answer.json()["name"] == "New" and SHOWN[type_].items() <= answer.json().items()
    # By id, naming a change only.
    change = {"id": held["id"], "fields": {"Note": {"value": "n"}}}
    assert t.write(type_, "update", change)["response"][kind.key][0]["id"] == held["id"]
    now = t.entity("A")
    assert (now["name"], now["fields"]["Note"]["value"]) == ("New", "n")
    assert t.write(type_, "update", {"id": "bfi_none"})["status"] == "FAILED"
    # Lists show the type alone, by each filter of it.
    t.upsert(t.row("Z", name="other"))
    query = {"schemaId": one["schemaId"], "entityRegistryIds.anyOf": "A,B,Z"}
    found = t.get(f"/{kind.path}", **query).json()[kind.key]
    assert sorted(e["entityRegistryId"] for e in found) == (
        ["A", "B", "Z"] if type_ == "custom_entity" else ["A", "B"]
    )
    if kind.bulk_get:
        several = t.get(f"/{kind.path}:bulk-get", **{kind.ids: held["id"]}).json()
        assert [e["id"] for e in several[kind.key]] == [held["id"]]
    body = {kind.ids: [held["id"]]}
    answer = t.http.post(f"/{kind.path}:archive", json={**body, "reason": "Retired"})
    assert answer.json() == {**body, "batchIds": []}
    assert t.entity("A")["archiveRecord"] == {"reason": "Retired"}
    assert t.write(type_, "update", change)["errors"][0]["message"] == "Entity A is archived."
    assert t.http.post(f"/{kind.path}:unarchive", json=body).status_code == 200
    assert t.entity("A")["archiveRecord"] is None


@pytest.mark.parametrize("type_", [name for name in WRITTEN if name != "custom_entity"])
def test_what_a_type_requires_and_limits(tenant, type_):
    t, kind = tenant(), TYPES[type_]
    t.add_schema(type_)
    for part in PARTS[type_]:
        if part != "bases" or type_ == "dna_sequence":
            without = row(t, type_, "A")
            del without[part]
            assert t.write(type_, "upsert", without)["status"] == 400, part
    t.state.malformed.clear()  # the document requires them, too
    many = t.http.post(f"/{kind.path}:bulk-upsert", json={kind.key: [row(t, type_, "A")] * 1001})
    assert many.status_code == 400 and "No more than 1000" in many.json()["error"]["message"]
    # A schema of another type is refused, and so is an entity of another type.
    assert t.write(type_, "upsert", row(t, type_, "A", schemaId=t.schema))["status"] == "FAILED"
    assert t.upsert(t.row("A"))["status"] == "SUCCEEDED"
    assert t.write(type_, "upsert", row(t, type_, "A"))["status"] == "FAILED"
    entity = t.state.entity("A").id
    assert t.write(type_, "update", {"id": entity, "name": "B"})["status"] == "FAILED"
    assert t.get(f"/{kind.path}/{entity}").status_code == 404
    body = {kind.ids: [entity], "reason": "Retired"}
    assert t.http.post(f"/{kind.path}:archive", json=body).status_code == 404
    assert t.get("/custom-entities").json()["customEntities"][0]["name"] == "Name of A"


def test_links_go_to_the_type_that_the_field_names(tenant):
    t = tenant()
    fields = [
        {"name": "Any", "type": "entity_link"}, {"name": "Drug", "type": "molecule_link"},
        {"name": "Plasmids", "type": "dna_sequence_link", "isMulti": True},
    ]  # fmt: skip
    for type_ in ("molecule", "dna_sequence"):
        t.add_schema(type_)
        t.write(type_, "upsert", row(t, type_, type_))
    lot = t.state.add_schema("Lot", t.registry, fields=fields)
    molecule, plasmid = ({"entityRegistryId": id_} for id_ in ("molecule", "dna_sequence"))
    good = {"Any": molecule, "Drug": molecule, "Plasmids": [plasmid]}
    for values, status in ((good, "SUCCEEDED"), ({"Drug": plasmid}, "FAILED"),
                           ({"Plasmids": [molecule]}, "FAILED")):  # fmt: skip
        given = {name: {"value": value} for name, value in values.items()}
        task = t.upsert(t.row("L", schemaId=lot, fields=given))
        assert task["status"] == status, task
    held = t.entity("L")["fields"]
    assert held["Drug"]["value"] == t.state.entity("molecule").id
    # An update takes ids of Benchling alone.
    lot_id = t.state.entity("L").id
    for value, status in ((held["Drug"]["value"], "SUCCEEDED"), (molecule, "FAILED")):
        change = {"id": lot_id, "fields": {"Drug": {"value": value}}}
        assert t.write("custom_entity", "update", change)["status"] == status


def test_additional_syncs_are_items_of_an_array(tenant):
    t = tenant()
    lot = t.state.add_schema("Lot", t.registry, fields=[{"name": "Note", "type": "text"}])
    elements = [{"Entity Schema": lot, "API URL": "http://x/lots", "API Key": "k"}]
    rows = [("Note", "note"), (lot, "Note", "remark")]
    t.state.configure(
        APP,
        {"Schema to Sync": t.schema, "Field Configurations": rows, "Additional Syncs": elements},
    )
    configuration.add_sync(t.state, APP, {"Entity Schema": t.schema})
    items = t.get("/app-configuration-items", appId=APP).json()["appConfigurationItems"]
    held = {tuple(item["path"]): item for item in items}
    assert held["Additional Syncs", "Sync 1", "Entity Schema"]["linkedResource"]["name"] == "Lot"
    assert held["Additional Syncs", "Sync 1", "API Key"]["type"] == "secure_text"
    assert held["Additional Syncs", "Sync 2", "Entity Schema"]["value"] == t.schema
    row = "Field Configurations", "Row 2", "Entity Schema"
    assert held[row]["value"] == lot
    assert held[(*row, "Benchling Field")]["value"] == t.state.field_id(lot, "Note")


@pytest.mark.parametrize("type_", WRITTEN)
def test_one_entity_is_created_registered_or_not(tenant, type_):
    t, kind = tenant(), TYPES[type_]
    schema = t.schema if type_ == "custom_entity" else t.add_schema(type_)

    def create(name: str, **more):
        body = {"name": name, "schemaId": schema, **PARTS[type_], **more}
        return t.http.post(f"/{kind.path}", json=body)

    loose = create("Loose")
    assert loose.status_code == 201 and loose.json()["entityRegistryId"] is None
    assert SHOWN[type_].items() <= loose.json().items()
    assert create("Loose").status_code == 201  # only what is registered has its name alone
    named = create("Named", registryId=t.registry, entityRegistryId="A")
    assert named.json()["entityRegistryId"] == "A"
    assert create("x", registryId=t.registry, entityRegistryId="A").status_code == 400
    numbered = create("Numbered", registryId=t.registry, namingStrategy="NEW_IDS")
    assert numbered.json()["entityRegistryId"] == "ENT001"
    assert create("Named", registryId=t.registry, namingStrategy="NEW_IDS").status_code == 400
    assert create("Loose", entityRegistryId="B").status_code == 400
    query = {"registryId": "null", "schemaId": schema}
    assert len(t.get(f"/{kind.path}", **query).json()[kind.key]) == 2
    # An update by id reaches what is not registered, too.
    change = {"id": loose.json()["id"], "name": "Tied"}
    assert t.write(type_, "update", change)["response"][kind.key][0]["name"] == "Tied"
