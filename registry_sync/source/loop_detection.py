"""Detecting pages that repeat, by a few characters that are kept in the position."""

from __future__ import annotations

import hashlib
import json
from dataclasses import astuple, dataclass
from typing import Any

from registry_sync.core.problems import SourceError
from registry_sync.core.types import Json

SETTINGS = (
    "integration owner corrects endpoint.paginator in Connector Settings; where the list "
    "starts over past its end, total_path, total_pages_path or has_more_path name what says how "
    "much there is, and maximum_page or maximum_offset end it."
)
UNSEEN_CACHE = (
    "If the settings are right, the registry's owner checks whether a cache answers different "
    "pages with the same one."
)
CACHED = (
    "The registry's owner, or the operator if the cache is in the proxy of this app, makes the "
    "cache tell requests apart by their whole URL. If the pages then still repeat,"
)


@dataclass(frozen=True, slots=True)
class LoopDetector:
    """What is kept of the pages read so far, to detect when they repeat.

    `last` marks the previous page by its records. `post` marks one position that was passed. It
    is moved at each power of two pages, so that one mark finds a cycle of any length (Brent's
    algorithm: https://en.wikipedia.org/wiki/Cycle_detection#Brent's_algorithm). `first` marks the
    first page. `came` are the records so far, `largest` those of the largest page, and `empty` the
    pages without any since the last one with some. `announced`: the last page said for sure that
    another one follows. `least` are the records of the smallest page, and `ragged`: one was
    smaller than others, and more records followed, so that pages have gaps. `ended`: the last page
    said in so many words that it is the last. `counted`: by the registry's own numbers, all came.
    `head` marks the first record of all.
    """

    last: str = ""
    pages: int = 0
    post: str = ""
    first: str = ""
    came: int = 0
    largest: int = 0
    empty: int = 0
    announced: bool = False
    least: int = -1
    ragged: bool = False
    ended: bool = False
    counted: bool = False
    head: str = ""

    def add_to(self, where: Json | None) -> Json:
        """Return a position with these marks in it."""
        return {**(where or {}), "trail": list(astuple(self))}

    def is_repeated(self, records: list[Json], *, overlap: int = 0) -> bool:
        """Return whether a page has the same records as the one before, or as the first.

        `overlap`: it comes without its first record, which ended the page before.
        """
        if not records:
            return False
        begins = overlap and position_mark(records[:1]) == self.head
        return bool(begins) or position_mark(records) in (self.last, self.first)

    def step(
        self,
        where: Json | None,
        follows: Json | None,
        records: list[Json],
        *,
        announced: bool = False,
        ended: bool = False,
        counted: bool = False,
        moved: bool = False,
        overlap: int = 0,
        cached: str = "",
    ) -> LoopDetector:
        """Return the detector after one more page. Raise SourceError if the pages repeat.

        `announced`: the page says for sure that another one follows; `ended`: that none does;
        `counted`: all came by its numbers; `moved`: a page may come again, because the list moved;
        `overlap`: the page came without its first record; `cached`: a cache answered, by this
        header.
        """
        mark, size = position_mark(records), len(records) + overlap
        if self.is_repeated(records, overlap=overlap) and not moved:
            other = "the page before" if mark == self.last else "the first page"
            raise repeats(f"{_named(where)} has the same records as {other}", cached)
        ahead = position_mark(follows)
        if follows is not None and (follows == where or ahead == self.post):
            raise repeats(f"{_named(where)} leads to {_named(follows)}, which was already read")
        pages = self.pages + 1
        return LoopDetector(
            last=mark,
            pages=pages,
            post=ahead if pages & (pages - 1) == 0 else self.post,
            first=self.first or mark,
            came=self.came + len(records),
            largest=max(self.largest, size),
            empty=0 if records else self.empty + 1,
            announced=announced,
            ended=ended,
            counted=counted,
            least=size if self.least < 0 else min(self.least, size),
            ragged=self.ragged or (bool(records) and 0 <= self.least < max(self.largest, size)),
            head=self.head or position_mark(records[:1]),
        )


def position_mark(value: Any) -> str:
    """Return a mark that tells two pages or positions apart: 16 hex characters; "" for nothing."""
    if not value:
        return ""
    if isinstance(value, list):
        value = [value[0], value[-1], len(value)]
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _named(position: Json | None) -> str:
    if not position:
        return "the first page"
    url = position.get("url")
    if url:
        return f"the page at {str(url).partition('?')[0]}"
    if set(position) == {"page"}:
        return f"page {position['page']}"
    plain = {name: value for name, value in position.items() if not isinstance(value, (dict, bool))}
    return "the page at " + ", ".join(f"{name} {value}" for name, value in plain.items())


def repeats(repetition: str, cached: str = "") -> SourceError:
    """Return the error of pages that repeat; `repetition` says which.

    `cached` is the header by which the last one came from a cache.
    """
    answered = f"; a cache answered ({cached})" if cached else ""
    return SourceError(
        f"The registry returned an unexpected answer: it repeats itself: {repetition}{answered}.",
        remedy=f"{CACHED} the {SETTINGS}" if cached else f"The {SETTINGS} {UNSEEN_CACHE}",
        kind="source",
        code="page_repeats",
    )
