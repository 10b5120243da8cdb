"""Which part of several an answer is, where a registry does not speak of pages. Pure."""

from __future__ import annotations

from registry_sync.source.answers.page_answer import Entry
from registry_sync.source.completeness.said_values import as_number

PARTS = frozenset({"part", "chunk", "batch", "segment", "slice"})
"""Words of parts other than pages, which are numbered as those are."""
PLURALS = {f"{word}s": word for word in PARTS} | {"batches": "batch"}
COUNTS = {**dict.fromkeys(PARTS, ("of", "total", "count", "last")), "page": ("of",)}
"""Words of how many there are, by the object they are in; a page's total counts records."""
NUMBERS = ("number", "no", "index", "num")


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
    return None if now is None else now - (word != "index")
