"""Counts in texts for people: “Showing 1 to 5 of 12 entries”, “5 results of 40”. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from registry_sync.core.late_patterns import pattern
from registry_sync.source.answers.page_answer import PageAnswer

LONGEST = 200
"""Characters of a text that counts records; a longer one tells more."""
SHORT = 3
"""Letters of keys that are as well words of any text."""
NUMBER = pattern(r"\d{1,3}(?:[.,'’ \u00a0\u202f]\d{3})+(?!\d)|\d{1,12}")
"""A count, also with a sign between its thousands."""
OF = (r"/|of|out of|von|aus|de|del|di|sur|van|af|av|na|z|ze|sobre|din|из|od|od celkem|dari|trong|"
      r"üzerinden")  # fmt: skip
OF_TOTAL = pattern(rf"\s*(?:(?:{OF})\b|/)\s*(?:a |un |ein\w* )?(?:the )?(?:total|insgesamt|"
                   r"about|approximately|approx\.?|around|over|more than|totalt|totale)*"
                   r"(?: (?:of|de))?\s*(?:[~≈>]\s*)?", re.IGNORECASE)  # fmt: skip
LEAST = pattern(
    r"about|approx|around|over\b|more than|at least|[a-z] ?[~≈>]|\d\s*\+", re.IGNORECASE
)
"""What makes a count a lower bound or a guess."""
SHOWN = pattern(r"(?:show|display|return|list|first|top|only|limit)", re.IGNORECASE)
ALL_OF = pattern(r"found|total|match|overall|gesamt|treffer|résultats|resultados", re.IGNORECASE)
OUTCOME = pattern(
    r"fail|error|skip|invalid|reject|updat|delet|import|remov|chang|creat|upload|process|warn|"
    r"second|minut|hour|day|\bms\b|attempt|step|version|part|retr[iy]",
    re.IGNORECASE,
)
"""What is done to records, or lasts: such texts do not count a list."""
RECORDS = frozenset({
    "record", "result", "item", "entry", "entrie", "row", "hit", "match", "matche", "object",
    "document", "doc", "element", "resource", "data", "list", "value", "compound", "molecule",
    "substance", "sample", "entity", "entitie", "total",
})  # fmt: skip
"""Stems of nouns that stand for any registry's records."""
OTHERS = frozenset({
    "page", "site", "user", "project", "group", "team", "location", "lab", "node", "shard",
    "server", "source", "database", "table", "column", "field", "filter", "facet", "categorie",
    "tag", "request", "call", "credit", "token", "quota", "slot", "seat", "license", "job", "task",
    "worker", "thread", "batche", "chunk", "file", "folder", "plate", "run", "vendor", "supplier",
    "unread", "notification", "message", "alert",
    "tenant", "account", "region", "zone", "seite", "página", "byte", "kb", "mb",
})  # fmt: skip
"""Stems of nouns of what an answer may count beside its records."""
LEFT_OUT = pattern(
    r"(?i:exclud|omit|hid(?:e|den)|without|!|<>)|(?i:(?:^|[\W_])(?:ne|neq|nin|not)(?:[\W_]|$))|"
    r"(?:^|[\W_])not(?=[A-Z])|[a-z]Not(?![a-z])|(?i:not(?=eq|contain|like|match|in\b|null))"
)
"""Names of parameters whose value a list is to leave out, and such operators."""
OPERATORS = frozenset({"op", "operator", "comparator", "comparison", "matchmode", "type"})
"""Keys of the operator beside a value, in small letters."""
DEEPEST = 12
"""Objects and lists within each other in which a posted body is searched for what it asks for."""
GONE = frozenset({"deleted", "archived", "removed", "inactive", "obsolete", "retired", "purged"})
"""What a total may count beside a list of what is there: `total_deleted`."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A total in a text; `exact` is False where it is a guess or a lower bound."""

    total: int
    exact: bool = True


def count_in(text: str, answer: PageAnswer, *, exact: bool) -> Counted | None:
    """Return how many records a text says there are, as it counts those of this page; or None.

    `exact`: the text may be about something else, so that its range must be that of the page.
    """
    if len(text) > LONGEST or not 1 <= (found := len(NUMBER.findall(text))) <= 3:
        return None
    if is_of_others(text, answer):
        return None
    if found == 1:
        total = _of_number(text, answer)
    elif found == 2:
        total = _of_part(text, answer)
    else:
        total = _of_range(text, answer, exact=exact)
    return None if total is None else Counted(total, not LEAST.search(text))


def _parts(text: str) -> tuple[list[int], list[str]]:
    """Return the numbers of a text, and what stands before, between and after them."""
    found = list(NUMBER.finditer(text))
    ends = [0, *(each.end() for each in found)]
    starts = [*(each.start() for each in found), len(text)]
    return (
        [int(re.sub(r"\D", "", each[0])) for each in found],
        [text[end:start] for end, start in zip(ends, starts, strict=True)],
    )


