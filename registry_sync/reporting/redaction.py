"""What a page may show of a raw record: everything but secrets.

A secret is a value under a secret's name, a value that equals one of this deployment's secrets, or
the registry's API Key, of which a run keeps only a keyed hash to recognize it by.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Collection
from typing import Any

from django.conf import settings

from registry_sync.core.secrets import SECRET, SHORTEST, hide

HIDDEN = "(hidden: a secret)"
OURS = (
    "BENCHLING_CLIENT_SECRET", "BENCHLING_PRIVATE_KEY", "SECRET_KEY", "METRICS_TOKEN",
    "HEARTBEAT_URL",
)  # fmt: skip
WORDS = (re.compile(r"[^\s\"'<>“”]+"), re.compile(r"[^\s\"'<>“”=?&/,;:()]+"))
"""What may be a secret in a text: first whole words, then the parts of an address."""


def mark(secret: str) -> str:
    """Return a keyed hash by which a secret can be recognized but not read; "" for none."""
    key = str(settings.SECRET_KEY).encode()
    return hmac.new(key, secret.encode(), "sha256").hexdigest()[:32] if secret else ""


def redact(value: Any, marks: Collection[str] = ()) -> Any:
    """Return a copy of JSON without its secrets; `marks` stand for secrets that are not held."""
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
    text = hide(text, ours, HIDDEN)
    if not marks:
        return text
    if mark(text) in marks:
        return HIDDEN
    for words in WORDS:
        text = words.sub(lambda word: HIDDEN if mark(word[0]) in marks else word[0], text)
    return text
