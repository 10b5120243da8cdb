"""Links to the next page: in the body, in the `Link` header, or wherever one is found.

https://datatracker.ietf.org/doc/html/rfc8288
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from registry_sync.core.setting import FILLED_PATH, setting
from registry_sync.core.types import Json
from registry_sync.source.answers.page_answer import PageAnswer
from registry_sync.source.completeness.more import first_address, marks_of
from registry_sync.source.completeness.proposals import propose
from registry_sync.source.paginators.base import (
    Paginator,
    Stuck,
    link_position,
    register,
    value_at,
)


@register("json_link")
@dataclass(frozen=True, slots=True)
class JsonLink(Paginator):
    """Follows a link in the body."""

    about: ClassVar[str] = "Follows a link in the body"
    required: ClassVar[tuple[str, ...]] = ("next_url_path",)
    next_url_path: str = setting(
        "next", "The path of the link.", type=FILLED_PATH, example="links.next"
    )

    def next_position(self, position: Json | None, answer: PageAnswer) -> Json | None:
        return link_position(value_at(answer.body, self.next_url_path), answer.url)

    def paths_to_next(self) -> tuple[str, ...]:
        return (self.next_url_path,)


@register("header_link")
@dataclass(frozen=True, slots=True)
class HeaderLink(Paginator):
    """Follows a link of the `Link` header."""

    about: ClassVar[str] = "Follows a link of the `Link` header"
    links_next_key: str = setting("next", "The relation of the link.", example="more")

    def next_position(self, position: Json | None, answer: PageAnswer) -> Json | None:
        return link_position(answer.links.get(self.links_next_key.lower()), answer.url)

    def unseen(self, answer: PageAnswer) -> str:
        """A server that names other pages, but no next one, says that there is none."""
        if {"first", "last", "prev"} & answer.links.keys() and self.links_next_key == "next":
            return ""
        return f"Link header; rel={self.links_next_key}"


@register("auto")
@dataclass(frozen=True, slots=True)
class Auto(Paginator):
    """Follows a next link in the `Link` header or the body, and refuses what it cannot follow."""

    about: ClassVar[str] = (
        "The default: follows a next link in the `Link` header, or in the body or a header under "
        "any name that begins with “next”"
    )

    def next_position(self, position: Json | None, answer: PageAnswer) -> Json | None:
        marks = marks_of(answer)
        if link := answer.links.get("next") or first_address(marks):
            return link_position(link, answer.url)
        if position is not None:  # where links lead on, a token without a link is no next page
            marks = [mark for mark in marks if mark.kind != "token"]
        if marks and marks[0].sure:
            raise Stuck(
                f"it mentions a next page at {marks[0].said}, but without a URL",
                propose(marks, answer),
            )
        return None
