"""Whether the pages that were read can be all there are: what an answer says against it. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from registry_sync.core.types import Json
from registry_sync.source.errors import bad_answer
from registry_sync.source.link_header import read_links
from registry_sync.source.loop_detection import LoopDetector
from registry_sync.source.more import Mark, marks_of, says_end
from registry_sync.source.page_answer import PageAnswer
from registry_sync.source.pages import Sign
from registry_sync.source.paginators import Paginator
from registry_sync.source.paginators.base import MOST_EMPTY
from registry_sync.source.proposals import propose, size_asked, written
from registry_sync.source.totals import Total, find_total

USUAL_SIZES = frozenset({10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 5000, 10_000, 50_000,
                         100_000})  # fmt: skip
"""How many records servers give at once where no one asks for a number."""
SINGLE = written({"type": "single_page"})
WHOLE = f"If there are no more records, the integration owner sets {SINGLE}."


@dataclass(frozen=True, slots=True)
class End:
    """The last page of a read, and its paginator; `only`: it is also the first."""

    paginator: Paginator
    answer: PageAnswer
    total: Total | None
    only: bool

    @classmethod
    def of(cls, paginator: Paginator, answer: PageAnswer, *, only: bool, last: bool) -> End:
        """Return what is known of a page's end; `only`: it is the first, `last`: none follows."""
        total = find_total(answer, paginator.records_path(), last=last)
        return cls(paginator, answer, total, only and last)

    def marks(self) -> list[Mark]:
        """Return what says that there is more, beside what the paginator goes by.

        Of an only page, also what is not sure.
        """
        known = self.paginator.paths_to_next()
        unsure = self.only and not says_end(self.answer.entries())
        return [
            mark
            for mark in marks_of(self.answer)
            if (mark.sure or unsure)
            and mark.entry.path not in known
            and not self.paginator.explains(mark)
        ]

    def is_told(self) -> bool:
        """Return whether the answer says that this is all, by its total or in so many words."""
        total = self.total
        if total is not None and total.exact and total.count == self.answer.came:
            return True
        return says_end(self.answer.entries())


def signs_of(end: End) -> tuple[Sign, ...]:
    """Return what speaks against a read being complete that ends with this page: one sign."""
    for look in LOOKS:
        if sign := look(end):
            return (sign,)
    return ()


def starts_over(paginator: Paginator, loops: LoopDetector, answer: PageAnswer) -> bool:
    """Return whether a counted list repeats itself past its end, and its numbers agree on that.

    Some registries return the last page again, or begin again, where they have no more.
    """
    if not paginator.counted or not loops.is_repeated(list(answer.records)):
        return False
    pages = paginator.pages_total(answer.body)
    if pages is not None:
        return pages == loops.pages or (loops.pages > 1 and pages == loops.came)
    before = replace(answer, came=loops.came, pages=loops.pages)
    total = find_total(before, paginator.records_path(), last=True)
    # After one page, a registry may as well ignore the number and count its only page.
    return total is not None and total.count == loops.came and loops.pages > 1


def check_bounds(paginator: Paginator, loops: LoopDetector, follows: Json | None) -> None:
    """Raise SourceError if pages go on beyond what is allowed."""
    if follows is None:
        return
    if loops.pages >= paginator.max_pages:
        raise bad_answer(
            f"it has more than {paginator.max_pages} pages",
            "raises endpoint.paginator.max_pages in Connector Settings",
        )
    if loops.empty >= MOST_EMPTY:
        raise bad_answer(
            f"{MOST_EMPTY} pages in a row are empty, though each says that there are more",
            "corrects endpoint.paginator in Connector Settings",
            code="registry_paging",
        )


def _unread_link(end: End) -> Sign | None:
    header = end.answer.headers.get("Link", "")
    links, complete = read_links(header)
    if not header.strip() or (links and complete) or "next" in links:
        return None
    return Sign(
        "link_unread",
        f"The registry's Link header cannot be read ({header[:100]}): it may name a next page.",
        "The registry's owner writes it as RFC 8288 says, or the integration owner sets "
        f"endpoint.paginator of Connector Settings. {WHOLE}",
    )


def _unseen(end: End) -> Sign | None:
    where = end.paginator.unseen(end.answer) if end.only and end.answer.whole else ""
    if not where or not end.answer.count:
        return None
    marks, asked = end.marks(), size_asked(end.answer)
    short = asked is not None and end.answer.count < asked[1]
    if not marks and (end.is_told() or short):
        return None
    given = f": {written(propose(marks, end.answer))}" if marks else ""
    return Sign(
        "next_unseen",
        f"{_came(end.answer.count)} returned on the first page, and it was the only one: its "
        f"answer has nothing at “{where}”.",
        "If the registry has more records, the integration owner corrects that path in "
        f"endpoint.paginator of Connector Settings{given}. {WHOLE}",
    )


def _more_said(end: End) -> Sign | None:
    if not end.paginator.judges:
        return None
    marks, settings = end.marks(), ""
    if "next" in end.answer.links:
        said, settings = "names a next page in its Link header", written({"type": "header_link"})
    elif marks:
        said = f"mentions a next page at {marks[0].said}"
    elif end.only and end.answer.whole and end.total and not end.is_told():
        if end.total.count <= end.answer.came or not end.answer.count:
            return None
        said = f"says at {end.total.path} that there are {end.total.count:,} records"
    else:
        return None
    settings = settings or written(propose(marks, end.answer, end.total))
    return Sign(
        "more_said",
        f"The registry {said}, but the read ended after {_records(end.answer.came)}.",
        "The integration owner sets endpoint.paginator in Connector Settings, with the registry's "
        f"own names of parameters: {settings}. {WHOLE}",
    )


def _exceeded(end: End) -> Sign | None:
    total, came = end.total, end.answer.came
    if total is None or not end.answer.whole or total.capped or came <= total.count:
        return None
    return Sign(
        "total_exceeded",
        f"The registry says at {total.path} that it has {_records(total.count)}, but returned "
        f"{came:,}.",
        "The registry's owner corrects its total, or the integration owner names another one in "
        "endpoint.paginator.total_path of Connector Settings.",
    )


def _full_page(end: End) -> Sign | None:
    """Suspect an only page that is exactly full, where nothing says that it is all."""
    count = end.answer.count
    if not end.only or not count or not end.paginator.judges or end.is_told():
        return None
    asked = size_asked(end.answer)
    if asked and count == asked[1]:
        why = f"as many as {asked[0]} asks for"
    elif count in USUAL_SIZES:
        why = "a usual size of a page"
    else:
        return None
    settings = written(propose((), end.answer))
    return Sign(
        "full_page",
        f"{_came(count)} returned on the only page, {why}: there may be more.",
        "If the registry has more records, the integration owner sets endpoint.paginator in "
        "Connector Settings, with the registry's own names of parameters: "
        f"{settings}. {WHOLE}",
    )


LOOKS: tuple[Callable[[End], Sign | None], ...] = (
    _unread_link, _unseen, _more_said, _exceeded, _full_page,
)  # fmt: skip


def _came(count: int) -> str:
    return "1 record was" if count == 1 else f"{count:,} records were"


def _records(count: int) -> str:
    return "1 record" if count == 1 else f"{count:,} records"
