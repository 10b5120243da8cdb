"""Each way to sign requests, against a server that checks; and the secret is nowhere else."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import parse_qs

import pytest

from registry_sync.core.problems import SourceError
from tests.support.odd import Asked, Reply, ids

pytestmark = pytest.mark.once
KEY = "s3cret"
BASIC = base64.b64encode(f"jörg:{KEY}".encode()).decode()


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        (None, "Authorization", f"Bearer {KEY}"),
        ("bearer", "Authorization", f"Bearer {KEY}"),
        ({"type": "bearer", "scheme": "Token"}, "Authorization", f"Token {KEY}"),
        ({"type": "api_key", "name": "X-CDD-Token"}, "X-CDD-Token", KEY),
        ({"type": "api_key", "name": "sid", "location": "cookie"}, "Cookie", f"sid={KEY}"),
        ({"type": "http_basic", "username": "jörg"}, "Authorization", f"Basic {BASIC}"),
        ("none", "Authorization", None),
    ],
)
def test_headers(serve: Any, auth: Any, header: str, value: str | None) -> None:
    registry = serve(lambda asked: [{"id": 1}])
    ids(registry.source({"client": {"auth": auth}}))
    assert registry.asked[0].headers.get(header) == value
    assert KEY not in registry.asked[0].path and KEY not in str(registry.asked[0].query)


def test_a_query_key_is_sent_with_each_page_and_kept_in_no_position(serve: Any) -> None:
    def answer(asked: Asked) -> Any:
        assert asked.query["key"] == KEY
        start = int(asked.query.get("start", 0))
        # The link echoes the whole query, key and all, as servers do.
        follows = f"/list?key={asked.query['key']}&start={start + 1}"
        return {"items": [{"id": start}], "next": follows if start < 3 else None}

    auth = {"type": "api_key", "name": "key", "location": "query"}
    registry = serve(answer)
    source = registry.source({"client": {"auth": auth}})
    pages = list(source.pages(None))
    assert len(pages) == 4
    assert KEY not in str([(p.position, p.next_position) for p in pages])
    again = list(source.pages(None, position=pages[2].position))
    assert [p.records for p in again] == [p.records for p in pages[2:]]


def test_the_key_is_trimmed_and_must_be_sendable(serve: Any) -> None:
    registry = serve(lambda asked: [{"id": 1}])
    ids(registry.source(credential=f"{KEY}\n"))
    assert registry.asked[0].headers["Authorization"] == f"Bearer {KEY}"
    for bad in ("s3\ncret", "s3cret\u2011"):
        with pytest.raises(SourceError, match="cannot be sent") as caught:
            registry.source(credential=bad)
        assert "API Key" in caught.value.remedy and "s3" not in caught.value.message


class TokenService:
    """Gives tokens for the right secret, and takes only the newest."""

    def __init__(self, lifetime: Any = 3600) -> None:
        self.given, self.lifetime, self.valid = 0, lifetime, True

    def __call__(self, asked: Asked) -> Any:
        if asked.path == "/token":
            form = {k: v[0] for k, v in parse_qs(asked.body.decode()).items()}
            basic = base64.b64encode(f"app:{KEY}".encode()).decode()
            fine = asked.headers.get("Authorization") == f"Basic {basic}"
            if not fine or form != {"grant_type": "client_credentials", "scope": "read all"}:
                return Reply({"error": "invalid_client"}, status=401)
            self.given += 1
            return {"access_token": f"t{self.given}", "expires_in": self.lifetime}
        if asked.headers.get("Authorization") != f"Bearer t{self.given}":
            return Reply({"error": "expired"}, status=401)
        page = int(asked.query["page"])
        return [{"id": page}] if page < 4 else []


def oauth(registry: Any, **extra: Any) -> Any:
    auth = {
        "type": "oauth2_client_credentials",
        "access_token_url": registry.url + "/token",
        "client_id": "app",
        "scopes": ["read", "all"],
    }
    return {"client": {"auth": auth}, "endpoint": {"paginator": "page_number"}, **extra}


def test_oauth_fetches_one_token_and_a_new_one_when_it_is_refused(serve: Any) -> None:
    service = TokenService()
    registry = serve(service)
    source = registry.source(oauth(registry))
    pages = source.pages(None)
    assert [r["id"] for r in next(pages).records] == [1]
    assert [r["id"] for r in next(pages).records] == [2]
    assert service.given == 1
    service.given += 1  # the registry forgets the token, as after a restart
    assert [r["id"] for r in next(pages).records] == [3]
    assert service.given == 3


def test_oauth_renews_before_a_token_expires(serve: Any) -> None:
    service = TokenService(lifetime=1)  # less than the margin: each request needs a new one
    registry = serve(service)
    assert ids(registry.source(oauth(registry))) == ["1", "2", "3"]
    assert service.given == 4


@pytest.mark.parametrize(
    "answer",
    [
        Reply({"error": "invalid_client"}, status=401),
        Reply(b"<html>", kind="text/html"),
        {"token": "x"},
        ["x"],
        {"access_token": "t", "expires_in": "soon"},
        Reply(b"", status=302, headers={"Location": "http://127.0.0.1:1/steal"}),
    ],
)
def test_a_token_service_that_gives_none_is_said(serve: Any, answer: Any) -> None:
    registry = serve(lambda asked: answer)
    with pytest.raises(SourceError, match="token service") as caught:
        ids(registry.source(oauth(registry)))
    assert "API Key" in caught.value.remedy and KEY not in caught.value.message


@pytest.mark.invariant(9)
def test_a_refusal_that_echoes_the_key_does_not_tell_it(serve: Any) -> None:
    registry = serve(lambda asked: Reply({"detail": f"bad key {KEY}"}, status=400))
    with pytest.raises(SourceError) as caught:
        ids(registry.source())
    assert KEY not in caught.value.message and "bad key (key)" in caught.value.message
