"""How the next page is found, held against the second page that comes by it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from registry_sync.core.problems import SourceError
from registry_sync.core.text import number_of
from registry_sync.core.types import Json
from registry_sync.drafts.connector_proposal.ids import judge_proposed_ids
from registry_sync.drafts.connector_proposal.line import Findings
from registry_sync.source.answers.page_answer import PageAnswer
from registry_sync.source.answers.totals import Total, find_total
from registry_sync.source.client import Source
from registry_sync.source.completeness.more import Mark, first_address, marks_of
from registry_sync.source.completeness.next_page_settings import (
    names_page,
    next_paginator,
    paginator_in,
)
from registry_sync.source.completeness.one_more import OneMore, probe_next_page
from registry_sync.source.completeness.page_sizes import USUAL_SIZES, fills, is_short, size_asked
from registry_sync.source.graphql import query_in
from registry_sync.source.json_values import distinct

MOST = 1000
"""Records that are read."""
TOKEN_PARAMS = ("cursor", "start_cursor", "page_token", "pageToken", "next_token", "token",
                "continuation_token", "continuationToken", "marker", "after", "starting_after",
                "page")  # fmt: skip
"""Parameters that take a token, where its own name does not tell."""
OFFSETS = ("limit_start", "from", "startIndex", "page[offset]", "sysparm_offset")
"""More parameters of offsets than a single request for one page more is worth."""
MOST_TOKENS = 2
LAST_PARAMS = ("starting_after", "after", "after_id", "since_id", "last_id", "cursor", "min_id",
               "from_id")  # fmt: skip
"""Parameters that take the id of the last record."""
NOT_REQUESTED = (
    "whether there are more. Request them in the query, with a variable for the cursor: "
    "pageInfo {hasNextPage endCursor}, or the total."
)
"""What a GraphQL query lacks: its list cannot be asked for a page by parameters."""
Ways = Iterator[tuple[Json, str]]


def propose_pages(found: Findings) -> None:
    """Find the paginator, by what the answer says or by asking for one page more."""
    assert found.reply is not None
    answer = PageAnswer(
        body=found.reply.body, links=found.reply.links, records=found.records,
        url=found.reply.url, headers=found.reply.headers, status=found.reply.status,
        pages=1, came=len(found.records), largest=len(found.records), whole=True,
        posted=found.source().connector.json,
    )  # fmt: skip
    total = find_total(answer, "", last=False)
    for paginator, evidence in _paginators_of(found, answer, total):
        if _leads_on(found, paginator):
            found.add("endpoint.paginator", paginator, evidence)
            break
    else:
        marks = marks_of(answer)
        counts_more = total and total.count > answer.count
        more_at = marks[0].in_words if marks else total.path if total and counts_more else ""
        _probe(found, answer, total, more_at)
    _count(found, total)
    judge_proposed_ids(found)


def _paginators_of(found: Findings, answer: PageAnswer, total: Total | None) -> Ways:
    """Yield the paginators that the first answer speaks for, each with its evidence."""
    marks = marks_of(answer)
    if answer.links.get("next"):
        yield {"type": "header_link"}, "The Link header has a next page."
    if marks:
        yield from _marked(found, answer, marks, total)
    if total and total.count > answer.count:
        counted = f"{answer.count:,} of {number_of(total.count, 'record')} came ({total.path})."
        yield from _based(next_paginator([], answer, total), counted)
    if names_page(answer):
        yield from _based(next_paginator([], answer, total), "The answer says which page it is.")


def _marked(
    found: Findings, answer: PageAnswer, marks: Sequence[Mark], total: Total | None
) -> Ways:
    best, evidence = (
        next_paginator(marks, answer, total),
        f"The answer says more at {marks[0].in_words}.",
    )
    yield from _based(best, evidence)
    if first_address(marks):
        yield {"type": "auto"}, f"The next page's address is at {marks[0].in_words}."
    flags = [mark for mark in marks if mark.kind == "flag"]
    for mark in [mark for mark in marks if mark.kind in ("token", "number")][:MOST_TOKENS]:
        yield from _by_token(mark, next_paginator([mark, *flags], answer, total))
    flag = next((mark for mark in flags if not mark.entry.header), None)
    if flag and not any(mark.kind in ("token", "address") for mark in marks):
        yield from _by_last(found, evidence, {"has_more_path": flag.entry.path})


def _by_token(mark: Mark, paginator: Json) -> Ways:
    """Yield the parameters that may take a token: one of its own name, and the usual ones."""
    own = mark.entry.path.rpartition(".")[2]
    for name in dict.fromkeys((own, *TOKEN_PARAMS)) if "cursor_param" in paginator else ():
        seen = f"The answer says more at {mark.in_words}. The parameter {name} takes it."
        yield {**paginator, "cursor_param": name}, seen


def _based(paginator: Json, evidence: str) -> Ways:
    """Yield a paginator, and one whose first page has the number 0."""
    yield paginator, evidence
    if paginator["type"] == "page_number" and "base_page" not in paginator:
        yield {**paginator, "base_page": 0}, f"{evidence} Page 0 is the first."


def _by_offset(found: Findings) -> Ways:
    for name in OFFSETS:
        settings = {"type": "offset", "limit": found.page_size, "offset_param": name}
        yield settings, f"With {name}, other records came."


def _by_last(found: Findings, evidence: str, more: Json) -> Ways:
    """Yield cursors that are the id of a page's last record."""
    where = (found.settings.get("endpoint") or {}).get("data_selector") or ""
    if isinstance(found.key, str):
        for name in LAST_PARAMS:
            settings = {"type": "cursor", "cursor_path": f"{where}[-1].{found.key}", **more}
            seen = f"{evidence} After the id of a page's last record in {name}, other records came."
            yield {**settings, "cursor_param": name}, seen.strip()


