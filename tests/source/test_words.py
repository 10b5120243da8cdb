"""Who is blamed for an answer that cannot be used: a row for each kind, over real HTTP."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

import pytest

from registry_sync.core.problems import SourceError
from tests.support.odd import Reply, endpoint, ids

pytestmark = pytest.mark.once
GOOD = [{"id": 1}, {"id": 2}]
TEXT = json.dumps([{"id": number, "name": f"Compound {number}"} for number in range(50)]).encode()


def refused(source: Any) -> SourceError:
    with pytest.raises(SourceError) as caught:
        ids(source)
    assert caught.value.remedy.endswith(".")
    return caught.value


IDENTITY = '{"client": {"headers": {"Accept-Encoding": "identity"}}}'
ACCEPT = '{"client": {"headers": {"Accept": "application/json"}}}'


TEAM, LATER = "asks the network team", "next run continues"


@pytest.mark.parametrize(
    ("reply", "said", "remedy", "requests"),
    [
        # Packed otherwise than is said.
        (Reply(TEXT, headers={"Content-Encoding": "gzip"}), "Content-Encoding (gzip)", IDENTITY, 3),
        (Reply(TEXT, headers={"Content-Encoding": "deflate"}), "(deflate)", IDENTITY, 3),
        (Reply(gzip.compress(TEXT)), "packed with gzip", IDENTITY, 3),
        (Reply(b"\x28\xb5\x2f\xfd\x04\x00"), "packed with zstd", IDENTITY, 3),
        (Reply(b"PK\x03\x04\x14\x00", kind="application/zip"), "packed with zip", IDENTITY, 3),
        (Reply(b"\x8b\x03\x80", headers={"Content-Encoding": "br"}), "packed with br", IDENTITY, 3),
        # Another format.
        (Reply(b"<?xml version='1.0'?><a/>", kind="application/xml"), "it is XML", ACCEPT, 3),
        (Reply(b"<records><r/></records>", kind=""), "it is XML", ACCEPT, 3),
        (Reply(b"id,name\n1,One\n2,Two\n", kind="text/csv"), "(CSV)", ACCEPT, 3),
        (Reply(b"id;name\n1;One\n", kind="text/plain"), "(CSV)", ACCEPT, 3),
        (Reply(b"id\tname\n1\tOne\n", kind="application/octet-stream"), "(CSV)", ACCEPT, 3),
        (Reply(b'{"id": 1}\n{"id": 2}\n', kind="application/x-ndjson"), "(NDJSON)", ACCEPT, 3),
        (Reply(b'load([{"id": 1}]);', kind="text/javascript"), "(JSONP)", ACCEPT, 3),
        (Reply(b"<!DOCTYPE html><p>Sign in", kind="application/json"), "a web page", "network", 3),
        (Reply(b"Under maintenance", kind="text/plain"), "Under maintenance", "network", 3),
        # Waiting, locks, limits.
        (
            Reply({"message": "API rate limit exceeded"}, 403, headers={"Retry-After": "5"}),
            "API rate limit exceeded",
            "next run tries again",
            5,
        ),
        (Reply({"m": "slow"}, 403, headers={"X-RateLimit-Remaining": "0"}), "wait", "next run", 1),
        (Reply({"m": "locked"}, 423, headers={"Retry-After": "5"}), "Retry-After: 5", "next", 5),
        (Reply({"m": "busy"}, 409, headers={"Retry-After": "5"}), "busy", "next run", 5),
        (Reply({"m": "locked"}, 423), "answered 423", "next run tries again", 1),
        (Reply({"m": "overloaded"}, 529), "overloaded", "next run tries again", 5),
        (Reply({"m": "origin"}, 522), "answered 522", "next run tries again", 5),
        (Reply({"m": "never"}, 501), "answered 501", "next run tries again", 1),
        (Reply({"m": "User Rate Limit Exceeded"}, 403), "answered 403", "next run", 1),
        (Reply({"m": "quota exceeded"}, 403), "quota exceeded", "next run tries again", 1),
        (Reply({"m": "You exceeded your daily quota"}, 403), "quota", "next run tries again", 1),
        # A proxy on the way, which the registry never saw.
        (
            Reply(b"<html>no", 403, headers={"X-Squid-Error": "ERR_ACCESS_DENIED 0"}),
            "Squid",
            TEAM,
            1,
        ),
        (Reply(b"", 403, headers={"Server": "Zscaler/6.2"}), "(403): Zscaler/6.2", TEAM, 1),
        (
            Reply(
                b"<html>Your request was denied because of its content categorization: None", 403
            ),
            "categorization",
            TEAM,
            1,
        ),
        (Reply(b"<!DOCTYPE html><h1>Web Page Blocked", 403), "Web Page Blocked", TEAM, 1),
        (Reply(b"<html>Netskope", 401), "(401): Netskope", TEAM, 1),
        (Reply(b"", 407, headers={"Proxy-Authenticate": "Negotiate"}), "(407)", TEAM, 1),
        (Reply(b"<html>Zscaler: sign in", kind="text/html"), "(200): Zscaler", TEAM, 1),
        (
            Reply(b"", 502, headers={"Proxy-Status": "gw.corp; error=dns_error"}),
            "gw.corp",
            LATER,
            5,
        ),
        (Reply(b"<html>", 503, headers={"X-Squid-Error": "ERR_DNS_FAIL 0"}), "Squid", LATER, 5),
        (
            Reply(b"", 503, headers={"Proxy-Status": "envoy; error=connection_timeout"}),
            "envoy",
            f"{LATER}. If it persists, the operator asks the network team, or the registry's owner",
            5,
        ),
        (Reply(b"<html>Sign in", 401, headers={"Server": "squid/5.7"}), "the key", "API Key", 1),
        (
            Reply(b"", 403, headers={"Server": "Zscaler/6.2", "X-RateLimit-Remaining": "0"}),
            "(403): Zscaler/6.2",
            LATER,
            1,
        ),
        (
            Reply(b"", 302, headers={"Location": "https://gateway.zscaler.net/x"}),
            "zscaler",
            TEAM,
            1,
        ),
        (
            Reply({"m": "no role"}, 403, headers={"Via": "1.1 p (squid/5.7)"}),
            "the key",
            "API Key",
            1,
        ),
        (Reply({"m": "Ask the proxy server"}, 403), "the key", "API Key", 1),
        (Reply(b"<html><h1>Blocked by the administrator", 403), "the key", "API Key", 1),
        (Reply(b"<html><h1>Proxy Error</h1>The proxy server", 502), "502", "next run tries", 5),
        # Formats that are named.
        (Reply(b"- id: 1\n", kind="application/yaml"), "it is another format", ACCEPT, 3),
        (Reply(b"PK\x03\x04", kind="application/vnd.ms-excel"), "another format", ACCEPT, 3),
        (Reply(b"data: {}\n\n", kind="text/event-stream"), "another format", ACCEPT, 3),
        (Reply(b"\x1e{}\n\x1e{}\n", kind="application/json-seq"), "JSON value per", ACCEPT, 3),
        (Reply(b"/**/ typeof cb === 'function' && cb([]);"), "a function call", ACCEPT, 3),
        # What the registry says of itself.
        (Reply({"m": "Your IP is not allowed"}, 403), "this server", "address of this server", 1),
        (Reply({"m": "IP 203.0.113.7 is blocked"}, 403), "this server", "address of this", 1),
        (Reply({"m": "The IP address is on no allow list"}, 403), "this server", "a firewall", 1),
        (Reply({"m": "not in the whitelisted IP ranges"}, 403), "this server", "a firewall", 1),
        (Reply(b"<title>Cloudflare</title>", 403), "from this server (403).", "a firewall", 1),
        (Reply(b"<H1>Denied</H1> Reference&#32;&#35;18.2f", 403), "this server", "a firewall", 1),
        (Reply(b"<title>Just a moment...</title>", 403), "this server", "a firewall", 1),
        (Reply({"m": "License expired on 2026-01-01"}, 403), "License expired", "licence or", 1),
        (Reply({"m": "Your plan does not include this"}, 403), "Your plan", "licence or plan", 1),
        (Reply({"m": "Invalid subscription key"}, 403), "subscription", "API Key", 1),
        (Reply({"m": "dailyLimitExceeded"}, 403), "dailyLimit", "next run tries again", 1),
        (Reply({"m": "Invalid API key. Reference #8812"}, 403), "the key", "API Key", 1),
        (Reply({"m": "Key revoked. Check your subscription"}, 403), "the key", "API Key", 1),
        (Reply({"m": "Renew your subscription token"}, 403), "the key", "API Key", 1),
        (Reply({"m": "Your subscription is inactive"}, 403), "inactive", "licence or plan", 1),
        (Reply(b"", 401, headers={"WWW-Authenticate": 'Basic realm="a"'}), "Basic", "API Key", 1),
        (Reply({"m": "trial expired"}, 402), "trial expired", "registry's owner checks", 1),
        (Reply({"detail": "key has expired"}, 401), "key has expired", "API Key", 1),
        (Reply({"detail": "no project"}, 403), "no project", "API Key", 1),
        (Reply({"m": "Scope is not whitelisted for your token"}, 403), "the key", "API Key", 1),
        (Reply({"m": "User is not on the project's allow list"}, 403), "the key", "API Key", 1),
        (Reply({"m": "Your email address is not whitelisted"}, 403), "the key", "API Key", 1),
        (Reply({"m": "You have no access to this IP"}, 403), "rejects the key", "API Key", 1),
        (Reply({"m": "No permission; quota role missing"}, 403), "the key", "API Key", 1),
        (Reply({"detail": "no such list"}, 404), "no such list", "endpoint.path", 1),
        (Reply({"detail": "use POST"}, 405), "use POST", "endpoint.method", 1),
    ],
)
def test_the_cause_and_who_must_act(
    serve: Any, reply: Reply, said: str, remedy: str, requests: int
) -> None:
    registry = serve(lambda asked: reply)
    error = refused(registry.source())
    assert said in error.message and remedy in error.remedy, f"{error.message}\n{error.remedy}"
    assert len(registry.asked) == requests
    assert ("API Key" in error.remedy) == (remedy == "API Key")
    assert (error.kind == "transient") == ("next" in remedy and "501" not in said)


@pytest.mark.parametrize(
    "first",
    [
        Reply(TEXT[:200]),
        Reply(TEXT[:-1]),
        Reply(TEXT.replace(b"Compound 3", "Compoünd".encode())[:210]),
        Reply(b""),
        Reply(b"<html>Restarting</html>", kind="text/html"),
        Reply(TEXT, headers={"Content-Encoding": "gzip"}),
        Reply(zlib.compress(TEXT)[:50], headers={"Content-Encoding": "deflate"}),
        Reply(b"busy", 423, headers={"Retry-After": "1"}),
        Reply(b"busy", 403, headers={"Retry-After": "1"}),
        Reply(b"busy", 529),
    ],
)
def test_what_is_unreadable_once_is_asked_for_again(serve: Any, first: Reply) -> None:
    registry = serve(None)
    registry.answer = lambda asked: first if len(registry.asked) == 1 else GOOD
    assert ids(registry.source()) == ["1", "2"]
    assert len(registry.asked) == 2


@pytest.mark.parametrize("body", [TEXT[:200], b"", TEXT[:-1]])
def test_a_body_that_stays_cut_is_transient(serve: Any, body: bytes) -> None:
    error = refused(serve(lambda asked: Reply(body)).source())
    assert error.transient and error.kind == "transient"


LIST = "http://{host}/list?page=2&size=10"
COUNTED = '{"endpoint": {"paginator": {"type": "page_number", "page_param": "page"'


@pytest.mark.parametrize(
    ("link", "remedy"),
    [
        ("http://registry:8000/list?page=2&per_page=10", COUNTED),
        ("http://10.0.0.5/list?page=2", COUNTED),
        ("http://localhost/list?offset=20&limit=10", '"offset_param": "offset"'),
        ("https://registry.svc/list?start=20", '"offset_param": "start"'),
        ("http://127.0.0.1/list?cursor=abc", '"type": "offset"'),  # without the port
        ("https://registry.example/list?page=2", "enters https://registry.example in API URL"),
    ],
)
def test_a_link_to_where_the_registry_cannot_be_reached(serve: Any, link: str, remedy: str) -> None:
    error = refused(serve(lambda asked: {"items": GOOD, "next": link}).source())
    assert error.code == "registry_elsewhere" and remedy in error.remedy
    assert ("X-Forwarded-Host" in error.remedy) == ("example" not in link)


@pytest.mark.parametrize(
    "link",
    [
        "http://[",
        "http://127.0.0.1:99999/list",
        "http://127.0.0.1:abc/list",
        "http://",
        "http:///list",
        "https://[::1",
        "//[/list",
    ],
)
@pytest.mark.parametrize("how", ["next", "Link", "Location"])
def test_a_malformed_link_is_the_registrys_fault(serve: Any, link: str, how: str) -> None:
    answers = {
        "next": {"items": GOOD, "next": link},
        "Link": Reply(GOOD, headers={"Link": f'<{link}>; rel="next"'}),
        "Location": Reply(b"", 302, headers={"Location": link}),
    }
    error = refused(serve(lambda asked: answers[how]).source())
    assert "not a valid URL" in error.message and "registry's owner" in error.remedy


def test_a_redirect_without_an_address_is_the_registrys_fault(serve: Any) -> None:
    error = refused(serve(lambda asked: Reply(b"", 302, headers={"Location": ""})).source())
    assert "302" in error.message or "redirects" in error.message


def test_json_under_another_type_is_read(serve: Any) -> None:
    """The type says little: object stores and old frameworks write any."""
    for kind in (
        "text/html; charset=UTF-8",
        "text/plain;charset=utf-8",
        "application/octet-stream",
        "text/javascript",
        "application/xml",
    ):
        assert ids(serve(lambda asked, kind=kind: Reply(GOOD, kind=kind)).source()) == ["1", "2"]


def test_an_error_that_names_its_cause_is_shown_whole(serve: Any) -> None:
    """GraphQL and Odoo answer a wrong request with a 200."""
    graphql = {"data": None, "errors": [{"message": "Cannot query field “nam” on Compound"}]}
    error = refused(serve(lambda asked: graphql).source())
    assert "Cannot query field “nam” on Compound" in error.message
    assert "endpoint.json" in error.remedy
    odoo = {
        "jsonrpc": "2.0",
        "id": 1,
        "error": {
            "code": 200,
            "message": "Odoo Server Error",
            "data": {"name": "builtins.ValueError", "message": "Invalid field 'write_dat'"},
        },
    }
    error = refused(serve(lambda asked: odoo).source(endpoint(json={"params": {}})))
    assert "Odoo Server Error: Invalid field 'write_dat'" in error.message
    assert "endpoint.json" in error.remedy


def test_a_registry_behind_a_proxy_of_its_own_is_read(serve: Any) -> None:
    """Its answers pass, and its refusals are the registry's."""
    own = {"Server": "squid/5.7", "Via": "1.1 front (squid/5.7)"}
    answers = {"/token": {"access_token": "t1"}, "/list": [{"id": 1}]}
    registry = serve(lambda asked: Reply(answers[asked.path], headers=own))
    auth = {"type": "oauth2_client_credentials", "client_id": "app",
            "access_token_url": f"{registry.url}/token"}  # fmt: skip
    assert ids(registry.source({"client": {"auth": auth}})) == ["1"]
    registry.answer = lambda asked: Reply({"m": "no role"}, 403, headers=own)
    assert "rejects the key" in refused(registry.source()).message


