"""One page's answer, as paginators see it, and what it says beside its records. Pure."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from registry_sync.core.late_patterns import pattern
from registry_sync.source.answers.other_languages import ENGLISH

DEPTH = 6
"""How many keys deep an answer may say something about its pages."""
PARTS = 3
"""Items of an answer that is a list, which may say something about its pages."""
NO_CONTENT, PARTIAL = 204, 206
STATUS, OF_PART = "status", "its status, 206 Partial Content"
"""The word and the path of a status that says that an answer is part of something."""
OTHER = frozenset({
    "facets", "aggregations", "aggs", "schema", "fields", "columns", "query", "request",
    "params", "parameters", "filters", "error", "errors", "warnings", "included", "includes",
    "user", "account", "profile", "ratelimit", "debug", "profiling", "rate", "quota", "throttle",
    "ratelimits", "limits", "throttling", "usage", "license", "licence", "subscription",
    "permissions", "capabilities", "jobs", "timing", "timings", "performance", "metrics",
})  # fmt: skip
"""Words of parts of an answer that are about something else."""
ECHOED = frozenset({"params", "parameters"})
FOLLOWS = frozenset({"morepages", "hasmore", "hasmorepages", "morerecords", "hasmorerecords"})
"""What no request says, so that it is the answer's own: `parameters.morePages` of Epicor."""


FACETS = frozenset({"metadata", "meta", "total", "totalcount", "count", "pagination", "paging",
                    "pageinfo", "summary"})  # fmt: skip
"""Words of what some servers write as a list of one object.

https://www.mongodb.com/docs/manual/reference/operator/aggregation/facet/
"""
OF_SAP = pattern(r"(?:E[STVX]?|CT|CV)_(?=[A-Z])[A-Z0-9_]+")
"""Parameters of SAP's function modules, with the letters that say what they are: EV_HAS_MORE."""
LETTERS = str.maketrans({"æ": "ae", "ø": "o", "ß": "ss"})
"""Letters that Unicode does not decompose."""
OWN_WORD = pattern(
    r"(?:pagination|paging)?((?:total(?:count|records|results|items|entries|pages|objects))"
    r"|next(?:page|cursor|token|link|url|marker|offset)|hasmore|hasnext(?:page)?)"
)
"""Ends of headers' names that are about pages, whatever comes before them."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One value that an answer has beside its records.

    `path` is as Connector Settings write it; of a header, its name. `word` is the last key in
    small letters and digits, without a vendor's prefix. `beside` are its neighbors, by word.
    `of_records`: it is the list of the records, or the object that has them by id.
    """

    path: str
    word: str
    value: Any
    beside: Mapping[str, Any]
    within: tuple[str, ...] = ()
    header: bool = False
    of_records: bool = False


@dataclass(frozen=True, slots=True)
class PageAnswer:
    """What is known of a page once it has come.

    `links` is the `Link` header by relation, in lower case. `url` is what was asked, `posted` its
    JSON body. `pages` and `came` are the pages and records so far, with this one, and `largest` the
    records of the largest page. `ragged`: earlier pages had gaps; `empty` are the pages before this
    one that had no records. `whole`: all was asked for, not only what changed. `records_at` is the
    path of the records, which an empty page does not show.
    """

    body: Any
    links: Mapping[str, str]
    records: Sequence[Any]
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    posted: Any = None
    status: int = 200
    pages: int = 1
    came: int = 0
    largest: int = 0
    ragged: bool = False
    empty: int = 0
    whole: bool = True
    records_at: str = ""
    _entries: list[Entry] = field(default_factory=list, init=False, repr=False, compare=False)
    """What `entries` found, as each who judges the page asks for it."""

    @property
    def count(self) -> int:
        """Return the number of records on this page."""
        return len(self.records)

    def without_records(self, records_before: int) -> PageAnswer:
        """Return the answer as if it had no records, after `records_before` others."""
        return replace(self, records=(), came=records_before)

    def entries(self) -> Sequence[Entry]:
        """Return what the answer says beside its records, headers first."""
        if not self._entries:
            self._entries.extend(self._found())
        return self._entries

    def _found(self) -> Iterator[Entry]:
        yield from _headers(self.headers)
        ranged = any(name.lower() == "content-range" for name in self.headers)
        if self.status == PARTIAL and not ranged:
            yield Entry(OF_PART, STATUS, "206", {})
        # Of numbers and words in the list, Python may have one object for all that are equal.
        records = {id(record) for record in self.records if isinstance(record, (dict, list))}
        yield from _of_body(self.body, records, _words(self.records_at))


