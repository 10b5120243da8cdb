"""What a page may show of a raw record: everything but secrets.

A secret is what bears a secret's name, what equals a secret of ours, and the registry's API Key,
of which a run keeps no more than a mark by which it is known again.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Collection
from typing import Any

from django.conf import settings

from registry_sync.core.secrets import SECRET

HIDDEN = "(hidden: a secret)"
OURS = ("BENCHLING_CLIENT_SECRET", "BENCHLING_PRIVATE_KEY", "SECRET_KEY", "METRICS_TOKEN")
SHORTEST = 4
"""Characters of a secret that is looked for inside texts: shorter ones stand in every word."""
WORDS = (re.compile(r"[^\s\"'<>]+"), re.compile(r"[^\s\"'<>=?&/,;:()]+"))
"""What may be a secret within a text: first what stands alone, then the parts of an address."""


def mark(secret: str) -> str:
    """Give what a secret is known again by, and cannot be read from."""
    key = str(settings.SECRET_KEY).encode()
    return hmac.new(key, secret.encode(), "sha256").hexdigest()[:32] if secret else ""


def redact(value: Any, marks: Collection[str] = ()) -> Any:
    """Copy JSON without its secrets; `marks` are those of secrets that we do not hold."""
    ours = [str(getattr(settings, name, "")) for name in OURS]
    return _redacted(value, [s for s in ours if len(s) >= SHORTEST], {m for m in marks if m})


def _redacted(value: Any, ours: list[str], marks: Collection[str]) -> Any:
    if isinstance(value, dict):
        return {
            key: HIDDEN
            if SECRET.fullmatch(str(key)) and item not in (None, "")
            else _redacted(item, ours, marks)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_redacted(item, ours, marks) for item in value]
    return _text(value, ours, marks) if isinstance(value, str) else value


def _text(text: str, ours: list[str], marks: Collection[str]) -> str:
    for secret in ours:
        text = text.replace(secret, HIDDEN)
    if not marks:
        return text
    if mark(text) in marks:
        return HIDDEN
    for words in WORDS:
        text = words.sub(lambda word: HIDDEN if mark(word[0]) in marks else word[0], text)
    return text
