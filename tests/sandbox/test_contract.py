"""The sandbox cannot drift from Benchling's document: what is outside is found, and each patch
of the document is needed."""

from __future__ import annotations

import json
import socket
from typing import Any

import httpx
import pytest
from openapi_spec_validator import validate

from sandbox.tenant import TenantServer, contract
from sandbox.tenant.contract import Contract
from sandbox.tenant.document import overlaid
from sandbox.tenant.limits import RATE_ERROR
from sandbox.tenant.overlay import PATCHES
from sandbox.tenant.state import TenantState
from tests.support.deployment import until
from tests.support.registry import compound

pytestmark = pytest.mark.once
Json = dict[str, Any]


@pytest.fixture
def traffic(world, monkeypatch) -> list[tuple[Any, ...]]:
    """Every exchange of a lively sync: links, refusals, single upserts, archived ones, limits."""
    seen: list[tuple[Any, ...]] = []
    check = Contract._check

    def record(self: Contract, *exchange: Any) -> None:
        seen.append(exchange)
        check(self, *exchange)

    monkeypatch.setattr(Contract, "_check", record)
    fields = [
        {"name": "SMILES", "type": "long_text"}, {"name": "Kind", "type": "dropdown"},
        {"name": "Parents", "type": "entity_link", "isMulti": True},
    ]  # fmt: skip
    rows = [("SMILES", "smiles"), ("Kind", "kind"), ("Parents", "parents")]
    records = [compound(n, parents=["C-000000"] if n else []) for n in range(30)]
    w = world(records, fields=fields, rows=rows, task_errors="none", rate_limit=30, rate_window=0.5)
    for n in (6, 9, 14, 21):
        w.tenant.refuse[f"C-{n:06d}"] = "The SMILES is not valid."
    w.sync()
    w.tenant.entity("C-000005").archived = "Retired"
    w.registry.edit("C-000005", smiles="N")
    w.tenant.revoke_tokens()
    w.sync(kind="full")
    w.tenant.hidden.add(w.folder)
    w.sync()
    headers = {"content-type": "application/json"}
    limited = json.dumps(RATE_ERROR).encode()
    option = b'{"options": [{"id": "sfso_1", "name": "A"}]}'
    failed = b'{"status": "FAILED", "message": "No.", "errors": null}'
    return [
        *seen,
        ("GET", "/api/v2/registries", "", headers, b"", 429, headers, limited),
        ("GET", "/api/v2/tasks/x", "", headers, b"", 200, headers, failed),
        ("PATCH", "/api/v2/dropdowns/sfs_1", "", headers, option, 200, headers, b'{"id": "sfs_1"}'),
    ]


NEEDED_BY = {
    "verbs_first": ("PATCH", ":upsert", 201),
    "all_of": ("GET", "/app-configuration-items", 200),
    "nullable_ref": ("GET", "/custom-entities", 200),
    "link_lists": ("POST", ":bulk-upsert", 202),
    "null_errors": ("GET", "/tasks/x", 200),
    "option_ids": ("PATCH", "/dropdowns/sfs_1", 200),
    "errors": ("GET", "/registries", 429),
}
"""For each patch an exchange of that sort which the document refuses without it."""


def test_the_document_is_still_one_with_its_patches():
    validate(overlaid())


@pytest.mark.slow
def test_each_patch_of_the_document_is_needed(traffic):
    assert set(NEEDED_BY) == {patch.name for patch in PATCHES}
    for patch in PATCHES:
        method, path, status = NEEDED_BY[patch.name]
        some = [e for e in traffic if (e[0], e[5]) == (method, status) and e[1].endswith(path)]
        assert some, (patch.name, {(e[0], e[1], e[5]) for e in traffic if method == e[0]})
        without = Contract(TenantState("t"), tuple(p for p in PATCHES if p is not patch))
        for exchange in some[:3]:
            without._check(*exchange)
        assert without.state.violations, f"{patch.name} is needless"
        assert patch.reason


@pytest.mark.parametrize(
    ("method", "path", "query", "body", "status", "answer"),
    [
        ("GET", "/api/v2/custom-entities", "", b"", 200, b'{"customEntities": {}}'),
        ("GET", "/api/v2/tasks/x", "", b"", 200, b'{"status": "DONE"}'),
        ("GET", "/api/v2/tasks/x", "", b"", 200,
         b'{"status": "SUCCEEDED", "response": {"customEntities": [{"id": 5}]}}'),
        ("POST", "/api/v2/custom-entities:bulk-upsert", "", b'{"customEntities": [{}]}', 202,
         b'{"taskId": "x"}'),
        ("POST", "/api/v2/app-sessions", "", b'{"appId": "a"}', 201, b'{"id": "x"}'),
        ("GET", "/api/v2/no-such-path", "", b"", 200, b"{}"),
    ],
)  # fmt: skip
def test_what_is_outside_is_found(method, path, query, body, status, answer):
    contract = Contract(TenantState("t"))
    contract._check(method, path, query, {"content-type": "application/json"}, body, status,
                    {"content-type": "application/json"}, answer)  # fmt: skip
    assert len(contract.state.violations) == 1 and path in contract.state.violations[0]


