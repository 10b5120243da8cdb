"""Whether the pages that were read can be all there are: what an answer says against it. Pure."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from registry_sync.core.late_patterns import pattern
from registry_sync.core.secrets import shortened
from registry_sync.core.text import number_of
from registry_sync.source.answers.accepted_warnings import accepting
from registry_sync.source.answers.doubled_keys import DoubledKey
from registry_sync.source.answers.failures import not_ready
from registry_sync.source.answers.inner_errors import partial_in
from registry_sync.source.answers.link_header import read_links
from registry_sync.source.answers.marks import unmarked
from registry_sync.source.answers.page_answer import joined_path
from registry_sync.source.answers.parts_missing import warning_in
from registry_sync.source.answers.totals import named_total
from registry_sync.source.completeness.next_page_settings import as_pasted, next_paginator
from registry_sync.source.completeness.page_end import PageEnd, ends_empty
from registry_sync.source.completeness.page_sizes import USUAL_SIZES, fills, size_asked
from registry_sync.source.completeness.said_values import truth_of
from registry_sync.source.loop_detection import LoopDetector
from registry_sync.source.pages import Sign

FIRST = pattern(r"(is)?first(page)?")
EARLIER = pattern(r"has(prev|previous|earlier)(page|pages|items|results)?")
MAY_BE_PAGED = pattern(r"complete|truncated|is partial", re.IGNORECASE)
"""What the answer with one page of several may say as well."""
OR_PAGED = "; if this is one page of several, the integration owner sets endpoint.paginator."
ACCEPT = (
    " If it always says so and nothing is missing, the integration owner accepts these words in "
    "Connector Settings: {}."
)
SINGLE = as_pasted({"type": "single_page"})
WHOLE = f"If there are no more records, the integration owner sets {SINGLE}."


def signs_of(
    end: PageEnd, before: LoopDetector, doubled: Sequence[DoubledKey] = ()
) -> tuple[Sign, ...]:
    """Return what speaks against a read being complete, as a page shows it: the first sign.

    `before` are the pages before it. `doubled` are keys that it has several times outside of its
    records, which are a sign of their own.
    """
    looks = (_earlier_said, *(LOOKS if end.last else ()), _total_unseen)
    if not end.is_end:
        looks = (_partial_said, *looks, _news_beside)
    found = itertools.islice(filter(None, (look(end) for look in looks)), 1)
    hide = end.hide
    twice = [_doubled_said(doubled[0], hide)] if doubled else []
    return tuple(
        replace(sign, text=hide(sign.text), remedy=hide(sign.remedy)) for sign in [*found, *twice]
    )


def _doubled_said(doubled: DoubledKey, hide: Callable[[str], str]) -> Sign:
    key, values = hide(unmarked(doubled.key))[:60], doubled.in_words(" and ", hide)
    return Sign(
        "key_twice",
        f"The registry's answer has the key “{key}” more than once outside of its "
        f"records ({values}); the last value was used.",
        "The registry's owner corrects the service: each key may occur once in an object.",
    )


def _total_unseen(end: PageEnd) -> Sign | None:
    """Find a total that settings name and that the first page does not have."""
    path = getattr(end.paginator, "total_pages_path", "") or end.paginator.total_path
    if not (end.first and path and end.answer.whole and end.answer.count):
        return None
    if named_total(end.answer.body, path) is not None:
        return None
    return Sign(
        "total_unseen",
        f"The first page has no count at “{path}”, so no total checks what was read.",
        "The integration owner corrects that path in endpoint.paginator of Connector Settings, or "
        "removes it.",
    )


def _partial_said(end: PageEnd) -> Sign | None:
    """Find records beside an error, or an answer that says that parts of it are missing."""
    entries = end.answer.entries()
    message = partial_in(end.answer, entries, last=end.last)
    if not end.answer.count and (end.answer.whole or not end.first):
        message = message or not_ready(end.answer.body)
    if not message:
        return None
    hint = OR_PAGED if MAY_BE_PAGED.search(message) else "."
    path, texts = warning_in(entries)
    if texts and message.startswith(f"{path}: ") and texts == [*map(end.hide, texts)]:
        hint += ACCEPT.format(accepting(path, texts))
    return Sign(
        "answer_partial",
        f"The registry returned {number_of(end.answer.count, 'record')} on a page, but its answer "
        f"says that it is not complete: {message.rstrip('.')}.",
        f"The registry's owner checks the service{hint}",
    )


def _news_beside(end: PageEnd) -> Sign | None:
    """Find what a page that another one named has beside an empty list, and no other page had."""
    if not end.news:
        return None
    action = {"error_path": joined_path("", end.news[0]), "action": "ignore"}
    settings = json.dumps({"endpoint": {"response_actions": [action]}}, ensure_ascii=False)
    return Sign(
        "answer_partial",
        f"The registry named a page that has no records, but {', '.join(end.news)}, which no page "
        "with records had.",
        "The registry's owner checks the service; if its list ends so, the integration owner says "
        f"so in Connector Settings: {settings}.",
    )


def _unread_link(end: PageEnd) -> Sign | None:
    header = end.answer.headers.get("Link", "")
    links, complete = read_links(header)
    if not header.strip() or (links and complete) or "next" in links:
        return None
    return Sign(
        "link_unread",
        f"The registry's Link header cannot be read ({shortened(header, 100)}): it may name a next "
        "page.",
        "The registry's owner writes it as RFC 8288 says, or the integration owner sets "
        f"endpoint.paginator of Connector Settings. {WHOLE}",
    )


def _unseen(end: PageEnd) -> Sign | None:
    where = end.paginator.unseen(end.answer) if end.only and end.answer.whole else ""
    if not where or not end.answer.count:
        return None
    marks, page_size = end.marks(), size_asked(end.answer)
    short = page_size is not None and end.answer.count < page_size[1]
    if not marks and (end.is_told() or short):
        return None
    proposal = f": {as_pasted(next_paginator(marks, end.answer))}" if marks else ""
    return Sign(
        "next_unseen",
        f"{_count_with_verb(end.answer.count)} returned on the first page, and it was the only "
        f"one: its answer has nothing at “{where}”.",
        "If the registry has more records, the integration owner corrects that path in "
        f"endpoint.paginator of Connector Settings{proposal}. {WHOLE}",
    )


def _more_said(end: PageEnd) -> Sign | None:
    if not end.paginator.judges or ends_empty(end.answer):
        return None
    cut, settings, flag = end.is_cut_empty(), "", ""
    marks = [mark for mark in end.marks() if not cut or mark.kind == "pages"]
    if "next" in end.answer.links and not cut:
        claim, settings = "names a next page in its Link header", as_pasted({"type": "header_link"})
    elif marks:
        claim = f"mentions a next page at {marks[0].in_words}"
    elif pages := _missing_pages(end):
        claim = f"says that there are {pages:,} pages"
    elif flag := end.own_flag():
        claim = f"says at {flag} that there are more records"
    elif end.only and end.answer.whole and end.total and not end.is_told():
        if end.total.count <= end.answer.came or not end.answer.count:
            return None
        claim = f"says at {end.total.path} that there are {end.total.count:,} records"
    else:
        return None
    remedy = (
        "The integration owner sets endpoint.paginator in Connector Settings, with the registry's "
        "own names of parameters: "
        f"{settings or as_pasted(next_paginator(marks, end.answer, end.total))}. {WHOLE}"
    )
    came = number_of(end.answer.came, "record")
    text = f"The registry {claim}, but the read ended after {came}."
    remedy = _about_paginator(end, own_flag=bool(flag)) or remedy
    unsure = not settings and bool(marks) and marks[0].kind == "token" and not marks[0].sure
    return Sign("more_said", text, remedy, unsure)


def _about_paginator(end: PageEnd, *, own_flag: bool) -> str:
    """Return what is done about a read that its own paginator ended too early, or ""."""
    if end.cap:
        return (
            f"The integration owner raises or removes {end.cap}, which ended the read, in "
            "endpoint.paginator of Connector Settings."
        )
    if own_flag:
        return (
            "The registry's owner checks that page, which does not say where the next one is, or "
            "the integration owner corrects endpoint.paginator in Connector Settings."
        )
    return ""


def _missing_pages(end: PageEnd) -> int:
    """Return how many pages the registry says it has, by its setting, if fewer came; or 0."""
    pages = end.paginator.pages_total(end.answer.body) or 0
    return pages if end.answer.pages < pages != end.answer.came else 0


def _earlier_said(end: PageEnd) -> Sign | None:
    """Find a first page that says that it is not the first: the numbering begins elsewhere."""
    for entry in end.answer.entries() if end.first and end.paginator.judges else ():
        says = truth_of(entry.value)
        if (says is False and FIRST.fullmatch(entry.word)) or (
            says and EARLIER.fullmatch(entry.word)
        ):
            return Sign(
                "more_said",
                f"The first page that was read says that there are pages before it "
                f"({entry.path} is {str(entry.value).lower()}).",
                "The integration owner corrects the number of the first page: base_page in "
                "endpoint.paginator of Connector Settings, or the parameters of API URL.",
            )
    return None


def _exceeded(end: PageEnd) -> Sign | None:
    total, count = end.total, end.answer.came
    if total is None or not end.answer.whole or total.capped or count <= total.count:
        return None
    return Sign(
        "total_exceeded",
        f"The registry says at {total.path} that it has {number_of(total.count, 'record')}, but "
        f"returned {count:,}.",
        "The registry's owner corrects its total, or the integration owner names another one in "
        "endpoint.paginator.total_path of Connector Settings.",
    )


def _full_page(end: PageEnd) -> Sign | None:
    """Suspect an only page that is exactly full, where nothing says that it is all."""
    count = end.answer.count
    if not end.only or not count or not end.paginator.judges:
        return None
    if end.is_told() and not end.may_total_a_page():
        return None
    why = fills(end.answer) or ("a usual size of a page" if count in USUAL_SIZES else "")
    if end.total and not end.total.exact and end.total.count == end.answer.came:
        why = why or f"as many as {end.total.path} says there are at least"
    if not why:
        return None
    settings = as_pasted(next_paginator((), end.answer))
    return Sign(
        "full_page",
        f"{_count_with_verb(count)} returned on the only page, {why}: there may be more.",
        "If the registry has more records, the integration owner sets endpoint.paginator in "
        "Connector Settings, with the registry's own names of parameters: "
        f"{settings}. {WHOLE}",
    )


LOOKS: tuple[Callable[[PageEnd], Sign | None], ...] = (
    _unread_link, _unseen, _more_said, _exceeded, _full_page,
)  # fmt: skip


def _count_with_verb(count: int) -> str:
    return "1 record was" if count == 1 else f"{count:,} records were"
