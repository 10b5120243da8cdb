"""Where a read ends: what is known of a page, its total, and what it says of further ones. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from registry_sync.core.addresses import joined_address
from registry_sync.core.late_patterns import pattern
from registry_sync.core.text import number_of
from registry_sync.core.types import Json
from registry_sync.source.answers.page_answer import PageAnswer
from registry_sync.source.answers.totals import Total, find_total
from registry_sync.source.completeness.more import PAGES, Mark, marks_of, says_end
from registry_sync.source.completeness.page_sizes import USUAL_SIZES, fills, is_short, size_asked
from registry_sync.source.completeness.said_values import as_number
from registry_sync.source.errors import bad_answer
from registry_sync.source.loop_detection import LoopDetector
from registry_sync.source.paginators import Paginator
from registry_sync.source.paginators.base import MOST_EMPTY

PAGE_COUNTS = pattern(r"total_?pages?(?:count)?|page_?count|pages(?:total|count)?|numberofpages")
"""Words of how many pages there are, not of the number of the last one."""


@dataclass(frozen=True, slots=True)
class PageEnd:
    """A page and its paginator, as far as a read may end with it.

    `cap` is the setting by which the paginator goes no further, "" if none does.
    `is_end`: settings take what it says for the end of the list. `hide` removes the key from the
    registry's words. `news` are keys that it has beside an empty list, and no other page had.
    """

    paginator: Paginator
    answer: PageAnswer
    total: Total | None
    first: bool
    last: bool
    is_end: bool = False
    hide: Callable[[str], str] = str
    cap: str = ""
    news: Sequence[str] = ()

    @classmethod
    def of(
        cls, paginator: Paginator, answer: PageAnswer, where: Json | None, *, last: bool
    ) -> PageEnd:
        """Return what is known at the page at a position; `last`: none follows."""
        total = find_total(answer, paginator.records_path(), last=last)
        cap = paginator.cap(where, answer) if last else ""
        return cls(paginator, answer, total, where is None, last, cap=cap)

    @property
    def only(self) -> bool:
        """Return whether the page is the only one."""
        return self.first and self.last

    def marks(self) -> list[Mark]:
        """Return what says that there is more, beside what the paginator goes by.

        Of an only page, also what is not sure.
        """
        own_paths = {*self.paginator.paths_to_next(), *self._own_address()}
        unsure = self.only and not says_end(self.answer.entries())
        is_told = unsure and self.is_told()
        return [
            mark
            for mark in marks_of(self.answer)
            if (mark.sure or unsure)
            and (mark.sure or mark.kind != "partial" or not is_told)
            and mark.entry.path not in own_paths
            and not self.paginator.explains(mark, self.answer)
        ]

    def own_flag(self) -> str:
        """Return where the paginator's own flag says that there is more though the read ended.

        It does not count if all came by the registry's numbers, or where settings end the list
        whatever its token.
        """
        stops = getattr(self.paginator, "stop_after_empty_page", False)
        stopped = stops and not self.answer.count and not self.paginator.counted
        if self.is_end or self.is_counted() or stopped or self.is_cut_empty():
            return ""
        return self.paginator.says_more(self.answer.body)

    def is_cut_empty(self) -> bool:
        """Return whether settings end the read at a page without records.

        They are how a list ends whose every page has a flag or a link to more. A number of pages
        still counts.
        """
        return bool(self.cap) and not self.answer.count

    def _own_address(self) -> list[str]:
        """Return the paths at which an answer names itself as the next page."""
        own_url = self.answer.url
        marks = [mark for mark in marks_of(self.answer) if mark.address]
        return [m.entry.path for m in marks if joined_address(own_url, m.address) == own_url]

    def is_counted(self) -> bool:
        """Return whether all came by the registry's own numbers."""
        total, answer = self.total, self.answer
        pages = self.paginator.pages_total(answer.body)
        records = total is not None and total.exact and total.count == answer.came
        return records or pages == answer.pages

    def has_all(self) -> bool:
        """Return whether all came by any number of the answer, so that no page need follow.

        A total of as many as the page has is one where fewer came than were requested.
        """
        if self.is_counted():
            return True
        answer = self.answer
        total = find_total(answer, self.paginator.records_path(), last=True)
        more = total is not None and total.count > answer.came
        if answer.count and not more and self._is_last_by_count():
            return True
        return _is_all_of_a_short_page(total, answer)

    def _is_last_by_count(self) -> bool:
        """Return whether so many pages came as the answer says, and it does not count records."""
        answer = self.answer
        words = [e.word for e in answer.entries() if as_number(e.value) == answer.pages]
        counts = filter(PAGE_COUNTS.fullmatch, words)
        return any(word.startswith("total") or answer.count != answer.pages for word in counts)

    def is_told(self) -> bool:
        """Return whether the answer says that this is all, by its total or in so many words."""
        return self.counts_all() or says_end(self.answer.entries())

    def may_total_a_page(self) -> bool:
        """Return whether all that says that this is all is a total of as many as were asked for.

        Some servers count what they return where no one asks them to count the rest.
        https://developer.shopware.com/docs/guides/integrations-api/general-concepts/search-criteria.html
        """
        page_size = size_asked(self.answer)
        sized = page_size is not None and page_size[1] == self.answer.count
        named = self.total is not None and self.total.named
        return sized and not named and self.counts_all() and not says_end(self.answer.entries())

    def counts_all(self) -> bool:
        """Return whether all came by a total that cannot be that of the page alone."""
        total = self.total
        whole = total is not None and total.exact and total.count == self.answer.came
        return total is not None and whole and (total.named or not total.may_count_a_page)


