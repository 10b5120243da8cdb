"""What people leave behind in the sandbox: audit logs, containers, merges of any type."""

from __future__ import annotations

import csv
import io
import time

import httpx
import pytest

from sandbox.tenant.containers import store_by_hand
from sandbox.tenant.entities import draw_by_hand, edit_by_hand, merge_by_hand
from tests.support.tenants import Tenant
from tests.support.worlds import APP

pytestmark = pytest.mark.once


def audit(t: Tenant, id_: str, format_: str = "CSV") -> httpx.Response:
    return t.http.post(f"/audit/log/{id_}", json={"format": format_})


def log(t: Tenant, id_: str) -> list[dict[str, str]]:
    """Return the rows of an entity's audit log."""
    answer = audit(t, id_)
    assert answer.status_code == 202, answer.text
    while (task := t.get(f"/tasks/{answer.json()['taskId']}").json())["status"] == "RUNNING":
        time.sleep(0.01)
    url = task["response"]["downloadURL"]
    file = httpx.get(url)
    assert file.status_code == 200 and httpx.URL(url).host != t.http.base_url.host
    return list(csv.DictReader(io.StringIO(file.text)))


def test_an_audit_log_says_who_changed_what(tenant):
    t = tenant()
    t.upsert(t.row("A", fields={"Note": {"value": "old"}}))
    t.upsert(t.row("A", fields={"Note": {"value": "mine"}}))
    entity = t.state.entity("A")
    edit_by_hand(t.state, entity, user="ent_max", Note="theirs", name="New")
    body = {"customEntityIds": [entity.id], "reason": "Retired"}
    t.http.post("/custom-entities:archive", json=body)
    rows = log(t, entity.id)
    assert [(r["User"], r["Action"], r["Old Value"], r["New Value"]) for r in rows] == [
        (APP, "Created", "", "Name of A"),
        (APP, "Field: Note", "old", "mine"),
        ("ent_max", "Name", "Name of A", "New"),
        ("ent_max", "Field: Note", "mine", "theirs"),
        (APP, "Archived", "", "Retired"),
    ]
    assert rows[2]["Name"] == "Max Born" and rows[2]["Item ID"] == "A"
    assert rows[2]["Transaction ID"] == rows[3]["Transaction ID"] != rows[4]["Transaction ID"]
    assert rows[0]["Timestamp (UTC)"] <= rows[-1]["Timestamp (UTC)"]


def test_what_was_undone_is_in_no_log(tenant):
    t = tenant()
    t.upsert(t.row("A"))
    t.upsert(t.row("A", name="New"), t.row("B", name=" "))
    assert [row["Action"] for row in log(t, t.state.entity("A").id)] == ["Created"]


@pytest.mark.parametrize(
    ("form", "has", "lacks"),
    [("all", "Name", "Column 0"), ("required", "User", "Name"), ("unknown", "Column 0", "User")],
)
def test_an_admin_chooses_columns(tenant, form, has, lacks):
    t = tenant(audit_log=form)
    t.upsert(t.row("A"))
    (row,) = log(t, t.state.entity("A").id)
    assert has in row and lacks not in row


def test_audit_logs_have_a_limit_of_their_own_and_may_be_refused(tenant):
    t = tenant()
    t.upsert(t.row("A"))
    id_ = t.state.entity("A").id
    assert audit(t, "bfi_none").status_code == 404
    assert audit(t, id_, "PDF").status_code == 400
    t.state.exported.extend([t.state.clock.now()] * 500)
    assert audit(t, id_).status_code == 429
    t.state.clock.advance(3601)
    t.sign_in()
    assert log(t, id_)
    t.state.switches.audit_log = "refused"
    assert audit(t, id_).status_code == 403


def test_files_are_at_another_host_which_takes_no_token(tenant):
    t = tenant()
    t.upsert(t.row("A"))
    assert log(t, t.state.entity("A").id)
    (key,) = t.state.exports
    for url in (f"{t.server.url}/exports/{key}/a.csv", f"{t.server.url}/exports/other/a.csv"):
        assert httpx.get(url).status_code == 403
    there = t.server.url.replace("127.0.0.1", "localhost")
    headers = {"Authorization": t.http.headers["Authorization"]}
    assert httpx.get(f"{there}/exports/{key}/a.csv", headers=headers).status_code == 400
    assert "token" in t.state.violations.pop()


def test_containers_are_found_by_what_they_hold(tenant):
    t = tenant()
    t.upsert(t.row("A"), t.row("B"), t.row("C"))
    a, b = (t.state.entity(id_).id for id_ in "AB")
    tubes = [store_by_hand(t.state, t.state.entity(id_), f"Tube {id_}") for id_ in "AAB"]

    def names(**query) -> list[str]:
        found = t.get("/containers", **query).json()["containers"]
        return sorted(container["name"] for container in found)

    assert names(storageContentsIds=a) == ["Tube A", "Tube A"]
    assert names(storageContentsIds=f"{a},{b}") == ["Tube A", "Tube A", "Tube B"]
    assert names(storageContentsIds=t.state.entity("C").id) == []
    assert names(storageContentsId=t.schema) == ["Tube A", "Tube A", "Tube B"]
    t.state.containers[tubes[0]]["archived"] = "Expended"
    assert names(storageContentsIds=a) == ["Tube A"]
    assert len(names(storageContentsIds=a, archiveReason="ANY_ARCHIVED_OR_NOT_ARCHIVED")) == 2
    assert names(storageContentsIds=a, archiveReason="Expended") == ["Tube A"]
    shown = t.get(f"/containers/{tubes[2]}").json()
    assert shown["contents"][0]["entity"]["entityRegistryId"] == "B"
    assert t.get("/containers/con_none").status_code == 404


def test_a_merge_of_sequences_is_in_both_logs(tenant):
    t = tenant()
    schema = t.add_schema("dna_sequence")
    drawn = {"schemaId": schema, "annotations": [], "primers": [], "isCircular": False}
    t.write("dna_sequence", "upsert", *(t.row(i, bases="ACGT", **drawn) for i in "AB"))
    t.upsert(t.row("C", fields={"Parent": {"value": {"entityRegistryId": "B"}}}))
    duplicate, survivor = t.state.entity("B"), t.state.entity("A")
    draw_by_hand(t.state, survivor, user="ent_max", bases="ACGA")
    merge_by_hand(t.state, duplicate, survivor, user="ent_max")
    assert t.entity("A")["aliases"] == ["Name of B", "B"]
    assert log(t, duplicate.id)[-1]["User"] == "ent_max"
    rows = {row["Action"]: row for row in log(t, survivor.id)}
    assert (rows["bases"]["Old Value"], rows["bases"]["New Value"]) == ("ACGT", "ACGA")
    assert "Aliases" in rows
    moved = log(t, t.state.entity("C").id)[-1]
    assert (moved["Action"], moved["Old Value"]) == ("Field: Parent", "")
    # It can be told from its id: it is archived and has no registry id.
    held = t.get(f"/dna-sequences/{duplicate.id}").json()
    assert held["entityRegistryId"] is None and held["archiveRecord"] == {"reason": "Other"}
