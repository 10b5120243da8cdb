"""Which part of several an answer is, where a registry does not speak of pages. Pure."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from registry_sync.core.types import Json
from registry_sync.source.answers.page_answer import Entry
from registry_sync.source.completeness.said_values import address_in, as_number, is_ahead

PARTS = frozenset({"part", "chunk", "batch", "segment", "slice"})
"""Words of parts other than pages, which are numbered as those are."""
PLURALS = {f"{word}s": word for word in PARTS} | {"batches": "batch"}
COUNTS = {**dict.fromkeys(PARTS, ("of", "total", "count", "last")), "page": ("of",),
          "pages": ("of", "total", "count", "last")}  # fmt: skip
"""Words of how many there are, by the object they are in; a page's total counts records."""
NUMBERS = ("number", "no", "index", "num", "current")
OF_PAGES = frozenset({"pages", "pageof", "pagination", "paging", "pager", "links"})
"""Words of a text such as `1/3`, or of a list of the pages."""
LABELS = ("label", "title", "name", "text", "page", "pageNumber", "number", "no", "index")
"""Keys of what a list of the pages shows for one."""
CURRENT = ("active", "current", "isActive", "isCurrent", "selected")
"""Keys of the page that an answer is, in a list of the pages."""


def has_later_page(pages: Any, now: int | None) -> bool:
    """Return whether a list of pages has one after `now`: numbers, or objects with addresses."""
    if not isinstance(pages, list) or not pages:
        return False
    if all(type(page) is int for page in pages):
        return now is not None and now < max(pages)
    objects = [page for page in pages if isinstance(page, dict)]
    current = [any(page.get(key) is True for key in CURRENT) for page in objects]
    if True not in current:
        return False
    this, *later = objects[current.index(True) :]
    return any(_is_page_after(page, address_in(this, "url")) for page in later)


def _is_page_after(item: Json, this: str) -> bool:
    """Return whether an item of a list of links is a page, by its label or its address.

    Lists of links may as well be those of a site's menu.
    """
    address = address_in(item, "url")
    if not address:
        return False
    if any(as_number(item.get(key)) is not None for key in LABELS):
        return True
    return is_ahead(address, this) and (not this or urlsplit(address).path == urlsplit(this).path)


def part_now(entry: Entry) -> int | None:
    """Return which part an answer is, counted from 0, where an entry is how many there are.

    `{"part": 1, "parts": 3}`, `{"chunk": {"number": 1, "total": 3}}`
    """
    words: tuple[str, ...] = ()
    if entry.word in PLURALS:
        words = (PLURALS[entry.word],)
    elif entry.within and entry.word in COUNTS.get(entry.within[-1], ()):
        words = NUMBERS
    word = next((each for each in words if as_number(entry.beside.get(each)) is not None), "")
    now = as_number(entry.beside[word]) if word else None
    return None if now is None else max(now - (word != "index"), 0)
