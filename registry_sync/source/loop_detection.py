"""Noticing that a registry's pages come again: by a few characters that travel in the position."""

from __future__ import annotations

from dataclasses import dataclass

from registry_sync.core.problems import SourceError
from registry_sync.core.types import Json
from registry_sync.source.errors import bad_answer
from registry_sync.source.responses import mark_of


@dataclass(frozen=True, slots=True)
class Trail:
    """What is kept of the pages behind, to notice when they come again.

    `last` marks the page before by its records. `post` marks one position passed, replanted
    at each power of two, so that a circle of any length is found with one mark (Brent's way).
    """

    last: str = ""
    pages: int = 0
    post: str = ""

    def stamp(self, where: Json | None) -> Json:
        """Write the trail into a position."""
        return {**(where or {}), "trail": [self.last, self.pages, self.post]}

    def step(self, where: Json | None, follows: Json | None, records: list[Json]) -> Trail:
        """Go one page on. Raises SourceError where the page, or the way to the next, repeats."""
        mark = mark_of(records)
        if mark and mark == self.last:
            raise _repeats(f"{_named(where)} holds the same records as the page before")
        ahead = mark_of(follows)
        if follows is not None and (follows == where or ahead == self.post):
            raise _repeats(f"{_named(where)} leads to {_named(follows)}, which was read before")
        pages = self.pages + 1
        return Trail(mark, pages, ahead if pages & (pages - 1) == 0 else self.post)


def _named(position: Json | None) -> str:
    if not position:
        return "the first page"
    url = position.get("url")
    if url:
        return f"the page at {str(url).partition('?')[0]}"
    return "the page at " + ", ".join(f"{name} {value}" for name, value in position.items())


def _repeats(what: str) -> SourceError:
    repeats: SourceError = bad_answer(
        f"it repeats itself: {what}",
        "corrects endpoint.paginator in Connector Settings",
        code="page_repeats",
    )
    return repeats
