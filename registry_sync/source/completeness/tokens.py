"""Tokens of a next page that say by their name which parameter takes them. Pure.

Other tokens, such as `nextToken`, go into a parameter of one name at one vendor and of another at
the next: there, the integration owner sets the paginator.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from registry_sync.core.types import Json
from registry_sync.source.answers.page_answer import PageAnswer
from registry_sync.source.completeness.more import Mark
from registry_sync.source.completeness.next_page_settings import next_paginator
from registry_sync.source.completeness.said_values import as_number

PLAIN = frozenset({
    "nextpagetoken", "nextcursor", "nextcontinuationtoken", "continuationtoken", "resumptiontoken",
    "continue", "bookmark", "nextbookmark",
})  # fmt: skip
"""Words of tokens that go into the parameter of the same name, without “next”.

https://google.aip.dev/158
https://docs.slack.dev/apis/web-api/pagination
https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks
https://docs.couchdb.org/en/stable/api/database/find.html#pagination
"""
WITHIN_NEXT = frozenset({"after", "cursor"})
"""Words of tokens in an object of the next page: `paging.next.after`.

https://developers.hubspot.com/docs/api-reference/overview#pagination
"""
NUMBERS = frozenset({"nextpage"})
"""Words of the number of the next page.

https://docs.gitlab.com/api/rest/#pagination-response-headers
"""


def token_to_follow(marks: Sequence[Mark], answer: PageAnswer) -> Json | None:
    """Return the paginator that takes a token of an answer, where its name leaves no doubt.

    Where a next page is announced in another way as well, it belongs to the same page. An empty
    page may have a token too: of a page with records, or, as with Mango, of nothing more.
    """
    for mark in marks:
        if mark.kind == "token" and _is_plain(mark):
            return next_paginator([mark, *(each for each in marks if each.kind == "flag")], answer)
        numbered = mark.kind == "number" and mark.entry.word in NUMBERS
        if numbered and answer.count and _is_near(mark):
            return _numbered(mark, answer)
    return None


def _is_plain(mark: Mark) -> bool:
    entry = mark.entry
    if "graphql" in entry.within or "pageinfo" in entry.within or ": " in entry.path:
        return False
    within = any(part.startswith("next") for part in entry.within)
    airtable = entry.word == "offset" and not entry.within and as_number(entry.value) is None
    return entry.word in PLAIN or airtable or (within and entry.word in WITHIN_NEXT)


def _is_near(mark: Mark) -> bool:
    """Return whether a number can be that of a second page."""
    return as_number(mark.entry.value) in (1, 2)


def _numbered(mark: Mark, answer: PageAnswer) -> Json:
    place: dict[str, Any] = (
        {"cursor_body_path": "page"} if answer.posted is not None else {"cursor_param": "page"}
    )
    if mark.entry.header:
        return {"type": "header_cursor", "cursor_key": mark.entry.path, "cursor_param": "page"}
    return {"type": "cursor", "cursor_path": mark.entry.path, **place}
