"""Whether an answer says in words that it found nothing, where others give an empty list. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from registry_sync.core.late_patterns import pattern
from registry_sync.core.types import Json
from registry_sync.source.answers.fine_words import texts_in

FEW = 3
"""So many items at most may be errors or words where records were expected."""
LONGEST = 1000
"""Bytes of an answer that may be such words; a longer one says more."""
THINGS = r"(?:records?|results?|match(?:es)?|items?|entries|entry|rows?|documents?|objects?|hits?)"
NOTHING = pattern(
    rf"\b(?:no|0|zero)\s+(?:\w+\s+)?(?:{THINGS}|data|changes|updates|compounds?)"
    r"(?=\s*(?:[.!,;:\"'}\]]|$|(?:(?:were|was|have been|has been|are|is|could be)\s+)?"
    r"(?:found|available|exists?|match(?:ed|ing)?|returned|since|for th"
    r"|(?:were |was |have been )?(?:modified|changed|updated)(?: since|\s*[.!\"'}]|$))))"
    r"|\bnothing\s+(?:was\s+)?found",
    re.IGNORECASE,
)
"""`No Record found` of ServiceNow, `No matches found!` of openFDA.

https://www.servicenow.com/docs/bundle/zurich-api-reference/page/integrate/inbound-rest/concept/c_TableAPI.html
https://open.fda.gov/apis/errors/
"""
NOT_FOUND = pattern(rf"\b{THINGS}\s+not\s+found", re.IGNORECASE)
"""Words that may as well be those of an address that does not exist: “Object not found”."""
TROUBLE = pattern(
    r"denied|unavailable|connection|time(?:d\s|-)?out|rebuil|\bdown\b|unauthori|exception|unreach",
    re.IGNORECASE,
)
"""Why nothing was found, where that is no empty list."""


def says_nothing_found(text: str, *, sure: bool = False) -> bool:
    """Return whether a short text says that nothing was found; `sure`: in words of a list alone."""
    if len(text) > LONGEST or TROUBLE.search(text):
        return False
    return bool(NOTHING.search(text) or (not sure and NOT_FOUND.search(text)))


def only_say_nothing(items: Sequence[Json]) -> bool:
    """Return whether the few items of a list only say that nothing was found.

    `[{"message": "No records found"}]`
    """
    if not 0 < len(items) <= FEW or not all(isinstance(item, dict) for item in items):
        return False  # a selector may lead to texts
    return all(says_nothing_found(" ".join(texts_in([*item.values()]))) for item in items)
