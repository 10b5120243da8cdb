"""The default: whatever an answer names as its next page is followed, if it can be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from registry_sync.core.problems import SourceError
from registry_sync.core.types import Json
from registry_sync.source.answers.page_answer import PageAnswer
from registry_sync.source.completeness.more import first_address, marks_of
from registry_sync.source.completeness.next_page_settings import as_pasted, next_paginator
from registry_sync.source.completeness.tokens import token_to_follow
from registry_sync.source.errors import bad_answer
from registry_sync.source.loop_detection import CACHED
from registry_sync.source.paginators.base import (
    PAGINATORS,
    Paginator,
    Stuck,
    link_position,
    register,
)

FOUND = "by"
"""The key of a position that holds the paginator it was found by, as settings."""
NOT_THE_TOKEN = ("registry_unauthorised", "registry_elsewhere", "registry_certificate")


@register("auto")
@dataclass(frozen=True, slots=True)
class Auto(Paginator):
    """Follows a next link, or a token whose parameter is known, and refuses anything else."""

    about: ClassVar[str] = (
        "The default: follows a next link in the `Link` header, or in the body or a header under "
        "any name that begins with “next”, and tokens such as `nextPageToken`"
    )

    def at(self, position: Json | None) -> Paginator:
        found = (position or {}).get(FOUND)
        return self._made(found) if found else self

    def next_position(self, position: Json | None, answer: PageAnswer) -> Json | None:
        if position is not None and (found := position.get(FOUND)):
            return _by(found, self._made(found).next_position(position, answer))
        marks = marks_of(answer)
        if link := answer.links.get("next") or first_address(marks):
            return link_position(link, answer.url)
        if position is not None:  # where links lead on, a token without a link is no next page
            marks = [mark for mark in marks if mark.kind not in ("token", "number")]
        elif found := token_to_follow(marks, answer):
            return _by(found, self._made(found).next_position(None, answer))
        if marks and marks[0].sure:
            raise Stuck(
                f"it mentions a next page at {marks[0].in_words}, but without a URL",
                next_paginator(marks, answer),
            )
        return None

    def _made(self, found: Json) -> Paginator:
        settings = {name: value for name, value in found.items() if name != "type"}
        return replace(
            PAGINATORS[found["type"]](**settings),
            total_path=self.total_path,
            max_pages=self.max_pages,
            stable_order=self.stable_order,
        )


def _by(found: Json, position: Json | None) -> Json | None:
    return None if position is None else {**position, FOUND: found}


def doubt_of(position: Json | None, pages: int, error: SourceError) -> SourceError:
    """Return an error of a second page as the doubt about its token that it may be.

    `pages` were read before. The parameter of a token was concluded from the token's name.
    """
    found = (position or {}).get(FOUND)
    if not found or pages != 1 or error.transient or error.code in NOT_THE_TOKEN:
        return error
    if error.remedy.startswith(CACHED):
        return error
    place = found.get("cursor_param") or found.get("cursor_body_path")
    path = found.get("cursor_path") or f"header {found.get('cursor_key')}"
    return bad_answer(
        f"it mentions a next page at {path}, but with that as “{place}” of the request "
        f"{(error.message.partition(': ')[2] or error.message).rstrip('.')}",
        "sets endpoint.paginator in Connector Settings, with the registry's own name of the "
        f"parameter: {as_pasted(_renamed(found))}",
        code="registry_paging",
    )


def _renamed(found: Json) -> Json:
    """Return the paginator with the token's own key as its parameter, as some servers have it."""
    place = "cursor_param" if "cursor_param" in found else "cursor_body_path"
    key = found.get("cursor_path", "").rpartition(".")[2]
    return {**found, place: key} if key else found
