"""Numbered pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from registry_sync.core.setting import setting, whole
from registry_sync.core.types import Json
from registry_sync.source.answers.page_answer import PageAnswer
from registry_sync.source.completeness.said_values import as_number
from registry_sync.source.paginators.base import (
    Paginator,
    empty_page_ends,
    goes_on_empty,
    has_more,
    register,
    value_at,
)


@register("page_number")
@dataclass(frozen=True, slots=True)
class PageNumber(Paginator):
    """Counts pages, until one is empty and nothing says more, or one says that it is the last."""

    about: ClassVar[str] = "Counts pages"
    counted: ClassVar[bool] = True
    bound: ClassVar[str] = "maximum_page"
    limit: int = setting(
        500, "The number of records on a page, if `page_size_param` is set.", example=100
    )
    page_param: str = setting("page", "The query parameter of the page.", example="pageNumber")
    page_body_path: str = setting(
        "", "Where the JSON body takes the page, instead of a parameter.", example="page.number"
    )
    page_size_param: str = setting(
        "", "The query parameter of the page's size. Without it, no size is requested.",
        example="per_page",
    )  # fmt: skip
    base_page: int = setting(1, "The number of the first page.", example=0)
    has_more_path: str = setting(
        "", "Where an answer says whether there is more.", example="has_more"
    )
    total_pages_path: str = setting(
        "", "Where an answer has the number of pages.", example="meta.total_pages"
    )
    maximum_page: int = setting(
        0, "The number of pages to read. Without it, there is no limit.",
        type=whole(1), shown="", example=20,
    )  # fmt: skip
    stop_after_empty_page: bool | None = empty_page_ends()

    def fault(self) -> str:
        """Refuse to read without any end."""
        ends = ("total_path", "total_pages_path", "has_more_path", "maximum_page")
        return self.needs_one_of(ends) if self.stop_after_empty_page is False else ""

    def parameters(self) -> dict[str, str]:
        return {"page": self.page_param, "limit": self.page_size_param}

    def body_paths(self) -> dict[str, str]:
        return {"page": self.page_body_path} if self.page_body_path else {}

    def values(self, position: Json | None) -> Json:
        return {"page": self._page(position), "limit": self.limit}

    def next_position(self, position: Json | None, answer: PageAnswer) -> Json | None:
        if not has_more(answer.body, self.has_more_path):
            return None
        page = self._page(position) + 1
        if not answer.count and not self._goes_on(page, answer):
            return None
        if self.maximum_page and page - self.base_page >= self.maximum_page:
            return None
        return {"page": page}

    def records_path(self) -> str:
        return ""  # dlt's `total_path` of this type counts pages

    def pages_total(self, body: Any) -> int | None:
        path = self.total_pages_path or self.total_path
        return as_number(value_at(body, path)) if path else None

    def paths_to_next(self) -> tuple[str, ...]:
        return (self.has_more_path,)

    def _goes_on(self, page: int, answer: PageAnswer) -> bool:
        """Return whether records may follow an empty page: hidden ones leave gaps."""
        pages = self.pages_total(answer.body)
        if self.stop_after_empty_page:
            return False
        if self.has_more_path:
            return True
        if pages is not None:
            return page - self.base_page < pages
        return goes_on_empty(answer, self.stop_after_empty_page, page - self.base_page)

    def _page(self, position: Json | None) -> int:
        return int(position["page"]) if position else self.base_page
