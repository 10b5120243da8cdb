"""Links to the next page: in the body or in the `Link` header.

https://datatracker.ietf.org/doc/html/rfc8288
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from registry_sync.core.setting import FILLED_PATH, setting
from registry_sync.core.types import Json
from registry_sync.source.answers.page_answer import PageAnswer
from registry_sync.source.paginators.base import Paginator, link_position, register, value_at


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
    in_headers: ClassVar[bool] = True
    links_next_key: str = setting("next", "The relation of the link.", example="more")

    def next_position(self, position: Json | None, answer: PageAnswer) -> Json | None:
        return link_position(answer.links.get(self.links_next_key.lower()), answer.url)

    def unseen(self, answer: PageAnswer) -> str:
        """Return "" if a server names other pages but no next one: then there is none."""
        if {"first", "last", "prev"} & answer.links.keys() and self.links_next_key == "next":
            return ""
        return f"Link header; rel={self.links_next_key}"
