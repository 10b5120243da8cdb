"""What a failed answer means: who must act, and whether it passes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from registry_sync.core.addresses import origin
from registry_sync.core.late_patterns import pattern
from registry_sync.core.problems import SourceError
from registry_sync.core.secrets import shortened
from registry_sync.core.ssrf import LASTING, PASSING, WAITABLE
from registry_sync.source.answers.depth_limits import DEEPER, limits_depth
from registry_sync.source.answers.firewalls import firewall_of
from registry_sync.source.answers.proxies import NETWORK_LATER, NETWORK_TEAM, proxy_of
from registry_sync.source.answers.refusal_words import (
    ADDRESS,
    BAD_KEY,
    CONTRACT,
    FROM_ADDRESS,
    NO_KEY,
    OF_A_KEY,
    OFF,
    RATE,
    WRONG_PATH,
)
from registry_sync.source.connection import REFUSED, Received
from registry_sync.source.errors import (
    CHECK_TOKEN,
    ENTER_KEY,
    AccessDenied,
    RetryableError,
    bad_answer,
)
from registry_sync.source.unanswered import NO_CLIENT_CERTIFICATE, UNREACHABLE

LEFT = ("X-RateLimit-Remaining", "RateLimit-Remaining", "X-Rate-Limit-Remaining")
"""Headers with the number of requests that a client may still send."""
ACCEPTED, NOT_MODIFIED = 202, 304
BOUNDED = (400, 404, 405, 410, 416, 422)
"""Statuses by which servers refuse to page any deeper."""
LOCKED = (409, 423)
"""Statuses of something that others are changing."""
CHECKS = {
    402: "",
    404: "checks API URL, client.base_url and endpoint.path",
    405: "checks endpoint.method in Connector Settings",
    407: "checks with the operator the proxy before the registry, which refuses the request",
    406: "checks client.headers in Connector Settings",
    410: "checks API URL, client.base_url and endpoint.path",
    415: "checks client.headers (Accept, Content-Type) in Connector Settings",
    451: "",
    414: "sends the parameters as endpoint.json in Connector Settings, if the registry takes POST",
}
"""What the integration owner does about a status; "" if the registry's owner must act."""
SCHEMES = {"basic": "Basic", "negotiate": "Negotiate", "ntlm": "NTLM", "digest": "Digest",
           "kerberos": "Kerberos"}  # fmt: skip
"""Schemes of signing in, as people write them. No setting can send any but the first."""
CHALLENGE = re.compile(r"(?:^|,)\s*([A-Za-z]+)(?=\s|,|$)")
"""The scheme of each challenge; several headers are joined by commas (RFC 9110, 11.6.1)."""
NO_SCHEME = (
    "The registry's owner allows a way to sign in that client.auth of Connector Settings has, such "
    "as a key, a bearer token or HTTP basic authentication."
)
PLACE_OF_KEY = (
    "If the key is right, the registry expects it under another name: "
    '{"client": {"auth": {"type": "api_key", "name": "X-API-Key"}}} with the registry\'s own name.'
)
CHECK_PATH = (
    "The integration owner checks API URL, endpoint.path and endpoint.method: this gateway gives "
    "this answer for paths that do not exist. If they are right, "
)
KEY_IS_WRONG = "the API Key is wrong."
TOKEN_IS_WRONG = (
    "check client.auth in Connector Settings: scopes, and audience or resource in token_params."
)
LET_THROUGH = (
    "The registry's owner allows the address of this server, also in a firewall before the "
    "registry."
)
ALLOWED = "The registry's owner checks what the registry's licence or plan allows."
SWITCH_ON = "The registry's owner switches the service on."
PLAIN_TO_TLS = pattern(r"plain http request was sent to https port", re.IGNORECASE)
NO_CERTIFICATE = pattern(
    r"no required ssl certificate|ssl certificate error|client certificate (?:is )?required",
    re.IGNORECASE,
)
BY_BASIC = "For user name and password, client.auth in Connector Settings has the type http_basic."
NEEDED_SCOPE = re.compile(r'\bscope="([^"]+)"')
"""The scope of a challenge: https://datatracker.ietf.org/doc/html/rfc6750#section-3"""
CHECK_ALL = "checks API URL and Connector Settings in the app's configuration"


def answer_refusal(answer: Received, message: str, *, by_token: bool = False) -> SourceError:
    """Return the error of an answer with a status of 400 or more; `message` is its own words.

    `by_token`: the key was good for a token, and what is refused is the token.
    """
    status, parts = answer.status, urlsplit(answer.url)
    asked_to_wait = status in WAITABLE and _asks_to_wait(answer)
    if proxy := proxy_of(answer.headers, answer.content, status):
        return refused_by_proxy(answer, proxy, passes=status in PASSING or asked_to_wait)
    passes = status in (*PASSING, *LOCKED) or asked_to_wait
    may_be_stopped = status < 500 and not passes
    if may_be_stopped and (found := firewall_of(answer.headers, message, answer.content)):
        return refused_by_firewall(status, found)
    asked_to_wait = asked_to_wait or (status == 403 and RATE.search(message) is not None)
    if status in (*REFUSED, 403) and not asked_to_wait:
        challenge = answer.headers.get("WWW-Authenticate", "")
        return _rejected(status, message, challenge, by_token=by_token)
    failure = f"it answered {status} to {origin(answer.url)}{parts.path}: {message or 'nothing'}"
    if not asked_to_wait and status in BOUNDED and limits_depth(answer.content):
        deep: SourceError = bad_answer(failure, DEEPER, code="registry_paging")
        return deep
    if asked_to_wait:
        failure += _wait_asked(answer)
    passes = passes or asked_to_wait
    error: SourceError = (
        bad_answer(failure, transient=True)
        if passes
        else bad_answer(failure, _check(status, answer.headers.get("Allow", "")))
    )
    if not passes and (remedy := _remedy(status, message, answer.url)):
        error.remedy = remedy
    return error


