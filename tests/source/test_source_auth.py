"""Each way to sign requests, against a server that checks; and the secret is nowhere else."""

from __future__ import annotations

import base64
import html
import json
from typing import Any
from urllib.parse import parse_qs, quote

import pytest
import requests

from registry_sync.core import deadlines
from registry_sync.core.deadlines import AnswerLimits
from registry_sync.core.problems import ConfigError, SourceError
from registry_sync.source import connection, errors
from registry_sync.source.auth import token_service
from registry_sync.source.connector_settings import read_connector
from tests.support.clocks import ReadersClock
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
    pages = {"type": "page_number", "stop_after_empty_page": True}
    return {"client": {"auth": auth}, "endpoint": {"paginator": pages}, **extra}


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


SERVICE, SECRET, ADDRESS = "registry's owner", "API Key", "access_token_url"
GRANT = "allows this client the grant client_credentials"


@pytest.mark.parametrize(
    ("answer", "said", "who"),
    [
        (Reply({"error": "invalid_client"}, status=401), "401 without a token: invalid_c", SECRET),
        (Reply(b"<html>", kind="text/html"), "200 without a token: a web page or XML", ADDRESS),
        ({"ticket": "x"}, "200 without a token: only ticket", ADDRESS),
        (["x"], "no JSON object", SERVICE),
        ({"ok": False, "error": "bad_secret"}, "bad_secret", SECRET),
        (
            Reply({"error": "invalid_scope", "error_description": "no “read” here"}, status=400),
            "invalid_scope: no “read” here",
            "scopes and token_params.",
        ),
        (Reply({"error": "invalid_request"}, status=400), "invalid_request", "scopes and token_p"),
        (Reply({"error": "unsupported_grant_type"}, status=400), "unsupported", GRANT),
        (
            Reply({"error": "unauthorized_client", "error_description": "Grant not allowed"}, 403),
            "Grant not allowed",
            GRANT,
        ),
        (
            Reply({"error": "unauthorized_client", "error_description": "Invalid client"}, 401),
            "Invalid client",
            SECRET,
        ),
        (
            Reply(
                {"error": "access_denied", "error_description": "Your IP is not allowed: 1.2.3.4"},
                403,
            ),
            "Your IP",
            "address of this server",
        ),
        (Reply({"message": "no such tenant"}, status=404), "no such tenant", ADDRESS),
        (Reply({"error": KEY, "error_description": f"bad {KEY}"}, status=401), "bad (key)", SECRET),
        ({"access_token": "t", "expires_in": "soon"}, "expires_in: soon", SERVICE),
        ({"access_token": "t", "expires_in": -5}, "expires_in: -5", SERVICE),
        (Reply(b'{"access_token": "t", "expires_in": NaN}'), "expires_in: nan", SERVICE),
        (Reply(b'{"access_token": "t", "expires_in": 1e999}'), "expires_in: inf", SERVICE),
        (Reply(b'{"access_token": "t", "expires_in": %s}' % (b"9" * 400)), "(expires_in", SERVICE),
        (Reply(b'{"access_token": "t", "expires_in": %s}' % (b"9" * 5000)), "no JSON obj", SERVICE),
        ({"access_token": "t", "expires_in": [1]}, "expires_in: [1]", SERVICE),
        (Reply(b"[" * 60_000), "no JSON object", SERVICE),
        (Reply(b"x" * 70_000), "more than 64 KiB", SERVICE),
        ({"access_token": "a\r\nX-Evil: 1"}, "cannot be sent in a header", SERVICE),
        ({"access_token": "tök\u2011en"}, "cannot be sent in a header", SERVICE),
        ({"access_token": {"a": 1}}, "cannot be sent in a header", SERVICE),
        ({"access_token": ""}, "an access_token that is empty", SERVICE),
        ({"data": {"access_token": None}}, "an access_token that is empty", SERVICE),
        ({"access_token": "t", "expires_in": "1h"}, "expires_in: 1h", SERVICE),
        (Reply(b"error=invalid_client", kind="text/plain"), "invalid_client", SECRET),
        (
            Reply(b"", status=302, headers={"Location": "http://127.0.0.1:1/steal"}),
            "redirects to http://127.0.0.1:1",
            ADDRESS,
        ),
        (Reply(b"", status=302, headers={"Location": "http://["}), "another address", ADDRESS),
        (Reply(b"", status=308, headers={"Location": "/oauth?a=b"}), "/oauth.", ADDRESS),
        ({"access_token": "t", "token_type": "MAC"}, "of the type mac", SERVICE),
        ({"access_token": "t", "token_type": "DPoP"}, "of the type dpop", SERVICE),
        ({"error": {"code": "invalid_client", "message": "no client"}}, "no client", SECRET),
        ({"errors": [{"message": "no such client"}]}, "token: no such client", SECRET),
        ({"fault": {"faultstring": "Invalid client"}}, "token: Invalid client", SECRET),
        ({"code": 401, "msg": "bad client"}, "token: bad client", SECRET),
    ],
)
def test_a_token_service_that_gives_none_is_said(
    serve: Any, answer: Any, said: str, who: str
) -> None:
    registry = serve(lambda asked: answer)
    with pytest.raises(SourceError, match="token service") as caught:
        ids(registry.source(oauth(registry)))
    error = caught.value
    assert said in error.message and who in error.remedy
    assert error.message.count("without a token") <= 1, "the same answer is told once"
    assert not error.transient and KEY not in error.message + error.remedy
    assert {asked.path for asked in registry.asked} == {"/token"}


