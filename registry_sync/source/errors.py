"""How reading a registry fails, as exceptions in words for the person who must act."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from registry_sync.core.addresses import is_address, origin, within
from registry_sync.core.deadlines import AnswerLimits, TooSlow
from registry_sync.core.problems import SourceError
from registry_sync.core.readable import in_message
from registry_sync.core.secrets import shortened
from registry_sync.source.link_hosts import elsewhere_remedy
from registry_sync.source.unanswered import UNREACHABLE, unanswered

ENTER_KEY = (
    "The integration owner enters a valid key in API Key of the app's configuration; the "
    "registry's owner checks what it may read."
)
CHECK_TOKEN = (
    "The client's secret is right. The integration owner checks client.auth in Connector Settings: "
    "scopes, and audience or resource in token_params. The registry's owner checks what the client "
    "may read."
)


class RetryableError(SourceError):
    """A failed request that may pass if it is repeated, `seconds` from now."""

    seconds: float = 0.0


class AccessDenied(SourceError):
    """The key may not read this (403), though it may read other things."""


def at_home(url: str, home: str, failure: str) -> str:
    """Return a URL that is on the host of `home`, as it is to be used: the key may go there.

    `failure` begins the sentence about any other, such as "it redirects to". Raise SourceError.
    """
    if not is_address(url):
        raise bad_answer(f"{failure} {in_message(url, 100)}, which is not a valid URL")
    found = within(url, home)
    if found is None:
        raise SourceError(
            f"The registry returned an unexpected answer: {failure} {origin(url)}, where the key "
            "must not be sent.",
            remedy=elsewhere_remedy(url, home),
            code="registry_elsewhere",
        )
    return found


def sent_to_login(url: str, *, by_token: bool) -> SourceError:
    """Return the error of a redirect to a page where people sign in."""
    page = f"{origin(url)}{shortened(urlsplit(url).path, 60)}"
    return SourceError(
        f"The registry redirects to a login page ({page}) instead of answering.",
        remedy=CHECK_TOKEN if by_token else ENTER_KEY,
        code="registry_unauthorised",
    )


def misencoded(encoding: str, url: str) -> RetryableError:
    """Return the error of a body that is not packed as its Content-Encoding says."""
    identity = json.dumps({"client": {"headers": {"Accept-Encoding": "identity"}}})
    return RetryableError(
        f"The registry at {origin(url)} answered, but the body is not what its Content-Encoding "
        f"({encoding}) says.",
        remedy="The registry's owner checks the service or the proxy before it. Until then the "
        f"integration owner requests unpacked answers in Connector Settings: {identity}.",
        code="registry_answer",
    )


def registry_unreachable(
    error: Exception, url: str, *, kind: type[SourceError] = SourceError
) -> SourceError:
    """Return the error of a request without an answer, or with a bad certificate."""
    found = unanswered(error, url)
    return (kind if found.passes else SourceError)(
        f"The registry at {origin(url)} {found.what}.",
        remedy=found.remedy,
        kind="transient" if found.passes else "source",
        code=found.code,
        transient=found.passes,
    )


def too_slow(error: TooSlow, url: str, limits: AnswerLimits) -> SourceError:
    """Return the error of an answer that missed its deadline or its least rate."""
    longer = json.dumps({"client": {"timeout": int(limits.timeout) * 3}})
    return SourceError(
        f"The registry at {origin(url)} answers too slowly: {error}.",
        remedy="The registry's owner checks the service, and the operator the network. If the "
        "registry needs more time for a page, the integration owner requests smaller pages, or "
        f"allows more time in Connector Settings: {longer}. For a page that trickles, lower "
        "client.min_bytes_per_second.",
        kind="transient",
        code=UNREACHABLE,
        transient=True,
    )


def bad_answer(
    failure: str,
    owner: str = "",
    *,
    transient: bool = False,
    code: str = "registry_answer",
    kind: type[Any] = SourceError,
) -> Any:
    """Return the error of an answer that cannot be used; `owner` is what the integration owner
    must do, "" if the registry's owner must act."""
    return kind(
        f"The registry returned an unexpected answer: {failure}.",
        remedy=f"The integration owner {owner}."
        if owner
        else "The registry's owner checks the service; the next run tries again.",
        kind="transient" if transient else "source",
        code=code,
        transient=transient,
    )


def refuse_to_wait(seconds: float) -> None:
    """Raise SourceError instead of waiting: someone watches the page."""
    raise SourceError(
        "The registry did not answer the first request.",
        remedy="The registry's owner must check the service and the operator the network, then try "
        "again in a minute.",
        kind="transient",
        code="registry_unreachable",
        transient=True,
    )
