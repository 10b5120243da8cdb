"""How many records a filter left, beside the total of all: `{"filtered": 4, "total": 40}`. Pure.

It is that of Podio; elsewhere, `filtered` may be how many were left out.
https://developers.podio.com/doc/items/filter-items-4496747
"""

from __future__ import annotations

from registry_sync.source.answers.page_answer import Entry, PageAnswer
from registry_sync.source.completeness.said_values import as_number

FILTERED = "filtered"


def is_filtered_to(entry: Entry, answer: PageAnswer) -> bool:
    """Return whether such a number is what came, of a total beside it that is no less."""
    number = as_number(entry.value)
    return number == answer.came and number <= _total_beside(entry)


def leaves_out(answer: PageAnswer) -> bool:
    """Return whether fewer came than the total beside such a number: a refusal may be no end."""
    found = (_total_beside(entry) for entry in answer.entries() if entry.word == FILTERED)
    return any(total > answer.came for total in found)


def _total_beside(entry: Entry) -> int:
    return as_number(entry.beside.get("total")) or 0
