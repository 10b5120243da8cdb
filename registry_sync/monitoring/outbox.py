"""The outbox of alerts: each message is sent outside any transaction, retried, and kept.

Messages are sent at least once: if a process dies between sending and recording it, the next one
sends the message again. A message has an id, by which its recipient recognizes the repeat.
"""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta

from django.utils import timezone

from registry_sync.models import AlertMessage
from registry_sync.monitoring.channels import CHANNELS, Unsent

logger = logging.getLogger(__name__)
PATIENCE = 30.0
"""Seconds after which one round starts no further message."""
RETRY_AFTER = (1, 5, 30)
"""Minutes before the next attempts; after these, every hour."""
GIVE_UP_AFTER = timedelta(hours=24)
"""How old a message may be at its last attempt."""


def send_due() -> int:
    """Send the messages whose time has come; return how many messages reached their recipient."""
    deadline, sent = time.monotonic() + PATIENCE, 0
    due = AlertMessage.objects.filter(sent_at__isnull=True, next_try_at__lte=timezone.now())
    for message in due.select_related("alert").order_by("next_try_at")[:50]:
        if time.monotonic() > deadline:
            break
        if _claim(message):
            sent += not send(message)
    return sent


def _claim(message: AlertMessage) -> bool:
    """Claim a message for this attempt and plan the next; False if another process has it."""
    attempts = message.attempts
    wait = RETRY_AFTER[attempts] if attempts < len(RETRY_AFTER) else 60
    then: datetime | None = timezone.now() + timedelta(minutes=wait)
    if then is not None and then - message.created_at > GIVE_UP_AFTER:
        then = None
    unclaimed = AlertMessage.objects.filter(pk=message.pk, attempts=attempts, sent_at__isnull=True)
    return bool(unclaimed.update(attempts=attempts + 1, next_try_at=then))


def send(message: AlertMessage) -> str:
    """Send one message now and record the result; return "" if it arrived, else why not."""
    error = ""
    try:
        CHANNELS[message.channel].send(message)
    except Unsent as unsent:
        error = str(unsent)
        _put_off(message, unsent.retry_after)
        logger.warning("message=%s did not reach its recipient: %s", message.pk, error)
    except Exception as fault:  # whatever one message meets, the others are still sent
        error = f"Sending failed ({type(fault).__name__}). The operator must check the log."
        logger.exception("message=%s could not be sent", message.pk)
    values = {"error": error, "sent_at": None if error else timezone.now()}
    AlertMessage.objects.filter(pk=message.pk).update(**values)
    return error


def _put_off(message: AlertMessage, seconds: float | None) -> None:
    """Plan the next attempt no earlier than the recipient asked for, and within the limit."""
    if not seconds:
        return
    latest = message.created_at + GIVE_UP_AFTER
    then = min(timezone.now() + timedelta(seconds=seconds), latest)
    planned = AlertMessage.objects.filter(pk=message.pk, next_try_at__lt=then)
    planned.update(next_try_at=then)
