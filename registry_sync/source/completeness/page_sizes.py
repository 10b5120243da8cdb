"""How many records a page was to have: by its request, or by what its answer says. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from registry_sync.core.late_patterns import pattern
from registry_sync.source.answers.page_answer import PageAnswer, word_of
from registry_sync.source.completeness.said_values import as_number
from registry_sync.source.json_values import leaves

SIZE = pattern(
    r".*(limit|size|perpage|top|rows|count|take|pagelength|maxresults)"
    r"|(results|items|records|hits|rows|entries)perpage"
    r"|max(imum)?(items|records|recs|hits|rows|entries|objects|number|num|page|total)?"
    r"|(num|numberof|noof|nbof|nb)(items|records|hits|rows|entries|results|objects)?"
    r"|first|n|results|length|rpp|ps|pp|show|display|batch|chunk|retmax|quantity|amount|window"
)
"""Parameters that say how many records a page is to have."""
USUAL_SIZES = frozenset({10, 15, 20, 25, 30, 40, 50, 100, 200, 250, 500, 1000, 2000, 5000, 10_000,
                         50_000, 100_000})  # fmt: skip
"""How many records servers give at once where no one asks for a number."""
STATED = frozenset({
    "limit", "perpage", "pagesize", "itemsperpage", "resultsperpage", "recordsperpage",
    "limitedto", "truncatedat", "truncatedto", "cappedat", "cutat", "hitsperpage", "rowsperpage",
    "pagelen", "pagelength", "pagelimit",
})  # fmt: skip
"""Words by which answers repeat how many records a page has at most."""
SPANS = {"from": ("to", "until"), "start": ("end", "stop"), "_start": ("_end",),
         "first": ("last",), "begin": ("end",), "min": ("max",), "firstrow": ("lastrow",),
         "startrow": ("endrow",), "startindex": ("endindex",), "offset": ("end",)}  # fmt: skip
"""Parameters of the first record of a page, each with those of its last."""
SPAN = pattern(
    r"(?:items|rows|records|bytes|results)?\s*=?\s*\[?\s*(\d{1,9})\s*[-,:]\s*(\d{1,9})\s*\]?"
)
"""A range in one value: `0-49`, `[0,49]`."""
IN_TEXT = pattern(
    r"\b(limit|first|top|take|size|page_?size|per_?page|rows|rownum|max(?:_?results)?|fetch\s+next)"
    r"\b[\"']?\s*(?:<=|[:=(])?\s*(\d{1,9})\b",
    re.IGNORECASE,
)
"""A limit inside a query: `LIMIT 50` of SQL, SPARQL and SOQL, `first: 50` of GraphQL."""
BESIDE: dict[str, tuple[str, ...]] = {
    "limit": ("offset", "skip", "start", "_start", "startAt"),
    "top": ("$skip", "skip"),
    "rows": ("start",),
    "maxresults": ("startAt", "startIndex"),
    "sysparmlimit": ("sysparm_offset",),
    "limitpagelength": ("limit_start",),
    "pagelimit": ("page[offset]",),
    "take": ("skip",),
    "count": ("startIndex", "offset", "_getpagesoffset"),
    "size": ("from", "offset"),
    "first": ("skip", "offset"),
    "max": ("offset", "start"),
}
"""Parameters that skip records, by the word of the parameter that limits them."""


def asked_values(answer: PageAnswer) -> dict[str, Any]:
    """Return the parameters of the request, of its query and of its JSON body's top."""
    values: dict[str, Any] = dict(parse_qsl(urlsplit(answer.url).query))
    if isinstance(answer.posted, Mapping):
        values |= {str(name): value for name, value in answer.posted.items()}
    return values


def size_asked(answer: PageAnswer) -> tuple[str, int] | None:
    """Return the parameter that asks for a number of records on a page, and that number."""
    return next(_named_sizes(asked_values(answer)), None)


def fills(answer: PageAnswer) -> str:
    """Return what asks for, or allows, exactly the records that came on a page; "" for nothing."""
    parameters, count = asked_values(answer), answer.count
    for name, number in (*_named_sizes(parameters), *_inner_sizes(answer), *_spans(parameters)):
        if number == count:
            return f"as many as {name} asks for"
    for entry in answer.entries():
        if entry.word in STATED and as_number(entry.value) == count:
            return f"as many as {entry.path} of the answer allows"
    return ""


def is_short(answer: PageAnswer) -> bool:
    """Return whether fewer records came than the request asks for."""
    sizes = [number for _, number in (*_named_sizes(asked_values(answer)), *_inner_sizes(answer))]
    return bool(sizes) and answer.count < min(sizes)


def _named_sizes(parameters: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Yield the parameters whose name says that their number is a size."""
    for name, value in parameters.items():
        number = as_number(value)
        if number and SIZE.fullmatch(word_of(name)):
            yield name, number


def _inner_sizes(answer: PageAnswer) -> Iterator[tuple[str, int]]:
    """Yield the sizes deeper in a JSON body, and those inside queries."""
    values = [(name, value) for name, value in parse_qsl(urlsplit(answer.url).query)]
    for path, value in (*leaves(answer.posted), *values):
        if isinstance(value, str):
            yield from (
                (f"{found[1]} in {path}", int(found[2])) for found in IN_TEXT.finditer(value)
            )
        elif (number := as_number(value)) and SIZE.fullmatch(word_of(path.rpartition(".")[2])):
            yield path, number


def _spans(parameters: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Yield the sizes of ranges; whether the last record is within differs among servers."""
    by_word = {word_of(name): as_number(value) for name, value in parameters.items()}
    for first, lasts in SPANS.items():
        begin = by_word.get(word_of(first))
        for last in lasts if begin is not None else ():
            end = by_word.get(word_of(last))
            if begin is not None and end is not None and end > begin:
                yield f"{first} … {last}", end - begin
                yield f"{first} … {last}", end - begin + 1
    for name, value in parameters.items():
        if found := SPAN.fullmatch(str(value).strip()):
            yield name, int(found[2]) - int(found[1]) + 1
