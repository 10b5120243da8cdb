"""Numbered pages."""

from __future__ import annotations

from dataclasses import dataclass

from registry_sync.core.types import Json
from registry_sync.source.paginators.base import PageAnswer, Paginator, has_more, register


@register("page_number")
@dataclass(frozen=True, slots=True)
class PageNumber(Paginator):
    """Counts pages, until one is empty or says that it is the last."""

    about = "`page_param`, `base_page` (default 1), `page_size_param` and `limit`, `has_more_path`"
    limit: int = 500
    page_param: str = "page"
    page_size_param: str = ""
    base_page: int = 1
    has_more_path: str = ""

    def parameters(self) -> dict[str, str]:
        return {"page": self.page_param, "limit": self.page_size_param}

    def values(self, position: Json | None) -> Json:
        return {"page": self._page(position), "limit": self.limit}

    def next_position(self, position: Json | None, answer: PageAnswer) -> Json | None:
        if not answer.count or not has_more(answer.body, self.has_more_path):
            return None
        return {"page": self._page(position) + 1}

    def paths_to_next(self) -> tuple[str, ...]:
        return (self.has_more_path,)

    def _page(self, position: Json | None) -> int:
        return int(position["page"]) if position else self.base_page
