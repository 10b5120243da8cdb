"""Receive Benchling's webhooks: verify the raw body, store it once, answer at once, work later.

Nothing of an unverified webhook is stored, except a count per day.
https://docs.benchling.com/docs/webhook-verification
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from benchling_sdk.apps.helpers.webhook_helpers import WebhookVerificationError, verify
from django.conf import settings
from django.db import DataError, IntegrityError, transaction

from registry_sync import runs
from registry_sync.core.text import LONGEST_ID, storable
from registry_sync.core.types import Json
from registry_sync.models import WebhookDelivery
from registry_sync.runs.deployment import tenant_host
from registry_sync.webhooks.signing_keys import key_ring

LONGEST_BODY = 256 * 1024
"""Bytes. Benchling's messages have a few hundred."""
MOST_SIGNATURES = 20
"""Signatures that are tried; Benchling sends one, or two while it changes its key."""
SIGNATURE = re.compile(
    r"v\w{1,9}der,(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"
)
HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")


@dataclass
class Rejected(Exception):
    """A delivery that is not accepted: the HTTP status to answer, and a word for the counter."""

    status: int
    reason: str


def receive(headers: Mapping[str, str], body: bytes) -> tuple[WebhookDelivery, bool]:
    """Verify and store a delivery. Return it, and whether it is new.

    Raise Rejected (a 4xx), or KeysUnreachable when nothing can be verified now.
    """
    found = {name.lower(): value for name, value in headers.items()}
    if any(not found.get(name) for name in HEADERS):
        raise Rejected(401, "unsigned")
    if len(body) > LONGEST_BODY:
        raise Rejected(413, "too large")
    webhook_id = found["webhook-id"]
    if len(webhook_id) > LONGEST_ID or not webhook_id.isprintable():
        raise Rejected(400, "malformed")
    signatures = _readable_signatures(found["webhook-signature"])
    _verify(body, {name: found[name] for name in HEADERS} | {"webhook-signature": signatures})
    message = _message(body)
    try:
        with transaction.atomic():
            delivery = WebhookDelivery.objects.create(
                webhook_id=webhook_id,
                type=message["type"][:100],
                message=message,
                received_at=runs.database_now(),
            )
    except IntegrityError as error:  # a repeat, perhaps at the same moment
        earlier = WebhookDelivery.objects.filter(webhook_id=webhook_id).first()
        if earlier is None:
            raise Rejected(400, "malformed") from error
        return earlier, False
    except DataError as error:  # JSON that the database does not accept
        raise Rejected(400, "malformed") from error
    return delivery, True


def _readable_signatures(header: str) -> str:
    """Leave out what is no `version,base64`: the SDK fails on one such part among good ones."""
    return " ".join(part for part in header.split()[:MOST_SIGNATURES] if SIGNATURE.fullmatch(part))


def _verify(body: bytes, headers: dict[str, str]) -> None:
    ring = key_ring(
        settings.BENCHLING_JWKS_URL.format(
            app_definition_id=settings.BENCHLING_APP_DEFINITION_ID,
            app_id=settings.BENCHLING_APP_ID,
        )
    )
    if not _is_signed(body, headers, ring.keys) and not _is_signed(body, headers, ring.renewed):
        raise Rejected(401, "not verified")


def _is_signed(body: bytes, headers: dict[str, str], get_keys: Callable[[], object]) -> bool:
    """Return whether one of the keys signed this. Raise Rejected where no key could have."""
    tried = False

    def jwk_function(app_definition_id: str) -> object:
        nonlocal tried
        tried = True
        return get_keys()

    try:
        verify(
            settings.BENCHLING_APP_DEFINITION_ID,
            body.decode("utf-8"),
            headers,
            jwk_function=jwk_function,
        )
    except (WebhookVerificationError, ValueError, TypeError, ArithmeticError, OSError) as error:
        # The SDK lets errors through: of times (ValueError, OverflowError, OSError), of base64 and
        # text (ValueError), and of other types of keys (TypeError).
        if not tried:  # stale or malformed: other keys would not help
            raise Rejected(401, "not verified") from error
        return False
    return True


def _message(body: bytes) -> Json:
    """Return the message of a verified body. Raise Rejected if it is for another app or tenant."""
    try:
        envelope: Json = storable(json.loads(body))
    except (ValueError, RecursionError) as error:
        raise Rejected(400, "malformed") from error
    if not isinstance(envelope, dict) or not isinstance(envelope.get("message"), dict):
        raise Rejected(400, "malformed")
    if not isinstance(envelope["message"].get("type"), str):
        raise Rejected(400, "malformed")
    if _id_of(envelope.get("app")) != settings.BENCHLING_APP_ID:
        raise Rejected(403, "another app")
    definition = settings.BENCHLING_APP_DEFINITION_ID
    if definition and _id_of(envelope.get("appDefinition")) != definition:
        raise Rejected(403, "another app definition")
    if _host(envelope.get("baseURL")) != tenant_host():
        raise Rejected(403, "another tenant")
    return dict(envelope["message"])


def _id_of(part: object) -> object:
    return part.get("id") if isinstance(part, dict) else None


def _host(url: object) -> str:
    """Return a tenant's host. The documentation shows a bare host, real deliveries a whole URL."""
    if not isinstance(url, str):
        return ""
    try:
        return (urlsplit(url if "//" in url else f"//{url}").netloc or "").lower()
    except ValueError:
        return ""