@lru_cache(maxsize=1024)
def word_of(key: str) -> str:
    """Return a key in small letters and digits, without a prefix: `@odata.nextLink` is nextlink."""
    plain = key.partition("_")[2] if OF_SAP.fullmatch(key) else key
    last = plain.lower().rpartition(":")[2]
    if not last.isascii():  # nächste, página
        last = unicodedata.normalize("NFKD", last.translate(LETTERS))
    word = re.sub(r"[^a-z0-9]", "", re.sub(r"^(@[\w.]+|odata|microsoft)\.", "", last))
    return ENGLISH.get(word, word)


def is_next_link(item: Any) -> bool:
    """Return whether an item of a list of links is the one to the next page."""
    return bool(_relation(item))


def _relation(item: Any) -> str:
    """Return the key by which a link says that it leads to the next page; "" if none does."""
    for key in ("rel", "@rel", "relation", "name", "type"):  # @rel of JSON that was made of XML
        value = item.get(key) if isinstance(item, dict) else None
        for text in value if isinstance(value, list) else [value]:
            words = text.lower().split() if isinstance(text, str) else ()
            if any(re.fullmatch(r"(?:https?://\S+[/#])?next(?:[_-]?(?:page|link))?", word)
                   for word in words):  # fmt: skip
                return key
    return ""


def _words(path: str) -> tuple[str, ...]:
    """Return the keys of a path as words: `$.usage.items[*]` is usage, items."""
    words = map(word_of, re.split(r"[.\[\]]", path))
    return tuple(word for word in words if word and not word.isdigit())


def _of_body(body: Any, records: set[int], place: tuple[str, ...]) -> Iterator[Entry]:
    """Yield the values of an answer, also of one that has its records in a list beside an object.

    https://datahelpdesk.worldbank.org/knowledgebase/articles/898581-api-basic-call-structures
    """
    if isinstance(body, list) and any(isinstance(item, list) for item in body):
        for index, item in enumerate(body[:PARTS]):
            yield from _entries(item, records, f"[{index}]")
        return
    yield from _entries(body, records, place=place)


def _entries(
    body: Any,
    records: set[int],
    path: str = "",
    within: tuple[str, ...] = (),
    place: tuple[str, ...] = (),
) -> Iterator[Entry]:
    """Yield the values of an object and of those inside it, records and lists excepted.

    `place` are the words of the records' path.
    """
    if not isinstance(body, dict) or id(body) in records or len(within) >= DEPTH:
        return
    beside = {word_of(str(key)): value for key, value in body.items()}
    for key, value in body.items():
        word, at = word_of(str(key)), joined_path(path, str(key))
        if word in ECHOED and isinstance(value, dict):
            follows = {key: inner for key, inner in value.items() if word_of(str(key)) in FOLLOWS}
            yield from _entries(follows, records, at, (*within, word))
        around = isinstance(value, dict) and (*within, word) == place[: len(within) + 1]
        around = around or _holds(value, records)
        aside = word in OTHER and word != "warnings" and not around
        if aside or id(value) in records:
            continue
        at_place = isinstance(value, (dict, list)) and (*within, word) == place
        of_records = at_place or _lists(value, records)
        yield Entry(at, word, value, beside, within, of_records=of_records)
        if isinstance(value, dict):
            yield from _entries(value, records, at, (*within, word), place)
        elif isinstance(value, list) and word in ("link", "links", "next"):
            yield from _linked(value, at, word, within)
        elif (
            isinstance(value, list)
            and len(value) == 1
            and (word in FACETS or _holds(value[0], records))
        ):
            yield from _entries(value[0], records, f"{at}[0]", (*within, word), place)


