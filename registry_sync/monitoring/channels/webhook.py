"""Alerts by a signed webhook."""

from __future__ import annotations

import json
import time
from urllib.parse import urlsplit

import requests
from django.conf import settings
from urllib3.util.retry import Retry

from registry_sync import __version__
from registry_sync.core import signing, ssrf
from registry_sync.core.deadlines import AnswerLimits, TooSlow
from registry_sync.models import AlertMessage, AlertSettings
from registry_sync.monitoring.channels.base import Channel, Unsent

TIMEOUT = 10.0
"""Seconds a recipient has for each step."""
LONGEST = 30.0
"""Seconds a recipient's whole answer may take."""


class Webhook(Channel):
    """A POST to one address, signed with the app's own key; only a 2xx counts as received.

    https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    """

    def recipients(self, limits: AlertSettings) -> list[str]:
        return [limits.webhook_url] if limits.webhook_url else []

    def send(self, message: AlertMessage) -> None:
        if fault := address_fault(message.receiver):
            raise Unsent(f"The address {fault}.")
        body = json.dumps(content_of(message)).encode()
        headers = {**_signed(message, body), "Content-Type": "application/json"}
        try:
            with (
                _session() as session,
                session.post(
                    message.receiver, data=body, headers=headers, timeout=TIMEOUT,
                    allow_redirects=False, stream=True,
                ) as answer,
            ):  # fmt: skip
                status = answer.status_code
        except ssrf.Forbidden as error:
            raise Unsent(f"The address is not allowed: {error}.") from error
        except (requests.RequestException, OSError, ValueError, TooSlow) as error:
            raise Unsent(f"The recipient is unreachable ({type(error).__name__}).") from error
        if not 200 <= status < 300:
            redirected = "; redirects are not followed" if 300 <= status < 400 else ""
            raise Unsent(f"The recipient answered {status}{redirected}.")


def address_fault(url: str) -> str:
    """Return what is wrong with a webhook's address, as far as it shows; "" if nothing is."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is not a web address"
    if parts.scheme not in ("http", "https") or not host:
        return "is not a web address: write https://…"
    if parts.username or parts.password:
        return "contains a name or a password: messages are signed, so none is needed"
    return ""


def content_of(message: AlertMessage) -> dict[str, object]:
    """Return the JSON object that a recipient gets."""
    alert = message.alert
    over = alert is not None and alert.ended_at and message.created_at >= alert.ended_at
    return {
        "id": f"alert-{message.pk}",
        "event": "test" if alert is None else "ended" if over else "began",
        "what": alert.what if alert else "test",
        "tenant": alert.tenant if alert else "",
        "began_at": alert.began_at.isoformat() if alert else None,
        "ended_at": alert.ended_at.isoformat() if alert and over and alert.ended_at else None,
        "subject": message.subject,
        "body": message.body,
    }


def _signed(message: AlertMessage, body: bytes) -> dict[str, str]:
    key = settings.BENCHLING_PRIVATE_KEY
    if not key:
        raise Unsent("Cannot sign. The operator must set BENCHLING_PRIVATE_KEY.")
    try:
        return dict(signing.message_headers(f"alert-{message.pk}", int(time.time()), body, key))
    except ValueError as error:
        raise Unsent(
            "Cannot sign: BENCHLING_PRIVATE_KEY is not a valid private key. The operator must fix "
            "it."
        ) from error


def _session() -> requests.Session:
    """Return a session that goes only where `ssrf` allows, without proxy, retries or redirects."""
    private = settings.REGISTRY_ALLOW_PRIVATE_NETWORKS
    session = ssrf.open_session(allow_private=private, user_agent=f"RegistrySync/{__version__}")
    once = ssrf.GuardedAdapter(
        allow_private=private,
        retries=Retry(0, read=False),
        limits=AnswerLimits(timeout=LONGEST),
    )
    session.mount("https://", once)
    session.mount("http://", once)
    return session
