"""What looks like a secret, which secrets this process holds, and texts without them."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlencode, urlsplit, urlunsplit

NAMES = r"(?:token|secret|password|passwd|api[-_]?key|authorization|cookie)"
SECRET = re.compile(f"(?i).*{NAMES}")
PAIR = re.compile(
    rf"""(?imx)
    ( (?: ^ | ["'<?&{{,;(] ) [ \t]* [\w.-]* {NAMES} (?:\\?["'])? \s* [:=>] \s*
      | (?<![\w.-]) [\w.-]* {NAMES} = )
    ( "(?:[^"\\]|\\.)*"? | '(?:[^'\\]|\\.)*'? | \\["'].*?(?:\\["']|$)
      | (?:(?:bearer|basic)\s+)? [^\s"'\\<>&;,]+ )
    """
)
"""A value under a secret's name in a text: of a form, a header, or JSON or XML that is cut."""
PLACEHOLDER = re.compile(r"|\{.*\}")


def is_secret(name: str, value: object) -> bool:
    """Return whether a setting is a secret; one that is empty or a placeholder is none."""
    is_scalar = isinstance(value, (str, int, float)) and not isinstance(value, bool)
    return bool(SECRET.fullmatch(name)) and is_scalar and not PLACEHOLDER.fullmatch(str(value))


def without_secrets(value: Any) -> Any:
    """Return a copy of JSON settings in which every secret is empty text."""
    if isinstance(value, list):
        return [without_secrets(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: "" if is_secret(str(key), item) else without_secrets(item)
        for key, item in value.items()
    }


def password_of(url: str) -> str:
    """Return the password in a URL; "" where there is none, or the text is no URL."""
    try:
        return unquote(urlsplit(url).password or "")
    except ValueError:
        return ""


def public_address(url: str) -> str:
    """Return a URL without user, password, and parameters that are secrets."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    params = parse_qsl(parts.query, keep_blank_values=True)
    kept = [(name, value) for name, value in params if not is_secret(name, value)]
    query = parts.query if len(kept) == len(params) else urlencode(kept)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=query))


QUOTED = re.compile("%[0-9A-F]{2}")
SHORTEST = 4
"""Characters below which a secret is not searched for: it would be found everywhere."""
_held: set[str] = set()


def remember(*secrets: str) -> None:
    """Note secrets that this process was given, so that no line of its log contains them."""
    _held.update(secret for secret in secrets if len(secret) >= SHORTEST)


def held_secrets() -> frozenset[str]:
    """Return the secrets that this process was given."""
    return frozenset(_held)


def hide(text: str, secrets: Iterable[str], shown: str) -> str:
    """Return a text with `shown` in place of each secret, however it is escaped there."""
    to_hide = frozenset(filter(None, secrets))
    if not any(form in text for form in _all_forms(to_hide)):
        return text  # the pattern of a private key takes 40 ms to compile
    return _pattern(to_hide).sub(lambda _: shown, text)


def shortened(text: str, most: int) -> str:
    """Return a text of at most `most` characters, as pages show it.

    What is cut is without this process's secrets: no one would recognize a part of one.
    """
    return text if len(text) <= most else hide(text, held_secrets(), "(key)")[:most]


@lru_cache(maxsize=32)
def _all_forms(secrets: frozenset[str]) -> list[str]:
    forms = {form for secret in secrets for form in _forms(secret)}
    return sorted(forms, key=len, reverse=True)


@lru_cache(maxsize=32)
def _pattern(secrets: frozenset[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, _all_forms(secrets))))


def _forms(secret: str) -> set[str]:
    """Return a secret as it is, and as an address, JSON or HTML writes it."""
    forms = {secret, *(json.dumps(secret, ensure_ascii=ascii)[1:-1] for ascii in (True, False))}
    forms |= {json.dumps(form)[1:-1] for form in forms} | {html.escape(form) for form in forms}
    quoted = {quote(secret), quote(secret, safe=""), quote_plus(secret)}
    return forms | quoted | {QUOTED.sub(lambda sign: sign[0].lower(), form) for form in quoted}
