"""Pages of a list, one after the other: asked for, found in their answers, and judged."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from registry_sync.core.problems import SourceError
from registry_sync.core.secrets import hide
from registry_sync.core.types import Json
from registry_sync.source.ahead import STEP
from registry_sync.source.answer_reader import AnswerReader
from registry_sync.source.answers.caches import cached_by
from registry_sync.source.answers.filtered_totals import leaves_out
from registry_sync.source.answers.list_items import RecordList
from registry_sync.source.answers.page_answer import PageAnswer
from registry_sync.source.answers.record_list import RecordFinder
from registry_sync.source.completeness.ignored import cut_off, ignored_records
from registry_sync.source.completeness.more import says_end
from registry_sync.source.completeness.next_page_settings import as_pasted
from registry_sync.source.completeness.page_end import (
    PageEnd,
    announced,
    check_bounds,
    ends_empty,
    passes_blank,
    starts_over,
    stays,
)
from registry_sync.source.completeness.reading import counts_records
from registry_sync.source.completeness.signs import signs_of
from registry_sync.source.connector import Connector
from registry_sync.source.details import DetailReader
from registry_sync.source.errors import at_home, bad_answer
from registry_sync.source.fetched import Fetched
from registry_sync.source.http import Exchange
from registry_sync.source.loop_detection import LoopDetector, position_mark
from registry_sync.source.pages import Page, Sign
from registry_sync.source.paginators import Paginator, Stuck
from registry_sync.source.paginators.auto import doubt_of
from registry_sync.source.request import page_request


class PageReader:
    """Reads a connector's list by its paginator. Raises SourceError, in words for its owner.

    `since_value(since)` is a time as a request takes it. `none_ok`: a 404 of everything may say
    that there is no record.
    """

    def __init__(
        self,
        exchange: Exchange,
        finder: RecordFinder,
        details: DetailReader,
        since_value: Callable[[datetime | None], Any],
        *,
        none_ok: bool = True,
    ) -> None:
        self._exchange, self._finder, self._details = exchange, finder, details
        self._answers = AnswerReader(exchange, finder)
        self._since_value, self._none_ok = since_value, none_ok
        self._asking = threading.RLock()  # pages ahead are read by a thread of their own

    @property
    def connector(self) -> Connector:
        """Return the connector."""
        return self._exchange.connection.connector

    def pages(self, since: datetime | None, position: Json | None) -> Iterator[Page]:
        """Yield pages of what changed since a time (None: of everything), from a position on."""
        where: Json | None = dict(position or {})
        loops = LoopDetector(*where.pop("trail", ())) if where else LoopDetector()
        self._finder.resume(where.pop("records_at", "") if where else "")
        where = where or None
        while True:
            try:
                page, where, loops = self._page(where, loops, since)
            except SourceError as error:
                raise doubt_of(where, loops.pages, error) from error
            yield page
            if page.next_position is None:
                return
            del page  # one page in memory, not two

    def _page(
        self, where: Json | None, loops: LoopDetector, since: datetime | None
    ) -> tuple[Page, Json | None, LoopDetector]:
        with self._turn():
            fetched = self._fetch(where, loops, since)
        where, reply, listed = fetched.where, fetched.reply, fetched.listed
        answer = self._answer(fetched, loops, whole=since is None)
        paginator = self.connector.paginator.at(where)
        over = starts_over(paginator, loops, answer, overlap=fetched.overlap)
        answer = answer.without_records(loops.came) if over else answer
        follows = None if over else self._next(fetched, answer, paginator, loops)
        records = list(answer.records)
        end = PageEnd.of(paginator, answer, where, last=follows is None)
        follows = self._overlapping(paginator, where, follows, end, listed)
        onward = loops.step(
            where,
            follows,
            records,
            announced=announced(end) or (loops.announced and reply.is_unread),
            ended=says_end(answer.entries()),
            counted=end.has_all() and not leaves_out(answer),
            moved=self._moved(where, loops, records, since, overlap=fetched.overlap),
            overlap=fetched.overlap,
            cached=cached_by(reply.headers),
        )
        check_bounds(paginator, onward, follows)
        complete, unread = self._details.complete_page(listed if records else RecordList())
        page = Page(
            records=complete,
            position=self._finder.add_to(loops.add_to(where)),
            next_position=(
                None if follows is None else self._finder.add_to(onward.add_to(follows))
            ),
            total=end.total.count if end.total else None,
            is_least=end.total is not None and not end.total.exact,
            counts_all=end.counts_all(),
            server_date=reply.date,
            asked_at=fetched.at,
            bytes=reply.size,
            unread=unread,
            signs=() if over else self._signs(fetched, end, loops),
            strays=listed.strays if records else (),
            learned=self._finder.facts(),
            doubt=listed.doubt,
            slid=fetched.slid,
        )
        return page, follows, onward

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Ask alone; show signs of life while another thread asks, which may be made to wait."""
        while not self._asking.acquire(timeout=STEP):
            self._exchange.keep_alive()
        try:
            yield
        finally:
            self._asking.release()

    # -- asking ------------------------------------------------------------------------------

    def _fetch(self, where: Json | None, loops: LoopDetector, since: datetime | None) -> Fetched:
        """Ask for the page at a position, without an overlap where the registry allows none."""
        after = (where or {}).get("after")
        try:
            fetched = self._ask(where, loops, since)
        except SourceError as error:
            if after is None or error.transient:
                raise
            return self._ask(_exact(where), loops, since)
        if after is None:
            return fetched
        records = fetched.listed.records
        if loops.is_repeated(records):  # it rounds offsets down to whole pages
            return self._ask(_exact(where), loops, since)
        ids = [self._finder.identify(record) for record in records]
        if ids[:1] == [after]:
            return replace(fetched, listed=replace(fetched.listed, records=records[1:]), overlap=1)
        return replace(fetched, slid=after not in ids and not fetched.reply.ignored)

    def _ask(self, where: Json | None, loops: LoopDetector, since: datetime | None) -> Fetched:
        at = datetime.now(UTC)
        request = page_request(self.connector, where, self._since_value(since))
        later, whole = where is not None, since is None
        empty_ok = not later and not whole and self._finder.expects_empty
        over = loops.counted or bool(loops.empty)
        reply = self._exchange.send(
            request, later=later, empty_ok=empty_ok, over=over, none_ok=self._none_ok
        )
        assert reply is not None
        listed = self._answers.listed(reply, where, whole=whole, announced=loops.announced)
        return Fetched(at, where, request, reply, listed)

    def _overlapping(
        self, paginator: Paginator, where: Json | None, follows: Json | None, end: PageEnd,
        listed: RecordList,
    ) -> Json | None:  # fmt: skip
        """Return the next position, with the record that its page is to begin with.

        Where nothing else would show that a record before it was deleted, it is asked for again.
        """
        if follows is None or not paginator.overlaps or end.total is not None:
            return follows
        if (where or {}).get("exact"):
            return {**follows, "exact": True}
        if "window" in follows:
            return follows
        last = self._finder.identify(listed.records[-1]) if listed.records else None
        # Of a page with one record, the next would have that one alone.
        overlaps = last is not None and not listed.strays and end.answer.largest > 1
        return {**follows, "after": last} if overlaps else follows

    def _moved(
        self, where: Json | None, loops: LoopDetector, records: list[Json], since: datetime | None,
        *, overlap: int,
    ) -> bool:  # fmt: skip
        """Return whether a page that comes again does so because the list moved."""
        repeated = counts_records(where) and loops.is_repeated(records, overlap=overlap)
        return repeated and self.has_moved(loops, since)

    def has_moved(self, loops: LoopDetector, since: datetime | None) -> bool:
        """Return whether the first page is another than it was: it is requested again."""
        with self._turn():
            first = self._ask(None, LoopDetector(), since).listed
        return position_mark([*first.records, *first.strays]) != loops.first

    def listed_at(self, where: Json) -> list[Json]:
        """Return the records of the page at a position as they are listed, without details."""
        return self._ask(where, LoopDetector(), None).listed.records

    def _signs(self, fetched: Fetched, end: PageEnd, loops: LoopDetector) -> tuple[Sign, ...]:
        """Return what speaks against a page being complete, without the key if it echoes that."""
        reply, doubled = fetched.reply, fetched.listed.doubled
        if count := self._finder.count(reply.body) if reply.ignored_by else 0:
            return (ignored_records(count, reply.ignored_by),)
        if reply.ignored and announced(end):
            return ()
        if reply.ignored:
            unread = reply.blank or (bool(reply.ignored_by) and reply.body is None)
            said = reply.found_nothing
            return cut_off(reply.status, loops, reply.ignored_by, unread=unread, found_nothing=said)
        secrets = self._exchange.connection.auth.secrets()
        without_key = partial(hide, secrets=secrets, shown="(key)")
        is_end = reply.is_end and (reply.excuse == "error" or not end.answer.count)
        end = replace(end, is_end=is_end, hide=without_key, news=fetched.listed.news)
        return signs_of(end, loops, doubled)

    def _answer(self, fetched: Fetched, loops: LoopDetector, *, whole: bool) -> PageAnswer:
        reply, records = fetched.reply, [*fetched.listed.records, *fetched.listed.strays]
        return PageAnswer(
            body=reply.body,
            links=reply.links,
            records=records,
            url=reply.url,
            headers=reply.headers,
            posted=fetched.request.json,
            status=reply.status,
            pages=loops.pages + 1,
            came=loops.came + len(records),
            largest=max(loops.largest, len(records)),
            ragged=loops.ragged,
            empty=loops.empty,
            whole=whole,
            records_at=self._finder.place or fetched.listed.place,
        )

    def _next(
        self, fetched: Fetched, answer: PageAnswer, paginator: Paginator, loops: LoopDetector
    ) -> Json | None:
        """Return the next position that an answer names, or None where it ends the list."""
        reply, where = fetched.reply, fetched.where
        excused = reply.is_end and not fetched.listed.count
        goes_on = reply.is_empty and passes_blank(paginator, where, answer, loops)
        ended = excused or (reply.ignored and not goes_on)
        follows = None if ended or ends_empty(answer) else self._follows(where, answer)
        if follows is None or not stays(where, follows, answer):
            return follows
        return None if PageEnd.of(paginator, answer, where, last=True).is_told() else follows

    def _follows(self, where: Json | None, answer: PageAnswer) -> Json | None:
        try:
            follows = self.connector.paginator.next_position(where, answer)
        except Stuck as error:
            proposal = f": {as_pasted(error.settings)}" if error.settings else ""
            raise bad_answer(
                str(error),
                f"sets endpoint.paginator in Connector Settings{proposal}",
                code="registry_paging",
            ) from error
        return self._safe(follows)

    def _safe(self, position: Json | None) -> Json | None:
        """Remove the key from a next link that echoes it, and keep links on their host."""
        if position is None or "url" not in position:
            return position
        url = at_home(str(position["url"]), self.connector.list_url, "its next link leads to")
        return {"url": self._exchange.connection.auth.strip(url)}


def _exact(where: Json | None) -> Json:
    """Return a position that asks for its own records alone, as those after it do."""
    return {name: value for name, value in (where or {}).items() if name != "after"} | {
        "exact": True
    }
