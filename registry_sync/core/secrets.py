"""What looks like a secret."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

SECRET = re.compile(r"(?i).*(token|secret|password|passwd|api[-_]?key|apikey|authorization|cookie)")
PLACEHOLDER = re.compile(r"|\{.*\}")


def is_secret(name: str, value: object) -> bool:
    """Return whether a setting is a secret; one that is empty or a placeholder is none."""
    held = isinstance(value, (str, int, float)) and not isinstance(value, bool)
    return bool(SECRET.fullmatch(name)) and held and not PLACEHOLDER.fullmatch(str(value))


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


def public_address(url: str) -> str:
    """Return a URL without user, password, and parameters that are secrets."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    given = parse_qsl(parts.query, keep_blank_values=True)
    kept = [(name, value) for name, value in given if not is_secret(name, value)]
    query = parts.query if len(kept) == len(given) else urlencode(kept)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=query))
