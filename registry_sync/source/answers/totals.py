"""How many records a registry says there are: named by a path, or where servers usually say it.

Pure. A total judges what came; it never ends a read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from registry_sync.core.late_patterns import pattern
from registry_sync.source.answers.count_texts import count_in, is_of_others, is_other
from registry_sync.source.answers.filtered_totals import FILTERED, is_filtered_to
from registry_sync.source.answers.page_answer import Entry, PageAnswer, word_of
from registry_sync.source.answers.parts_missing import SHARDS
from registry_sync.source.completeness.said_values import as_mapping, as_number
from registry_sync.source.path_parents import parent_path
from registry_sync.source.paths import ABSENT, compile_path

WORDS = (
    "filteredtablerowscount", "totalfiltercount", "recordsfiltered", "filteredcount",
    "totalfiltered", "filtercount", "filtered", "resultsetcount",
    "totalresults", "rowsmatched", "recordsmatched", "matchedrows", "matchedrecords",
    "matchingrows", "matchingrecords", "recordsavailable", "rowsavailable",
    "totalelements", "totalitems", "totalrecords", "totalcount", "totalhits", "totalentries",
    "totalobjects", "totalsize", "totalrows", "totalnumber", "totalmatches", "totalrecordcount",
    "totalresultcount", "totalnumberofrecords", "totalnumberofresults", "numfound", "nbhits",
    "numberofresults", "numberofrecords", "numresults", "numrecords", "hitcount", "matchcount",
    "totalfound", "recordstotal", "itotaldisplayrecords", "itotalrecords", "recordcount",
    "resultcount", "itemcount", "itemstotal", "rowcount", "overallcount", "grandtotal", "total",
    "found", "hits", "matches", "results", "inlinecount", "allcount", "fullcount",
    "collectionsize", "resultsize", "resultsetsize", "available", "outof", "numbermatched",
    "matched", "matching", "nummatched", "totalavailable", "totalmatching",
    "recordscount", "rowscount", "itemscount", "resultscount",
    "hitscount", "entriescount", "resourcecount", "objectcount", "elementcount", "entrycount",
    "documentcount", "doccount", "numrows", "numitems", "numhits", "numentries", "nbrecords",
    "nbrows", "nbitems", "nbresults", "countall", "allrecords", "count", "records", "rows", "items",
    "entries", "objects", "of",
)  # fmt: skip
"""Keys of totals, those of what was asked for before those of the whole collection."""
LIKE_TOTAL = pattern(
    r"(total|numberof|numof|noof|nrof|countof)"
    r"(?!.*(page|time|milli|second|byte|score|price|cost|weight|limit|shard|field|column|mass|amount"
    r"|volume|quantity|revenue|duration))[a-z]+"
    r"|[a-z]+(total|totalcount)"
)
"""Other keys of totals, such as `totalCompounds`."""
OF_NOUN = pattern(
    r"(?:total|numberof|numof|noof|nrof|countof)([a-z]+?)(?:count)?|([a-z]+?)total(?:count)?"
)
"""Such a key with its noun, which may be about something else: `totalUsers`."""
NESTED = frozenset({"total", "hits", "count", "totalhits"})
"""Keys whose object may hold the number: `hits.total.value`, `meta.results.total`."""
TEXT_OF_XML = ("#text", "$t", "_text", "__text", "$")
"""Keys of an element's text, in JSON that was made of XML."""
ESTIMATED = ("totalisestimate", "isestimate", "estimated", "capped", "totalisapproximate")
OF_A_PAGE = frozenset({"count", "resultcount", "itemcount", "rowcount", "recordcount", "results",
                       "numresults", "numrecords", "hits", "found", "matches", "records", "rows",
                       "items", "entries", "objects", "recordscount", "rowscount", "itemscount",
                       "resultscount", "hitscount", "entriescount", "numrows", "numitems",
                       "numhits", "numentries", "nbrecords", "nbrows", "nbitems", "nbresults",
                       "nrofrecords", "nrofrows", "nrofitems", "nrofresults", "resourcecount",
                       "objectcount", "elementcount", "entrycount", "documentcount",
                       "doccount"})  # fmt: skip
"""Keys that some servers use for the number of records on the page."""
RANGES = frozenset({"range", "itemrange", "itemsrange", "recordrange", "recordsrange",
                    "showing", "shown", "displaying", "items", "results",
                    "records", "rows", "summary", "position", "paging", "pageinfo"})  # fmt: skip
"""Keys whose text may be a range with its total: `1-16 of 60`."""
TEXTS = frozenset({"message", "msg", "info", "text", "description", "caption", "note", "notice",
                   "label", "title", "footer", "pager", "counter", "resultinfo", "recordsinfo",
                   "status", "statustext", "statusmessage", "count", "total"})  # fmt: skip