def announced(end: PageEnd) -> bool:
    """Return whether a page says for sure that another one follows."""
    if end.last:
        return False
    paginator, answer = end.paginator, end.answer
    if not paginator.counted:
        return True
    total = end.total if answer.whole else None
    return (
        any(mark.sure for mark in marks_of(answer))
        or bool(total and total.exact and total.count > answer.came)
        or (paginator.pages_total(answer.body) or 0) > answer.pages
    )


def names_next(paginator: Paginator, where: Json | None, answer: PageAnswer) -> bool:
    """Return whether an answer without a list names a next page: `{"nextPageToken": "t2"}`.

    Servers that leave out empty lists send it where the key may see no record of a page. A flag
    counts in the headers alone: beside it, a list may have any form. https://google.aip.dev/158
    """
    sure = (mark for mark in marks_of(answer) if mark.sure)
    named = any(mark.entry.header or mark.kind in ("address", "token") for mark in sure)
    if named or "next" in answer.links:
        return True
    return paginator.in_headers and paginator.next_position(where, answer) is not None


def passes_blank(
    paginator: Paginator, where: Json | None, answer: PageAnswer, loops: LoopDetector
) -> bool:
    """Return whether other pages may follow one without a body: it names one, or it was hidden.

    Where a setting says how the list ends, or all came by the registry's numbers, it is the end. A
    page or an offset to stop at comes later than an empty page that is to stop nothing.
    """
    if names_next(paginator, where, answer):
        return True
    stops: bool | None = getattr(paginator, "stop_after_empty_page", None)
    flag: str = getattr(paginator, "has_more_path", "")
    capped = stops is False and bool(paginator.bound and getattr(paginator, paginator.bound))
    return paginator.counted and (stops is None or capped) and not flag and not loops.counted


def ends_empty(answer: PageAnswer) -> bool:
    """Return whether a page without records is the end, whatever it says of a next one.

    Some servers name a next page with each; by their own total, all records came before it. A total
    of none is believed on a second empty page: the first may be one that the key may not see;
    with a token alone, it may count the page.
    https://docs.ckan.org/en/latest/maintaining/datastore.html
    """
    if answer.count or not (answer.came or answer.empty):
        return False
    total = find_total(answer, "", last=not answer.came)
    if total is None or not total.exact or total.count != answer.came:
        return False
    marks = marks_of(answer)
    by_token = any(m.kind == "token" for m in marks) and not any(m.address for m in marks)
    return bool(answer.came) or not (by_token or total.may_count_a_page)


def stays(where: Json | None, follows: Json, answer: PageAnswer) -> bool:
    """Return whether a page names itself as the next one, as the last page of some registries."""
    return follows == where or follows.get("url") == answer.url


def starts_over(
    paginator: Paginator, loops: LoopDetector, answer: PageAnswer, *, overlap: int = 0
) -> bool:
    """Return whether a counted list repeats itself past its end, and its numbers agree on that.

    Some registries return the last page again, or begin again, where they have no more.
    """
    if not paginator.counted or not loops.is_repeated(list(answer.records), overlap=overlap):
        return False
    if loops.ended:
        return True
    pages = paginator.pages_total(answer.body)
    if pages:
        return pages == loops.pages or (loops.pages > 1 and pages == loops.came)
    if _pages_said(answer) == loops.pages:  # another number may count the page's records
        return True
    before = replace(answer, came=loops.came, pages=loops.pages)
    total = find_total(before, paginator.records_path(), last=True)
    # After one full page, a registry may as well ignore the number and count its only page.
    if loops.pages == 1:
        return _is_all_of_a_short_page(total, before)
    return total is not None and total.count == loops.came


def _is_all_of_a_short_page(total: Total | None, answer: PageAnswer) -> bool:
    """Return whether fewer records came than were requested, and as many as a total says."""
    if total is None or not total.exact or total.count != answer.came or not is_short(answer):
        return False
    if not total.named and (answer.count in USUAL_SIZES or fills(answer)):
        return False  # servers cap what is asked for, and some count what they give
    return total.named or not total.may_count_a_page


def _pages_said(answer: PageAnswer) -> int | None:
    """Return how many pages an answer says there are, where servers usually have it."""
    found = (as_number(each.value) for each in answer.entries() if PAGES.fullmatch(each.word))
    return next((number for number in found if number), None)


def check_bounds(paginator: Paginator, loops: LoopDetector, follows: Json | None) -> None:
    """Raise SourceError if pages go on beyond what is allowed."""
    if follows is None:
        return
    if loops.pages >= paginator.max_pages:
        raise bad_answer(
            f"it has more than {number_of(paginator.max_pages, 'page')}",
            "raises endpoint.paginator.max_pages in Connector Settings",
        )
    if loops.empty >= MOST_EMPTY:
        raise bad_answer(
            f"{MOST_EMPTY} pages in a row are empty, though each says that there are more",
            "corrects endpoint.paginator in Connector Settings. If an empty page is the end, "
            "stop_after_empty_page true stops there; types offset and page_number warn then as "
            "long as that page says that there are more",
            code="registry_paging",
        )
