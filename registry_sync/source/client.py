"""The registry's client: streaming pages of records, one in memory at a time.

What is asked is in `request` and `paginators`, how it is sent in `http`, what is in an answer
in `decoding`, `record_list` and `totals`. Here is what the sync needs: pages from any position,
one record, its id, its time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from registry_sync.core.types import Json
from registry_sync.source.answers.decoding import Unusable
from registry_sync.source.answers.page_answer import PageAnswer
from registry_sync.source.answers.record_list import Memory, RecordFinder, RecordList
from registry_sync.source.completeness.more import says_end
from registry_sync.source.completeness.page_end import End, announced, check_bounds, starts_over
from registry_sync.source.completeness.proposals import written
from registry_sync.source.completeness.signs import ignored_records, signs_of
from registry_sync.source.connection import Connection
from registry_sync.source.connector import Connector, Incremental
from registry_sync.source.details import DetailReader
from registry_sync.source.errors import at_home, bad_answer
from registry_sync.source.http import Exchange, Reply
from registry_sync.source.loop_detection import LoopDetector
from registry_sync.source.pages import Page, Sign, Unread
from registry_sync.source.paginators import Stuck
from registry_sync.source.record_reader import RecordReader
from registry_sync.source.request import Request, page_request
from registry_sync.source.timestamps import read_time, write_time


class Source:
    """Reads one registry by its connector. Raises SourceError, in words for its owner.

    `pause(seconds)` waits, so that the holder of a lease can renew it; `keep_alive` is called
    before each request, and now and then while an answer arrives. `timeout` is for connecting and
    for each byte, in seconds; the connector's `limits` hold for whole answers. Unless it is
    `patient`, a client takes each answer as it is and does not wait for a better one. `memory`
    is what earlier answers showed.
    """

    def __init__(
        self,
        connector: Connector,
        *,
        credential: str | None,
        allow_private: bool = False,
        user_agent: str = "RegistrySync",
        timeout: tuple[float, float] = (10, 60),
        pause: Callable[[float], None] = time.sleep,
        keep_alive: Callable[[], None] = lambda: None,
        patient: bool = True,
        memory: Memory | None = None,
    ) -> None:
        self.connector = connector
        connection = Connection(
            connector,
            credential=credential,
            allow_private=allow_private,
            user_agent=user_agent,
            timeout=timeout,
            pause=pause,
            keep_alive=keep_alive,
            patient=patient,
        )
        self._connection = connection
        self._exchange = Exchange(connection, pause=pause, keep_alive=keep_alive)
        self._records = RecordReader(connector)
        self._finder = RecordFinder(connector.data_selector, self._records.identify, memory)
        self._details = DetailReader(self._exchange, self._records.identify)
        self._terms = connector.incremental or Incremental()

    @property
    def requests(self) -> int:
        """Return the number of requests so far, without repeats after a failure."""
        return self._connection.requests

    @property
    def bad_cursors(self) -> tuple[int, str]:
        """Return how many modification times could not be read, and an example."""
        return self._records.bad_cursors

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    # -- pages -------------------------------------------------------------------------------

    def pages(self, since: datetime | None, *, position: Json | None = None) -> Iterator[Page]:
        """Yield pages of what changed since a time (None: of everything), from a position on."""
        where: Json | None = dict(position or {})
        loops = LoopDetector(*where.pop("trail", ())) if where else LoopDetector()
        self._finder.resume(where.pop("records_at", "") if where else "")
        where = where or None
        while True:
            page, where, loops = self._page(where, loops, since)
            yield page
            if page.next_position is None:
                return
            del page  # one page in memory, not two

    def first_reply(self) -> Reply:
        """Return the first page's answer as it came, wherever its records are."""
        reply = self._exchange.send(page_request(self.connector, None, self._since(None)))
        assert reply is not None
        return reply

    def _page(
        self, where: Json | None, loops: LoopDetector, since: datetime | None
    ) -> tuple[Page, Json | None, LoopDetector]:
        asked_at = datetime.now(UTC)
        request = page_request(self.connector, where, self._since(since))
        later, whole = where is not None, since is None
        empty_ok = not later and not whole and self._finder.expects_empty
        reply = self._exchange.send(request, later=later, empty_ok=empty_ok, over=loops.counted)
        assert reply is not None
        listed = self._listed(reply, later=later, whole=whole)
        answer = self._answer(reply, listed, request, loops, whole=whole)
        paginator = self.connector.paginator
        over = starts_over(paginator, loops, answer)
        answer = answer.without_records(loops.came) if over else answer
        ended = reply.ignored or (reply.excused_by and not listed.count)
        follows = None if over or ended else self._follows(where, answer)
        records = list(answer.records)
        end = End.of(paginator, answer, first=where is None, last=follows is None)
        onward = loops.step(
            where,
            follows,
            records,
            announced=announced(end),
            ended=says_end(answer.entries()),
            counted=end.is_counted(),
        )
        check_bounds(paginator, onward, follows)
        complete, unread = self._details.complete_page(listed.records if records else [])
        page = Page(
            records=complete,
            position=self._finder.add_to(loops.add_to(where)),
            next_position=(
                None if follows is None else self._finder.add_to(onward.add_to(follows))
            ),
            total=end.total.count if end.total else None,
            server_date=_date(reply),
            asked_at=asked_at,
            bytes=reply.size,
            unread=unread,
            signs=() if over else self._signs(reply) or signs_of(end, loops, ignored=reply.ignored),
            strays=listed.strays if records else (),
            learned=self._finder.facts(),
            doubt=listed.doubt,
        )
        return page, follows, onward

    def _listed(self, reply: Reply, *, later: bool, whole: bool) -> RecordList:
        """Return the records of an answer. Raises SourceError."""
        if reply.ignored:
            return RecordList() if reply.ignored_by else self._finder.nothing(whole=whole)
        try:
            found = self._finder.find(reply.body, whole=whole, later=later)
        except Unusable as error:
            if reply.excused_by:
                return RecordList()
            raise bad_answer(str(error), error.remedy) from error
        self.connector.page_limits.check_records(found.count)
        return found

    def _signs(self, reply: Reply) -> tuple[Sign, ...]:
        count = self._finder.count(reply.body) if reply.ignored_by else 0
        return (ignored_records(count, reply.ignored_by),) if count else ()

    def _answer(
        self, reply: Reply, listed: RecordList, request: Request, loops: LoopDetector, *,
        whole: bool,
    ) -> PageAnswer:  # fmt: skip
        records = [*listed.records, *listed.strays]
        return PageAnswer(
            body=reply.body,
            links=reply.links,
            records=records,
            url=reply.url,
            headers=reply.headers,
            posted=request.json,
            status=reply.status,
            pages=loops.pages + 1,
            came=loops.came + len(records),
            largest=max(loops.largest, len(records)),
            ragged=loops.ragged,
            empty=loops.empty,
            whole=whole,
        )

    def _follows(self, where: Json | None, answer: PageAnswer) -> Json | None:
        try:
            follows = self.connector.paginator.next_position(where, answer)
        except Stuck as error:
            given = f": {written(error.settings)}" if error.settings else ""
            raise bad_answer(
                str(error),
                f"sets endpoint.paginator in Connector Settings{given}",
                code="registry_paging",
            ) from error
        return self._safe(follows)

    def _safe(self, position: Json | None) -> Json | None:
        """Remove the key from a next link that echoes it, and keep links on their host."""
        if position is None or "url" not in position:
            return position
        url = at_home(str(position["url"]), self.connector.list_url, "its next link leads to")
        return {"url": self._connection.auth.strip(url)}

    # -- single records ----------------------------------------------------------------------

    @property
    def gives_one(self) -> bool:
        """Return whether one record can be read without reading the whole list."""
        return self.connector.detail is not None

    def fetch(self, external_id: str) -> Json | None:
        """Return one record: by `detail` if there is one, else by searching all pages.

        Return None if the registry does not have it. A detail may lack what only the list has.
        """
        if self.connector.detail is not None:
            return self._details.read(external_id)
        return self.fetch_all([external_id]).get(external_id)

    def fetch_all(self, external_ids: Iterable[str]) -> dict[str, Json]:
        """Return records by id; without `detail` all pages are searched once."""
        wanted = dict.fromkeys(external_ids)
        if self.connector.detail is not None:
            return self._details.read_many(wanted)
        found: dict[str, Json] = {}
        for page in self.pages(None):
            for record in page.records:
                external_id = self.identify(record)
                if external_id in wanted:
                    found[str(external_id)] = record
            if len(found) == len(wanted):
                break
        return found

    def read_whole(self, records: Sequence[Json]) -> tuple[list[Json], list[Unread]]:
        """Return records completed by their details, and those whose detail cannot be read.

        Stop early, and leave the rest out of both, if too many fail in a row for passing causes.
        """
        return self._details.complete(records)

    def identify(self, record: Json) -> str | None:
        """Return a record's external id as text; None if it has none that is usable."""
        return self._records.identify(record)

    def cursor_of(self, record: Json) -> datetime | None:
        """Return a record's modification time, in UTC; None if it cannot be read."""
        return self._records.cursor_of(record)

    # -- time --------------------------------------------------------------------------------

    def since_text(self, since: datetime | None) -> str:
        """Return `since` as the registry is asked; "" if everything is read."""
        if since is None and self._terms.initial_value:
            since = read_time(self._terms.initial_value, self._terms)
        return "" if since is None else write_time(since, self._terms)

    def asked_from(self, since: datetime) -> datetime:
        """Return the time from which the registry returns records when asked for `since`.

        As a text it may stand for a whole day, or precede an hour that occurs twice.
        """
        return min(since, read_time(self.since_text(since), self._terms) or since)

    def _since(self, since: datetime | None) -> Any:
        """Return `since` for a request: an epoch is a number, for JSON where it stands alone."""
        text = self.since_text(since)
        return int(text) if text and self._terms.datetime_format.startswith("epoch") else text


def _date(reply: Reply) -> datetime | None:
    try:
        when = parsedate_to_datetime(reply.headers.get("Date", ""))
    except (ValueError, TypeError):
        return None
    return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