def _holds(value: Any, records: set[int], depth: int = DEPTH) -> bool:
    """Return whether the records are inside an object, not the object itself."""
    if not isinstance(value, dict) or id(value) in records or not depth:
        return False
    return any(
        (isinstance(inner, list) and inner and id(inner[0]) in records)
        or _holds(inner, records, depth - 1)
        for inner in value.values()
    )


def _lists(value: Any, records: set[int]) -> bool:
    """Return whether a list, or an object, begins with a record."""
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    first = next(iter(items), None)
    return isinstance(first, dict) and id(first) in records


def _linked(links: list[Any], at: str, word: str, within: tuple[str, ...]) -> Iterator[Entry]:
    """Yield the next link of a list: `[{"rel": "next", "href": …}]`, or `"next": [{"href": …}]`."""
    for item in links:
        if not isinstance(item, dict) or not (word == "next" or is_next_link(item)):
            continue
        relation = _relation(item)
        plain = isinstance(item.get(relation), str)
        where = f"{at}[?{relation}=='{item[relation]}']" if plain else f"{at}[{links.index(item)}]"
        where = f"{at}[0]" if word == "next" else where
        for key, value in item.items():
            if isinstance(value, str) and word_of(key) in ("href", "url", "uri", "link"):
                yield Entry(f"{where}.{key}", "nextlink", value, {}, within)


def joined_path(path: str, key: str) -> str:
    """Return the path of a key below a path, as Connector Settings write it."""
    plain = re.fullmatch(r"[^.\[\]\"'*{}]+", key)
    if not plain and not path:
        return key if re.fullmatch(r"[^\[\]\"'*{}]+", key) else f'"{key}"'
    return ".".join(filter(None, (path, key if plain else f'"{key}"')))


def _headers(headers: Mapping[str, str]) -> Iterator[Entry]:
    """Yield the headers that may be about pages; one of JSON (ASP.NET's X-Pagination) as that."""
    plain = {name: value for name, value in headers.items() if _may_tell(name)}
    beside = {word: value for name, value in plain.items() for word in header_words(name)}
    for name, value in plain.items():
        if value.lstrip().startswith("{"):
            yield from _inside(name, value)
            if "continuation" not in name.lower():  # of Cosmos DB, the token itself is JSON
                continue
        for word in header_words(name):
            yield Entry(name, word, value.strip(), beside, header=True)


def _inside(name: str, value: str) -> Iterator[Entry]:
    try:
        found = json.loads(value)
    except ValueError:
        return
    for entry in _entries(found, set()):
        yield Entry(f"{name}: {entry.path}", entry.word, entry.value, entry.beside, header=True)


def _may_tell(name: str) -> bool:
    if re.search(r"pagination|paging", name.lower()):
        return True
    return not re.search(
        r"rate|limit|retry|date|time|length|cookie|etag|^content-(?!range)|expires", name.lower()
    )


def header_words(name: str) -> tuple[str, ...]:
    """Return the words that a header's name can stand for: X-WP-TotalPages is totalpages.

    After a vendor's own word, only what can hardly mean anything else counts.
    """
    word = word_of(name)
    short = re.sub(
        r"^x?(wp|ms|pagination|paging|pager|page|results?|collection|list|api|records?)(?=[a-z])",
        "",
        word,
    )
    last = word_of(name.rpartition("-")[2])
    own = OWN_WORD.fullmatch(last)
    return tuple(dict.fromkeys((word.removeprefix("x"), short, *([own[1]] if own else []))))
