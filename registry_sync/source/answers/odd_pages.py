"""What a page without records has that no page with records had. Pure.

Servers leave the rest of an answer as it was where the list is empty. Something new there may say
that the page is none: `{"items": [], "trouble": {…}}`.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any

from registry_sync.core.late_patterns import pattern
from registry_sync.source.answers.failure_words import ABOUT, OUTCOMES
from registry_sync.source.answers.failures import only_words
from registry_sync.source.answers.fine_words import is_fine, is_none, texts_in
from registry_sync.source.answers.list_items import named
from registry_sync.source.answers.nothing_found import says_nothing_found
from registry_sync.source.answers.page_answer import PageAnswer, word_of
from registry_sync.source.answers.record_guess import (
    KINDS,
    NEVER,
    OF_A_PAGE,
    is_only_about_pages,
    word,
)
from registry_sync.source.answers.totals import find_total, says_none
from registry_sync.source.completeness.more import is_inverted
from registry_sync.source.paths import ABSENT, compile_path

MOST = 5
"""Keys that are named."""
OF_PAGES = pattern(
    r".*(?:page|paging|pager|cursor|offset|total|count|limit|size|start|skip|index|token|link|href"
    r"|url|uri|more|number|took|time|date|stamp|elapsed|duration|version|trace|request|id)s?"
    r"|(?:has|is|get)?(?:prev(?:ious)?|next|first|last|self|earlier|later|newer|older|end|empty"
    r"|back|forward|from|to|range|meta|metadata|summary|results?|found|matched|hits|shown).*"
)
"""Words of what may be new on a last page, whatever it says."""
OF_ONE = pattern(
    r"(?i)(?!.*(?:next|prev|first|last|self|page|request|trace|correlation|api)).*(?:id|version|date|url|href)"
)
"""Keys of a value that is one thing's own, such as `jobId`, and not about pages."""


def no_list(body: Any, place: str, known: Container[str]) -> str:
    """Return how an answer without a list differs from those that had records; "" if it may not.

    `known` are the keys of those.
    """
    if message := only_words(body):
        return f"has no list, and says: {message:.100}"
    if not place or not known or not isinstance(body, dict):
        return ""
    if compile_path(place.removesuffix("[*]"))(body) is not ABSENT:
        return ""
    others = [key for key in body if key not in known]
    return f"has no list at {named(place)}, but {', '.join(others[:MOST])}" if others else ""


def leaves_out_list(body: Any, is_record: Callable[[Any], bool]) -> bool:
    """Return whether an answer without its list says that it is empty, or nothing but of pages.

    A total says which list is not where it was looked for.
    """
    total = find_total(PageAnswer(body=body, links={}, records=(), url=""), "", last=True)
    if total is not None and total.count:
        return False
    if says_none(body):
        return True
    return is_only_about_pages(body, is_record) and all(map(_is_of_pages, body, body.values()))


def _is_of_pages(key: str, value: Any) -> bool:
    if not value or value is True or word(key) in (*NEVER, *KINDS):
        return True
    if OF_A_PAGE.fullmatch(key) and not OF_ONE.fullmatch(key):
        return True
    return isinstance(value, dict) and all(map(_is_of_pages, value, value.values()))


def news(body: Any, place: str, known: Container[str]) -> list[str]:
    """Return the keys that an empty list has beside it, and no list with records had.

    Not those that say that nothing is wrong, or something about pages.
    """
    if not place or not known or not isinstance(body, dict):
        return []
    if compile_path(place.removesuffix("[*]"))(body) is ABSENT:
        return []
    return [key for key in body if key not in known and not _is_quiet(key, body[key])][:MOST]


def _is_quiet(key: str, value: Any) -> bool:
    word = word_of(key)
    if is_none(value) or (isinstance(value, (int, float)) and not isinstance(value, bool)):
        return True
    about = word in ABOUT and word not in OUTCOMES
    if about or OF_PAGES.fullmatch(word) or is_inverted(key):
        return True
    texts = [] if isinstance(value, bool) else texts_in(value)
    return bool(texts) and all(is_fine(text) or says_nothing_found(text) for text in texts)
