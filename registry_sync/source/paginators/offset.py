"""Offset and limit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from registry_sync.core.setting import setting, whole
from registry_sync.core.types import Json
from registry_sync.source.answers.page_answer import PageAnswer
from registry_sync.source.answers.totals import find_total
from registry_sync.source.paginators.base import (
    Paginator,
    empty_page_ends,
    goes_on_empty,
    has_more,
    register,
)


@register("offset")
@dataclass(frozen=True, slots=True)
class Offset(Paginator):
    """Skips the records that were read, until a page is empty and nothing says more."""

    about: ClassVar[str] = "Skips the records that were read"
    counted: ClassVar[bool] = True
    overlaps: ClassVar[bool] = True
    bound: ClassVar[str] = "maximum_offset"
    limit: int = setting(500, "The number of records on a page.", example=100)
    offset: int = setting(
        0, "The offset of the first record: 1 where a registry counts them from 1.",
        type=whole(0), example=1,
    )  # fmt: skip
    limit_param: str = setting("limit", "The query parameter of the limit.", example="pageSize")
    offset_param: str = setting("offset", "The query parameter of the offset.", example="skip")
    limit_body_path: str = setting(
        "", "Where the JSON body takes the limit, instead of a parameter.", example="page.size"
    )
    offset_body_path: str = setting(
        "", "Where the JSON body takes the offset, instead of a parameter.", example="page.from"
    )
    has_more_path: str = setting(
        "", "Where an answer says whether there is more.", example="has_more"
    )
    maximum_offset: int = setting(
        0, "The greatest offset that is requested. Without it, there is no limit.",
        type=whole(1), shown="", example=10_000,
    )  # fmt: skip
    stop_after_empty_page: bool | None = empty_page_ends()

    def fault(self) -> str:
        """Refuse to read without any end."""
        ends = ("total_path", "has_more_path", "maximum_offset")
        return self.needs_one_of(ends) if self.stop_after_empty_page is False else ""

    def parameters(self) -> dict[str, str]:
        return {"offset": self.offset_param, "limit": self.limit_param}

    def body_paths(self) -> dict[str, str]:
        paths = {"offset": self.offset_body_path, "limit": self.limit_body_path}
        return {name: path for name, path in paths.items() if path}

    def values(self, position: Json | None) -> Json:
        offset = position["offset"] - ("after" in position) if position else self.offset
        return {"offset": offset, "limit": self.limit}

    def next_position(self, position: Json | None, answer: PageAnswer) -> Json | None:
        if not has_more(answer.body, self.has_more_path):
            return None
        now = position["offset"] if position else self.offset
        if not answer.count and not self._goes_on(now, answer):
            return None
        # Some servers return fewer than the limit: continue from what they returned.
        step, gaps = answer.count, "window" in (position or {}) or not answer.count
        if gaps and (not step or answer.largest == self.limit):
            step = max((answer.largest or self.limit) - ("after" in (position or {})), 1)
        offset = now + step
        if self.maximum_offset and offset >= self.maximum_offset:
            return None
        # After an empty page, hidden records are counted too: on by whole windows.
        return {"offset": offset, "window": True} if gaps else {"offset": offset}

    def paths_to_next(self) -> tuple[str, ...]:
        return (self.has_more_path,)

    def _goes_on(self, now: int, answer: PageAnswer) -> bool:
        """Return whether records may follow an empty page: hidden ones leave gaps."""
        if self.stop_after_empty_page:
            return False
        if self.has_more_path:
            return True
        total = find_total(answer, self.total_path, last=False) if answer.whole else None
        if total is not None and total.exact and total.count >= answer.came:
            return now - self.offset + (answer.largest or self.limit) < total.count
        return goes_on_empty(answer, self.stop_after_empty_page)