"""Keys of a text for people, which may be such a range of exactly the records that came."""
OF_EACH = frozenset({"fullcount", "totalcount", "totalrows", "totalrecords", "totalresults",
                     "overallcount", "totalrowcount", "rowstotal", "countover"})  # fmt: skip
"""Keys of a total in each record."""
PARTS = frozenset({"page", "batch", "batche", "chunk"})
"""Stems of lists beside whose name a count is of such parts: `page` and `pageCount`."""
HEADER_WORDS = ("totalcount", "total", "totalrecords", "totalresults", "totalitems", "count",
                "matched", "matching", "found", "numfound", "available",
                "itemcount", "recordcount", "resultcount", "rowcount", "itemscount",
                "recordscount", "resultscount", "rowscount", "resourcecount", "resourcescount",
                "objectcount", "objectscount", "elementcount", "entrycount", "entriescount",
                "documentcount", "fullcount", "allcount")  # fmt: skip
ROUND = 1000
THOUSANDS = re.compile(r"\d{1,3}(?:([,.'’ \u00a0\u2009\u202f])\d{3})(?:\1\d{3})*")
"""A number with a sign between its thousands, as languages write it."""


@dataclass(frozen=True, slots=True)
class Total:
    """A registry's own count of its records; `exact` is False where there may be more.

    `path` is where it stands, in the body or of a header, and `named` whether Connector Settings
    name it. `in_text`: it is part of a text, which no setting can name.
    """

    count: int
    exact: bool = True
    path: str = ""
    named: bool = False
    in_body: bool = True
    in_text: bool = False

    @property
    def may_count_a_page(self) -> bool:
        """Return whether servers use its key for the number of records on a page as well."""
        word = word_of(re.split(r"[.:]", self.path)[-1])
        return word in OF_A_PAGE or (_rank(word) is None and word.endswith("count"))

    @property
    def capped(self) -> bool:
        """Return whether the count may be a limit of the server's, such as 10,000."""
        return not self.exact or (self.count > 0 and self.count % ROUND == 0)


def find_total(answer: PageAnswer, path: str, *, last: bool) -> Total | None:
    """Return the total of an answer: at `path`, or else where servers usually have it.

    `last`: no other page follows. A number that only counts this page is none.
    """
    if path:
        return _counts_all(named_total(answer.body, path), answer, last=last)
    entries = answer.entries()
    found = _of_headers(entries, answer, last) or _of_body(entries, answer, last)
    return found or _of_records(answer)


def _counts_all(total: Total | None, answer: PageAnswer, *, last: bool) -> Total | None:
    """Return a total unless it can only count the page that it came with."""
    if total is None or total.count > answer.count:
        return total
    if total.count == answer.count:
        return total if last and answer.came == answer.count else None
    return total if total.named else None


def named_total(body: Any, path: str) -> Total | None:
    """Return the total at a path of Connector Settings; None if there is no number."""
    value = compile_path(path)(body) if isinstance(body, (dict, list)) else ABSENT
    if isinstance(value, dict):
        return _object(value, path, named=True)
    number = _number(value)
    if number is None:
        least = _least(value)
        return None if least is None else Total(least, False, path, named=True)
    parent = parent_path(path)
    around = compile_path(parent)(body) if parent else body
    return Total(number, not is_least(_words(around)), path, named=True)


def says_none(body: Any) -> str:
    """Return the key by which an answer says at its top that it has no records; "" if none does."""
    words = ((str(key), value) for key, value in as_mapping(body).items())
    return next((key for key, value in words if word_of(key) in WORDS and _number(value) == 0), "")


def _object(value: dict[str, Any], path: str, *, named: bool = False) -> Total | None:
    for key in ("value", "count", "total", *TEXT_OF_XML):
        if (number := as_number(value.get(key))) is not None:
            return Total(number, not is_least(_words(value)), f"{path}.{key}", named)
    return None


def _words(value: Any) -> Mapping[str, Any]:
    return {word_of(str(key)): item for key, item in as_mapping(value).items()}


def is_least(around: Mapping[str, Any]) -> bool:
    """Return whether a total is a lower bound: `{"value": 10000, "relation": "gte"}`.

    `around` are the values beside it, by word.
    https://www.elastic.co/guide/en/elasticsearch/reference/current/search-your-data.html
    """
    return (
        str(around.get("relation", around.get("totalrelation", ""))).lower() in ("gte", "gt")
        or any(around.get(word) is True for word in ESTIMATED)
        or around.get("numfoundexact") is False
    )


