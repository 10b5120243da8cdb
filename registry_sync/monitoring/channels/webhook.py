"""Alerts by a signed webhook."""

from __future__ import annotations

import json
import time
from urllib.parse import urlsplit

from django.conf import settings

from registry_sync.core import signing
from registry_sync.models import AlertMessage, AlertSettings
from registry_sync.monitoring.channels.base import Channel, Unsent, post
from registry_sync.monitoring.web_request import address_fault


class Webhook(Channel):
    """A POST to one address, signed with the app's own key; only a 2xx counts as received."""

    def recipients(self, limits: AlertSettings) -> list[str]:
        return [limits.webhook_url] if limits.webhook_url else []

    def send(self, message: AlertMessage) -> None:
        if fault := webhook_fault(message.receiver):
            raise Unsent(f"The address {fault}.")
        body = json.dumps(content_of(message)).encode()
        headers = {**_signed(message, body), "Content-Type": "application/json"}
        post(message.receiver, body, headers)


def webhook_fault(url: str) -> str:
    """Return what is wrong with a webhook's address, as far as it shows; "" if nothing is."""
    if fault := address_fault(url):
        return fault
    parts = urlsplit(url)
    if parts.username or parts.password:
        return "contains a name or a password: messages are signed, so none is needed"
    return ""


def content_of(message: AlertMessage) -> dict[str, object]:
    """Return the JSON object that a recipient gets."""
    alert = message.alert
    over = alert is not None and alert.ended_at and message.created_at >= alert.ended_at
    return {
        "id": f"alert-{message.pk}",
        "event": "test" if alert is None else "ended" if over else _event(message),
        "what": alert.what if alert else "test",
        "tenant": alert.tenant if alert else "",
        "began_at": alert.began_at.isoformat() if alert else None,
        "ended_at": alert.ended_at.isoformat() if alert and over and alert.ended_at else None,
        "subject": message.subject,
        "body": message.body,
    }


def _event(message: AlertMessage) -> str:
    """Return `began` for the first message of an alert to a recipient, `more` for later ones."""
    same = {"channel": message.channel, "receiver": message.receiver, "pk__lt": message.pk}
    before = message.alert is not None and message.alert.messages.filter(**same).exists()
    return "more" if before else "began"


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
