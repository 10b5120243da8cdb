"""What an answer says of parts of it that are missing: by a flag, an outcome, or a list. Pure.

Each way of saying it is one function in a table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from registry_sync.core.late_patterns import pattern
from registry_sync.core.secrets import shortened
from registry_sync.source.answers.fine_words import is_none
from registry_sync.source.answers.page_answer import Entry, word_of
from registry_sync.source.completeness.said_values import as_number, truth_of

FLAGS = frozenset({
    "timedout", "terminatedearly", "ispartial", "partialresults", "haserrors", "haserror",
    "incomplete", "isincomplete", "degraded", "isdegraded", "partialfailure",
    "haspartialfailure", "partialsuccess", "partialerror", "partialerrors", "partialdata",
    "wasterminated", "searchcutoff",
})  # fmt: skip
"""Words of flags that say that parts of an answer are missing."""
COMPLETE = pattern(r"(?:is|was|list|results?)?(?:complete|completed|finished|exhaustive|done)")
"""Words of flags that say the opposite."""
COUNTING = frozenset({
    "incomplete", "partial", "degraded", "complete", "completed", "finished", "done",
})  # fmt: skip
"""Those of them that also count records of some kind."""
OF_JOBS = frozenset({"completed", "finished", "done"})
"""Those of them that beside a total count what is done."""
OF_PAGES = pattern(
    r"(?:total|page|per|limit|offset|size|count|start|took|time|elapsed|duration|status|code|http"
    r"|version|api).*|.*(?:total|count|size|limit|page|offset|ms|version)"
)
"""Words of numbers beside a flag, whatever it is."""
OUTCOMES = frozenset({
    "status", "state", "result", "outcome", "completeness", "quality", "coverage", "resultstatus",
    "responsestatus", "requeststatus", "querystatus", "success",
})  # fmt: skip
PARTLY = pattern(
    r"partial(?:ly)?(?:[\s_-]*(?:success(?:ful)?|content|complete[d]?|completion|results?|failure|"
    r"failed|data|ok|response))?|(?:ok|success)\W+(?:truncated|partial|incomplete)\W*|incomplete"
    r"|truncated|degraded"
    r"|(?:success|completed|ok|finished)[\s_-]*with[\s_-]*(?:errors?|failures?)",
    re.IGNORECASE,
)
"""Outcomes of which parts are missing."""
SHARDS = frozenset({"shards", "clusters"})
"""Parts of a search engine that answer each for itself."""
LOST = pattern(
    r"(?:failed|unavailable|unreachable|missing|skipped|offline)(?:sources?|shards?|nodes?|sites?|"
    r"databases?|servers?|regions?|partitions?|backends?|systems?)|partial(?:failures?|errors?)"
    r"|failures|unreachable|exceptions|(?:failed|unreadable|skipped|omitted)(?:records|items|rows|"
    r"entries|ids|objects)"
)
"""Words of lists of what did not answer."""
LEVELLED = frozenset({
    "message", "messages", "msgs", "return", "notices", "diagnostics", "problems", "problem",
    "issue", "issues", "log", "logs", "outcome", "outcomes", "feedback",
})  # fmt: skip
"""Words of messages that have a level each."""
LEVELS = frozenset({"level", "severity", "messagetype", "type", "msgty"})
ERRORS, INITIALS = frozenset({"error", "err", "fatal", "critical"}), frozenset({"e", "a"})
"""Levels of an error, and those of SAP's messages."""
MOST_MESSAGES = 100
"""Messages with a level that are looked at."""
WARNINGS = frozenset({"warning", "warnings", "alert", "alerts"})
MAY_BE_MISSING = pattern(
    r"\b(?:may|might|could|will|can) (?:\w+ )?(?:be|have|contain|not) (?:\w+ )?(?:missing"
    r"|incomplete|gaps|partial)\b"
    r"|could not be (?:read|loaded|retrieved|reached|included)\b|\bunreachable\b"
    r"|\b(?:did not|failed to) (?:respond|answer|load)\b|\btimed out\b"
    r"|\btime-?out (?:at|while|on|from)\b"
    r"|\b(?:records?|rows?|results?|items?|entries) (?:were|was|are|have been) "
    r"(?:skipped|omitted|dropped|left out|not (?:returned|included|loaded|shown))\b",
    re.IGNORECASE,
)
"""What a warning says of the records that it comes with; old ones are not missing."""
CUT = pattern(r"truncat|incomplete|partial|only (?:the )?(?:first|top)\b", re.IGNORECASE)
"""Other words for it, which no text about the end of a list has."""
LONGEST_ACCEPTED = 200
"""Longest text of a warning that a response action is written out for."""
MOST_ACCEPTED = 5
"""Texts of one warning that response actions are written out for."""
DEPTH = 6
"""How deep in a warning its text may be."""
ABOUT = frozenset({
    "meta", "metadata", "pagination", "paging", "pageinfo", "header", "responseheader", "response",
    "result", "info", "summary", "d", "root",
})  # fmt: skip
"""Words of objects that are about the whole answer."""


def parts_missing(entries: Iterable[Entry], *, last: bool) -> str:
    """Return where and what an answer says of parts that are missing; "" if it says nothing.

    `last`: no page follows. Of other pages, a list's outcome may be that there are more.

    https://www.elastic.co/guide/en/elasticsearch/reference/current/search-your-data.html
    https://docs.vespa.ai/en/graceful-degradation.html
    """
    ways = (*WAYS, *OF_THE_LAST) if last else WAYS
    for entry in _own(entries):
        if any(way(entry) for way in ways):
            if _warned(entry):
                text = next(_texts_of_missing(entry.value))
                return f"{entry.path}: {shortened(text, 150)}"
            value = entry.value if not isinstance(entry.value, (dict, list)) else "not empty"
            return f"{entry.path} is {shortened(str(value), 60).lower()}"
    return ""


