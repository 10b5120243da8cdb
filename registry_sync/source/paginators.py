"""How the next page is found: each paginator turns a position into a request, and an answer into
the next position.

A position is a small JSON object that gives its page again in another process; None stands for
the first page where there is nothing to say about it, and for the end. No secret is in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from registry_sync.core.types import Json
from registry_sync.source.connector import SINCE, Connector, Paginator
from registry_sync.source.paths import ABSENT, compile_path

NEXT_URLS = ("next_url", "nextUrl", "next_page_url", "@odata.nextLink", "links.next",
             "_links.next.href", "page_meta.next", "d.__next", "next")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ask:
    """One request for a page."""

    method: str
    url: str
    params: Json
    json: Json | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a paginator sees of a page: its body, its links, how many records, and its URL."""

    body: Any
    links: dict[str, str]
    count: int
    url: str


class Stuck(ValueError):
    """The answer says that there is more, but not in a way that can be followed."""


def ask_of(connector: Connector, position: Json | None, since: str) -> Ask:
    """Say which request gives the page of a position; `since` is "" where everything is asked."""
    terms, holes = connector.paginator, _holes(connector.paginator, position)
    filled: Json = {SINCE: since}
    filled |= {f"{{{name}}}": value for name, value in holes.items()}
    params, body = _filled(connector.params, filled), _filled(connector.json, filled)
    if position is not None and "url" in position:
        # A link is whole in itself; where the page is asked by POST, the body goes along again.
        return Ask(connector.method, str(position["url"]), {}, body)
    written = f"{connector.params}{connector.json}"
    names = {
        "offset": terms.offset_param,
        "limit": terms.page_size_param if terms.type == "page_number" else terms.limit_param,
        "page": terms.page_param,
        "cursor": terms.cursor_param,
    }
    extra = {
        names[hole]: value
        for hole, value in holes.items()
        if names[hole] and f"{{{hole}}}" not in written and value != ""
    }
    if body is not None and not any(name in connector.params for name in extra):
        body = {**body, **extra}
    else:
        params = {**params, **extra}
    return Ask(connector.method, connector.list_url, params, body)


def _holes(terms: Paginator, position: Json | None) -> Json:
    match terms.type:
        case "offset":
            return {"offset": position["offset"] if position else 0, "limit": terms.limit}
        case "page_number":
            return {"page": position["page"] if position else terms.base_page, "limit": terms.limit}
        case "cursor":
            return {"cursor": position["cursor"] if position else terms.initial_cursor}
    return {}


def _filled(value: Any, holes: Json) -> Any:
    """Fill placeholders; one alone keeps its type, and a parameter with an empty one is dropped."""
    if isinstance(value, dict):
        filled = {name: _filled(item, holes) for name, item in value.items()}
        return {name: item for name, item in filled.items() if item is not ABSENT}
    if isinstance(value, list):
        return [item for item in (_filled(part, holes) for part in value) if item is not ABSENT]
    if not isinstance(value, str) or "{" not in value:
        return value
    for hole, given in holes.items():
        if hole in value:
            if given == "":
                return ABSENT
            if value == hole:
                return given
            value = value.replace(hole, str(given))
    return value


def next_position(terms: Paginator, position: Json | None, answer: Answer) -> Json | None:
    """Say where the next page is; None after the last. Raises Stuck."""
    match terms.type:
        case "offset":
            return _next_offset(terms, position, answer)
        case "page_number":
            return _next_page(terms, position, answer)
        case "cursor":
            return _next_cursor(terms, answer)
        case "json_link":
            return _link(_at(answer.body, terms.next_url_path), answer.url)
        case "header_link":
            return _link(answer.links.get(terms.links_next_key.lower()), answer.url)
        case "auto":
            return _link(answer.links.get("next") or _first_url(answer.body), answer.url)
    return None


def unseen_path(terms: Paginator, body: Any) -> str:
    """Name the path where an answer should speak of a next page and has nothing, not even a null.

    Many servers leave the key out of their last page; in the only page it may be misspelt.
    """
    match terms.type:
        case "json_link":
            paths = [terms.next_url_path]
        case "cursor":
            paths = [terms.has_more_path, terms.cursor_path]
        case "page_number":
            paths = [terms.has_more_path]
        case _:
            paths = []
    return next((path for path in paths if path and compile_path(path)(body) is ABSENT), "")


def _next_offset(terms: Paginator, position: Json | None, answer: Answer) -> Json | None:
    if not answer.count:
        return None
    # Some servers cap the page below the limit that was asked: go on by what came.
    offset = (position["offset"] if position else 0) + answer.count
    total = _at(answer.body, terms.total_path) if terms.total_path else None
    if isinstance(total, int) and not isinstance(total, bool) and offset >= total:
        return None
    return {"offset": offset}


def _next_page(terms: Paginator, position: Json | None, answer: Answer) -> Json | None:
    if not answer.count or not _has_more(terms, answer):
        return None
    return {"page": (position["page"] if position else terms.base_page) + 1}


def _next_cursor(terms: Paginator, answer: Answer) -> Json | None:
    if not _has_more(terms, answer):
        return None
    cursor = _at(answer.body, terms.cursor_path)
    if cursor in (None, "", False):
        return None
    if not isinstance(cursor, (str, int)):
        raise Stuck(f"its cursor at {terms.cursor_path} is neither text nor a whole number")
    return {"cursor": cursor}


def _has_more(terms: Paginator, answer: Answer) -> bool:
    if not terms.has_more_path:
        return True
    more = _at(answer.body, terms.has_more_path)
    return more not in (None, False, 0, "", "false", "False", "0")


def _link(link: object, url: str) -> Json | None:
    if link in (None, "", False):
        return None
    if not isinstance(link, str):
        raise Stuck("its next link is no text")
    return {"url": urljoin(url, link.strip())}


def _first_url(body: Any) -> str | None:
    """Find the next link where the field's servers put it; some put a bare token beside it."""
    if not isinstance(body, dict):
        return None
    found = {path: _at(body, path) for path in NEXT_URLS}
    for value in found.values():
        if isinstance(value, str) and re.match(r"https?://|[/?]", value.strip()):
            return value
    named = [path for path, value in found.items() if value not in (None, "", False)]
    if named:
        raise Stuck(f"it names a next page at {named[0]}, but by no address")
    return None


def _at(body: Any, path: str) -> Any:
    found = compile_path(path)(body)
    return None if found is ABSENT else found