@pytest.mark.parametrize("status", [429, 500, 503, 599])
def test_a_token_service_that_is_down_is_the_registrys_outage(serve: Any, status: int) -> None:
    down = Reply({"error": "later"}, status=status, headers={"Retry-After": "7"})
    registry = serve(lambda asked: down)
    with pytest.raises(SourceError, match=f"token service .* answered {status}: later") as caught:
        ids(registry.source(oauth(registry)))
    error = caught.value
    assert error.code == "registry_unreachable" and error.transient and error.kind == "transient"
    assert "API Key" not in error.remedy
    assert registry.waits == [7.0] * 4


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (400, {"error": "temporarily_unavailable"}, {}),
        (200, {"error": "server_error"}, {}),
        (400, {"error": {"code": "slow_down"}}, {}),
        (403, {"message": "rate limit exceeded"}, {"Retry-After": "1"}),
        (403, {"error": "access_denied", "error_description": "Rate limit exceeded"}, {}),
        (200, b"<html>Scheduled maintenance</html>", {}),
        (200, b"{}", {"Content-Encoding": "gzip"}),
    ],
)
def test_an_outage_in_other_words_does_not_blame_the_secret(
    serve: Any, status: int, body: Any, headers: dict[str, str]
) -> None:
    registry = serve(lambda asked: Reply(body, status=status, headers=headers))
    said = "answered, but the body" if headers.get("Content-Encoding") else f"answered {status}: "
    with pytest.raises(SourceError, match=f"token service .* {said}") as caught:
        ids(registry.source(oauth(registry)))
    assert caught.value.code == "registry_unreachable" and caught.value.transient


FORM = "application/x-www-form-urlencoded; charset=utf-8"
LATIN = '{"access_token": "t", "user": "J\xf6rg"}'.encode("latin-1")


