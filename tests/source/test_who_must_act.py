"""Who must act on a refusal, an outage or a page, and what the sentence says of it."""

from __future__ import annotations

import socket
from typing import Any

import pytest
import requests
from urllib3.exceptions import MaxRetryError, NewConnectionError, ProtocolError
from urllib3.exceptions import SSLError as PoolSSLError

from registry_sync.core.problems import SourceError
from registry_sync.source.auth import token_service
from registry_sync.source.errors import registry_unreachable
from tests.support.odd import Asked, OddRegistry, Reply, ids

pytestmark = pytest.mark.once
INTEGRATION, OWNER, OPERATOR = "The integration owner", "The registry's owner", "The operator"
HOST = "lims.acme.example"


def said_of(registry: OddRegistry, answer: Any, **options: Any) -> str:
    """Return the message and the remedy of a read that this answer ends."""
    registry.answer = lambda asked: answer(asked) if callable(answer) else answer
    with pytest.raises(SourceError) as caught:
        ids(registry.source(**options))
    return f"{caught.value.message} -> {caught.value.remedy}"


def page(text: str, status: int = 200, **headers: str) -> Reply:
    return Reply(text.encode(), status, kind="text/html", headers=headers)


CHECK = "checks API URL and Connector Settings"
REFUSALS: dict[str, tuple[Any, str, list[str]]] = {
    "a cursor that is out of date": (
        Reply({"error": "Invalid cursor: use the cursor of the previous page"}, 400),
        INTEGRATION, [CHECK]),
    "a size that is too great": (
        Reply({"error": "Invalid value from field limit: must be less than 1000"}, 400),
        INTEGRATION, [CHECK]),
    "another method than of a bulk": (
        Reply({"error": "Method Not Allowed, use the bulk endpoint"}, 405),
        INTEGRATION, ["checks endpoint.method"]),
    "a start from too far": (
        Reply({"error": 'Value of "from" must be less than 10000'}, 400),
        INTEGRATION, ["by a cursor or a next link"]),
    "words of a page, not its markup": (
        page("<html><head><title>404</title><style>p{}</style></head><body>" + "<div>" * 60
             + "the query string is too long", 404),
        INTEGRATION, ["404 the query string is too long", "API URL"]),
    "words of a long error": (
        Reply({"odata.error": {"code": "-1, " + "x" * 200, "message": {
            "lang": "en", "value": "it exceeds the list view threshold"}}}, 500),
        OWNER, ["500", "it exceeds the list view threshold"]),
    "a quota of Salesforce": (
        Reply([{"message": "TotalRequests Limit exceeded."}], 403), OWNER, ["Limit exceeded"]),
    "an API that is switched off": (
        Reply([{"message": "The REST API is not enabled for this Organization."}], 403),
        OWNER, ["switches the service on"]),
    "a stopped web app": (
        page("<h1>Error 403 - This web app is stopped.</h1>", 403), OWNER, ["app is stopped"]),
    "a licence": (
        Reply({"reason": "current license is non-compliant for [sql]"}, 403), OWNER, ["licence"]),
    "a licence inside a success": (
        {"success": False, "error": "Your license has expired."}, OWNER, ["licence or plan"]),
    "no key where it is sent": (
        Reply({"message": "No API key found in request"}, 401), INTEGRATION, ["X-API-Key"]),
    "a key that is not valid, as a 400": (
        Reply({"message": "API key not valid."}, 400), INTEGRATION, ["enters a valid key"]),
    "a path that Amazon's gateway lacks": (
        Reply({"message": "Missing Authentication Token"}, 403), INTEGRATION, ["endpoint.path"]),
    "an address, as a 401": (
        Reply({"error": "IP not allowed"}, 401), OWNER, ["allows the address of this server"]),
    "a scope": (
        Reply({}, 403, headers={"WWW-Authenticate": 'Bearer scope="read:compounds"'}),
        INTEGRATION, ["requires the scope read:compounds"]),
    "a firewall by a header": (
        Reply(b"", 202, headers={"x-amzn-waf-action": "challenge"}), OWNER, ["firewall", "AWS"]),
    "a firewall by a page": (
        page("<title>Access Denied</title>Reference&#32;&#35;18&#46;2d351ab8", 403,
             Server="AkamaiGHost"), OWNER, ["A firewall", "Akamai"]),
    "a firewall with a 200": (
        page("<html>The requested URL was rejected. Your support ID is: 1"), OWNER,
        ["firewall", "requested URL was rejected"]),
    "blocked by the registry itself": (
        Reply({"detail": "Concurrent request limit exceeded. Request blocked."}, 429),
        OWNER, ["429", "Concurrent request limit"]),
    "the network's login": (
        page("authenticate with the local network", 511), OPERATOR, ["network team"]),
    "http on a port of https": (
        page("<h1>The plain HTTP request was sent to HTTPS port</h1>", 400),
        INTEGRATION, ["begins API URL with https://"]),
    "a certificate of clients": (
        page("<h1>No required SSL certificate was sent</h1>", 400), OWNER, ["key alone"]),
    "another method": (
        Reply({}, 405, headers={"Allow": "POST, OPTIONS"}), INTEGRATION, ['{"method": "POST"}']),
    "a media type": (Reply({"detail": "no"}, 415), INTEGRATION, ["client.headers"]),
    "redirects that end nowhere": (
        Reply(b"", 302, headers={"Location": "/web/database/selector"}),
        INTEGRATION, ["/web/database/selector", "API URL"]),
    "a service that broke down": (
        page("<b>Fatal error</b>: Uncaught PDOException: refused"), OWNER, ["PDOException"]),
    "a text of a database": (
        Reply(b"ORA-12541: TNS:no listener", kind="text/plain"), OWNER, ["ORA-12541"]),
    "a text in JSON": (
        "ORA-01017: invalid username/password", INTEGRATION, ["only “ORA-01017", "API URL"]),
    "words in another language": (
        {"fehler": "Datenbank nicht erreichbar"}, INTEGRATION,
        ["fehler: Datenbank nicht erreichbar", "the registry's owner checks"]),
    "a database behind GraphQL": (
        {"errors": [{"message": "database query error", "extensions": {"code": "unexpected"}}]},
        OWNER, ["database query error"]),
    "a key behind GraphQL": (
        {"errors": [{"message": "Could not verify JWT: JWTExpired"}]}, INTEGRATION, ["API Key"]),
    "a field of OData": (
        {"error": {"code": "1", "message": {"lang": "en", "value": "Property X not found"}}},
        INTEGRATION, ["error: Property X not found", "endpoint.params"]),
    "words beside the name of a long error": (
        Reply({"timestamp": "2026", "status": 403, "error": "Forbidden", "path": "/" + "x" * 200,
               "message": "API rate limit exceeded"}, 403),
        OWNER, ["Forbidden: API rate limit exceeded", "next run"]),
    "an error of GraphQL whose extensions are a text": (
        {"errors": [{"message": "it broke", "extensions": "none"}]}, INTEGRATION, ["it broke"]),
    "a number of errors beside one of JSON-RPC": (
        {"jsonrpc": "2.0", "errors": 7, "error": {"code": -32603, "message": "it broke"}},
        OWNER, ["it broke"]),
    "a key, with the address it came from": (
        Reply({"error": "Invalid API key", "ip": "203.0.113.9"}, 401), INTEGRATION, ["valid key"]),
    "an address that is not authorized": (
        Reply({"error": "Your IP 203.0.113.9 is not authorized"}, 401), OWNER, ["address"]),
    "an address that is only named": (
        Reply({"error": "Unauthorized", "ip": "203.0.113.9"}, 401), INTEGRATION, ["valid key"]),
    "a request that JSON says is rejected": (
        Reply({"error": {"message": "Request rejected: no such field", "trace": "x" * 200}}, 400),
        INTEGRATION, ["400", "API URL"]),
    "a firewall's limit": (
        page("<title>Access Denied</title>Reference&#32;&#35;18&#46;2d351ab8", 429,
             Server="AkamaiGHost"), OWNER, ["429", "the next run tries again"]),
    "an account that is disabled": (
        Reply({"message": "Your service account has been disabled."}, 403),
        INTEGRATION, ["valid key"]),
    "maintenance in a firewall's words": (
        page("<html>Just a moment, we are down for maintenance"), OWNER, ["with a web page"]),
    "a page in a firewall's words": (
        page("<html><title>Just a moment</title>Please sign in"), INTEGRATION, ["login page"]),
    "words of a failure in a table": (
        Reply(b"id,note\n1,out of memory\n", kind="text/csv"), INTEGRATION, ["(CSV)"]),
    "a text about bats": (
        Reply(b"Bats hibernate.", kind="text/plain"), INTEGRATION, ["expected JSON"]),
    "a limit that is not allowed": (
        {"error": "A limit greater than 500 is not allowed"}, INTEGRATION,
        ["checks the request in Connector Settings"]),
    "a user who is not allowed": (
        {"error": "User app1 is not allowed to see this"}, INTEGRATION, ["checks API Key"]),
    "an argument of the name timeout": (
        {"errors": [{"message": 'Unknown argument "timeout" on field "list".'}]},
        INTEGRATION, ["checks the request in Connector Settings"]),
    "a scope of Slack": (
        {"ok": False, "error": "missing_scope"}, INTEGRATION, ["API Key", "what it may read"]),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_names_who_must_act_and_why(serve: Any, name: str) -> None:
    answer, who, words = REFUSALS[name]
    said = said_of(serve(lambda asked: None), answer)
    assert said.partition(" -> ")[2].startswith(who), said
    assert [each for each in words if each not in said] == [], said


def tls(text: str) -> requests.exceptions.SSLError:
    """Return the error that a fault of TLS leads to, with the texts of OpenSSL."""
    inner = PoolSSLError(OSError(1, text))
    return requests.exceptions.SSLError(MaxRetryError(None, "/closed?eof", inner))  # type: ignore[arg-type]


def refused(cause: Exception) -> requests.exceptions.ConnectionError:
    inner = NewConnectionError(None, "Failed")  # type: ignore[arg-type]
    inner.__cause__ = cause
    error = MaxRetryError(None, "/list", inner)  # type: ignore[arg-type]
    return requests.exceptions.ConnectionError(error)


VERIFY = "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: "
UNANSWERED: dict[str, tuple[Exception, str, str]] = {
    "expired": (tls(VERIFY + "certificate has expired (_ssl.c:1006)"), OWNER, "has expired"),
    "not yet": (tls(VERIFY + "certificate is not yet valid"), OPERATOR, "not valid yet"),
    "another name": (
        tls(VERIFY + "Hostname mismatch, certificate is not valid for 'a'."),
        INTEGRATION, f"for another name than {HOST}"),
    "self-signed": (tls(VERIFY + "self-signed certificate"), OPERATOR, "self-signed"),
    "a company's authority": (
        tls(VERIFY + "self-signed certificate in certificate chain"),
        "If it is the company's own", "an authority that this server does not know"),
    "intermediate": (
        tls(VERIFY + "unable to get local issuer certificate"),
        "If it is the company's own", "an authority that this server does not know"),
    "http": (tls("[SSL: WRONG_VERSION_NUMBER] wrong version number"), INTEGRATION,
             "does not use TLS"),
    "old": (tls("[SSL: TLSV1_ALERT_PROTOCOL_VERSION] tlsv1 alert protocol version"), OWNER,
            "an old version of TLS"),
    "of clients": (tls("[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate "
                       "required"), OWNER, "requires a certificate of its clients"),
    "ciphers": (tls("[SSL: SSLV3_ALERT_HANDSHAKE_FAILURE] sslv3 alert handshake failure"), OWNER,
                "no TLS settings in common"),
    "no name": (refused(socket.gaierror(-2, "Name or service not known")), INTEGRATION,
                f"the name {HOST} cannot be resolved"),
    "no port": (refused(ConnectionRefusedError(111, "refused")), INTEGRATION,
                f"nothing listens at https://{HOST}:8443"),
    "closed": (requests.ConnectionError(ProtocolError("aborted", ConnectionResetError())),
               "No action is needed if this passes", "closed the connection"),
    "torn": (tls("[SSL: UNEXPECTED_EOF_WHILE_READING] EOF occurred"),
             "No action is needed if this passes", "could not be reached (SSLError)"),
    "broken off": (
        requests.exceptions.ChunkedEncodingError(ProtocolError("broken", ConnectionResetError())),
        "No action is needed if this passes", "in the middle of its answer"),
    "slow": (requests.exceptions.ConnectTimeout(), "No action is needed if this passes", "in time"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNANSWERED)
def test_a_request_without_an_answer_names_why(name: str) -> None:
    error, who, words = UNANSWERED[name]
    url = f"https://{HOST}:8443/list"
    found = registry_unreachable(error, url)
    assert words in found.message and found.remedy.startswith(who)
    passes = who.startswith("No action") or "cannot be" in words or "listens" in words
    assert found.transient is passes

    class Session:
        def post(self, *args: Any, **options: Any) -> Any:
            raise error

    session: Any = Session()
    with pytest.raises(SourceError) as caught:
        token_service.TokenService(session, url, ()).ask({}, None)
    assert words in caught.value.message and caught.value.code == found.code
    assert "API URL" not in caught.value.remedy


SECRET = "The integration owner checks client.auth in Connector Settings and enters a valid"


def fault(error: str, description: str, status: int = 400) -> Reply:
    return Reply({"error": error, "error_description": description}, status)


TOKENS: dict[str, tuple[Any, str, str]] = {
    "DPoP": (fault("invalid_dpop_proof", "The DPoP proof JWT header is missing."), OWNER, "bearer"),
    "no such app": (fault("unauthorized_client", "Application 'x' was not found in the directory"),
                    INTEGRATION, "client_id and access_token_url"),
    "no such realm": (Reply({"error": "Realm does not exist"}, 404), INTEGRATION,
                      "access_token_url"),
    "no service account": (
        fault("unauthorized_client", "Client not enabled to retrieve service account", 401),
        OWNER, "allows this client"),
    "no grant": (fault("access_denied", 'You need to create a "client-grant"', 403), OWNER,
                 "allows this client"),
    "no such audience": (fault("access_denied", "Service not found: https://api", 403),
                         INTEGRATION, "audience"),
    "https": (fault("invalid_request", "HTTPS required", 403), INTEGRATION, "https://"),
    "JSON only": (Reply({"errors": ["Request body must be JSON"]}, 400), OWNER, "form"),
    "maintenance": (Reply({"success": False, "message": "down for maintenance"}),
                    "No action is needed if this passes", "maintenance"),
    "broken": (Reply(b"SQLSTATE[HY000] [2002] refused", kind="text/html"), OWNER, "SQLSTATE"),
    "cut": (Reply(b'{"access_to'), "No action is needed if this passes", "200"),
    "nothing": (Reply(b""), "No action is needed if this passes", "an empty body"),
    "a token of something else": (
        Reply({"meta": {"token": "t1"}}), "The integration owner checks client.auth", "only meta"),
    "a wrong secret": (fault("invalid_client", "Invalid client or Invalid client credentials", 401),
                       SECRET, "invalid_client"),
    "Auth0's wrong secret": (fault("access_denied", "Unauthorized", 401), SECRET, "Unauthorized"),
}  # fmt: skip


def with_tokens(registry: OddRegistry) -> dict[str, Any]:
    """Return Connector Settings whose token service is the registry's own `/token`."""
    auth = {"type": "oauth2_client_credentials", "access_token_url": f"{registry.url}/token",
            "client_id": "app"}  # fmt: skip
    return {"client": {"auth": auth}}


@pytest.mark.parametrize("name", TOKENS)
def test_a_token_service_without_a_token_names_who_must_act(serve: Any, name: str) -> None:
    answer, who, words = TOKENS[name]
    registry = serve(lambda asked: None)
    said = said_of(registry, answer, settings=with_tokens(registry))
    assert said.partition(" -> ")[2].startswith(who) and words in said, said


@pytest.mark.parametrize(
    "body", [{"token": "t1"}, {"data": {"jwt": "t1", "expires_in": 60}},
             Reply('{"access_token": "t1"}'.encode("utf-16-le"))],
)  # fmt: skip
def test_a_token_of_another_name_or_charset_is_taken(serve: Any, body: Any) -> None:
    def answer(asked: Asked) -> Any:
        if asked.path == "/token":
            return body
        allowed = asked.headers.get("Authorization") == "Bearer t1"
        return [{"id": 1}] if allowed else Reply({}, 401)

    registry = serve(answer)
    assert ids(registry.source(with_tokens(registry))) == ["1"]


def test_a_path_that_the_gateway_lacks_is_not_blamed_on_the_token(serve: Any) -> None:
    def answer(asked: Asked) -> Any:
        lacks = Reply({"message": "Missing Authentication Token"}, 403)
        return {"access_token": "t1"} if asked.path == "/token" else lacks

    registry = serve(answer)
    said = said_of(registry, answer, settings=with_tokens(registry))
    assert "rejects the token (403)" in said and "endpoint.path" in said and "scopes" in said


def test_the_last_answer_of_a_token_service_decides(serve: Any) -> None:
    """The first one may be about the header that the service does not read."""

    def answer(asked: Asked) -> Any:
        in_form = b"client_secret" in asked.body
        return fault("invalid_client", "wrong" if in_form else "no service account", 401)

    registry = serve(answer)
    said = said_of(registry, answer, settings=with_tokens(registry))
    assert said.partition(" -> ")[2].startswith(SECRET), said


KEY = "k3y-" + "0123456789" * 6


@pytest.mark.parametrize(
    "answer", [
        Reply(b"IOError " + b"x" * 50 + f" {KEY} at a.b()".encode(), kind="text/plain"),
        Reply(b"", 302, headers={"Location": f"/{'x' * 40}/{KEY}"}),
        {"access_token": KEY[:20], "note": "kept"},
    ],
)  # fmt: skip
def test_an_error_shows_no_part_of_a_secret(serve: Any, answer: Any) -> None:
    registry = serve(lambda asked: None)
    by_token = isinstance(answer, Reply) and answer.status == 200
    settings = with_tokens(registry) if by_token else None
    assert KEY[:8] not in said_of(registry, answer, settings=settings, credential=KEY)


def test_the_form_is_tried_where_its_fields_are_missing(serve: Any) -> None:
    """As FastAPI says it."""

    def answer(asked: Asked) -> Any:
        if asked.path != "/token":
            return [{"id": 1}]
        missing = {"detail": [{"loc": ["body", "client_id"], "msg": "field required"}]}
        return {"access_token": "t1"} if b"client_secret" in asked.body else Reply(missing, 422)

    registry = serve(answer)
    assert ids(registry.source(with_tokens(registry))) == ["1"]


@pytest.mark.parametrize(
    "words", ["Could not verify JWT: JWTExpired", "Invalid token.",
              "The security token included in the request is expired"],
)  # fmt: skip
def test_a_token_that_ran_out_is_renewed_whatever_the_words(serve: Any, words: str) -> None:
    given: list[str] = []

    def answer(asked: Asked) -> Any:
        if asked.path == "/token":
            given.append(f"t{len(given)}")
            return {"access_token": given[-1]}
        ran_out = asked.headers.get("Authorization") == "Bearer t0"
        return {"errors": [{"message": words}]} if ran_out else [{"id": 1}]

    registry = serve(answer)
    assert ids(registry.source(with_tokens(registry))) == ["1"] and given == ["t0", "t1"]
