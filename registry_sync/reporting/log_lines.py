"""The lines of the service's log, tracebacks included, without secrets."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from django.conf import settings

from registry_sync.core import secrets
from registry_sync.reporting.redaction import HIDDEN, OURS


class SecretFreeFormatter(logging.Formatter):
    """Formats a line without the secrets of this deployment.

    The message of an error that no one foresaw may have any of them, such as a URL with a key.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; a traceback follows it."""
        return secrets.hide(super().format(record), secrets.held() | set(_configured()), HIDDEN)


def _configured() -> Iterator[str]:
    """Yield the secrets that the environment gave."""
    passwords = [database.get("PASSWORD") for database in settings.DATABASES.values()]
    passwords.append(unquote(urlsplit(settings.REDIS_URL or "").password or ""))
    passwords.append(settings.EMAIL_HOST_PASSWORD)
    for secret in (*passwords, *(getattr(settings, name, "") for name in OURS)):
        if len(secret or "") >= secrets.SHORTEST:
            yield str(secret)
