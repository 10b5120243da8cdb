"""Whether the pages that were read can be all there are: what an answer says against it. Pure."""

from __future__ import annotations

from typing import Any

from registry_sync.source.pages import PAGING_REMEDY, Sign
from registry_sync.source.paginators import Paginator


def signs_of(paginator: Paginator, body: Any, count: int, *, only: bool) -> tuple[Sign, ...]:
    """Return what speaks against a page of `count` records being the end of its list.

    `only`: it is the first page, and no other follows.
    """
    path = paginator.unseen_path(body) if only and count else ""
    return (_unseen(path, count),) if path else ()


def _unseen(path: str, count: int) -> Sign:
    came = "1 record was" if count == 1 else f"{count:,} records were"
    return Sign(
        "next_unseen",
        f"{came} returned on the first page, and it was the only one: its answer has nothing at "
        f"“{path}”.",
        PAGING_REMEDY,
    )
