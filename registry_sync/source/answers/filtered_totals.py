"""How many records a filter left, beside the total of all: `{"filtered": 4, "total": 40}`. Pure.

It is that of Podio; elsewhere, `filtered` may be how many were left out.
https://developers.podio.com/doc/items/filter-items-4496747
"""

from __future__ import annotations

from registry_sync.source.answers.page_answer import Entry, PageAnswer, word_of
from registry_sync.source.completeness.said_values import as_number

FILTERED = "filtered"
TOTALS = frozenset({"total", "totalcount", "count"})


def is_filtered_to(entry: Entry, answer: PageAnswer) -> bool:
    """Return whether such a number is what came, of a total beside it that is no less.

    Without a total beside it, it is a number of records of which only some came.
    """
    number, total = as_number(entry.value), _total_beside(entry)
    if number is None:
        return False
    return number > answer.came if total is None else answer.came == number <= total


def leaves_out(answer: PageAnswer) -> bool:
    """Return whether fewer came than the total beside such a number: a refusal may be no end."""
    found = (_total_beside(entry) for entry in answer.entries() if entry.word == FILTERED)
    return any(total is not None and total > answer.came for total in found)


def _total_beside(entry: Entry) -> int | None:
    totals = (as_number(value) for key, value in entry.beside.items() if word_of(key) in TOTALS)
    return next((total for total in totals if total is not None), None)
