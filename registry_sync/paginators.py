"""How the next page is found: each paginator turns a position into a request, and an answer into
the next position.

A position is a small JSON object that gives its page again in another process; None stands for
the first page where there is nothing to say about it, and for the end. No secret is in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from .connector import Connector, Paginator
from .paths import ABSENT, compile_path

Json = dict[str, Any]
NEXT_KEYS = ("next", "next_url", "nextUrl", "next_page_url", "@odata.nextLink", "links.next",
             "page_meta.next", "d.__next")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Answer:
    """What a paginator sees of a page: its body, its links, how many records, and its URL."""

    body: Any
    links: dict[str, str]
    count: int
    url: str


def request_of(connector: Connector, position: Json | None) -> tuple[str, Json]:
    """Say which URL and which extra parameters give the page of a position."""
    terms = connector.paginator
    if position and "url" in position:
        return str(position["url"]), {}
    if terms.type == "offset":
        offset = position["offset"] if position else 0
        return connector.list_url, {
            terms.limit_param: terms.limit,
            terms.offset_param: offset,
        }
    if terms.type == "page_number":
        page = position["page"] if position else terms.base_page
        size = {terms.page_size_param: terms.limit} if terms.page_size_param else {}
        return connector.list_url, {terms.page_param: page, **size}
    if terms.type == "cursor":
        cursor = position["cursor"] if position else terms.initial_cursor
        return connector.list_url, {terms.cursor_param: cursor} if cursor else {}
    return connector.list_url, {}


def next_position(terms: Paginator, position: Json | None, answer: Answer) -> Json | None:
    """Say where the next page is; None after the last."""
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
            return _link(answer.links.get(terms.links_next_key), answer.url)
        case "auto":
            found = answer.links.get("next") or _first(answer.body, NEXT_KEYS)
            return _link(found, answer.url)
    return None


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
    if not answer.count:
        return None
    if terms.has_more_path and not _at(answer.body, terms.has_more_path):
        return None
    return {"page": (position["page"] if position else terms.base_page) + 1}


def _next_cursor(terms: Paginator, answer: Answer) -> Json | None:
    if terms.has_more_path and not _at(answer.body, terms.has_more_path):
        return None
    cursor = _at(answer.body, terms.cursor_path)
    return {"cursor": cursor} if cursor not in (None, "", False) else None


def _link(link: object, url: str) -> Json | None:
    return {"url": urljoin(url, link)} if isinstance(link, str) and link else None


def _first(body: Any, paths: tuple[str, ...]) -> object:
    for path in paths:
        found = _at(body, path)
        if isinstance(found, str) and found:
            return found
    return None


def _at(body: Any, path: str) -> Any:
    found = compile_path(path)(body)
    return None if found is ABSENT else found
