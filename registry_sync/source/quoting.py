"""What a server said, as it may be shown: one short line without the credential."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

LONGEST = 200
"""Characters of a server's message that are shown."""


def quoted(said: str | bytes, secrets: Iterable[str] = ()) -> str:
    """Return a message as one line of at most 200 characters, with each secret as “(key)”."""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    for secret in secrets:
        for form in _forms(secret):
            text = text.replace(form, "(key)")
    return " ".join(text.split())[:LONGEST]


def basic_credential(user: str, secret: str) -> str:
    """Return the value that carries both in an Authorization header, after “Basic ”."""
    return base64.b64encode(f"{user}:{secret}".encode()).decode()


def _forms(secret: str) -> list[str]:
    """Return a secret as it is, and as an address or JSON writes it; the longest first."""
    forms = {secret, quote(secret, safe=""), quote_plus(secret)} if secret else set()
    return sorted(forms, key=len, reverse=True)
