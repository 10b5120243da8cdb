"""What a server said, as it may be shown: one short line without the credential."""

from __future__ import annotations

import base64
from collections.abc import Iterable

from registry_sync.core.secrets import hide

LONGEST = 200
"""Characters of a server's message that are shown."""


def quoted_line(message: str | bytes, secrets: Iterable[str] = ()) -> str:
    """Return a message as one line of at most 200 characters, with each secret as “(key)”."""
    text = message.decode("utf-8", "replace") if isinstance(message, bytes) else message
    return " ".join(hide(text, secrets, "(key)").split())[:LONGEST]


def basic_credential(user: str, secret: str) -> str:
    """Return the value that carries both in an Authorization header, after “Basic ”."""
    return base64.b64encode(f"{user}:{secret}".encode()).decode()