def _leads_on(found: Findings, paginator: Json) -> bool:
    """Return whether a paginator begins with the first page, and then has other records."""
    if found.is_late:
        return False
    try:
        source = found.source(endpoint__paginator=paginator)
        pages = source.pages(None)
        first = {source.identify(record) for record in next(pages).records}
        if not first & {source.identify(record) for record in found.records}:
            return False
        second = {source.identify(record) for record in next(pages).records}
    except (SourceError, StopIteration):
        return False
    return bool(second - first)


def _probe(found: Findings, answer: PageAnswer, total: Total | None, more_at: str) -> None:
    """Ask for one page more, by the parameters that such servers know.

    `more_at` is where the answer says that there is more.
    """
    source = found.source(endpoint__paginator={"type": "single_page"})
    page = next(source.pages(None))
    count = number_of(len(page.records), "record")
    page_size = size_asked(answer)
    is_page_size = total and page_size and page_size[1] == total.count
    if total and total.count == len(page.records) and not is_page_size:
        seen = f"The answer counts {count}, and all came."
        found.add("endpoint.paginator", {"type": "single_page"}, seen)
        return
    full = bool(fills(answer))
    usual = full or len(page.records) in USUAL_SIZES
    if query_in(answer.posted) and not more_at and (usual or not is_short(answer)):
        found.note(f"{count} came, and nothing that the query requests says {NOT_REQUESTED}")
        return
    more = probe_next_page(found.open_source, source, page)
    if more.more is None and usual and not more_at and _add_usual(found):
        return
    if more_at and not more.more:
        found.note(
            f"The answer says more at {more_at}, and no paginator was found that follows it."
        )
        return
    _add_probed(found, more, count, full=full, usual=usual)


def _add_usual(found: Findings) -> bool:
    """Propose offsets, or a cursor of the last id, if one of them leads on; return whether."""
    for paginator, evidence in (*_by_offset(found), *_by_last(found, "", {})):
        if _leads_on(found, paginator):
            found.add("endpoint.paginator", paginator, evidence)
            return True
    return False


def _add_probed(found: Findings, more: OneMore, count: str, *, full: bool, usual: bool) -> None:
    """Propose the paginator that asking for one page more has shown; `count` is in words."""
    seen = (
        "One page more, requested so, had other records."
        if more.more
        else "No parameter for one page more brought other records."
    )
    if more.more is None and full:
        found.note(
            f"{seen} But {count} are a full page: ask the registry's owner whether that is all. "
            f"If it is, set {more.settings}."
        )
        return
    if more.more is None and usual:
        seen += f" But {count} are a usual page: ask the registry's owner whether that is all."
    found.add("endpoint.paginator", paginator_in(more.settings), seen)


def _count(found: Findings, total: Total | None) -> None:
    """Read on, and hold the total against what came."""
    records, ended = _read(found.source())
    found.records, found.complete = distinct(records), ended
    again = len(records) - len(found.records)
    if again:
        found.note(
            f"{number_of(again, 'record')} came again on a later page: the list has no order, or "
            "it moved. Sort it by the id, by a parameter that the registry's owner names."
        )
    paginator = (found.settings.get("endpoint") or {}).get("paginator") or {}
    if total and total.in_body and total.path and paginator.get("type") != "single_page":
        _hold(found, total, paginator, moved=bool(again))
    else:
        records_text = number_of(len(found.records), "record")
        found.note(f"{records_text} came{'' if ended else ' before the reading stopped'}.")


def _hold(found: Findings, total: Total, paginator: Json, *, moved: bool) -> None:
    """Propose the total if it is one. Of numbered pages, `total_path` would count pages."""
    records_text, count = number_of(len(found.records), "record"), len(found.records)
    fits = moved or (count == total.count if found.complete else count < total.count)
    so_far = "" if found.complete else " so far"
    if fits and paginator.get("type") != "page_number":
        seen = f"It counts {number_of(total.count, 'record')}; {records_text} came{so_far}."
        found.add("endpoint.paginator.total_path", total.path, seen)
    elif fits:
        total_text = f"{total.path} counts {number_of(total.count, 'record')}"
        found.note(f"{total_text}; {records_text} came{so_far}.")
    else:
        found.note(f"{total.path} is no total: it says {total.count:,}, but {records_text} came.")
        if paginator.get("total_path") == total.path:
            settings = {name: value for name, value in paginator.items() if name != "total_path"}
            found.replace("endpoint.paginator", settings, "It reads the list to its end.")


def _read(source: Source) -> tuple[list[Json], bool]:
    records: list[Json] = []
    for page in source.pages(None):
        records += page.records
        if len(records) >= MOST:
            return records, page.next_position is None
    return records, True
