"""Detecting pages that repeat, by a few characters that are kept in the position."""

from __future__ import annotations

from dataclasses import dataclass

from registry_sync.core.problems import SourceError
from registry_sync.core.types import Json
from registry_sync.source.errors import bad_answer
from registry_sync.source.responses import mark_of


@dataclass(frozen=True, slots=True)
class LoopDetector:
    """What is kept of the pages read so far, to detect when they repeat.

    `last` marks the previous page by its records. `post` marks one position that was passed. It
    is moved at each power of two pages, so that one mark finds a cycle of any length (Brent's
    algorithm: https://en.wikipedia.org/wiki/Cycle_detection#Brent's_algorithm).
    """

    last: str = ""
    pages: int = 0
    post: str = ""

    def add_to(self, where: Json | None) -> Json:
        """Return a position with these marks in it."""
        return {**(where or {}), "trail": [self.last, self.pages, self.post]}

    def step(self, where: Json | None, follows: Json | None, records: list[Json]) -> LoopDetector:
        """Return the detector after one more page. Raises SourceError if the pages repeat."""
        mark = mark_of(records)
        if mark and mark == self.last:
            raise _repeats(f"{_named(where)} has the same records as the page before")
        ahead = mark_of(follows)
        if follows is not None and (follows == where or ahead == self.post):
            raise _repeats(f"{_named(where)} leads to {_named(follows)}, which was already read")
        pages = self.pages + 1
        return LoopDetector(mark, pages, ahead if pages & (pages - 1) == 0 else self.post)


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
