"""Assay results in the sandbox, asked without the service."""

from __future__ import annotations

import uuid

import pytest

from sandbox.tenant.results import add_project, add_result_schema

pytestmark = [pytest.mark.process, pytest.mark.once]
FIELDS = [{"system_name": "lane", "type": "text", "isRequired": True},
          {"system_name": "read", "type": "integer"}]  # fmt: skip


def test_results_are_named_by_the_schemas_hidden_system_names(tenant):
    t = tenant()
    schema, project = add_result_schema(t.state, "Syncs", FIELDS), add_project(t.state, "Ops")
    shown = t.get(f"/assay-result-schemas/{schema}").json()
    assert [field["name"] for field in shown["fieldDefinitions"]] == ["Lane", "Read"]
    assert "system_name" not in str(shown)
    assert t.get("/projects").json()["projects"][0]["id"] == project

    def bulk(id_: str, **fields):
        row = {"id": id_, "schemaId": schema, "projectId": project,
               "fields": {name: {"value": value} for name, value in fields.items()}}  # fmt: skip
        answer = t.http.post("/assay-results:bulk-create", json={"assayResults": [row]})
        assert answer.status_code == 202, answer.text
        return t.get(f"/tasks/{answer.json()['taskId']}").json()

    id_ = str(uuid.uuid4())
    assert bulk(id_, lane="Compound", read=3)["status"] == "SUCCEEDED"
    again = bulk(id_, lane="Compound")
    assert again["status"] == "FAILED" and "already exists" in again["message"]
    assert "no UUID" in bulk("run-7", lane="Compound")["message"]
    wrong = bulk(str(uuid.uuid4()), Lane="Compound", read="3")["errors"][0]["fields"]
    assert sorted(wrong) == ["Lane", "lane", "read"]
    got = t.get("/assay-results:bulk-get", assayResultIds=id_).json()["assayResults"][0]
    assert got["fields"]["read"]["value"] == 3 and got["projectId"] == project
    assert len(t.get("/assay-results", schemaId=schema).json()["assayResults"]) == 1
    assert len(t.get("/assay-results", ids=id_).json()["assayResults"]) == 1
    assert t.get("/assay-results", ids="bfi_000010").status_code == 400
    assert t.server.settled_violations() == [
        "GET /api/v2/assay-results?ids=bfi_000010: the parameter ids is no UUID"
    ]
    t.state.malformed.clear()
    assert t.get("/assay-results:bulk-get", assayResultIds=str(uuid.uuid4())).status_code == 400


@pytest.mark.parametrize("shape", ["fields", "global", "none"])
def test_a_transaction_keeps_nothing_until_it_is_committed(tenant, shape):
    t = tenant(result_errors=shape)
    schema = add_result_schema(t.state, "Syncs", FIELDS)

    def add(opened: str, **fields):
        row = {"schemaId": schema, "fields": {k: {"value": v} for k, v in fields.items()}}
        return t.http.post(f"/result-transactions/{opened}/results", json={"assayResults": [row]})

    opened = t.http.post("/result-transactions").json()["id"]
    refused = add(opened, lane="A", person="Ada")
    assert refused.status_code == 400 and ("person" in refused.text) is (shape != "none")
    assert add(opened, lane="A").status_code == 200
    assert t.http.post(f"/result-transactions/{opened}:abort").status_code == 200
    assert add(opened, lane="A").status_code == 404 and not t.state.results
    opened = t.http.post("/result-transactions").json()["id"]
    add(opened, lane="A")
    assert t.http.post(f"/result-transactions/{opened}:commit").status_code == 200
    assert len(t.state.results) == 1
