"""Where an answer says that there is more than this page, in whatever word. Pure.

Each way of saying it is one function in a table: it looks at one entry of the answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from registry_sync.core.late_patterns import pattern
from registry_sync.source.answers.link_header import read_links
from registry_sync.source.answers.page_answer import OF_PART, PARTIAL, Entry, PageAnswer, word_of
from registry_sync.source.completeness.flag_words import (
    COUNTED,
    FLAGS,
    INVERTED,
    MORE_COUNTED,
    OF_WHO_ASKS,
    REMAINING,
    WEAK_FLAGS,
    is_said,
)
from registry_sync.source.completeness.next_words import (
    ABOUT,
    MAYBE_TOKENS,
    MORE,
    MORE_ADDRESS,
    MORE_LISTED,
    MORE_TOKEN,
    NEXT,
    NEXT_LAST,
    OAI,
    OF_A_NEW_RECORD,
    ONWARD,
    RESUMES,
    TOKEN_HEADER,
    TOKENS,
    WITH_EACH,
)
from registry_sync.source.completeness.numbered_parts import (
    OF_PAGES,
    PARTS,
    has_later_page,
    part_now,
)
from registry_sync.source.completeness.said_values import (
    address_in,
    as_number,
    below_context,
    is_ahead,
    is_filled,
    truth_of,
)
from registry_sync.source.completeness.texts import FOLLOWED, OUTCOMES, TEXTS, may_be_cut, says_cut
from registry_sync.source.completeness.whole_counts import says_longer

Kind = Literal["address", "token", "number", "flag", "pages", "partial"]
NUMBERED = pattern(r"(?<![:/])/\d")
"""A page in the path of an address, unlike `/api/v2`."""
PAGES = re.compile(r"total_?pages?(count)?|page_?count|pages?(total|count)|(last|max|num|nb|number"
                   r"of|noof|countof|final)pages?(number|no|num|index)?|totalnumberofpages|pages|"
                   r"totalpagecount|pagestotal")  # fmt: skip
PAGE_NOW = (
    "page", "currentpage", "pagenumber", "number", "current", "pageindex", "pageno", "pagenum",
    "currentpagenumber", "thispage",
)  # fmt: skip
"""Words of the page that an answer is."""
STATUS_CODES = frozenset({"status", "statuscode", "httpstatus", "httpcode", "responsecode"})
"""Words by which some answers repeat the status that they come with."""
PAGE_OF_PAGES = pattern(r"(?:(\w+) )?(\d{1,6}) ?(?:of|/|von|de|sur|di|van) ?(\d{1,6})")
RECORD_COUNTS = re.compile(r"total|count|size|limit|perpage|pagesize|totalelements|items|offset")


@dataclass(frozen=True, slots=True)
class Mark:
    """One place at which an answer says that there is more.

    `sure`: it can hardly mean anything else. An `address` can be followed as it is.
    """

    kind: Kind
    entry: Entry
    sure: bool = True
    address: str = ""

    @property
    def in_words(self) -> str:
        """Return where and what the answer says, as a part of a sentence; no token is shown."""
        value = self.entry.value
        shown = f" ({str(value).lower()})" if isinstance(value, (bool, int)) else ""
        where = "header " if self.entry.header else ""
        return f"{where}{self.entry.path}{shown}"


def is_inverted(path: str) -> bool:
    """Return whether the flag at a path says by true that there is no more: `isLast`, `done`."""
    last = re.split(r"[.\[\]]", path.rstrip("]\"'"))[-1]
    return bool(INVERTED.fullmatch(word_of(last)))


# -- the ways of saying it ---------------------------------------------------------------------


def _address(entry: Entry, answer: PageAnswer) -> Mark | None:
    named = NEXT.match(entry.word) or NEXT_LAST.fullmatch(entry.word)
    found = below_context(address_in(entry.value, entry.word), entry.beside)
    if ONWARD.fullmatch(entry.word) and ("?" in found or NUMBERED.search(found)):
        return Mark("partial", entry, sure=False)  # it is named, and not followed
    if not found or not (named or _leads_on(entry.word, found)):
        return None
    return Mark("address", entry, address=found)


def _leads_on(word: str, address: str) -> bool:
    """Return whether a word such as `moretopicsurl` has the address of a page of the list."""
    if MORE.fullmatch(word):
        return bool(re.search(r"[?\d]", address))
    more = MORE_ADDRESS.fullmatch(word)
    if more is None or ABOUT.match(more[2]):
        return False
    return not more[2] or bool(re.search(r"[?\d]", address))


def _token(entry: Entry, answer: PageAnswer) -> Mark | None:
    value, word = entry.value, entry.word
    if isinstance(value, (dict, list, bool)) or not is_filled(value):
        return None
    if "resumptiontoken" in entry.within and OAI.fullmatch(word):
        return None
    within_next = any(NEXT.match(part) or part in TOKENS for part in entry.within)
    named = NEXT.match(word) or NEXT_LAST.fullmatch(word) or MORE_TOKEN.fullmatch(word)
    if OF_A_NEW_RECORD.fullmatch(word) and as_number(value) is None:
        return Mark("partial", entry, sure=False)  # it may be a cursor, if no total is reached
    if WITH_EACH.fullmatch(word) and not entry.header:
        return Mark("partial", entry, sure=False)
    is_token = named or word in TOKENS
    sure = bool(is_token or within_next or (entry.header and TOKEN_HEADER.fullmatch(word)))
    number = as_number(value)
    if (resumes := RESUMES.fullmatch(word)) and not sure and not entry.header:
        later = number is not None or resumes[1]
        return Mark("partial" if later else "token", entry, sure=False)
    held = entry.within[-1:] == ("cursor",) and word == "value" and answer.count > 0
    maybe = (held or word in MAYBE_TOKENS) and not entry.header and number is None
    if not sure and not maybe:
        return None
    if number is None or re.search(r"token|cursor|marker", word):
        return Mark("token", entry, sure)
    now = [as_number(entry.beside.get(name)) for name in PAGE_NOW if name != word]
    return None if number in now else Mark("number", entry, sure)


def _flag(entry: Entry, answer: PageAnswer) -> Mark | None:
    pending = entry.word == "pending" and "lastseq" in entry.beside  # CouchDB's list of changes
    counts = pending or REMAINING.fullmatch(entry.word) or MORE_COUNTED.fullmatch(entry.word)
    if counts and as_number(entry.value):
        return Mark("flag", entry, not WEAK_FLAGS.fullmatch(entry.word))
    if MORE_LISTED.fullmatch(entry.word) and isinstance(entry.value, list) and entry.value:
        return None if entry.of_records else Mark("partial", entry, sure=False)
    says = truth_of(entry.value)
    plain = says and FLAGS.fullmatch(entry.word) and not _is_count(entry)
    inverted = says is False and INVERTED.fullmatch(entry.word)
    if not plain and not (inverted and (is_said(entry.value, entry.word) or entry.header)):
        return None
    kind: Kind = "partial" if OF_WHO_ASKS.fullmatch(entry.word) else "flag"
    return Mark(kind, entry, not WEAK_FLAGS.fullmatch(entry.word))


def _is_count(entry: Entry) -> bool:
    """Return whether a 1 counts records: `{"complete": 11, "incomplete": 1}`."""
    numbers = (value for value in entry.beside.values() if type(value) is int)
    return (
        type(entry.value) is int
        and bool(COUNTED.search(entry.word))
        and any(number > 1 for number in numbers)
    )


def _worded(entry: Entry, answer: PageAnswer) -> Mark | None:
    """Read a text for people: `{"warning": "Result truncated to 500 rows"}`."""
    plain = not isinstance(entry.value, (dict, list))  # a text of records would be the whole page
    outcome = plain and entry.word in OUTCOMES and FOLLOWED.fullmatch(str(entry.value).strip())
    own = not entry.header or entry.word == "warning" or ":" in entry.path  # of JSON: sap-message
    texts = entry.word in TEXTS and own
    texts = texts and not entry.of_records
    if outcome or (texts and says_cut(entry.value)):
        return Mark("flag", entry, sure=False)
    return Mark("partial", entry, sure=False) if texts and may_be_cut(entry.value) else None


def _partial(entry: Entry, answer: PageAnswer) -> Mark | None:
    """Part of a range: 206 with `Content-Range: 0-4/*`; a total in it is one of records.

    https://docs.postgrest.org/en/stable/references/api/pagination_count.html
    """
    coded = entry.word in STATUS_CODES or (entry.word, entry.within[-1:]) == ("code", ("status",))
    if entry.path == OF_PART or (coded and as_number(entry.value) == PARTIAL):
        return Mark("partial", entry, sure=False)
    if says_longer(entry, answer):
        return Mark("partial", entry, sure=False)
    unknown = entry.word == "contentrange" and str(entry.value).strip().endswith("/*")
    return Mark("partial", entry) if entry.header and unknown and answer.status == 206 else None


def _pages(entry: Entry, answer: PageAnswer) -> Mark | None:
    word, beside = entry.word, entry.beside
    held = isinstance(entry.value, (dict, list))  # of records, the text would be the whole page
    if not held and (found := PAGE_OF_PAGES.fullmatch(str(entry.value).strip().lower())):
        about = (
            word in PAGE_NOW
            or word in PARTS
            or word in OF_PAGES
            or (word in TEXTS and word_of(found[1] or "") == "page")
        )
        paged = about and int(found[3]) > int(found[2])
        return Mark("pages", entry, sure=False) if paged else None
    page = next((as_number(beside[word]) for word in PAGE_NOW if word in beside), None)
    if word in OF_PAGES and has_later_page(entry.value, page):  # `links` may be those of a menu
        return Mark("partial" if word == "links" else "pages", entry, sure=False)
    total = as_number(entry.value)
    if (now := part_now(entry)) is not None:
        return Mark("pages", entry, sure=False) if total is not None and total > now + 1 else None
    of_pages = PAGES.fullmatch(word) or (word == "total" and "current" in beside)
    if not of_pages or total is None or total <= answer.pages:
        return None
    if page is not None and page >= total:
        return None
    counts_pages = page is not None or any(RECORD_COUNTS.fullmatch(each) for each in beside)
    return Mark("pages", entry, word != "total" and (word != "pages" or counts_pages))


def _last_link(entry: Entry, answer: PageAnswer) -> Mark | None:
    """Find a last page with another number than this one, where no next page is named."""
    if entry.header and entry.word == "link":
        last, first = answer.links.get("last", ""), answer.links.get("first", "")
    elif entry.word in ("last", "lastpage", "lasturl", "lastpageurl", "lastlink"):
        last = address_in(entry.value, entry.word)
        first = address_in(entry.beside.get("first", entry.beside.get("self")), "first")
    else:
        return None
    ahead = last and is_ahead(last, first or answer.url)
    return Mark("pages", entry, sure=False) if ahead else None


def _link(entry: Entry, answer: PageAnswer) -> Mark | None:
    """Read X-Link, `rel="more"`, or a template of the next address, which no one can fill."""
    linked = entry.header and entry.word.removesuffix("s") == "link" and "next" not in answer.links
    if linked and (there := read_links(str(entry.value))[0].get("next")):
        return Mark("address", entry, address=there)
    more = answer.links.get("more", "") if entry.header and entry.word == "link" else ""
    template = entry.word == "linktemplate" and "next" in read_links(str(entry.value))[0]
    return Mark("partial", entry, sure=False) if template or _leads_on("more", more) else None


WAYS: tuple[Callable[[Entry, PageAnswer], Mark | None], ...] = (
    _address, _token, _flag, _pages, _partial, _last_link, _link, _worded,
)  # fmt: skip
"""The ways in which answers say that there is more, the most useful first."""


def marks_of(answer: PageAnswer) -> list[Mark]:
    """Return where an answer says that there is more; the most useful first, then from the top.

    A flag that says the opposite outweighs what only may be a token.
    """
    entries = answer.entries()
    marks = [mark for way in WAYS for entry in entries if (mark := way(entry, answer)) is not None]
    if says_end(entries):
        marks = [mark for mark in marks if mark.sure or mark.kind != "token"]
    return sorted(marks, key=lambda mark: (not mark.address, not mark.sure))


def says_end(entries: Sequence[Entry]) -> bool:
    """Return whether an answer says in so many words that this is all: by a flag or a null."""
    for entry in entries:
        says = truth_of(entry.value)
        if says is False and FLAGS.fullmatch(entry.word):
            return True
        if says and is_said(entry.value, entry.word) and INVERTED.fullmatch(entry.word):
            return True
        if NEXT.match(entry.word) and not is_filled(entry.value):
            return True
        if PAGES.fullmatch(entry.word) and as_number(entry.value) == 1:
            return True
    return False


def first_address(marks: Sequence[Mark]) -> str:
    """Return the address of the next page, if the answer has one."""
    return next((mark.address for mark in marks if mark.address), "")
