"""One request to an address that people or the operator entered, with a deadline.

No proxy, no repeats and no redirects, and only where `ssrf` allows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests
from django.conf import settings
from urllib3.util.retry import Retry

from registry_sync import __version__
from registry_sync.core import secrets, ssrf
from registry_sync.core.deadlines import AnswerLimits, TooSlow

TIMEOUT = 10.0
"""Seconds a recipient has for each step."""
LONGEST = 30.0
"""Seconds a recipient's whole answer may take."""
LEAST = 12
"""Characters below which a path is too common to be hidden in the log."""


class Unanswered(Exception):
    """A request had no answer that counts as received; the text says why, without the address.

    `retry_after` is when the recipient wants to be asked again, in seconds; None if not said.
    """

    def __init__(self, text: str, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a recipient may take, in seconds: for each step, and for its whole answer."""

    step: float
    whole: float


def ask(
    method: str, url: str, *, data: bytes | None = None,
    headers: Mapping[str, str] | None = None, patience: Patience | None = None,
) -> None:  # fmt: skip
    """Send one request; only a 2xx counts as received. Raise Unanswered."""
    wait = patience or Patience(TIMEOUT, LONGEST)
    try:
        with (
            _session(wait) as session,
            session.request(
                method, url, data=data, headers=dict(headers or {}), timeout=wait.step,
                allow_redirects=False, stream=True,
            ) as answer,
        ):  # fmt: skip
            status = answer.status_code
            later = ssrf.Patient(0).get_retry_after(answer.raw)
    except ssrf.Forbidden as error:
        raise Unanswered(f"The address is not allowed: {error}.") from error
    except (requests.RequestException, OSError, ValueError, TooSlow) as error:
        raise Unanswered(f"The recipient is unreachable ({type(error).__name__}).") from error
    if not 200 <= status < 300:
        redirected = "; redirects are not followed" if 300 <= status < 400 else ""
        raise Unanswered(f"The recipient answered {status}{redirected}.", later)


def address_fault(url: str) -> str:
    """Return what is wrong with an address, as far as it shows; "" if nothing is."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is not a web address"
    if parts.scheme not in ("http", "https") or not host:
        return "is not a web address: write https://…"
    return ""


def host_of(url: str) -> str:
    """Return the host of an address, which is all that may be shown of a secret one."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def hide_in_log(url: str) -> None:
    """Keep a secret address out of this process's log, also where only its path is written."""
    parts = urlsplit(url)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    secrets.remember(url, *(part for part in (parts.path, path) if len(part) >= LEAST))


def _session(wait: Patience) -> requests.Session:
    private = settings.REGISTRY_ALLOW_PRIVATE_NETWORKS
    session = ssrf.open_session(allow_private=private, user_agent=f"RegistrySync/{__version__}")
    once = ssrf.GuardedAdapter(
        allow_private=private,
        retries=Retry(0, read=False),
        limits=AnswerLimits(timeout=wait.whole),
    )
    session.mount("https://", once)
    session.mount("http://", once)
    return session