def _of_headers(entries: Iterable[Entry], answer: PageAnswer, last: bool) -> Total | None:
    for entry in entries:
        ranged = entry.word == "contentrange" or entry.word in RANGES
        if not entry.header or not (ranged or _is_header_total(entry)):
            continue
        text = str(entry.value).strip()
        if ranged and is_of_others(text, answer):  # bytes 0-1023/4096
            continue
        number = _number(text.rpartition("/")[2] if entry.word == "contentrange" else text)
        if number is None and ranged and (counted := count_in(text, answer, exact=False)):
            number = counted.total
        found = None if number is None else Total(number, path=entry.path, in_body=False)
        if found := _counts_all(found, answer, last=last):
            return found
    return None


def _is_header_total(entry: Entry) -> bool:
    """Return whether a header has a total; of Tuleap, `X-PAGINATION-SIZE` beside its limit.

    https://tuleap.net/doc/en/user-guide/integration/rest.html
    """
    tuleap = entry.word == "paginationsize" and "paginationlimit" in entry.beside
    return tuleap or entry.word in HEADER_WORDS or bool(LIKE_TOTAL.fullmatch(entry.word))


def _of_body(entries: Sequence[Entry], answer: PageAnswer, last: bool) -> Total | None:
    found: list[tuple[int, int, Total]] = []
    counts = _counts_of_list(entries, answer)
    for entry in entries:
        rank = len(WORDS) + 1 if entry.word in counts else _rank(entry.word)
        if entry.word in RANGES | TEXTS and isinstance(entry.value, str):
            rank = len(WORDS)
        noun = OF_NOUN.fullmatch(entry.word) if entry.word not in WORDS else None
        if noun and is_other(noun[1] or noun[2], answer):
            continue
        if entry.word == FILTERED and not (last and is_filtered_to(entry, answer)):
            continue
        if rank is None or (entry.header and ":" not in entry.path) or SHARDS & {*entry.within}:
            continue
        total = _counts_all(_total_at(entry, answer), answer, last=last)
        if total is not None:
            found.append((rank, len(entry.within), total))
    return min(found, key=lambda item: item[:2])[2] if found else None


def _of_records(answer: PageAnswer) -> Total | None:
    """Return a total that each record repeats, as `count(*) over ()` of a database does.

    It counts only if it is greater than what came: it may be a value of the records.
    """
    first = answer.records[0] if len(answer.records) > 1 else None
    for key, value in first.items() if isinstance(first, dict) else ():
        if word_of(str(key)) not in OF_EACH or (as_number(value) or 0) <= answer.came:
            continue
        if all(isinstance(each, dict) and each.get(key) == value for each in answer.records):
            return Total(int(value), False, f"{key} of each record", in_text=True)
    return None


def _rank(word: str) -> int | None:
    """Return how far down a word is among those of totals; None if it is none."""
    if word in WORDS:
        return WORDS.index(word)
    return len(WORDS) if LIKE_TOTAL.fullmatch(word) else None


def _counts_of_list(entries: Sequence[Entry], answer: PageAnswer) -> frozenset[str]:
    """Return the words that count a list by its own name: of `artists`, `artist-count`."""
    first = answer.records[0] if answer.records else None
    lists = (e.word for e in entries if isinstance(e.value, list) and e.value[:1] == [first])
    stems = {stem for word in lists for stem in (word, word.removesuffix("s"))} - {""} - PARTS
    return frozenset(
        form for stem in stems for form in (f"{stem}count", f"num{stem}", f"n{stem}", f"nb{stem}")
    )


def _total_at(entry: Entry, answer: PageAnswer) -> Total | None:
    held = entry.value if isinstance(entry.value, dict) else {}
    if held and (entry.word in NESTED or any(key in held for key in TEXT_OF_XML)):
        return _object(entry.value, entry.path)
    counts = entry.word not in TEXTS | RANGES or _rank(entry.word) is not None  # "status": "200"
    if counts and (number := _number(entry.value)) is not None:
        return Total(number, not is_least(entry.beside), entry.path)
    if not isinstance(entry.value, str):
        return None
    if counts and (least := _least(entry.value)) is not None:
        return Total(least, False, entry.path, in_text=True)
    found = count_in(entry.value, answer, exact=entry.word in TEXTS)
    return Total(found.total, found.exact, entry.path, in_text=True) if found else None


def _number(value: Any) -> int | None:
    """Return a number of records, also as `1,204`, `1.204` or a list of one."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, str):
        value = value.strip()
        value = re.sub(r"\A(\d+)(?:,\s+\1)+\Z", r"\1", value)  # a header that came twice
        value = re.sub(r"(?<=\d)\.0+\Z", "", value)
        if THOUSANDS.fullmatch(value):
            value = re.sub(r"\D", "", value)
    return as_number(value)


def _least(value: Any) -> int | None:
    """Return a number that is a lower bound: `100+`, `> 100`."""
    found = re.fullmatch(r"\s*(?:[>≥]=?\s*(\d{1,12})|(\d{1,12})\s*\+)\s*", str(value))
    return int(found[1] or found[2]) if found else None
