"""Odd answers of a registry and its token service, through a whole run to the tenant."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from registry_sync.models import SyncRun
from tests.support.odd import Asked, Reply
from tests.support.registry import compound

pytestmark = pytest.mark.once


def test_a_run_gets_over_what_passes_and_blames_who_is_at_fault(
    world: Any, serve: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("registry_sync.sync.pacing.Pacer.pause", lambda *_: None)
    w = world([])
    records = [compound(number) for number in range(1, 6)]
    text = json.dumps(records).encode()
    odd = serve(lambda asked: Reply(text, kind="text/plain"))
    w.configure(**{"API URL": odd.url + "/list"})
    assert w.sync().status == SyncRun.Status.SUCCEEDED
    assert len(w.values()) == 5

    records[0]["smiles"] = "N"
    for first in (
        Reply(json.dumps(records).encode()[:300]),
        Reply({"message": "rate limit"}, 403, headers={"Retry-After": "1"}),
        Reply(b"", 423, headers={"Retry-After": "1"}),
        Reply(b"<html>Restarting", kind="text/html"),
    ):
        records[0]["smiles"] += "C"
        start = len(odd.asked)
        odd.answer = lambda asked, first=first, start=start: (
            first if len(odd.asked) == start + 1 else records
        )
        assert w.sync(kind=SyncRun.Kind.FULL).status == SyncRun.Status.SUCCEEDED
        assert w.values()["C-000001"]["SMILES"] == records[0]["smiles"]

    for answer, code, said in (
        (Reply({"m": "rate limit"}, 403, headers={"Retry-After": "1"}), "registry_answer", "wait"),
        (Reply(b"id,name\n1,One\n", kind="text/csv"), "registry_not_json", "CSV"),
        (Reply(text, headers={"Content-Encoding": "gzip"}), "registry_answer", "Content-Encoding"),
        (Reply(gzip.compress(text)), "registry_not_json", "packed with gzip"),
        ({"items": records, "next": "http://["}, "registry_answer", "not a valid URL"),
        ({"items": records, "next": "http://10.0.0.5/x"}, "registry_elsewhere", "10.0.0.5"),
    ):
        odd.answer = lambda asked, answer=answer: answer
        run = w.sync()
        assert (run.status, run.error_code) == (SyncRun.Status.FAILED, code)
        assert said in run.error
    assert len(w.values()) == 5


def test_a_run_signs_in_where_only_the_form_is_read(
    world: Any, serve: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("registry_sync.sync.pacing.Pacer.pause", lambda *_: None)
    records = [compound(number) for number in range(1, 4)]

    def answer(asked: Asked) -> Any:
        if asked.path == "/token":
            if b"client_secret=" not in asked.body or b"audience=api" not in asked.body:
                return Reply({"error": "invalid_client"}, 401)
            return Reply({"accessToken": "t1", "expiresIn": 3600}, pace=(10, 0.005))
        if asked.headers.get("Authorization") != "Bearer t1":
            return Reply({"error": "invalid_token"}, 403)
        return records

    odd = serve(answer)
    auth = {
        "type": "oauth2_client_credentials",
        "access_token_url": odd.url + "/token",
        "client_id": "app",
        "token_params": {"audience": "api"},
    }
    w = world([])
    w.configure(**{"API URL": odd.url + "/list", "Connector Settings": {"client": {"auth": auth}}})
    assert w.sync().status == SyncRun.Status.SUCCEEDED
    assert len(w.values()) == 3
    auth["credentials"] = "basic"
    w.configure(**{"Connector Settings": {"client": {"auth": auth}}})
    run = w.sync()
    assert run.error_code == "registry_unauthorised" and "invalid_client" in run.error
    assert w.registry.token not in run.error
    for status in (429, 503):
        down = Reply({"error": "later"}, status, headers={"Retry-After": "1"})
        odd.answer = lambda asked, down=down: down
        run = w.sync()
        assert run.error_code == "registry_unreachable" and f"answered {status}: later" in run.error
        assert "API Key" not in run.remedy, "the secret is right"


MIDWAY: tuple[tuple[Any, str, str], ...] = (
    (Reply({"message": "expired"}, 401), "registry_unauthorised", "expired"),
    (Reply(b"", 302, headers={"Location": "/login"}), "registry_unauthorised", "login page"),
    ({"message": "Session expired", "items": []}, "registry_answer", "Session expired"),
    ({"status": "KO"}, "registry_answer", "KO"),
    ({"retry": "/list"}, "registry_answer", "no list at items, but retry"),
    ({"id": "job-1"}, "registry_answer", "no list at items, but id"),
    ({"throttled": True, "items": []}, "registry_answer", "throttled"),
    ({"severity": "ERROR", "items": []}, "registry_answer", "severity"),
)
WARNED: tuple[tuple[Any, str], ...] = (
    ({"items": [], "status": "DOWN"}, "status is DOWN"),
    ({"items": [], "retryAfter": 30}, "retryAfter is 30"),
    ({"items": [], "trouble": ["node 3"]}, "but trouble, which no page"),
)


@pytest.mark.invariant(5)
def test_a_failure_between_two_pages_is_not_the_end_of_the_list(
    world: Any, serve: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("registry_sync.sync.pacing.Pacer.pause", lambda *_: None)
    records = [compound(number) for number in range(1, 5)]
    bad: Any = None

    def answer(asked: Asked) -> Any:
        if asked.query.get("start") == "2":
            return {"items": records[2:], "next": None} if bad is None else bad
        return {"items": records[:2], "next": "/list?start=2"}

    w = world([])
    w.configure(**{"API URL": serve(answer).url + "/list", "Connector Settings": {}})
    for bad, code, said in MIDWAY:
        run = w.sync()
        assert (run.status, run.error_code) == (SyncRun.Status.FAILED, code), bad
        assert said in run.error and len(w.values()) < 4
    for bad, said in WARNED:
        run = w.sync()
        assert [warning["code"] for warning in run.warnings] == ["answer_partial"], bad
        assert said in run.warnings[0]["text"] and len(w.values()) == 2
    bad = Reply(b"")
    run = w.sync()
    assert [warning["code"] for warning in run.warnings] == ["more_said"] and len(w.values()) == 2
    bad = None
    run = w.sync()
    assert (run.status, run.reads_all, len(w.values())) == (SyncRun.Status.SUCCEEDED, True, 4)
