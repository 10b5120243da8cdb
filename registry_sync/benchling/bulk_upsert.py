"""Carrying rows to Benchling, all or nothing at a time, and finding the rows it refuses.

A failed task may name its bad rows by index, or one of them, or none. Named rows are confirmed
by the single upsert, whose answer has the exact words; where none is named the rows are halved,
and a half whose sibling went through is known to be bad without being tried. All within a budget
of calls; what is left over is set aside by name.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from registry_sync.benchling.client import (
    LOCKED,
    UPSERT_BYTES,
    UPSERT_LIMIT,
    Client,
    Refused,
    Task,
    Wait,
    retry_time,
)
from registry_sync.core.problems import SyncError
from registry_sync.core.types import Json

BUDGET = 160
"""Upserts spent on one batch before what is left is set aside."""
CONFIRMED = 20
"""Named rows whose exact words are asked for; beyond, the task's own words must do."""
LOCK_TRIES = 12
PATIENCE = 600.0
"""Seconds that one process waits for a task; a worker's job would be ended after 1,800."""


@dataclass(frozen=True, slots=True)
class Row:
    """One entity on its way: its external id and the body that Benchling gets."""

    external_id: str
    body: Json


class Watcher(Protocol):
    """Who keeps the books while rows are on their way."""

    def sending(self) -> None:
        """Rows are about to be sent: raise LeaseLost if they are no longer ours to send."""

    def sent(self, rows: Sequence[Row], task_id: str) -> None:
        """A task was accepted for these rows; called before it is polled."""

    def written(self, rows: Sequence[Row], entities: dict[str, Json]) -> None:
        """These rows are in Benchling; entities by registry id, where the answer had them."""

    def refused(self, row: Row, refusal: Refused) -> None:
        """Benchling will not take this row, and says why."""

    def set_aside(self, rows: Sequence[Row], message: str) -> None:
        """The budget ran out with these rows unresolved."""

    def suspect(self, refusal: Refused | None) -> None:
        """A whole batch failed: raise SyncError if the cause holds for every row."""


@dataclass
class TaskClock:
    """Foretells how long a task takes, so that most tasks cost a single poll that comes in time."""

    per_row: float = 0.002
    base: float = 0.15
    bounded: bool = False
    """A task was once seen running: the guess is no longer too long by an unknown factor."""

    def expect(self, rows: int) -> float:
        return self.base + self.per_row * rows

    def learn(self, rows: int, *, running_at: float, done_at: float) -> None:
        """Shrink while the first poll finds it done, fast at first; grow when it still ran.

        Both in seconds after its start, of the last poll that saw it running (0: none did) and of
        the one that saw it done.
        """
        if running_at:
            likely = min((running_at + done_at) / 2, running_at * 1.03)
            factor, self.bounded = likely / self.expect(rows), True
        else:
            factor = 0.999 if self.bounded else 0.7
        self.base *= factor
        self.per_row *= factor


