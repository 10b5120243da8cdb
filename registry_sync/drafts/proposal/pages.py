"""How the next page is found, held against the second page that comes by it."""

from __future__ import annotations

from registry_sync.core.problems import SourceError
from registry_sync.core.text import number_of
from registry_sync.core.types import Json
from registry_sync.drafts.proposal.line import Findings
from registry_sync.source.answers.page_answer import PageAnswer
from registry_sync.source.answers.totals import Total, find_total
from registry_sync.source.client import Source
from registry_sync.source.completeness.more import first_address, marks_of
from registry_sync.source.completeness.one_more import ask_one_more
from registry_sync.source.completeness.proposals import paginator_in, propose

MOST = 1000
"""Records that are read."""


def propose_pages(found: Findings) -> None:
    """Find the paginator, by what the answer says or by asking for one page more."""
    assert found.reply is not None
    answer = PageAnswer(
        body=found.reply.body, links=found.reply.links, records=found.records,
        url=found.reply.url, headers=found.reply.headers, status=found.reply.status,
        pages=1, came=len(found.records), largest=len(found.records), whole=True,
    )  # fmt: skip
    total = find_total(answer, "", last=False)
    for paginator, evidence in _said(answer, total):
        if _leads_on(found, paginator):
            found.add("endpoint.paginator", paginator, evidence)
            break
    else:
        marks = marks_of(answer)
        _ask(found, total, marks[0].said if marks else "")
    _count(found, total)


def _said(answer: PageAnswer, total: Total | None) -> list[tuple[Json, str]]:
    """Return the paginators that the first answer speaks for, each with its evidence."""
    marks = marks_of(answer)
    ways: list[tuple[Json, str]] = []
    if answer.links.get("next"):
        ways.append(({"type": "header_link"}, "The Link header has a next page."))
    if marks:
        ways.append((propose(marks, answer, total), f"The answer says more at {marks[0].said}."))
        if first_address(marks):
            ways.append(({"type": "auto"}, f"The next page's address is at {marks[0].said}."))
    if total and total.count > answer.count:
        counted = f"{answer.count:,} of {number_of(total.count, 'record')} came ({total.path})."
        ways.append((propose([], answer, total), counted))
    return ways


def _leads_on(found: Findings, paginator: Json) -> bool:
    """Return whether the second page by a paginator has other records than the first."""
    try:
        source = found.source(endpoint__paginator=paginator)
        pages = source.pages(None)
        first = {source.identify(record) for record in next(pages).records}
        second = {source.identify(record) for record in next(pages).records}
    except (SourceError, StopIteration):
        return False
    return bool(second - first)


def _ask(found: Findings, total: Total | None, said: str) -> None:
    """Ask for one page more, by the parameters that such servers know.

    `said` is where the answer says that there is more.
    """
    source = found.source(endpoint__paginator={"type": "single_page"})
    page = next(source.pages(None))
    if total and total.count == len(page.records):
        seen = f"The answer counts {number_of(total.count, 'record')}, and all came."
        found.add("endpoint.paginator", {"type": "single_page"}, seen)
        return
    more = ask_one_more(found.open_source, source, page)
    if said and not more.more:
        found.note(f"The answer says more at {said}, and no paginator was found that follows it.")
        return
    seen = (
        "One page more, requested so, had other records."
        if more.more
        else "No parameter for one page more brought other records."
    )
    found.add("endpoint.paginator", paginator_in(more.settings), seen)


def _count(found: Findings, total: Total | None) -> None:
    """Read on, and hold the total against what came."""
    records, ended = _read(found.source())
    came = number_of(len(records), "record")
    found.records, found.complete = records, ended
    kind = ((found.settings.get("endpoint") or {}).get("paginator") or {}).get("type")
    if total and total.in_body and total.path and kind != "single_page":
        if (ended and len(records) == total.count) or (not ended and len(records) < total.count):
            found.add(
                "endpoint.paginator.total_path", total.path,
                f"It counts {number_of(total.count, 'record')}; {came} came"
                f"{'' if ended else ' so far'}.",
            )  # fmt: skip
        else:
            found.note(f"{total.path} is no total: it says {total.count:,}, but {came} came.")
    else:
        found.note(f"{came} came{'' if ended else ' before the reading stopped'}.")


def _read(source: Source) -> tuple[list[Json], bool]:
    records: list[Json] = []
    for page in source.pages(None):
        records += page.records
        if len(records) >= MOST:
            return records, page.next_position is None
    return records, True
