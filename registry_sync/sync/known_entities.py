"""Entities of the ledger as Benchling has them now: many requests at once, most of the budget.

A list is one request after the other, because each page names the next. What the ledger knows can
be requested by id, a hundred at a time, in any order.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from queue import SimpleQueue

from registry_sync.benchling.client import Client
from registry_sync.benchling.transport import PAGE
from registry_sync.core.types import Json
from registry_sync.sync.context import RunContext

AT_ONCE = 4
"""Requests at a time: more reach the limit of requests no sooner."""
STEP = 1.0
"""Seconds between two signs of life of a caller who waits for a request."""
TOGETHER = 5
"""Pages compared at a time: the database is asked as often for five as for one."""
AHEAD = 2 * TOGETHER
"""Pages requested before the oldest ones are compared."""
FOR_PEOPLE = 0.2
"""The share of the app's requests that is left to canvases and other callers."""

Known = tuple[int, str, str]
"""A row of the ledger: its key, Benchling's id (or ""), and its registry id."""


class Stopped(Exception):
    """The look ends: what is still on its way is not needed."""


class KnownEntities:
    """Reads the lane's entities by id, in threads that touch no database."""

    def __init__(self, ctx: RunContext) -> None:
        self.ctx = ctx
        self._stop = threading.Event()
        self._clients: SimpleQueue[Client] = SimpleQueue()
        for _ in range(AT_ONCE):
            client = ctx.pacer.open_client(self._pause)
            client.reserved = FOR_PEOPLE
            client.entity_type = ctx.client.entity_type
            self._clients.put(client)

    def pages(self, after: int) -> Generator[tuple[list[Json], int], None, None]:
        """Yield some hundred entities at a time, and the key of the last row that was asked for.

        `after` is the key of the last row of an earlier slice. Raise LeaseLost and SyncError.
        """
        underway: deque[tuple[Future[list[Json]], int]] = deque()
        threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="look")
        try:
            for rows in self._hundreds(after):
                underway.append((threads.submit(self._read, rows), rows[-1][0]))
                if len(underway) == AHEAD:
                    yield self._arrived(underway)
            while underway:
                yield self._arrived(underway)
        finally:  # do not wait for running requests: nothing renews the lease then
            self._stop.set()
            threads.shutdown(wait=False, cancel_futures=True)

    def _arrived(self, underway: deque[tuple[Future[list[Json]], int]]) -> tuple[list[Json], int]:
        """Wait for the oldest pages, and take them out."""
        found, last = list[Json](), 0
        for _ in range(min(TOGETHER, len(underway))):
            future, last = underway.popleft()
            while not future.done():
                wait([future], timeout=STEP)
                self.ctx.pacer.keep_alive()
            found += future.result()
        return found, last

    def _hundreds(self, after: int) -> Iterator[list[Known]]:
        entries = self.ctx.lane.ledger.exclude(entity_hash="").order_by("pk")
        columns = entries.values_list("pk", "entity_id", "entity_registry_id")
        while rows := list(columns.filter(pk__gt=after)[: TOGETHER * PAGE]):
            after = rows[-1][0]
            yield from (rows[start : start + PAGE] for start in range(0, len(rows), PAGE))

    def _read(self, rows: Sequence[Known]) -> list[Json]:
        client = self._clients.get()
        try:
            found = client.entities_by_id([entity_id for _, entity_id, _ in rows if entity_id])
            found_ids = {raw["id"] for raw in found}
            others = [registry_id for _, id_, registry_id in rows if id_ not in found_ids]
            if self._stop.is_set():
                raise Stopped
            if others:  # registered anew by someone, or written without an answer
                registry = self.ctx.setup.config.registry_id
                found += client.entities_with_ids(others, registry_id=registry)
            return found
        finally:
            self._clients.put(client)

    def _pause(self, seconds: float, reason: str) -> None:
        if self._stop.wait(seconds):
            raise Stopped