@pytest.mark.parametrize(
    "answer",
    [
        Reply(b"access_token=t&expires_in=3600&token_type=bearer", kind=FORM),
        Reply(b"token_type=bearer&access_token=t\n", kind="text/plain"),
        Reply(b"access_token=t&expires_in=3600", kind="application/json"),
        Reply(b'{"access_token": "t"}', kind=FORM),
        Reply({"status": "ok", "data": {"token": {"accessToken": "t", "expires_in": 3600.5}}}),
        Reply({"access_token": "t", "refresh_token": "r", "scope": ["read"], "expires_in": 36e8}),
        Reply(LATIN, kind="application/json; charset=iso-8859-1"),
        Reply(LATIN),
        Reply(b'\xef\xbb\xbf{"access_token": "t"}', kind="text/plain"),
        Reply({"access_token": " t\n", "token_type": "N/A", "expires_in": None}),
        Reply({"access_token": "Bearer t", "error": None, "expires_in": "0"}, status=201),
        Reply({"access_token": "t", "expires_in": -1}),
    ],
)
def test_a_token_is_read_however_it_is_given(serve: Any, answer: Reply) -> None:
    def service(asked: Asked) -> Any:
        if asked.path == "/token":
            return answer
        assert asked.headers["Authorization"] == "Bearer t"
        return [{"id": 1}] if asked.query["page"] == "1" else []

    registry = serve(service)
    assert ids(registry.source(oauth(registry))) == ["1"]


def test_a_token_service_that_drips_has_a_deadline(serve: Any, monkeypatch: Any) -> None:
    clock = ReadersClock(0.05)
    monkeypatch.setattr(deadlines, "time", clock)
    monkeypatch.setattr(connection, "TOKEN_LIMITS", AnswerLimits(timeout=0.8))
    registry = serve(lambda asked: Reply({"access_token": "t" * 99}, pace=(1, 0), clock=clock))
    with pytest.raises(SourceError, match=r"token service .* answers too slowly") as caught:
        ids(registry.source(oauth(registry)))
    assert caught.value.code == "registry_unreachable" and caught.value.transient


def test_a_token_answer_in_pieces_is_read_whole(serve: Any) -> None:
    def answer(asked: Asked) -> Any:
        if asked.path == "/token":
            return Reply({"accessToken": "t" * 500, "expiresIn": "3600"}, pace=(100, 0.01))
        assert asked.headers["Authorization"] == "Bearer " + "t" * 500
        return [{"id": 1}] if asked.query["page"] == "1" else []

    registry = serve(answer)
    assert ids(registry.source(oauth(registry))) == ["1"]


def form_only(refusal: Reply) -> Any:
    """Make a token service that reads the client's credentials from the form only."""

    def answer(asked: Asked) -> Any:
        if asked.path != "/token":
            return [{"id": 1}] if asked.query["page"] == "1" else []
        form = {k: v[0] for k, v in parse_qs(asked.body.decode()).items()}
        if (form.get("client_id"), form.get("client_secret")) != ("app", KEY):
            return refusal
        assert "Authorization" not in asked.headers
        return {"access_token": "t", "expires_in": 1}  # so each request needs a new one

    return answer


@pytest.mark.parametrize(
    ("refusal", "asked"),
    [
        (Reply({"error": "invalid_client"}, status=401), 4),
        (Reply({"error": "invalid_client"}, status=400), 4),
        (Reply({"error": "invalid_request"}, status=400), 4),
        (Reply(b"", status=401), 4),
        (Reply({"error": "invalid_client"}), 4),
        (Reply({"error": "unauthorized_client"}, status=401), 4),
    ],
)
def test_credentials_go_into_the_form_where_the_header_is_not_read(
    serve: Any, refusal: Reply, asked: int
) -> None:
    registry = serve(form_only(refusal))
    assert ids(registry.source(oauth(registry))) == ["1"]
    tokens = [one for one in registry.asked if one.path == "/token"]
    assert len(tokens) == 3  # once by both ways, then by the one that works


def test_a_setting_says_where_the_credentials_go(serve: Any) -> None:
    refusal = Reply({"error": "invalid_client"}, status=401)
    registry = serve(form_only(refusal))
    settings = oauth(registry)
    settings["client"]["auth"]["credentials"] = "form"
    assert ids(registry.source(settings)) == ["1"]
    assert all("Authorization" not in o.headers for o in registry.asked if o.path == "/token")
    settings["client"]["auth"]["credentials"] = "basic"
    with pytest.raises(SourceError, match="401 without a token: invalid_client"):
        ids(registry.source(settings))
    assert sum(one.path == "/token" for one in registry.asked) == 3


