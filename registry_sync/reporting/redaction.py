"""What a page may show of a raw record: everything but secrets.

A secret is a value under a secret's name, a value that equals one of this deployment's secrets, or
the registry's API Key, of which a run keeps only a keyed hash to recognize it by. An answer to a
request that was just sent is searched for what signed it, in every way to write it.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any
from urllib.parse import unquote_plus

from django.conf import settings

from registry_sync.core.secrets import PAIR, SECRET, SHORTEST, hide

HIDDEN = "(hidden: a secret)"
OURS = (
    "BENCHLING_CLIENT_SECRET", "BENCHLING_PRIVATE_KEY", "SECRET_KEY", "METRICS_TOKEN",
    "HEARTBEAT_URL",
)  # fmt: skip
WORDS = (
    re.compile(r"[^\s\"'<>“”]+"),
    re.compile(r"(?<=[=:?&])[^\s\"'<>“”&;,()]+"),
    re.compile(r"[^\s\"'<>“”=?&/,;:()]+"),
)
"""What may be a secret in a text: whole words, what follows a name, the parts of an address."""


def secret_mark(secret: str) -> str:
    """Return a keyed hash by which a secret can be recognized but not read; "" for none."""
    key = str(settings.SECRET_KEY).encode()
    return hmac.new(key, secret.encode(), "sha256").hexdigest()[:32] if secret else ""


def redact(value: Any, marks: Collection[str] = (), secrets: Iterable[str] = ()) -> Any:
    """Return a copy of JSON without its secrets.

    `marks` stand for secrets that are not held; `secrets` are more that are.
    """
    all_secrets = [*(str(getattr(settings, name, "")) for name in OURS), *secrets]
    return _redacted(value, [s for s in all_secrets if len(s) >= SHORTEST], {m for m in marks if m})


def _redacted(value: Any, secrets: list[str], marks: Collection[str]) -> Any:
    if isinstance(value, dict):
        return {
            key: HIDDEN
            if SECRET.fullmatch(str(key)) and item not in (None, "")
            else _redacted(item, secrets, marks)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_redacted(item, secrets, marks) for item in value]
    return _text(value, secrets, marks) if isinstance(value, str) else value


def _text(text: str, secrets: list[str], marks: Collection[str]) -> str:
    text = hide(text, secrets, HIDDEN)
    if not marks:
        return text
    if secret_mark(text) in marks:
        return HIDDEN
    for words in WORDS:
        text = words.sub(lambda word: HIDDEN if _is_marked(word[0], marks) else word[0], text)
    return text


def _is_marked(word: str, marks: Collection[str]) -> bool:
    return any(secret_mark(reading) in marks for reading in _readings(word))


def _readings(word: str) -> Iterator[str]:
    """Yield a word as it is, as an address quotes it, and what HTTP Basic makes a password of."""
    yield word
    if "%" in word or "+" in word:
        yield unquote_plus(word)
    try:
        _, colon, password = base64.b64decode(word, validate=True).decode().partition(":")
    except ValueError:
        return
    if colon:
        yield password


def redact_answer(body: bytes, most: int, secrets: Collection[str]) -> str:
    """Return the first `most` characters of what a server answered, without secrets.

    A value under a secret's name is one, whether the answer is JSON or another text.
    """
    try:
        answer = json.loads(body)
        shown = redact(answer, (), secrets)
        text = body if shown == answer else json.dumps(shown, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        text = body
    beginning = text[: 16 * most].decode("utf-8", "replace").replace("\0", "")
    return redact_text(beginning, secrets)[:most]


def redact_text(text: str, secrets: Collection[str]) -> str:
    """Return a text in which the secrets and the values under a secret's name are hidden."""
    text = str(redact(text, [secret_mark(secret) for secret in secrets], secrets))
    return PAIR.sub(_without_value, text)


def _without_value(pair: re.Match[str]) -> str:
    is_shown = pair[2].strip("\\\"'") and "(hidden:" not in pair[2]
    return f"{pair[1]}{HIDDEN}" if is_shown else pair[0]
