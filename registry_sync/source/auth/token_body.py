"""The body of a token service's answer: its object, the token in it, and its lifetime. Pure."""

from __future__ import annotations

import json
import math
import re
from typing import Any
from urllib.parse import parse_qsl

from registry_sync.core.types import Json
from registry_sync.source.answers.decoding import charset_of

USUAL_LIFETIME = 300.0
"""Seconds that a token lasts whose answer does not say."""
LONGEST_LIFETIME = 86400.0
FORM = re.compile(r"(?:[\w.-]+=[^&\s<>{}]*&)*(?:access_?token|error)=[^&\s<>{}]+", re.IGNORECASE)
DEPTH = 3
"""Levels of objects in which a token is looked for."""
TOKEN = "accesstoken"
OTHER_NAMES = ("token", "jwt", "authtoken", "bearertoken", "sessiontoken")
"""Names under which services that are not by OAuth 2 give their token."""


def read_body(content: bytes, content_type: str) -> Json:
    """Return a JSON object, or a form as some services answer; {} if it is neither.

    Either may come under the other's type, or as plain text.
    """
    text = _decoded(content, charset_of(content_type)).strip()
    try:
        body: Any = json.loads(text)
    except (ValueError, RecursionError):
        is_form = "x-www-form-urlencoded" in content_type.lower() or FORM.match(text)
        return dict(parse_qsl(text)) if is_form else {}
    return body if isinstance(body, dict) else {}


def with_token(body: Json, *, by_standard: bool = False) -> Json:
    """Return the object of an answer that has the token, by plain keys: itself or one inside it.

    `{"data": {"access_token": …}}`. A token of another name is given as `accesstoken`, too,
    unless only those `by_standard` count. It must be in the answer itself, or in its `data`.
    """
    level = [body]
    for _ in range(DEPTH):
        for each in level:
            plain = _plainly(each)
            if TOKEN in plain:
                return plain
        level = [inner for each in level for inner in each.values() if isinstance(inner, dict)]
    return {} if by_standard else _with_other_token(body)


def _with_other_token(body: Json) -> Json:
    outer = _plainly(body)
    for plain in (outer, _plainly(outer.get("data"))):
        named = (plain.get(name) for name in OTHER_NAMES)
        token = next((value for value in named if value and isinstance(value, str)), "")
        if token:
            return {**plain, TOKEN: token}
    return {}


def _plainly(found: Any) -> Json:
    """Return an object by plain keys; {} for any other value."""
    return {_plain(key): value for key, value in found.items()} if isinstance(found, dict) else {}


def _decoded(content: bytes, charset: str) -> str:
    """Return the text of a body: as Unicode, else in the stated charset; bad bytes are replaced."""
    for codec in (json.detect_encoding(content), charset):
        try:
            return content.decode(codec)
        except (UnicodeDecodeError, LookupError):
            continue
    return content.decode(errors="replace")


def _plain(key: object) -> str:
    """Return a key without the ways to write it: `access_token` and `accessToken` are one."""
    return str(key).replace("_", "").replace("-", "").lower()


def seconds_of(value: object) -> float | None:
    """Return a lifetime in seconds; None if it is no positive number."""
    if value in (None, 0, "", "0", -1, "-1"):  # some services write -1 for a token that lasts
        return USUAL_LIFETIME
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return None
    return min(seconds, LONGEST_LIFETIME) if math.isfinite(seconds) and seconds > 0 else None
