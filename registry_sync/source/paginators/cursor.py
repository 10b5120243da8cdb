"""Cursors: a token in the body or a header that leads to the next page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from registry_sync.core.setting import FILLED, FILLED_PATH, setting
from registry_sync.core.types import Json
from registry_sync.source.answers.page_answer import PageAnswer
from registry_sync.source.completeness.more import Mark
from registry_sync.source.completeness.next_words import RESUMES
from registry_sync.source.completeness.said_values import is_filled
from registry_sync.source.paginators.base import (
    Paginator,
    Stuck,
    has_more,
    register,
    value_at,
)
from registry_sync.source.paths import ABSENT, compile_path

NO_CURSOR = (0, -1)
"""Numbers that end a list: where it begins, no next page is."""


@register("cursor")
@dataclass(frozen=True, slots=True)
class Cursor(Paginator):
    """Sends the token of each page to get the next, until a page has none."""

    about: ClassVar[str] = "Sends a token from the body of each page to get the next"
    required: ClassVar[tuple[str, ...]] = ("cursor_path",)
    cursor_path: str = setting(
        "", "Where an answer has the token.", type=FILLED_PATH, example="nextPageToken"
    )
    cursor_param: str = setting(
        "cursor", "The query parameter that takes the token.", example="pageToken"
    )
    cursor_body_path: str = setting(
        "", "Where the JSON body takes the token, instead of a parameter.", example="page.after"
    )
    initial_cursor: str = setting("", "The token of the first page.", example="*")
    has_more_path: str = setting(
        "", "Where an answer says whether there is more. A last page then may have a token.",
        example="has_more",
    )  # fmt: skip
    stop_after_empty_page: bool = setting(
        False, "Whether an empty page ends the list, whatever its token.", example=True
    )

    def parameters(self) -> dict[str, str]:
        return {"cursor": self.cursor_param}

    def body_paths(self) -> dict[str, str]:
        return {"cursor": self.cursor_body_path} if self.cursor_body_path else {}

    def values(self, position: Json | None) -> Json:
        return {"cursor": position["cursor"] if position else self.initial_cursor}

    def next_position(self, position: Json | None, answer: PageAnswer) -> Json | None:
        if not has_more(answer.body, self.has_more_path):
            return None
        if self.stop_after_empty_page and not answer.count:
            return None
        cursor = value_at(answer.body, self.cursor_path)
        if cursor in NO_CURSOR or not (isinstance(cursor, int) or is_filled(cursor)):
            return None
        if not isinstance(cursor, (str, int)):
            raise Stuck(f"its cursor at {self.cursor_path} is neither text nor a whole number")
        if self.has_more_path:  # it says that there is more: a cursor that stays is a loop
            return {"cursor": cursor}
        return cursor_position(cursor, position, answer)

    def paths_to_next(self) -> tuple[str, ...]:
        return (self.has_more_path, self.cursor_path)

    def explains(self, mark: Mark, answer: PageAnswer) -> bool:
        """Return whether a mark is a token: another way to the page that the cursor leads to."""
        has_cursor = compile_path(self.cursor_path)(answer.body) is not ABSENT
        is_token = mark.kind == "token" or RESUMES.fullmatch(mark.entry.word) is not None
        return is_token and (has_cursor or (answer.pages > 1 and not mark.sure))


@register("header_cursor")
@dataclass(frozen=True, slots=True)
class HeaderCursor(Paginator):
    """Sends the token of each page's header to get the next, until an answer has none."""

    about: ClassVar[str] = "Sends a token from a header of each page to get the next"
    required: ClassVar[tuple[str, ...]] = ("cursor_key",)
    in_headers: ClassVar[bool] = True
    cursor_key: str = setting(
        "next", "The header that has the token.", type=FILLED, example="X-Next-Cursor"
    )
    cursor_param: str = setting(
        "cursor", "The query parameter that takes the token.", example="after"
    )

    def parameters(self) -> dict[str, str]:
        return {"cursor": self.cursor_param}

    def values(self, position: Json | None) -> Json:
        return {"cursor": position["cursor"] if position else ""}

    def next_position(self, position: Json | None, answer: PageAnswer) -> Json | None:
        cursor = answer.headers.get(self.cursor_key, "").strip()
        return cursor_position(cursor, position, answer) if is_filled(cursor) else None

    def paths_to_next(self) -> tuple[str, ...]:
        return (self.cursor_key,)

    def unseen(self, answer: PageAnswer) -> str:
        return "" if self.cursor_key in answer.headers else f"header {self.cursor_key}"


def cursor_position(cursor: str | int, position: Json | None, answer: PageAnswer) -> Json | None:
    """Return the position of a cursor; None if it stays and the page is empty: that is the end."""
    if position is not None and position.get("cursor") == cursor and not answer.count:
        return None
    return {"cursor": cursor}
