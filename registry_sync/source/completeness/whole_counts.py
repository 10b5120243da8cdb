"""Counts of a whole list, by words that are no total unless what is beside them says so. Pure."""

from __future__ import annotations

from registry_sync.source.answers.page_answer import Entry, PageAnswer
from registry_sync.source.completeness.said_values import as_number

LENGTHS = frozenset({"length", "listlength", "len", "lastrow"})
"""Words of how long the whole list is, or else a page of it."""
OF_A_PAGE = frozenset({
    "start", "offset", "skip", "from", "limit", "size", "page", "pagesize", "perpage", "draw",
    "firstrow", "startrow",
})  # fmt: skip
"""Words beside a length that is that of a page."""
ALL = frozenset({"all", "overall", "discovered", "existing", "everything"})
SHOWN = frozenset({
    "shown", "displayed", "listed", "returned", "numreturned", "numberreturned", "numshown",
})  # fmt: skip
"""Words beside a count of all, of how many of them came."""


def says_longer(entry: Entry, answer: PageAnswer) -> bool:
    """Return whether a value may say that the list is longer than what came.

    `{"length": 12}`, `{"shown": 5, "all": 12}`, and of a grid whose last row is not known yet
    `{"lastRow": -1}`. Rows of a sheet are counted from its header: `{"headerRow": 1}`.
    https://www.ag-grid.com/javascript-data-grid/infinite-scrolling/
    """
    if entry.header or len(entry.within) > 1:
        return False
    if entry.word == "lastrow" and entry.value in (-1, "-1"):
        return answer.count > 0
    header = as_number(entry.beside.get("headerrow")) or 0 if entry.word == "lastrow" else 0
    if (as_number(entry.value) or 0) - header <= answer.came:
        return False
    shown = (as_number(entry.beside[word]) for word in SHOWN & entry.beside.keys())
    counts = entry.word in ALL and answer.count in shown
    return counts or (entry.word in LENGTHS and not OF_A_PAGE & entry.beside.keys())