@dataclass
class Upserter:
    """Sends batches of one Benchling registry, one after the other.

    Raises SyncError for causes that hold for every row, Wait where Benchling takes no more now.
    """

    client: Client
    watcher: Watcher
    pause: Callable[[float, str], None]
    clock: TaskClock = field(default_factory=TaskClock)
    calls: int = 0

    def start(self, rows: Sequence[Row], *, spent: int = 0) -> Flight:
        """Send rows and come back with the task still running.

        `spent` are the calls that an earlier process spent on them.
        """
        self.calls = spent + 1
        return self._send(rows)

    def resume(self, rows: Sequence[Row], task_id: str) -> Flight:
        """Take up a task that was started by a process that is no more."""
        return Flight(tuple(rows), task_id, time.monotonic())

    def land(self, flight: Flight) -> None:
        """Wait for a flight's task and bring every row of it to an end."""
        self.calls = flight.calls
        failure = self._failure(flight)
        if failure is None:
            return
        self.watcher.suspect(failure if failure.status else None)
        self._isolate(flight.rows, failure)

    def outcome(self, flight: Flight) -> Task | None:
        """Wait for a task to end, whatever it brought; None once Benchling has forgotten it."""
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
        """Wait for a task; None when its rows are written, else what Benchling said."""
        for attempt in range(LOCK_TRIES):
            if flight.refused is not None:
                return flight.refused
            task = self._poll(flight)
            if task is None:  # forgotten: whether it wrote is unknown, and upserts repeat safely
                flight = self._send(flight.rows)
                continue
            if task.succeeded:
                entities = {str(e.get("entityRegistryId")): e for e in task.entities}
                self.watcher.written(flight.rows, entities)
                return None
            if not task.message.startswith(LOCKED):
                return Refused(0, task.message, task.errors)
            self.pause(random.uniform(2, 4) * (attempt + 1), "another registration in Benchling")
            flight = self._send(flight.rows)
        raise Wait(retry_time(60), "another registration in Benchling")

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
            if asked > PATIENCE:  # the batch is on file: whoever goes on looks at the task again
                raise Wait(retry_time(60), "a task that Benchling has not ended yet")
            # Soon, for it is nearly done; then ever more patiently, should it be stuck.
            soon = max(0.1, 0.08 * asked)
            wait = min(5.0, soon * 1.5 ** (polls - 1)) * random.uniform(0.8, 1.2)

    # -- finding the bad rows --------------------------------------------------------------

    def _isolate(self, rows: Sequence[Row], failure: Refused) -> None:
        """Bring every row of a failed batch to an end: written, refused or set aside."""
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
            else:  # one that was named has passed alone: the cause may be gone
                rest.append(rows[index])
        self._try(rest, failure)

    def _try(self, rows: Sequence[Row], failure: Refused) -> bool:
        """Send rows anew; True when all of them were written."""
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
        """Split rows of which one at least is bad; a clean left half proves the right one bad."""
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
            self.pause(random.uniform(2, 4) * (attempt + 1), "another registration in Benchling")
        raise Wait(retry_time(60), "another registration in Benchling")


@dataclass(frozen=True, slots=True)
class Flight:
    """Rows whose task is running (or was refused at once); `started` is a monotonic time.

    `calls` were spent on them so far: several batches may fly, each with a budget of its own.
    """

    rows: tuple[Row, ...]
    task_id: str
    started: float
    refused: Refused | None = None
    calls: int = 1


def named_rows(errors: object, count: int) -> dict[int, str]:
    """Read which rows a failure names, 0-based, and what it says of each.

    Benchling's contract allows a list, an object or nothing, and types none of their items.
    An index outside the batch makes the whole answer unusable.
    """
    items = errors if isinstance(errors, list) else [errors] if isinstance(errors, dict) else []
    named: dict[int, str] = {}
    for item in items:
        index = item.get("index") if isinstance(item, dict) else None
        if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < count:
            return {}
        said = str(item.get("message") or "")
        named[index] = f"{named[index]} {said}" if index in named else said
    return named


def batch_length(sizes: Sequence[int], *, most: int) -> int:
    """Say how many rows of these sizes in bytes fit one upsert: at least one."""
    total = 0
    for count, size in enumerate(sizes[: min(most, UPSERT_LIMIT)]):
        total += size + 1
        if total > UPSERT_BYTES and count:
            return count
    return min(len(sizes), most, UPSERT_LIMIT)


def size_of(body: Json) -> int:
    """Measure a row as it travels, in bytes."""
    return len(json.dumps(body))


def access_lost(refused: Refused, what: str) -> SyncError:
    """Say that the app may no longer do its work, and who gives it back the right to."""
    return SyncError(
        f"Benchling refused the whole batch ({refused.status}): {refused.message}",
        remedy=f"A Benchling admin checks that the app may write to {what}.",
        kind="benchling",
        code="benchling_access",
    )