def _of_range(text: str, answer: PageAnswer, *, exact: bool) -> int | None:
    """Read `1-16 of 60`, “Zeige 1 bis 16 von 60”, “60 件中 1 から 16”; no date: `01-12/2025`."""
    numbers, (before, one, two, _) = _parts(text)
    has_separator = re.fullmatch(r"\s*(?:-|–|\.\.|to)\s*", one) and re.fullmatch(
        r"\s*(?:/|of|out of)\s*", two
    )
    first, last, total = numbers
    if not has_separator and first > last and re.search(r"[^\W\d_]", one):
        total, first, last = numbers
        one, two = two, one
    loose = has_separator and not exact and len(before) <= 20
    loose = loose and not ("/" in two and last <= 31 and 1900 <= total < 2100)
    span = last - first + 1
    if not first <= last <= total or answer.count > span + 1:
        return None
    if loose:
        return total
    apart = re.search(r"[^\W\d_]|/", two) and not re.fullmatch(r"\s*[./:]\s*", one)
    near = abs(span - answer.count) <= (1 if has_separator else 0)
    return total if near and apart else None


def _of_part(text: str, answer: PageAnswer) -> int | None:
    """Read “5 of 40 records”, “5 results of 40”, “Found 40 compounds, showing the first 5”."""
    (one, other), (before, between, after) = _parts(text)
    if OUTCOME.search(text) or not answer.count:
        return None
    nouns = [*_stems(before), *_stems(between), *_stems(after)]
    counted = any(noun in RECORDS or noun in _own(answer) for noun in nouns) or answer.count > 1
    words = re.sub(r"^\s*[^\W\d_]+\s+(?=\S)", "", between, count=1)
    if one == answer.count < other and counted and any(map(OF_TOTAL.fullmatch, (between, words))):
        return other
    shown = other == answer.count < one and SHOWN.search(between + after)
    return one if shown and ALL_OF.search(before + between) else None


def _of_number(text: str, answer: PageAnswer) -> int | None:
    """Read “40 records found” and “Total: 40”; as many as came may count the page."""
    [total], (before, after) = _parts(text)
    if total <= answer.came or OUTCOME.search(text) or len(text) > 60:
        return None
    own = RECORDS | _own(answer)
    behind, nouns = [*_stems(after)], [*_stems(before + after)]
    counts = behind[:1] and behind[0] in own and (len(nouns) == 1 or ALL_OF.search(text))
    named = ALL_OF.search(before) and all(noun in own or ALL_OF.match(noun) for noun in nouns)
    return total if counts or named else None


def is_of_others(text: str, answer: PageAnswer) -> bool:
    """Return whether a text counts something else than the records: “1-3 of 4 sites”."""
    own = _own(answer)
    first = answer.records[0] if answer.records else None
    body = answer.body if isinstance(answer.body, dict) else {}
    keys = {*(first if isinstance(first, dict) else ()),
            *(key for key, value in body.items() if isinstance(value, list))}  # fmt: skip
    stems = {_stem(str(key)) for key in keys if len(str(key)) > SHORT} - RECORDS
    nouns = (noun for noun in _stems(text) if noun not in own and not SHOWN.match(noun))
    return any(noun in OTHERS or noun in stems for noun in nouns)


def is_other(noun: str, answer: PageAnswer) -> bool:
    """Return whether a noun, in small letters, is of something that answers count as well."""
    gone = noun in GONE and noun not in _asked_for(answer)
    return (_stem(noun) in OTHERS or gone) and _stem(noun) not in _own(answer)


def _asked_for(answer: PageAnswer) -> Iterator[str]:
    """Yield the words that a request names: `?status=archived`, `{"where": {"archived": true}}`."""
    for path, value in (*parse_qsl(urlsplit(answer.url).query), *_terms(answer.posted)):
        if not LEFT_OUT.search(path):
            text = str(value).lower()
            yield from re.findall(r"[^\W_]+", text)
            if text in ("true", "1", "yes"):
                yield from path.lower().split(".")


def _terms(value: Any, path: str = "", depth: int = DEEPEST) -> Iterator[tuple[str, Any]]:
    """Yield the values of a posted body with their paths, in which operators beside them are."""
    if isinstance(value, list):
        for inner in value if depth else ():
            yield from _terms(inner, path, depth - 1)
    elif not isinstance(value, Mapping):
        yield path, value
    elif depth:
        said = [value[key] for key in value if str(key).lower() in OPERATORS]
        at = ".".join(filter(None, (path, *(word for word in said if isinstance(word, str)))))
        for key, inner in value.items():
            yield from _terms(inner, f"{at}.{key}" if at else str(key), depth - 1)


def _own(answer: PageAnswer) -> frozenset[str]:
    """Return the stems of what the list calls its records: by its key, and in its address."""
    first = answer.records[0] if answer.records else None
    body = answer.body if isinstance(answer.body, dict) else {}
    lists = [key for key, value in body.items() if isinstance(value, list) and value[:1] == [first]]
    steps = re.findall(r"[^\W\d_]+", urlsplit(answer.url).path.rpartition("/")[2])
    return frozenset(_stem(str(name)) for name in (*lists, *steps))


def _stems(text: str) -> Iterator[str]:
    return (_stem(word) for word in re.findall(r"[^\W\d_]{2,}", text))


def _stem(word: str) -> str:
    return word.lower().removesuffix("s")
