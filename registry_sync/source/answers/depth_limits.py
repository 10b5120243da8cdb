"""Whether a refusal is about how deep a list may be paged, and not about its end. Pure."""

from __future__ import annotations

import re
from typing import Any

from registry_sync.core.late_patterns import pattern
from registry_sync.source.answers.page_answer import word_of
from registry_sync.source.completeness.said_values import as_mapping
from registry_sync.source.completeness.texts import TEXTS

LONGEST = 4000
"""Bytes of a refusal that are read."""
READ = r"(?:page|paginate|fetch|retrieve|access|request|read|skip|go|scroll|return)"
LIMIT = pattern(
    r"result window|\btoo deep\b|deep(?:er)?[ -]pag(?:ing|ination)|\bmax_?offset\b"
    r"|reached the max(?:imum)? number of \w+ (?:you|that)"
    r"|\bmax(?:imum)?[ _](?:\w+ )?(?:results|records|rows|hits) exceeded"
    rf"|(?:may|can) only {READ} (?:\w+ )?(?:the )?first\b"
    r"|only the first [\d,. ]+(?:\w+ ){1,3}(?:is|are|can be|may be) \w+"
    rf"|(?:can ?not|can't|unable to|not possible to|not allowed to) {READ} (?:\w+ )?"
    r"(?:beyond|past|more than|further than|deeper)"
    r"(?! (?:the )?(?:last|end|final|available|total))",
    re.IGNORECASE,
)
"""Words of a limit."""
ADVICE = pattern(
    r"\b(?:us(?:e|ing)|switch to|see|try|consider|through|with|via) (?:(?!valid)[\w\"'`-]+ ){0,3}"
    r"[\"'`]?(?:cursor|search[ _-]?after|keyset|scroll|seek|continuation|bulk)\b",
    re.IGNORECASE,
)
"""The advice to read a list in another way, of which a refusal of the page past its end may have
some as well."""
PAST_END = pattern(
    r"invalid page\b|out of range|not found|no such page|page does not exist", re.IGNORECASE
)
"""Words of such a refusal."""
BOUND = pattern(
    r"\bmax(?:imum|\.)? (?:\w+ ){0,3}offset\b"
    r"|(?:\b(?:offset|skip|start\w*|page(?! ?size))\b|\bfrom\s*\+|[\"'`\[]from\\?[\"'`\]]"
    r"|\bfrom(?= (?:parameter |value )?(?:must|may|can|should)))[^.]{0,60}"
    r"\b(?:(?:must|may|can|should)"
    r" ?(?:not|n't)? ?(?:be )?(?:exceed|less|smaller|lower|below|at most|no (?:more|greater)|[<≤]"
    r"|[\d,]+ or less)|exceeds? the max)",
    re.IGNORECASE,
)
"""Words of a bound, which may be that of the list itself: its number tells."""
ANY_BOUND = pattern(
    r"must be (?:an? )?(?:positive )?(?:integer |number |value )?"
    r"(?:less than(?: or equal to)?|at most|no more than|no greater than)",
    re.IGNORECASE,
)
"""Words of a bound of whatever was requested."""
FETCHED = pattern(rf"(?:may|can) only {READ} (?:the )?[\d,]+ ", re.IGNORECASE)
"""Words of a limit, of a page that has nothing else."""
NUMBER = re.compile(r"\d{1,3}(?:,\d{3})+|\d{1,15}")
LEAST, ROUND = 500, 100
"""The least number that is a limit, and what limits are multiples of."""
DEEPER = (
    "reads the list by a cursor or a next link, which have no such limit, in Connector Settings: "
    '{"endpoint": {"paginator": {"type": "cursor", "cursor_path": "next_cursor", "cursor_param": '
    '"cursor"}}} with the registry\'s own names; if the registry has neither, its owner raises '
    "the limit. If all records came, maximum_offset or maximum_page ends the list before that limit"
)
"""What the integration owner does."""


def limits_depth(content: bytes, *, later: bool = False) -> bool:
    """Return whether a refusal says that a list is read no further, however long it is.

    `Result window is too large, from + size must be less than or equal to: [10000]`. An offset
    that “must be less than 60” is past the end of 60 records. `later`: the page before came, so
    that a bound is hardly that of the size of a page, and the advice to page in another way is
    about how deep this one is.
    https://www.elastic.co/guide/en/elasticsearch/reference/current/paginate-search-results.html
    https://api.akeneo.com/documentation/pagination.html
    """
    said = content[:LONGEST].decode("utf-8", "replace").strip()
    if said.startswith("<"):  # a page for people has links to anything
        return False
    return _limits(said, later=later) or (later and _advises(said))


def _limits(said: str, *, later: bool = False) -> bool:
    bound = BOUND.search(said) or (later and ANY_BOUND.search(said))
    return bool(LIMIT.search(said) or (bound and any(map(_is_round, NUMBER.findall(said)))))


def _advises(said: str) -> bool:
    return ADVICE.search(said) is not None and not PAST_END.search(said)


def _is_round(number: str) -> bool:
    """Return whether a number is one that people choose: 10,000, or 100,001."""
    value = int(number.replace(",", ""))
    return value >= LEAST and value % ROUND in (0, 1)


def depth_said(body: Any) -> str:
    """Return the words by which an answer without records says that it reads no further; or "".

    `{"hits": [], "message": "you can only fetch the 1000 hits for this query …"}` of Algolia.
    """
    for key, value in as_mapping(body).items():
        if not isinstance(value, str) or word_of(str(key)) not in TEXTS:
            continue
        text = value[:LONGEST]
        if _limits(text) or _advises(text) or FETCHED.search(text):
            return text
    return ""
