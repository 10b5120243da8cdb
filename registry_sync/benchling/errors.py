"""How Benchling says no, not now or nothing at all, as exceptions."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import httpx
from benchling_sdk.errors import BenchlingError

from registry_sync.benchling.http import Unreadable
from registry_sync.core.addresses import origin
from registry_sync.core.problems import SyncError
from registry_sync.core.types import Json

PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy")
"""The variables by which requests to Benchling go through a proxy."""
NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
"""How httpx says that a request did not leave this host."""
LOCKED = "Another registration attempt is in progress"
"""How Benchling begins its refusal while someone else registers entities."""
LOCK_TRIES = 12
"""Attempts while someone else registers entities, some seconds apart."""


class Wait(Exception):
    """Benchling takes no more for now: the run pauses until `until` and loses nothing.

    `reason` completes "Waiting for …".
    """

    def __init__(self, until: datetime, reason: str) -> None:
        super().__init__(reason)
        self.until = until
        self.reason = reason


class Refused(Exception):
    """Benchling refused one request (a 4xx): its message, and what it named.

    `errors` names rows; `invalid_id` is what does not exist or is out of the app's reach.
    """

    def __init__(
        self, status: int, message: str, errors: object = None, invalid_id: str = ""
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors
        self.invalid_id = invalid_id

    @property
    def is_limit(self) -> bool:
        """Return whether a limit is used up: the same request passes later."""
        return self.status == httpx.codes.TOO_MANY_REQUESTS


TOO_LATE_OR_EARLY = (408, 425)
"""Refusals that another attempt may not meet."""
CREDENTIALS = (400, 401, 403)
"""What the address for tokens answers to a client id and secret that it does not accept."""


class NothingThere(SyncError):
    """Nothing answers where Benchling should be."""


class AnswerLost(Exception):
    """Benchling may have done what it was asked, but its answer did not arrive.

    `why` is the error of a run that cannot go on without it.
    """

    def __init__(self, why: SyncError) -> None:
        super().__init__(str(why))
        self.why = why


def lock_pause(attempt: int) -> float:
    """Return the seconds to wait after this many attempts, from 0, while others register."""
    return random.uniform(2, 4) * (attempt + 1)


def retry_time(seconds: float) -> datetime:
    """Return the time in this many seconds, in UTC."""
    return datetime.now(UTC) + timedelta(seconds=seconds)


def is_token_error(error: BenchlingError) -> bool:
    """Return whether the SDK failed to get a token, rather than a request with one."""
    return bool(error.message and "token" in error.message.lower())


def is_passing(error: BenchlingError) -> bool:
    """Return whether an SDK error may pass.

    A redirect or any other status that is neither a success nor a refusal comes from a proxy, or is
    that of a token's answer that cannot be read.
    """
    return not 400 <= error.status_code < 500 or error.status_code in TOO_LATE_OR_EARLY


def may_be_done(error: Exception) -> bool:
    """Return whether a request without a usable answer may have reached Benchling."""
    if isinstance(error, BenchlingError):
        no_token = is_token_error(error) or any(
            isinstance(cause, httpx.RequestError) for cause in _causes(error)
        )
        return not 400 <= error.status_code < 500 and not no_token
    return not isinstance(error, NEVER_SENT)


def benchling_unreachable(detail: str, address: str = "") -> SyncError:
    """Return the error of a run that could not reach Benchling.

    `address` is given where nothing is there that answers, so that a typo may be the cause.
    """
    passes = "No action is needed if this passes: the next run continues where this one stopped."
    check = "the operator checks BENCHLING_URL and the network"
    remedy = f"{passes} If it persists, {check}."
    if address:
        remedy = (
            f"The operator checks BENCHLING_URL ({origin(address)}) for a typo, and the network. "
        )
        remedy += passes.replace("this passes", "the address is right and the network recovers")
    kind = NothingThere if address else SyncError
    return kind(
        f"Benchling could not be reached ({detail}).",
        remedy=remedy,
        kind="transient",
        code="benchling_unreachable",
        transient=True,
    )


def no_address() -> SyncError:
    """Return the error of a request where no setting names the tenant."""
    return NothingThere(
        "BENCHLING_URL is not set.",
        remedy="The operator must set it to the tenant's address, such as "
        "https://acme.benchling.com.",
        kind="benchling",
        code="benchling_unreachable",
    )


def forgotten(task_id: str) -> SyncError:
    """Return the error of a run whose tasks Benchling forgets before their end is seen."""
    return benchling_unreachable(f"it does not know its task {task_id}")


def no_answer(error: BaseException, path: str, url: str) -> SyncError:
    """Return the error of a request without an answer, or with one that cannot be read."""
    if not isinstance(error, httpx.RequestError):
        reason = str(error) if isinstance(error, Unreadable) else type(error).__name__
        return benchling_unreachable(f"its answer to {path.partition('?')[0]} was {reason}")
    if isinstance(error, httpx.DecodingError):
        return benchling_unreachable(f"its answer to {path.partition('?')[0]} cannot be unpacked")
    host = urlsplit(url).netloc.rpartition("@")[2]
    causes = list(_causes(error))
    if any(isinstance(each, socket.gaierror) for each in causes):
        return benchling_unreachable(f"the name {host} cannot be resolved", url)
    if isinstance(error, httpx.ProxyError):
        return benchling_unreachable(f"the proxy refuses to connect: {error}")
    if isinstance(error, httpx.ConnectError):
        proxy = next((name for name in PROXIES if os.environ.get(name)), "")
        through = f" or the proxy in {proxy}" if proxy else ""
        return benchling_unreachable(f"nothing answers at {host}{through}: {error}", url)
    return benchling_unreachable(type(error).__name__)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def translate(error: BenchlingError, path: str, url: str) -> Exception:
    """Return an SDK error as a SyncError for the whole run, or as one request's Refused."""
    status, message = error.status_code, _message(error)
    lost = next((each for each in _causes(error) if isinstance(each, httpx.RequestError)), None)
    if lost is not None:  # the SDK reports a token's lost request as a 500
        return no_answer(lost, "token", url)
    if is_token_error(error) and status < 400:
        return benchling_unreachable("its answer to token cannot be read")
    if is_token_error(error) and status in CREDENTIALS:
        return SyncError(
            f"Benchling does not accept the app's client id and secret ({status}).",
            remedy="The operator checks BENCHLING_CLIENT_ID and BENCHLING_CLIENT_SECRET against "
            "the app's page in Benchling's Developer Console.",
            kind="benchling",
            code="benchling_credentials",
        )
    if is_token_error(error) and status < 500:
        return benchling_unreachable(f"its address for tokens answered {status}", url)
    if status == 401:
        return SyncError(
            f"Benchling refused the app's token twice (401): {message}",
            remedy="A Benchling admin checks that the app is installed and active in this tenant.",
            kind="benchling",
            code="benchling_unauthorised",
        )
    if is_passing(error):
        return benchling_unreachable(f"it answered {status}")
    details = (error.json or {}).get("error") if isinstance(error.json, dict) else None
    named: Json = details if isinstance(details, dict) else {}
    text = message or f"Benchling answered {status} to {path}."
    # A transaction of results names its faults outside of the usual envelope.
    beside = error.json.get("errors") if isinstance(error.json, dict) else None
    errors = named.get("errors", beside)
    return Refused(status, text, errors, str(named.get("invalidId") or ""))


def _message(error: BenchlingError) -> str:
    body = error.json if isinstance(error.json, dict) else {}
    details = body.get("error")
    if isinstance(details, dict):
        return str(details.get("userMessage") or details.get("message") or "")
    return str(error.message or "")
