"""The outbox of alerts: each message sent outside any transaction, tried again, and kept.

Sent at least once: a process that dies between sending and noting it lets the next one repeat.
A message bears an id, by which its receiver knows the repeat.
"""

from __future__ import annotations

import json
import logging
import time
from datetime import datetime, timedelta
from smtplib import SMTPException
from urllib.parse import urlsplit

import requests
from django.conf import settings
from django.core.mail import EmailMessage
from django.utils import timezone
from urllib3.util.retry import Retry

from registry_sync import __version__
from registry_sync.core import signing as seal
from registry_sync.core import ssrf as net
from registry_sync.models import AlertMessage

logger = logging.getLogger(__name__)
TIMEOUT = 10.0
"""Seconds a receiver has for each step."""
PATIENCE = 30.0
"""Seconds one round takes at most before it begins no further message."""
WAITS = (1, 5, 30)
"""Minutes before the next tries; then each hour."""
GIVEN_UP = timedelta(hours=24)
"""How old a message may be for one more try."""


class Unsent(Exception):
    """A message did not reach its receiver; its text says why."""


def send_due() -> int:
    """Send what is due; returns how many reached their receiver."""
    deadline, sent = time.monotonic() + PATIENCE, 0
    due = AlertMessage.objects.filter(sent_at__isnull=True, next_try_at__lte=timezone.now())
    for message in due.select_related("alert").order_by("next_try_at")[:50]:
        if time.monotonic() > deadline:
            break
        if _claim(message):
            sent += not send(message)
    return sent


def _claim(message: AlertMessage) -> bool:
    """Take a message for this try, and plan the next; False where another process has it."""
    wait = WAITS[message.attempts] if message.attempts < len(WAITS) else 60
    then: datetime | None = timezone.now() + timedelta(minutes=wait)
    if then is not None and then - message.created_at > GIVEN_UP:
        then = None
    return bool(
        AlertMessage.objects.filter(
            pk=message.pk, attempts=message.attempts, sent_at__isnull=True
        ).update(attempts=message.attempts + 1, next_try_at=then)
    )


def send(message: AlertMessage) -> str:
    """Send one message now and note what happened; "" where it arrived, else why not."""
    error = ""
    try:
        if message.channel == AlertMessage.Channel.EMAIL:
            _mail(message)
        else:
            _post(message)
    except Unsent as unsent:
        error = str(unsent)
        logger.warning("message=%s did not reach its receiver: %s", message.pk, error)
    except Exception as fault:  # whatever one message meets, the others are still sent
        error = f"It could not be sent ({type(fault).__name__}): the operator looks at the log."
        logger.exception("message=%s could not be sent", message.pk)
    values = {"error": error, "sent_at": None if error else timezone.now()}
    AlertMessage.objects.filter(pk=message.pk).update(**values)
    return error


def _mail(message: AlertMessage) -> None:
    if not settings.EMAIL_READY:
        raise Unsent("No e-mail can be sent: the operator sets EMAIL_URL.")
    mail = EmailMessage(message.subject, message.body, to=[message.receiver])
    mail.extra_headers["Auto-Submitted"] = "auto-generated"
    try:
        mail.send()
    except (SMTPException, OSError, ValueError) as error:
        # The server's own words are left out: it may repeat there what it was given.
        code = getattr(error, "smtp_code", "")
        why = f"{type(error).__name__} {code}".strip()
        raise Unsent(f"The mail server did not take it ({why}).") from error


def _post(message: AlertMessage) -> None:
    """POST a message, signed by the app's own key; only a 2xx counts as received."""
    if not settings.BENCHLING_PRIVATE_KEY:
        raise Unsent("It cannot be signed: the operator sets BENCHLING_PRIVATE_KEY.")
    if fault := url_fault(message.receiver):
        raise Unsent(f"The address {fault}.")
    body = json.dumps(_content(message)).encode()
    try:
        signed = seal.headers(
            f"alert-{message.pk}", int(time.time()), body, settings.BENCHLING_PRIVATE_KEY
        )
    except ValueError as error:
        raise Unsent(
            "It cannot be signed: BENCHLING_PRIVATE_KEY is no private key; the operator mends it."
        ) from error
    try:
        with (
            _session() as session,
            session.post(
                message.receiver,
                data=body,
                headers={**signed, "Content-Type": "application/json"},
                timeout=TIMEOUT,
                allow_redirects=False,
                stream=True,
            ) as answer,
        ):
            status = answer.status_code
    except net.Forbidden as error:
        raise Unsent(f"The address is not allowed: {error}.") from error
    except (requests.RequestException, OSError, ValueError) as error:
        raise Unsent(f"The receiver could not be reached ({type(error).__name__}).") from error
    if not 200 <= status < 300:
        redirected = "; redirects are not followed" if 300 <= status < 400 else ""
        raise Unsent(f"The receiver answered {status}{redirected}.")


def url_fault(url: str) -> str:
    """Say what is wrong with a receiver's address, as far as it shows; "" when nothing does."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is no web address"
    if parts.scheme not in ("http", "https") or not host:
        return "is no web address: write https://…"
    if parts.username or parts.password:
        return "holds a name or a password: messages are signed, so none is needed"
    return ""


def _session() -> requests.Session:
    """Make a session that goes only where net.py allows, without proxy, retries or redirects."""
    session = net.open_session(
        allow_private=settings.REGISTRY_ALLOW_PRIVATE_NETWORKS,
        user_agent=f"RegistrySync/{__version__}",
    )
    once = net.JudgedAdapter(
        allow_private=settings.REGISTRY_ALLOW_PRIVATE_NETWORKS, retries=Retry(0, read=False)
    )
    session.mount("https://", once)
    session.mount("http://", once)
    return session


def _content(message: AlertMessage) -> dict[str, object]:
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
