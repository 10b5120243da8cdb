"""The registry's client: streaming pages of records, a few in memory at a time.

What is asked is in `request` and `paginators`, how it is sent in `http`, what is in an answer
in `decoding`, `record_list` and `totals`. Here is what the sync needs: pages from any position,
one record, its id, its time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from registry_sync.core.types import Json
from registry_sync.source.ahead import Waits, first_then_ahead
from registry_sync.source.answers.entry_list import EntryFinder, identify_by
from registry_sync.source.answers.record_list import Memory, RecordFinder
from registry_sync.source.connection import Connection, OnResponse
from registry_sync.source.connector import Connector, Incremental
from registry_sync.source.details import DetailReader
from registry_sync.source.http import Exchange, Reply
from registry_sync.source.loop_detection import LoopDetector
from registry_sync.source.page_reader import PageReader
from registry_sync.source.pages import Page, Unread
from registry_sync.source.record_reader import RecordReader
from registry_sync.source.request import page_request
from registry_sync.source.timestamps import read_time, write_time


class Source:
    """Reads one registry by its connector. Raises SourceError, in words for its owner.

    `pause(seconds)` waits, so that the holder of a lease can renew it; `keep_alive` is called
    before each request, and now and then while an answer arrives. `timeout` is for connecting and
    for each byte, in seconds; the connector's `limits` hold for whole answers. Unless it is
    `patient`, a client takes each answer as it is and does not wait for a better one. `memory`
    is what earlier answers showed. With `entries`, the list has no records but entries of their
    ids, which may be bare. `on_response` is called with each answer. A record that `departs` needs
    no modification time.
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
        entries: bool = False,
        on_response: OnResponse = lambda request, status, size: None,
        departs: Callable[[Json], bool] = lambda record: False,
    ) -> None:
        self.connector = connector
        self._waits = waits = Waits(pause, keep_alive)
        connection = Connection(
            connector,
            credential=credential,
            allow_private=allow_private,
            user_agent=user_agent,
            timeout=timeout,
            pause=waits.pause,
            keep_alive=waits.keep_alive,
            patient=patient,
            on_response=on_response,
        )
        self._connection = connection
        self._exchange = Exchange(connection, pause=waits.pause, keep_alive=waits.keep_alive)
        self._records = RecordReader(connector, departs)
        # Of each record; a method around a method would take longer than it does.
        self.identify: Callable[[Json], str | None] = self._records.identify
        find: type[RecordFinder] = RecordFinder
        if entries:
            self.identify, find = identify_by(self._records.identify), EntryFinder
        self.cursor_of: Callable[[Json], datetime | None] = self._records.cursor_of
        self._finder = find(connector.data_selector, self.identify, memory)
        self._details = DetailReader(self._exchange, self._records.identify)
        none_ok = not entries  # a list of deletions at a wrong address would seem to be empty
        self._pages = PageReader(
            self._exchange, self._finder, self._details, self._since, none_ok=none_ok
        )
        self._terms = connector.incremental or Incremental()

    def secrets(self) -> tuple[str, ...]:
        """Return what signed its requests, which must not be shown if the registry repeats it."""
        return self._connection.auth.secrets()

    @property
    def requests(self) -> int:
        """Return the number of requests so far, without repeats after a failure."""
        return self._connection.requests

    @property
    def bad_cursors(self) -> tuple[int, str]:
        """Return how many modification times could not be read, and an example."""
        return self._records.bad_cursors

    @property
    def untimed(self) -> str:
        """Return the id of the first record whose modification time could not be read, or ""."""
        return self._records.untimed

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    # -- pages -------------------------------------------------------------------------------

    def pages(self, since: datetime | None, *, position: Json | None = None) -> Iterator[Page]:
        """Yield pages of what changed since a time (None: of everything), from a position on."""
        return self._pages.pages(since, position)

    def pages_ahead(
        self, since: datetime | None, *, position: Json | None = None
    ) -> Generator[Page, None, None]:
        """Yield pages as `pages` does, the next ones already requested while one is worked on."""
        return first_then_ahead(self.pages(since, position=position), self._waits)

    def has_moved(self, page: Page, since: datetime | None) -> bool:
        """Return whether the list's first page is another than when this page's reading began."""
        return self._pages.has_moved(LoopDetector(*page.position.get("trail", ())), since)

    def ids_at(self, position: Json) -> list[str]:
        """Return the ids of the page at a position, without its records' details."""
        found = map(self.identify, self._pages.listed_at(position))
        return [external_id for external_id in found if external_id is not None]

    def first_reply(self) -> Reply:
        """Return the first page's answer as it came, wherever its records are."""
        reply = self._exchange.send(page_request(self.connector, None, self._since(None)))
        assert reply is not None
        return reply

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
        found, unread = self.fetch_all([external_id])
        if unread:
            raise unread[0].why
        return found.get(external_id)

    def fetch_all(self, external_ids: Iterable[str]) -> tuple[dict[str, Json], list[Unread]]:
        """Return records by id, and those that the list has only in part.

        Without `detail` all pages are searched once.
        """
        requested_ids = dict.fromkeys(external_ids)
        if self.connector.detail is not None:
            return self._details.read_many(requested_ids), []
        found: dict[str, Json] = {}
        unread: dict[str | None, Unread] = {}
        for page in self.pages(None):
            for unread_record in page.unread:
                if (external_id := self.identify(unread_record.record)) in requested_ids:
                    unread[external_id] = unread_record
            for record in page.records:
                external_id = self.identify(record)
                if external_id in requested_ids:
                    found[str(external_id)] = record
            if len(found.keys() | unread.keys()) == len(requested_ids):
                break
        return found, [
            unread_record for unread_id, unread_record in unread.items() if unread_id not in found
        ]

    def read_whole(self, records: Sequence[Json]) -> tuple[list[Json], list[Unread]]:
        """Return records completed by their details, and those whose detail cannot be read.

        Stop early, and leave the rest out of both, if too many fail in a row for passing causes.
        """
        return self._details.complete(records)

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