def warning_in(entries: Iterable[Entry]) -> tuple[str, list[str]]:
    """Return the path of a warning that records may be missing, and its texts that say so.

    There are none if response actions cannot accept all of them: a long one, or many.
    """
    found = next(filter(_warned, _own(entries)), None)
    if found is None:
        return "", []
    texts = list(dict.fromkeys(_texts_of_missing(found.value)))
    fit = len(texts) <= MOST_ACCEPTED and all(len(text) <= LONGEST_ACCEPTED for text in texts)
    return found.path, texts if fit else []


def _own(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Yield what the body says beside its records, which may be failures or messages themselves."""
    return (entry for entry in entries if not entry.header and not entry.of_records)


def says_missing(text: str) -> bool:
    """Return whether a text says that parts of an answer are missing, or may be."""
    return bool(MAY_BE_MISSING.search(text) or CUT.search(text))


def _flag(entry: Entry) -> bool:
    """Read `"has_errors": true`; a 1 is a flag where it can hardly be a count."""
    if entry.word not in FLAGS or not truth_of(entry.value):
        return False
    plain = entry.value is True or str(entry.value).strip().lower() in ("true", "yes")
    return plain or _is_no_count(entry)


def _not_complete(entry: Entry) -> bool:
    """Read `"complete": 0`; false or “no” is a flag about further pages."""
    zero = entry.value in (0, "0") and not isinstance(entry.value, bool)
    return bool(COMPLETE.fullmatch(entry.word)) and zero and _is_no_count(entry)


def _is_no_count(entry: Entry) -> bool:
    if not set(entry.within) <= ABOUT:
        return False
    if entry.word not in COUNTING:
        return True
    beside = {
        word: number
        for word, each in entry.beside.items()
        if not isinstance(each, bool) and (number := as_number(each)) is not None
    }
    if len(COUNTING & beside.keys()) > 1:
        return False
    of_all = beside.get("total", beside.get("totalcount", 0)) if entry.word in OF_JOBS else 0
    counts = (number for word, number in beside.items() if not OF_PAGES.fullmatch(word))
    return not any(number > 1 for number in (of_all, *counts))


def _outcome(entry: Entry) -> bool:
    """Read `"status": "partial"`."""
    if entry.word not in OUTCOMES or not set(entry.within) <= ABOUT:
        return False
    held = isinstance(entry.value, (dict, list))  # its text may be the whole page
    return not held and bool(PARTLY.fullmatch(str(entry.value).strip()))


def _shards(entry: Entry) -> bool:
    """Read `"_shards": {"total": 5, "successful": 4, "failed": 1}`."""
    if not SHARDS & set(entry.within):
        return False
    total, done = as_number(entry.beside.get("total")), as_number(entry.value)
    fewer = entry.word == "successful" and total is not None and done is not None and done < total
    return fewer or (entry.word == "failed" and bool(entry.value))


def _coverage(entry: Entry) -> bool:
    """Read `"coverage": {"coverage": 90, "full": false}`."""
    return entry.word == "full" and entry.within[-1:] == ("coverage",) and entry.value is False


def _lost(entry: Entry) -> bool:
    """Read `"failedSources": ["LIMS 2"]`."""
    held = isinstance(entry.value, (dict, list)) and not is_none(entry.value)
    return held and bool(LOST.fullmatch(entry.word)) and set(entry.within) <= ABOUT


def _warned(entry: Entry) -> bool:
    """Read `"warnings": ["The index is being rebuilt; results may be missing"]`."""
    return entry.word in WARNINGS and any(_texts_of_missing(entry.value))


def _texts_of_missing(value: Any, depth: int = DEPTH) -> Iterator[str]:
    """Yield the texts in a value that say that records may be missing."""
    if isinstance(value, str) and MAY_BE_MISSING.search(value):
        yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inner if depth else ():
        yield from _texts_of_missing(each, depth - 1)


def _of_level(entry: Entry) -> bool:
    """Read `"messages": [{"level": "ERROR", …}]`, or `"RETURN": [{"TYPE": "E", …}]` of SAP."""
    if entry.word not in LEVELLED or not set(entry.within) <= ABOUT:
        return False
    items = entry.value if isinstance(entry.value, list) else [entry.value]
    for item in items[:MOST_MESSAGES]:
        words = (
            {word_of(str(key)): value for key, value in item.items()}
            if isinstance(item, dict)
            else {}
        )
        if is_of_an_error(words):
            return True
    return False


def is_of_an_error(words: Mapping[str, Any], *, with_text: bool = True) -> bool:
    """Return whether values, by word, are those of a message of an error: `"level": "ERROR"`.

    Only a severity says so without a text.
    """
    names = LEVELS if with_text else {"severity"}
    levels = {str(words[word]).strip().lower() for word in words.keys() & names}
    return bool(levels & ERRORS or ("message" in words and levels & INITIALS))


WAYS: tuple[Callable[[Entry], bool], ...] = (_flag, _shards, _coverage, _lost, _of_level)
OF_THE_LAST: tuple[Callable[[Entry], bool], ...] = (_not_complete, _outcome, _warned)
