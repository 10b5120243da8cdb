"""Bulk upserts: write rows to Benchling, and find the rows that it refuses.

A bulk upsert is all or nothing. A failed task may name its bad rows by index, or one of them, or
none. Named rows are confirmed by the single upsert, whose refusal has the exact message. Where
none is named the rows are halved, and a half whose sibling passed is known to be bad. Each batch
has a budget of calls; rows that are unresolved when it is spent are postponed by name.
https://docs.benchling.com/docs/bulk-operations
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from registry_sync.benchling.client import Client, Task
from registry_sync.benchling.errors import LOCKED, Refused, Wait, retry_time
from registry_sync.benchling.task_clock import TaskClock
from registry_sync.benchling.upsert_rows import Flight, Row, named_rows
from registry_sync.core.problems import SyncError
from registry_sync.core.types import Json
from registry_sync.core.waits import REGISTRATION_LOCK, TASK_RUNNING

BUDGET = 160
"""Upserts spent on one batch before its unresolved rows are postponed."""
CONFIRMED = 20
"""Named rows whose exact message is requested; beyond, the task's own message is used."""
LOCK_TRIES = 12
"""Attempts while someone else registers entities, some seconds apart."""
PATIENCE = 600.0
"""Seconds that one process waits for a task; RQ ends a worker's job after 1,800."""


class Watcher(Protocol):
    """Is notified of what becomes of the rows."""

    def sending(self) -> None:
        """Rows are about to be sent. Raise LeaseLost if this process no longer holds the run."""

    def sent(self, rows: Sequence[Row], task_id: str) -> None:
        """Benchling accepted a task for these rows; called before the task is polled."""

    def written(self, rows: Sequence[Row], entities: dict[str, Json]) -> None:
        """These rows are in Benchling; entities by registry id, where the answer had them."""

    def refused(self, row: Row, refusal: Refused) -> None:
        """Benchling refused this row, with its reason."""

    def set_aside(self, rows: Sequence[Row], message: str) -> None:
        """The budget is spent, and these rows are unresolved."""

    def suspect(self, refusal: Refused | None) -> None:
        """A whole batch failed. Raise SyncError if the cause holds for every row."""