def test_a_wrong_secret_is_refused_with_the_services_own_words(serve: Any) -> None:
    said = {"error": "invalid_client", "error_description": f"{KEY} is not the secret of app"}
    registry = serve(lambda asked: Reply(said, status=401))
    with pytest.raises(SourceError) as caught:
        ids(registry.source(oauth(registry)))
    assert "invalid_client: (key) is not the secret of app" in caught.value.message
    assert "valid client secret in API Key" in caught.value.remedy
    assert len(registry.asked) == 2


def test_token_params_are_sent_and_hold_no_secret(serve: Any) -> None:
    forms: list[Any] = []

    def answer(asked: Asked) -> Any:
        if asked.path != "/token":
            return [{"id": 1}] if asked.query["page"] == "1" else []
        forms.append(dict(parse_qs(asked.body.decode())))
        return {"access_token": "t"}

    registry = serve(answer)
    settings = oauth(registry)
    settings["client"]["auth"]["token_params"] = {"audience": "https://api", "resource": ["a", "b"]}
    assert ids(registry.source(settings)) == ["1"]
    assert forms == [
        {
            "grant_type": ["client_credentials"],
            "audience": ["https://api"],
            "resource": ["a", "b"],
            "scope": ["read all"],
        }
    ]
    for name, fault in (
        ("client_secret", "is a secret"),
        ("client_assertion", "is a secret"),
        ("password", "is a secret"),
        ("scope", "must be given as client.auth.scopes"),
    ):
        settings["client"]["auth"]["token_params"] = {name: "x"}
        with pytest.raises(ConfigError, match=f"client.auth.token_params.{name} {fault}"):
            registry.source(settings)


