"""What one value of an answer says: yes or no, a number, an address, or nothing. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from registry_sync.core.late_patterns import pattern

NONE = (
    "", "null", "none", "nil", "false", "no", "0", "-1", "undefined", "n/a", "-", "#",
    "javascript:void(0)", "javascript:;",
)  # fmt: skip
PLAIN_YES = ("true", "yes", "ja", "oui", "si", "sí", "sim")
PLAIN_NO = ("false", "no", "nein", "non", "não", "nao")
YES = (*PLAIN_YES, "y", "1", "t", "on", "x")
"""`X` is true in the data of SAP."""
NO = (*PLAIN_NO, "n", "0", "f", "off")
PLAIN = (*PLAIN_YES, *PLAIN_NO)
ADDRESS = pattern(
    r"(?i)https?://[^\s?]*(?:\?[^\r\n]*)?|[/?][^\s?]*(?:\?[^\r\n]*)?"
    r"|[\w.~%+-]*[\w-]\?[^\s=]+=\S*|\.{1,2}/\S*"
)
"""Some servers leave blanks in the query of their links."""
ONLY_HTTP = pattern(r"(?i)https?://\S*")
TOKENISH = pattern(r"token|cursor|marker|bookmark|offset|after|key|continuation|mark$|state")


def is_filled(value: Any) -> bool:
    """Return whether a value about a next page says that there is one."""
    if isinstance(value, str):
        return value.strip().lower() not in NONE
    if isinstance(value, (int, float)):
        return value > 0
    return value is not None and value not in ({}, [])


def truth_of(value: Any) -> bool | None:
    """Return what a flag says; None if it is no flag."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and value in (0, 1):
        return bool(value)
    if isinstance(value, str):
        text = value.strip().lower()
        return True if text in YES else False if text in NO else None
    return None


def as_number(value: Any) -> int | None:
    """Return a whole number that is 0 or more, also where it is written as text."""
    if isinstance(value, str) and value.strip().isdecimal() and len(value) < 19:
        return int(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    return None


def address_in(value: Any, word: str) -> str:
    """Return the address that a value is or holds (`{"href": …}`); "" if there is none."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, dict):
        inner = (value.get(key) for key in ("href", "url", "$url", "uri", "link", "$ref", "@id"))
        value, word = next((item for item in inner if isinstance(item, str)), ""), "href"
    if not isinstance(value, str):
        return ""
    text = value.strip()
    form = ONLY_HTTP if TOKENISH.search(word) else ADDRESS
    return text if form.fullmatch(text) else ""


def below_context(address: str, beside: Mapping[str, Any]) -> str:
    """Return the path of a link from the root of its host, where a context is said beside it.

    The address that it calls its base ends with it:
    `{"next": "/rest/api/content?start=5", "base": "https://x/wiki", "context": "/wiki"}`
    https://developer.atlassian.com/server/confluence/pagination-in-the-rest-api/
    """
    context, base = beside.get("context"), str(beside.get("base", ""))
    if not isinstance(context, str) or not re.fullmatch(r"(?:/[\w.~-]+)+", context):
        return address
    if not base.rstrip("/").endswith(context):
        return address
    is_below = not address.startswith("/") or address.startswith((f"{context}/", "//"))
    return address if is_below else context + address


def as_mapping(value: Any) -> Mapping[str, Any]:
    """Return an object as it is, and anything else as an empty one."""
    return value if isinstance(value, Mapping) else {}


def is_ahead(last: str, first: str) -> bool:
    """Return whether one address has a greater page number or offset than another."""
    earlier = dict(parse_qsl(urlsplit(first).query))
    for name, value in parse_qsl(urlsplit(last).query):
        number = as_number(value)
        page = re.search(r"page(?!.?size)|number", name.lower())
        before = as_number(earlier.get(name)) or (1 if page else 0)
        if number is not None and number > before and (name in earlier or page):
            return True
    return False