def test_a_proxy_before_the_token_service_does_not_blame_the_secret(serve: Any) -> None:
    registry = serve(lambda asked: Reply(b"<html>Web Page Blocked", 403))
    auth = {"type": "oauth2_client_credentials", "client_id": "app",
            "access_token_url": f"{registry.url}/token"}  # fmt: skip
    error = refused(registry.source({"client": {"auth": auth}}))
    assert "token service" in error.message and TEAM in error.remedy


@pytest.mark.parametrize(
    ("refusal", "said", "remedy"),
    [
        (Reply({"m": "bad audience"}, 401), "rejects the token (401)", "audience or resource"),
        (Reply({"m": "no scope"}, 403), "rejects the token (403)", "scopes"),
        (Reply(b"", 302, headers={"Location": "/login"}), "login page", "scopes"),
        (Reply(b"<html>Zscaler", 403), "answered in place of the registry", TEAM),
    ],
)
def test_a_token_that_only_the_registry_refuses_does_not_blame_the_secret(
    serve: Any, refusal: Reply, said: str, remedy: str
) -> None:
    token = {"access_token": "t1", "expires_in": 3600}
    registry = serve(lambda asked: token if asked.path == "/token" else refusal)
    auth = {"type": "oauth2_client_credentials", "client_id": "app"}
    source = registry.source(
        {"client": {"auth": {**auth, "access_token_url": f"{registry.url}/token"}}}
    )
    error = refused(source)
    assert said in error.message and remedy in error.remedy and "API Key" not in error.remedy


@pytest.mark.parametrize(
    ("asked", "said", "remedy"),
    [
        ("NTLM", "scheme NTLM", "a way to sign in"),
        ("Negotiate, NTLM", "scheme Negotiate", "a way to sign in"),
        ('Digest realm="a, b", nonce="c"', "scheme Digest", "a way to sign in"),
        ("NTLM, Basic realm=x", "scheme Basic", "http_basic"),
        ("Bearer, Negotiate", "rejects the key (401).", "API Key"),
    ],
)
def test_a_scheme_that_a_registry_asks_for_is_named(
    serve: Any, asked: str, said: str, remedy: str
) -> None:
    error = refused(serve(lambda _: Reply(b"", 401, headers={"WWW-Authenticate": asked})).source())
    assert said in error.message and remedy in error.remedy
    assert ("scheme" in error.message) is ("scheme" in said)
