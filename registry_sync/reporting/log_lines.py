"""The lines of the service's log, tracebacks included, without secrets."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime

from django.conf import settings

from registry_sync.core import log_context, secrets
from registry_sync.reporting.redaction import HIDDEN, OURS

BREAKS = re.compile(r"[\x00-\x08\n-\x1f\x7f-\x9f\u2028\u2029]")
"""What a terminal or a collector of logs takes for the end of a line, or obeys."""
PLAIN = re.compile(r"[\w.:/@+-]+")


class SecretFreeFormatter(logging.Formatter):
    """Formats a line as text, without the secrets of this deployment.

    The message of an error that no one foresaw may have any of them, such as a URL with a key.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; a traceback follows it."""
        record.ids = "".join(f"{name}={_quoted(value)} " for name, value in _ids(record).items())
        return secrets.hide(super().format(record), _secrets(), HIDDEN)

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Return the line alone, whatever a registry's message has in it: no text forges a line."""
        if BREAKS.search(record.message):  # secrets first: a key has several lines
            hidden = secrets.hide(record.message, _secrets(), HIDDEN)
            record.message = BREAKS.sub(_escaped, hidden)
        return super().formatMessage(record)


class JsonFormatter(logging.Formatter):
    """Formats a line as one JSON object, without the secrets of this deployment.

    Its keys are `time` (UTC), `level`, `logger`, `message`, the ids that the line belongs to
    (`run`, `lane`, `delivery`, `request`), and `exception` with a traceback.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_ids(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        # Each by itself: in the JSON text a secret may be escaped, and so not be found.
        known_secrets = _secrets()
        shown = {
            key: secrets.hide(value, known_secrets, HIDDEN) if isinstance(value, str) else value
            for key, value in line.items()
        }
        return BREAKS.sub(_as_json, json.dumps(shown, ensure_ascii=False))


def _ids(record: logging.LogRecord) -> dict[str, str | int]:
    """Return what a line belongs to: what is bound around it, and what it says itself.

    Django logs an answer of 400 and more when the middleware has ended, with the request.
    """
    request = getattr(getattr(record, "request", None), "META", {}).get(log_context.REQUEST)
    own = {"request": request} if request else {}
    return {**log_context.bound(), **own, **getattr(record, "belongs_to", {})}


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


def _as_json(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def _quoted(value: str | int) -> str:
    text = str(value)
    return text if PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def _secrets() -> frozenset[str]:
    """Return every secret that a line may not show."""
    return secrets.held_secrets() | set(_configured())


def _configured() -> Iterator[str]:
    """Yield the secrets that the environment gave."""
    passwords = [database.get("PASSWORD") for database in settings.DATABASES.values()]
    passwords.append(secrets.password_of(settings.REDIS_URL))
    passwords.append(settings.EMAIL_HOST_PASSWORD)
    for secret in (*passwords, *(getattr(settings, name, "") for name in OURS)):
        if len(secret or "") >= secrets.SHORTEST:
            yield str(secret)
