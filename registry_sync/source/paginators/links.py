"""Links to the next page: in the body, in the `Link` header, or wherever one is found.

https://datatracker.ietf.org/doc/html/rfc8288
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from registry_sync.core.types import Json
from registry_sync.source.paginators.base import (
    PageAnswer,
    Paginator,
    Stuck,
    link_position,
    register,
    value_at,
)

NEXT_URLS = ("next_url", "nextUrl", "next_page_url", "@odata.nextLink", "links.next",
             "_links.next.href", "page_meta.next", "d.__next", "next")  # fmt: skip
"""Where common servers put the link to the next page."""


@register("json_link")
@dataclass(frozen=True, slots=True)
class JsonLink(Paginator):
    """Follows a link in the body."""

    about = "`next_url_path` (default next): the path of the link in the body"
    required = ("next_url_path",)
    next_url_path: str = "next"

    def next_position(self, position: Json | None, answer: PageAnswer) -> Json | None:
        return link_position(value_at(answer.body, self.next_url_path), answer.url)

    def paths_to_next(self) -> tuple[str, ...]:
        return (self.next_url_path,)


@register("header_link")
@dataclass(frozen=True, slots=True)
class HeaderLink(Paginator):
    """Follows a link of the `Link` header."""

    about = "`links_next_key` (default next): the relation in the `Link` header"
    links_next_key: str = "next"

    def next_position(self, position: Json | None, answer: PageAnswer) -> Json | None:
        return link_position(answer.links.get(self.links_next_key.lower()), answer.url)


@register("auto")
@dataclass(frozen=True, slots=True)
class Auto(Paginator):
    """Follows a next link in the `Link` header, or where common servers put one in the body."""

    about = "the default: a next link in the `Link` header, or in the body under a common name"

    def next_position(self, position: Json | None, answer: PageAnswer) -> Json | None:
        return link_position(answer.links.get("next") or _usual_link(answer.body), answer.url)


def _usual_link(body: Any) -> str | None:
    """Return a next link from a body, where some put a bare token, too. Raises Stuck."""
    if not isinstance(body, dict):
        return None
    found = {path: value_at(body, path) for path in NEXT_URLS}
    for value in found.values():
        if isinstance(value, str) and re.match(r"https?://|[/?]", value.strip()):
            return value
    named = [path for path, value in found.items() if value not in (None, "", False)]
    if named:
        raise Stuck(f"it mentions a next page at {named[0]}, but without a URL")
    return None