def test_what_is_like_a_valid_answer_is_not_validated_again_and_what_is_malformed_is():
    asked = {"appId": "app_test", "name": "Sync", "timeoutSeconds": 60, "messages": []}
    answer = {
        "id": "sesn_700001",
        "app": {"id": "app_test"},
        "name": "Sync",
        "status": "RUNNING",
        "timeoutSeconds": 60,
        "messages": [],
        "modifiedAt": "2026-11-29T11:00:59.942903+00:00",
    }
    headers = {"content-type": "application/json"}

    def outside(**other: Any) -> int:
        one = Contract(TenantState("t"))
        one._check("POST", "/api/v2/app-sessions", "", headers, json.dumps(asked).encode(),
                   201, headers, json.dumps({**answer, **other}).encode())  # fmt: skip
        return len(one.state.violations)

    assert outside() == 0
    valid = len(contract._VALID)
    assert outside(id="sesn_700002", modifiedAt="2026-11-30T01:02:03.000004+00:00") == 0
    assert len(contract._VALID) == valid
    for other in ({"id": 700001}, {"modifiedAt": "yesterday"}, {"status": "DONE"},
                  {"modifiedAt": "2026-13-29T11:00:59.942903+00:00"}):  # fmt: skip
        assert outside(**other) == 1, other


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "custom-entities"), ("GET", "tasks/x"), ("GET", "app-configuration-items"),
        ("POST", "custom-entities:bulk-upsert"), ("PATCH", "custom-entities/A:upsert"),
    ],
)  # fmt: skip
def test_an_unknown_parameter_is_refused_and_found(tenant, method, path):
    t = tenant()
    row = t.row("A")
    one = {key: value for key, value in row.items() if key != "entityRegistryId"}
    body = {"POST": {"customEntities": [row]}, "PATCH": one}.get(method)
    answer = t.http.request(method, f"/{path}", params={"colour": "red"}, json=body)
    assert answer.status_code == 400, answer.text
    (found,) = t.server.settled_violations()
    assert found == f"{method} /api/v2/{path}?colour=red: unknown query parameter colour"
    assert t.state.entity("A") is None
    t.state.malformed.clear()


@pytest.mark.parametrize("bfi", ["bfi_none", "bfi_A"])
@pytest.mark.parametrize("value", [None, "Red"])
def test_what_is_read_only_is_refused_in_a_request(tenant, bfi, value):
    t = tenant()
    t.upsert(t.row("A"))
    there = t.state.entity("A").id if bfi == "bfi_A" else bfi
    fields = {"Note": {"value": "x", "displayValue": value}}
    answer = t.http.patch(f"/custom-entities/{there}", json={"fields": fields})
    assert answer.status_code == 400 and "displayValue" in answer.text, answer.text
    assert len(t.server.settled_violations()) == 1
    t.state.malformed.clear()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v2/no-such-path", 404),
        ("GET", "/api/v2/entries/etr_1", 404),  # in the document, but not in this sandbox
        ("DELETE", "/api/v2/custom-entities/bfi_1", 405),
        ("GET", "/api/v2/custom-entities/", 404),
        ("GET", "/api/v3/custom-entities", 404),
        ("GET", "//api/v2/custom-entities", 404),
        ("POST", "/oauth/token", 404),
        ("GET", "/", 200),
        ("GET", "/favicon.ico", 404),
    ],
)
def test_a_request_to_an_operation_that_is_not_there_is_a_violation(tenant, method, path, status):
    t = tenant()
    answer = httpx.request(method, t.server.url + path, headers=t.http.headers, timeout=30)
    assert answer.status_code == status
    wanted = [] if path in ("/", "/favicon.ico") else [f"{method} {path}"]
    assert [said.partition(":")[0] for said in t.server.settled_violations()] == wanted
    t.state.violations.clear()


@pytest.mark.parametrize(("mode", "found"), [("inline", 1), ("after", 1), ("off", 0)])
def test_a_violation_is_counted_in_each_mode(mode, found):
    server = TenantServer(contract=mode).start()
    try:
        server.state.install_app("app_1", "appdef_1", "client", "secret", "")
        token = server.state.new_token("app_1")
        headers = {"Authorization": f"Bearer {token}"}
        httpx.get(f"{server.url}/api/v2/registries?colour=red", headers=headers)
        assert len(server.settled_violations()) == found
    finally:
        server.stop(wait=False)


def test_a_request_whose_client_died_within_its_body_is_not_carried_out(tenant):
    """A process that is killed while it sends leaves half a request behind."""
    t = tenant()
    t.server.settled_violations()
    before = t.state.counters["requests"]
    contract = t.server.app.state.contract
    port = int(t.server.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), 30) as client:
        client.sendall(
            b"POST /api/v2/custom-entities HTTP/1.1\r\nHost: tenant\r\n"
            b"Content-Type: application/json\r\nContent-Length: 900\r\n\r\n{"
        )
        until(lambda: contract.underway == 1, seconds=5, what="the request has arrived")
    until(lambda: contract.underway == 0, seconds=5, what="the request is given up")
    assert t.server.settled_violations() == []
    assert t.state.counters["requests"] == before
