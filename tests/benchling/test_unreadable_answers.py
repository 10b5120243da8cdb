"""One answer of Benchling that cannot be read: transient, whatever it holds and whoever asked."""

from __future__ import annotations

import gzip
import socket
import time
from typing import Any

import pytest

from registry_sync.benchling import http
from registry_sync.core.problems import SyncError
from registry_sync.models import SyncRun
from registry_sync.sync.clients import client_of_settings
from sandbox.tenant.state import Fault
from tests.support.registry import compound

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("soon")]
Status = SyncRun.Status
GZIP = {"Content-Encoding": "gzip"}
BODIES = {
    "empty": (b"", {}),
    "null": (b"null", {}),
    "object": (b"{}", {}),
    "list": (b"[]", {}),
    "text": (b'"ok"', {}),
    "cut": (b'{"taskId": "ta', {}),
    "no gzip": (b'{"id": 1}', GZIP),
    "broken gzip": (gzip.compress(b'{"id": 1}' * 100)[:40], GZIP),
    "latin-1": ('{"name": "Größe"}'.encode("latin-1"), {}),
    "html": (b"<html>Sign in</html>", {}),
    "deep": (b"[" * 100_000, {}),
    "digits": (b"9" * 5000, {}),
}
PATHS = ("bulk-upsert", "tasks/", "token$", "app-configuration-items", "app-sessions",
         "entity-schemas", "registries$")  # fmt: skip


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a failure no longer than a moment."""
    monkeypatch.setattr("random.uniform", lambda *_: 0.0)


@pytest.mark.invariant(1, 4)
@pytest.mark.parametrize("name", BODIES)
def test_one_unreadable_answer_anywhere_is_asked_for_again(
    world: Any, quick: None, name: str
) -> None:
    content, headers = BODIES[name]
    w = world([compound(number) for number in range(1, 4)], contract="off")
    for paths in (PATHS[1:], PATHS[:1]):  # where an upsert's answer is lost, no task is polled
        w.tenant.faults.extend(
            Fault(path, "garble", content=content, headers=headers) for path in paths
        )
        w.registry.edit("C-000001", approval=2000 + len(paths))
        run = w.sync()
        assert run.status == Status.SUCCEEDED, f"{run.error_code}: {run.error}"
        assert not w.tenant.faults  # each of them was met
    assert len(w.values()) == 3 and w.values()["C-000001"]["Approval"] == 2001
    assert w.written() == 4


def _written(entities: str) -> str:
    return f'{{"status": "SUCCEEDED", "response": {{"customEntities": {entities}}}}}'


BAD_IDS = ["5", '""', '"\\ud800"', '"a\\u0000b"', f'"{"x" * 65}"']
HOLLOW = {
    "token$": [
        f'{{"access_token": "x", "token_type": "Bearer", "expires_in": {seconds}}}'
        for seconds in ("1e400", "9" * 400)
    ]
    + [
        f'{{"access_token": {token}, "token_type": "Bearer", "expires_in": 900}}'
        for token in ('"a\\r\\nX: y"', '"tök\u2011en"', '""', "7")
    ],
    "bulk-upsert": [f'{{"taskId": {each}}}' for each in BAD_IDS],
    "app-sessions": [f'{{"id": {each}}}' for each in BAD_IDS],
    "GET .*tasks/": [_written("[null]"), _written('"x"'), '{"status": "RUNNING", "response": 5}'],
    "app-configuration-items": [
        f'{{"appConfigurationItems": {items}}}'
        for items in ("{}", "[null]", "[{}]", '[{"id": "a", "type": "text", "path": 5}]')
    ],
    "entity-schemas": ['{"id": "ts_1"}', '{"id": "ts_1", "fieldDefinitions": [{}]}'],
    "registries$": [f'{{"registries": {items}}}' for items in ("[null]", '[{"id": 5}]')],
}
"""Answers that are JSON, with something else where what matters should be."""


@pytest.mark.invariant(1, 4)
def test_one_hollow_answer_is_asked_for_again(world: Any, quick: None) -> None:
    w = world([compound(1)], contract="off", rate_limit=0)
    w.sync()
    approval = 2000
    for path, bodies in HOLLOW.items():
        for body in bodies:
            approval += 1
            w.tenant.faults.append(Fault(path, "garble", content=body.encode()))
            w.registry.edit("C-000001", approval=approval)
            run = w.sync()
            assert run.status == Status.SUCCEEDED, f"{path} {body}: {run.error}"
            assert not w.tenant.faults and w.values()["C-000001"]["Approval"] == approval, body
    assert w.written() == approval - 2000 + 1


@pytest.mark.invariant(1, 2, 4)
def test_one_status_that_a_proxy_answers_is_asked_for_again(world: Any, quick: None) -> None:
    w = world([compound(1)], contract="off", rate_limit=0)
    w.sync()
    approval = 2000
    for status in (302, 304, 408, 425):
        for path in ("bulk-upsert", "GET .*tasks/", "token$", "app-configuration-items"):
            approval += 1
            w.tenant.faults.append(Fault(path, "status", status=status))
            w.registry.edit("C-000001", approval=approval)
            run = w.sync()
            assert run.status == Status.SUCCEEDED, f"{status} {path}: {run.error}"
            assert not w.tenant.faults and w.values()["C-000001"]["Approval"] == approval
    assert w.written() == approval - 2000 + 1


@pytest.mark.parametrize(
    ("status", "code"), [(401, "benchling_credentials"), (404, "benchling_unreachable")]
)
def test_only_a_refusal_of_the_credentials_blames_them(
    world: Any, quick: None, status: int, code: str
) -> None:
    w = world([compound(1)])
    w.tenant.faults.append(Fault("token$", "status", times=999, status=status))
    run = w.sync()
    assert (run.status, run.error_code) == (Status.FAILED, code)
    assert ("BENCHLING_URL" in run.remedy) == (status == 404)


def test_what_benchling_may_leave_out_is_no_fault() -> None:
    chip = {"type": "CHIP", "value": "bfi_1"}
    texts = [{"type": "MARKDOWN", "value": "Hello"}, {"type": "SECTION", "children": [chip]}]
    for blocks in ([], texts):
        assert http.checked_body({"id": "cnvs_1", "blocks": blocks}, "blocks")
    for response in ({}, {"customEntities": None}, {"assayResults": ["an id"]}, None):
        assert http.checked_body({"status": "SUCCEEDED", "response": response}, "status")
    for errors in ({"index": 0, "message": "Invalid"}, [], None):
        assert http.checked_body({"status": "FAILED", "message": "No", "errors": errors}, "status")


@pytest.mark.parametrize("path", ["tasks/", "token$", "app-configuration-items"])
@pytest.mark.parametrize("name", ["empty", "null", "html"])
def test_answers_that_stay_unreadable_are_benchlings_outage(
    world: Any, quick: None, name: str, path: str
) -> None:
    content, headers = BODIES[name]
    w = world([compound(1)], contract="off")
    w.tenant.faults.append(Fault(path, "garble", times=999, content=content, headers=headers))
    run = w.sync()
    assert (run.status, run.error_code, run.error_kind) == (
        Status.FAILED,
        "benchling_unreachable",
        "transient",
    )
    assert "its answer to" in run.error
    w.tenant.faults.clear()
    assert w.sync().status == Status.SUCCEEDED
    assert w.written() == 1


@pytest.mark.invariant(2)
def test_an_upsert_whose_answers_stay_unreadable_is_sent_once(world: Any, quick: None) -> None:
    w = world([compound(1)], contract="off")
    w.tenant.faults.append(Fault("bulk-upsert", "garble", times=999, content=b"<html>"))
    assert w.sync().status == Status.SUCCEEDED
    assert (w.tenant.endpoints["POST custom-entities:bulk-upsert"], w.written()) == (1, 1)


def test_a_dripping_answer_has_a_deadline(
    world: Any, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "LONGEST", 1.0)
    w = world([compound(1)], contract="off")
    w.tenant.faults.append(Fault("GET .*tasks", "drip", seconds=0.5))
    began = time.monotonic()
    assert w.sync().status == Status.SUCCEEDED
    assert time.monotonic() - began < 15  # the whole of it takes longer
    assert len(w.values()) == 1


def trouble(settings: Any, url: str) -> SyncError:
    settings.BENCHLING_URL = url
    with pytest.raises(SyncError) as caught:
        client_of_settings(lambda *_: None).configuration_items()
    assert caught.value.code == "benchling_unreachable" and caught.value.transient
    return caught.value


def test_where_nothing_answers_the_address_is_named(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.BENCHLING_CLIENT_ID, settings.BENCHLING_CLIENT_SECRET = "client", "s3cret"
    with socket.socket() as silent:  # it has the port and does not listen there
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        refused = trouble(settings, f"http://127.0.0.1:{port}")
    assert f"nothing answers at 127.0.0.1:{port}" in refused.message
    assert "for a typo" in refused.remedy and f"127.0.0.1:{port}" in refused.remedy
    assert "(500)" not in refused.message

    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    named = trouble(settings, "https://acme.benchlin.com")
    assert "the name acme.benchlin.com cannot be resolved" in named.message
    assert "for a typo" in named.remedy