def _check(status: int, allowed: str) -> str:
    """Return what the integration owner does about a status, "" if the registry's owner must."""
    if status == 405 and "POST" in allowed:
        return 'sets endpoint.method in Connector Settings: {"endpoint": {"method": "POST"}}'
    return "" if status in LASTING else CHECKS.get(status, CHECK_ALL)


def _remedy(status: int, message: str, url: str) -> str:
    """Return who must do what about words or a status that no setting is about; "" if none is."""
    if PLAIN_TO_TLS.search(message) or status == 497:
        return "The integration owner begins API URL with https:// in the app's configuration."
    if NO_CERTIFICATE.search(message) or status in (495, 496):
        return NO_CLIENT_CERTIFICATE
    if status in (400, 422) and BAD_KEY.search(message):
        return ENTER_KEY
    return NETWORK_TEAM.format(registry=origin(url)) if status == 511 else ""


def refused_by_firewall(status: int, firewall: str) -> SourceError:
    """Return the error of a request that a firewall before the registry stopped."""
    kind = AccessDenied if status == 403 else SourceError
    return kind(
        f"A firewall before the registry refuses requests from this server ({status}): {firewall}.",
        remedy=LET_THROUGH,
        code="registry_answer",
    )


def refused_by_proxy(answer: Received, proxy: str, *, passes: bool = False) -> SourceError:
    """Return the error of an answer that a proxy gave in place of the registry."""
    registry = origin(answer.url)
    kind = AccessDenied if answer.status == 403 else SourceError
    return kind(
        f"A proxy between this server and {registry} answered in place of the registry "
        f"({answer.status}): {proxy}.",
        remedy=(NETWORK_LATER if passes else NETWORK_TEAM).format(registry=registry),
        kind="transient" if passes else "source",
        code=UNREACHABLE,
        transient=passes,
    )


def _rejected(status: int, message: str, challenge: str, *, by_token: bool) -> SourceError:
    """Return the error of a refused key; `challenge` is the header of what the registry takes."""
    words = f" It says: {message}" if message and not message.startswith("<") else ""
    if scope := NEEDED_SCOPE.search(challenge):
        words += f" It requires the scope {shortened(scope[1], 80)}."
    kind = AccessDenied if status == 403 else SourceError
    if _is_about_the_address(status, message):
        what = f"The registry refuses requests from this server ({status}).{words}"
        return kind(what, remedy=LET_THROUGH, code="registry_answer")
    for found, remedy in ((CONTRACT, ALLOWED), (OFF, SWITCH_ON)):
        if status == 403 and found.search(message) and not OF_A_KEY.search(message):
            what = f"The registry refuses the request (403).{words}"
            return AccessDenied(what, remedy=remedy, code="registry_answer")
    scheme, remedy = _scheme_of(challenge) if status == 401 else "", ENTER_KEY
    if scheme:
        words += f" It asks for the scheme {scheme}."
        remedy = f"{ENTER_KEY} {BY_BASIC}" if scheme == "Basic" else NO_SCHEME
    elif NO_KEY.search(message):
        remedy = f"{ENTER_KEY} {PLACE_OF_KEY}"
    what = f"key ({status})"
    if by_token and not scheme:
        what = f"token ({status}) that the token service gave for the key"
        remedy = CHECK_TOKEN
    if not scheme and WRONG_PATH.search(message):
        remedy = CHECK_PATH + (TOKEN_IS_WRONG if by_token else KEY_IS_WRONG)
    return kind(
        f"The registry rejects the {what}.{words}", remedy=remedy, code="registry_unauthorised"
    )


def _is_about_the_address(status: int, message: str) -> bool:
    if status == 403:
        return ADDRESS.search(message) is not None
    of_a_key = OF_A_KEY.search(message) or BAD_KEY.search(message)
    return FROM_ADDRESS.search(message) is not None and not of_a_key


def _scheme_of(challenge: str) -> str:
    """Return the scheme that a registry asks for instead of a key; "" if it takes one."""
    schemes = [scheme.lower() for scheme in CHALLENGE.findall(challenge)]
    if any(scheme not in SCHEMES for scheme in schemes):
        return ""
    basic_first = sorted(schemes, key=lambda scheme: scheme != "basic")
    return SCHEMES[basic_first[0]] if basic_first else ""


def _asks_to_wait(answer: Received) -> bool:
    remaining = (answer.headers.get(name, "").strip() for name in LEFT)
    return "Retry-After" in answer.headers or "0" in remaining


def _wait_asked(answer: Received) -> str:
    """Return how headers ask to wait, as a sentence that follows; "" if they do not."""
    after = answer.headers.get("Retry-After")
    if after:
        return f". It asks to wait (Retry-After: {shortened(after, 40)})"
    return ". It asks to wait" if _asks_to_wait(answer) else ""


def without_answer(status: int, headers: Mapping[str, str]) -> SourceError:
    """Return the error of a success that has no answer: 202 Accepted, 304 Not Modified.

    https://datatracker.ietf.org/doc/html/rfc9110#section-15.3.3
    """
    if firewall := firewall_of(headers, "", b""):
        return refused_by_firewall(status, firewall)
    if status == ACCEPTED:
        failure, owner = "it accepted the request (202), but has not answered it yet", ""
    else:
        failure = "it answered 304 Not Modified to a request that sent no condition"
        owner = "checks API URL, and the operator the caches and proxies between"
    error: RetryableError = bad_answer(failure, owner, transient=True, kind=RetryableError)
    return error
