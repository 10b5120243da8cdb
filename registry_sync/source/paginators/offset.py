"""Offset and limit."""

from __future__ import annotations

from dataclasses import dataclass

from registry_sync.core.types import Json
from registry_sync.source.paginators.base import PageAnswer, Paginator, register, value_at


@register("offset")
@dataclass(frozen=True, slots=True)
class Offset(Paginator):
    """Skips the records that were read, until a page is empty or the total is reached."""

    about = "`limit` (default 500), `limit_param`, `offset_param`, `total_path`"
    limit: int = 500
    limit_param: str = "limit"
    offset_param: str = "offset"

    def parameters(self) -> dict[str, str]:
        return {"offset": self.offset_param, "limit": self.limit_param}

    def values(self, position: Json | None) -> Json:
        return {"offset": position["offset"] if position else 0, "limit": self.limit}

    def next_position(self, position: Json | None, answer: PageAnswer) -> Json | None:
        if not answer.count:
            return None
        # Some servers return fewer than the limit: continue from what they returned.
        offset = (position["offset"] if position else 0) + answer.count
        total = value_at(answer.body, self.total_path) if self.total_path else None
        if isinstance(total, int) and not isinstance(total, bool) and offset >= total:
            return None
        return {"offset": offset}
