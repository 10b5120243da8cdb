"""What a failed answer means: who must act, and whether it passes."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from registry_sync.core.addresses import origin
from registry_sync.core.problems import SourceError
from registry_sync.core.secrets import shortened
from registry_sync.core.ssrf import LASTING, PASSING, WAITABLE
from registry_sync.source.answers.proxies import NETWORK_LATER, NETWORK_TEAM, proxy_of
from registry_sync.source.answers.refusal_words import ADDRESS, CONTRACT, OF_A_KEY, RATE
from registry_sync.source.connection import REFUSED, Received
from registry_sync.source.errors import (
    CHECK_TOKEN,
    ENTER_KEY,
    UNREACHABLE,
    AccessDenied,
    RetryableError,
    bad_answer,
)

LEFT = ("X-RateLimit-Remaining", "RateLimit-Remaining", "X-Rate-Limit-Remaining")
"""Headers with the number of requests that a client may still send."""
ACCEPTED, NOT_MODIFIED = 202, 304
LOCKED = (409, 423)
"""Statuses of something that others are changing."""
CHECKS = {
    402: "",
    404: "checks API URL, client.base_url and endpoint.path",
    405: "checks endpoint.method in Connector Settings",
    407: "checks with the operator the proxy before the registry, which refuses the request",
    406: "checks client.headers in Connector Settings",
    410: "checks API URL, client.base_url and endpoint.path",
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
BY_BASIC = "For user name and password, client.auth in Connector Settings has the type http_basic."
CHECK_ALL = "checks API URL and Connector Settings in the app's configuration"


def refusal(answer: Received, message: str, *, by_token: bool = False) -> SourceError:
    """Return the error of an answer with a status of 400 or more; `message` is its own words.

    `by_token`: the key was good for a token, and what is refused is the token.
    """
    status, parts = answer.status, urlsplit(answer.url)
    asked_to_wait = status in WAITABLE and _asks_to_wait(answer)
    if proxy := proxy_of(answer.headers, answer.content, status):
        return refused_by_proxy(answer, proxy, passes=status in PASSING or asked_to_wait)
    asked_to_wait = asked_to_wait or (status == 403 and RATE.search(message) is not None)
    if status in (*REFUSED, 403) and not asked_to_wait:
        challenge = answer.headers.get("WWW-Authenticate", "")
        return _rejected(status, message, challenge, by_token=by_token)
    failure = f"it answered {status} to {origin(answer.url)}{parts.path}: {message or 'nothing'}"
    if asked_to_wait:
        failure += _wait_asked(answer)
    error: SourceError = (
        bad_answer(failure, transient=True)
        if status in (*PASSING, *LOCKED) or asked_to_wait
        else bad_answer(failure, "" if status in LASTING else CHECKS.get(status, CHECK_ALL))
    )
    return error


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
    if status == 403 and ADDRESS.search(message):
        return AccessDenied(
            f"The registry refuses requests from this server (403).{words}",
            remedy="The registry's owner allows the address of this server, also in a firewall "
            "before the registry.",
            code="registry_answer",
        )
    if status == 403 and CONTRACT.search(message) and not OF_A_KEY.search(message):
        return AccessDenied(
            f"The registry refuses the request (403).{words}",
            remedy="The registry's owner checks what the registry's licence or plan allows.",
            code="registry_answer",
        )
    scheme, remedy = _scheme_of(challenge) if status == 401 else "", ENTER_KEY
    if scheme:
        words += f" It asks for the scheme {scheme}."
        remedy = f"{ENTER_KEY} {BY_BASIC}" if scheme == "Basic" else NO_SCHEME
    kind = AccessDenied if status == 403 else SourceError
    if by_token and not scheme:
        return kind(
            f"The registry rejects the token ({status}) that the token service gave for the key."
            f"{words}",
            remedy=CHECK_TOKEN,
            code="registry_unauthorised",
        )
    return kind(
        f"The registry rejects the key ({status}).{words}",
        remedy=remedy,
        code="registry_unauthorised",
    )


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


def without_answer(status: int) -> RetryableError:
    """Return the error of a success that has no answer: 202 Accepted, 304 Not Modified.

    https://datatracker.ietf.org/doc/html/rfc9110#section-15.3.3
    """
    if status == ACCEPTED:
        failure, owner = "it accepted the request (202), but has not answered it yet", ""
    else:
        failure = "it answered 304 Not Modified to a request that sent no condition"
        owner = "checks API URL, and the operator the caches and proxies between"
    error: RetryableError = bad_answer(failure, owner, transient=True, kind=RetryableError)
    return error
