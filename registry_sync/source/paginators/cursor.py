"""Cursors: a token in the body that leads to the next page."""

from __future__ import annotations

from dataclasses import dataclass

from registry_sync.core.types import Json
from registry_sync.source.paginators.base import (
    PageAnswer,
    Paginator,
    Stuck,
    has_more,
    register,
    value_at,
)


@register("cursor")
@dataclass(frozen=True, slots=True)
class Cursor(Paginator):
    """Sends the token of each page to get the next, until a page has none."""

    about = "`cursor_path`, `cursor_param`, `initial_cursor`, `has_more_path`"
    required = ("cursor_path",)
    cursor_path: str = ""
    cursor_param: str = "cursor"
    initial_cursor: str = ""
    has_more_path: str = ""

    def parameters(self) -> dict[str, str]:
        return {"cursor": self.cursor_param}

    def values(self, position: Json | None) -> Json:
        return {"cursor": position["cursor"] if position else self.initial_cursor}

    def next_position(self, position: Json | None, answer: PageAnswer) -> Json | None:
        if not has_more(answer.body, self.has_more_path):
            return None
        cursor = value_at(answer.body, self.cursor_path)
        if cursor in (None, "", False):
            return None
        if not isinstance(cursor, (str, int)):
            raise Stuck(f"its cursor at {self.cursor_path} is neither text nor a whole number")
        return {"cursor": cursor}

    def paths_to_next(self) -> tuple[str, ...]:
        return (self.has_more_path, self.cursor_path)