@pytest.mark.parametrize(
    "refusal",
    [
        Reply({"error": "invalid_token"}, status=403),
        Reply(b"", status=403, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'}),
        Reply(b"expired", status=401),
        Reply({"message": "The token has expired"}, status=403),
        Reply([{"errorCode": "INVALID_SESSION_ID", "message": "Session expired"}], status=403),
        Reply({"error": {"message": "Session has expired", "type": "invalid_token"}}, status=400),
        Reply({"message": "JWT expired"}, status=500),
        Reply({"status": 401, "message": "token is expired"}),
        Reply({"error": "Session expired"}),
        Reply({"error": "ExpiredToken"}, status=400),
        Reply({"code": "token_expired"}, status=400),
        Reply({"success": False, "error": "session_expired"}),
        Reply({"errors": [{"message": "jwt expired", "path": ["kinds"]}], "data": None}),
    ],
)
def test_a_token_that_the_registry_refuses_is_renewed_once(serve: Any, refusal: Reply) -> None:
    service = TokenService()
    registry = serve(None)
    registry.answer = lambda asked: (
        refusal
        if asked.path == "/list" and asked.headers["Authorization"] == "Bearer t1"
        else service(asked)
    )
    assert ids(registry.source(oauth(registry))) == ["1", "2", "3"]
    assert service.given == 2
    registry.answer = lambda asked: refusal if asked.path == "/list" else service(asked)
    with pytest.raises(SourceError, match=r"rejects the token|unexpected answer"):
        ids(registry.source(oauth(registry)))
    assert service.given == 4


@pytest.mark.parametrize(
    "record",
    [
        {"id": 1, "state": "expired", "session": "A12"},
        {"id": 3, "note": "Session notes, expired lot"},
        {"id": 4, "kind": "expired_token"},
    ],
)
def test_a_record_about_what_expired_renews_no_token(serve: Any, record: Any) -> None:
    service = TokenService()
    registry = serve(lambda asked: record if asked.path == "/list" else service(asked))
    with pytest.raises(SourceError):  # one record is no list
        ids(registry.source(oauth(registry)))
    assert service.given == 1


@pytest.mark.invariant(9)
def test_a_registry_that_repeats_the_token_does_not_show_it(serve: Any) -> None:
    def answer(asked: Asked) -> Any:
        if asked.path == "/token":
            return {"access_token": "secret/token+1"}
        return Reply({"detail": f"bad {asked.headers['Authorization']}"}, status=400)

    registry = serve(answer)
    with pytest.raises(SourceError, match=r"bad Bearer \(key\)"):
        ids(registry.source(oauth(registry)))


@pytest.mark.invariant(9)
def test_a_refusal_that_echoes_the_key_does_not_tell_it(serve: Any) -> None:
    registry = serve(lambda asked: Reply({"detail": f"bad key {KEY}"}, status=400))
    with pytest.raises(SourceError) as caught:
        ids(registry.source())
    assert KEY not in caught.value.message and "bad key (key)" in caught.value.message


@pytest.mark.parametrize("echo", [str, json.dumps, html.escape, quote])
def test_a_secret_that_a_registry_repeats_is_hidden_however_it_is_escaped(serve: Any, echo: Any):
    secret = 'k"e\\y/+&z'
    registry = serve(lambda asked: Reply(f"No: {echo(secret)}".encode(), status=401, kind=""))
    with pytest.raises(SourceError) as refused:
        ids(registry.source(credential=secret))
    assert "(key)" in str(refused.value) and "+&z" not in str(refused.value)


@pytest.mark.parametrize(
    "auth",
    [
        "oauth2_refresh_token",
        {"type": "refresh_token", "refresh_token": "abc"},
        {"type": "OAuth2RefreshToken"},
        {"type": "oauth2_client_credentials", "token_params": {"grant_type": "refresh_token"}},
        {"access_token_request_data": {"grant_type": "refresh_token"}},
    ],
)
def test_whoever_asks_for_refresh_tokens_is_told_what_to_use_instead(auth: Any) -> None:
    _, faults = read_connector({"client": {"auth": auth}}, api_url="https://r.example/list")
    said = " ".join(faults)
    assert "grant refresh_token, which is not supported" in said
    assert "client_credentials (type oauth2_client_credentials)" in said and "(type bearer)" in said
    assert "abc" not in said


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("[SSL: CERTIFICATE_VERIFY_FAILED] certificate has expired", "registry_certificate"),
        ("hostname 'a' doesn't match 'b'", "registry_certificate"),
        ("[SSL: UNEXPECTED_EOF_WHILE_READING] EOF occurred", "registry_unreachable"),
        ("The handshake operation timed out", "registry_unreachable"),
    ],
)
def test_only_a_refused_certificate_of_a_token_service_is_no_outage(fault: str, code: str) -> None:
    class Session:
        def post(self, *args: Any, **options: Any) -> Any:
            raise requests.exceptions.SSLError(fault)

    session: Any = Session()
    service = token_service.TokenService(session, "https://login.example/token", ())
    with pytest.raises(SourceError) as caught:
        service.ask({}, None)
    assert caught.value.code == code
    assert caught.value.transient is (code == "registry_unreachable")
    list_error = errors.registry_unreachable(requests.exceptions.SSLError(fault), "https://a.test")
    assert list_error.code == code


def test_neither_a_proxy_nor_the_netrc_of_the_environment_is_used(
    serve: Any, monkeypatch: Any, tmp_path: Any
) -> None:
    """A proxy would resolve names itself, and .netrc has credentials of someone else."""
    proxy, registry = serve(lambda asked: [{"id": 2}]), serve(lambda asked: [{"id": 1}])
    for name in ("http_proxy", "all_proxy"):
        monkeypatch.setenv(name, proxy.url)
    (tmp_path / "netrc").write_text("default login someone password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert ids(registry.source()) == ["1"] and not proxy.asked
    assert registry.asked[0].headers["Authorization"] == "Bearer s3cret"