@dataclass
class Upserter:
    """Write batches of rows into one Benchling registry, one after the other.

    Raises SyncError for causes that hold for every row, Wait if Benchling takes no more for now.
    """

    client: Client
    watcher: Watcher
    pause: Callable[[float, str], None]
    clock: TaskClock = field(default_factory=TaskClock)
    calls: int = 0

    def start(self, rows: Sequence[Row], *, spent: int = 0) -> Flight:
        """Send rows and return with their task still running.

        `spent` is the number of calls that an earlier process spent on them.
        """
        self.calls = spent + 1
        return self._send(rows)

    def resume(self, rows: Sequence[Row], task_id: str) -> Flight:
        """Continue with a task that was started by a process that has ended."""
        return Flight(tuple(rows), task_id, time.monotonic())

    def land(self, flight: Flight) -> None:
        """Wait for the task, and settle every row: written, refused or postponed."""
        self.calls = flight.calls
        failure = self._failure(flight)
        if failure is None:
            return
        self.watcher.suspect(failure if failure.status else None)
        self._isolate(flight.rows, failure)

    def outcome(self, flight: Flight) -> Task | None:
        """Return the task once it has ended, in any way; None if Benchling has forgotten it."""
        return self._poll(flight)

    # -- one task --------------------------------------------------------------------------

    def _send(self, rows: Sequence[Row]) -> Flight:
        self.watcher.sending()
        try:
            task_id = self.client.start_upsert([row.body for row in rows])
        except Refused as refused:
            return Flight(tuple(rows), "", time.monotonic(), refused, self.calls)
        self.watcher.sent(rows, task_id)
        return Flight(tuple(rows), task_id, time.monotonic(), calls=self.calls)

    def _failure(self, flight: Flight) -> Refused | None:
        """Return why a task failed; None if its rows are written."""
        for attempt in range(LOCK_TRIES):
            if flight.refused is not None:
                return flight.refused
            task = self._poll(flight)
            if task is None:  # forgotten: it may have written, and upserts can be repeated
                flight = self._send(flight.rows)
                continue
            if task.succeeded:
                entities = {str(e.get("entityRegistryId")): e for e in task.entities}
                self.watcher.written(flight.rows, entities)
                return None
            if not task.message.startswith(LOCKED):
                return Refused(0, task.message, task.errors)
            self.pause(random.uniform(2, 4) * (attempt + 1), REGISTRATION_LOCK)
            flight = self._send(flight.rows)
        raise Wait(retry_time(60), REGISTRATION_LOCK)

    def _poll(self, flight: Flight) -> Task | None:
        rows, polls, running_at = len(flight.rows), 0, 0.0
        wait = flight.started + self.clock.expect(rows) - time.monotonic()
        while True:
            if wait > 0:
                self.pause(wait, "")
            asked = time.monotonic() - flight.started
            task = self.client.task(flight.task_id)
            polls += 1
            if task is None or not task.running:
                self.clock.learn(rows, running_at=running_at, done_at=asked)
                return task
            running_at = asked
            if asked > PATIENCE:  # the batch is recorded: the next slice polls the task again
                raise Wait(retry_time(60), TASK_RUNNING)
            # Soon at first, because it is nearly done; then less often, in case it is stuck.
            soon = max(0.1, 0.08 * asked)
            wait = min(5.0, soon * 1.5 ** (polls - 1)) * random.uniform(0.8, 1.2)

    # -- finding the bad rows --------------------------------------------------------------

    def _isolate(self, rows: Sequence[Row], failure: Refused) -> None:
        """Settle every row of a failed batch: written, refused or postponed."""
        if len(rows) == 1:
            self._single(rows[0], failure)
            return
        named = named_rows(failure.errors, len(rows))
        if not named:
            self._halve(rows, failure)
            return
        rest = [row for index, row in enumerate(rows) if index not in named]
        trusted = True
        for position, (index, message) in enumerate(named.items()):
            said = Refused(failure.status, message or failure.message)
            if position < CONFIRMED or not message:
                trusted = not self._single(rows[index], said) and trusted
            elif trusted:
                self.watcher.refused(rows[index], said)
            else:  # a row that was named has passed alone: the cause may be gone
                rest.append(rows[index])
        self._try(rest, failure)

    def _try(self, rows: Sequence[Row], failure: Refused) -> bool:
        """Send rows again; return whether all of them were written."""
        if not rows:
            return True
        if len(rows) == 1:
            return self._single(rows[0], failure)
        if self.calls >= BUDGET:
            self.watcher.set_aside(rows, failure.message)
            return False
        self.calls += 1
        again = self._failure(self._send(rows))
        if again is None:
            return True
        self._isolate(rows, again)
        return False

    def _halve(self, rows: Sequence[Row], failure: Refused) -> None:
        """Split rows of which at least one is bad; a clean left half proves the right one bad."""
        if len(rows) == 1:
            self._single(rows[0], failure)
            return
        middle = len(rows) // 2
        if self._try(rows[:middle], failure):
            self._halve(rows[middle:], failure)
        else:
            self._try(rows[middle:], failure)

    def _single(self, row: Row, failure: Refused) -> bool:
        if self.calls >= BUDGET:
            self.watcher.set_aside([row], failure.message)
            return False
        try:
            entity = self._upsert_one(row)
        except Refused as refused:
            if refused.status == 403:
                self.watcher.suspect(refused)
            self.watcher.refused(row, refused)
            return False
        self.watcher.written([row], {row.body["entityRegistryId"]: entity})
        return True

    def _upsert_one(self, row: Row) -> Json:
        for attempt in range(LOCK_TRIES):
            self.calls += 1
            self.watcher.sending()
            try:
                return self.client.upsert_one(row.body)
            except Refused as refused:
                if not refused.message.startswith(LOCKED):
                    raise
            self.pause(random.uniform(2, 4) * (attempt + 1), REGISTRATION_LOCK)
        raise Wait(retry_time(60), REGISTRATION_LOCK)


def access_lost(refused: Refused, what: str) -> SyncError:
    """Return the error of an app that may no longer write, with who can restore its access."""
    return SyncError(
        f"Benchling refused the whole batch ({refused.status}): {refused.message}",
        remedy=f"A Benchling admin checks that the app has write access to {what}.",
        kind="benchling",
        code="benchling_access",
    )
