"""Bulk upserts: write rows to Benchling, and find the rows that it refuses.

A bulk upsert is all or nothing: `BadRows` finds the rows for which it failed.

Rows whose answer was lost are looked for in Benchling, and only those that are not there are sent
again. There is no key that would let Benchling recognise a repeated request.
https://docs.benchling.com/docs/bulk-operations
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from registry_sync.benchling.bad_rows import BadRows, budget_of
from registry_sync.benchling.client import Client
from registry_sync.benchling.errors import (
    LOCK_TRIES,
    LOCKED,
    AnswerLost,
    Refused,
    Wait,
    forgotten,
    lock_pause,
    retry_time,
)
from registry_sync.benchling.lost_answers import LATE, LOSSES, paced_lookups
from registry_sync.benchling.response_types import Task
from registry_sync.benchling.task_clock import TaskClock
from registry_sync.benchling.upsert_rows import FEW, Flight, UpsertRow
from registry_sync.benchling.watcher import Watcher
from registry_sync.core.problems import SyncError
from registry_sync.core.types import Json
from registry_sync.core.waits import REGISTRATION_LOCK, TASK_RUNNING

PATIENCE = 600.0
"""Seconds that one process waits for a task; RQ ends a worker's job after 1,800."""


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
    limit: int = 0
    """The calls after which the rows that are left of a batch are postponed."""

    def start(self, rows: Sequence[UpsertRow], *, spent: int = 0, size: int = 0) -> Flight:
        """Send rows and return with their task still running.

        `spent` is the number of calls that an earlier process spent on their batch, of `size`.
        """
        self.calls, self.limit = spent + 1, budget_of(size or len(rows))
        return self._send(rows)

    def resume(self, rows: Sequence[UpsertRow], task_id: str) -> Flight:
        """Continue with a task that was started by a process that has ended."""
        return Flight(tuple(rows), task_id, time.monotonic())

    def land(self, flight: Flight) -> None:
        """Wait for the task, and settle every row: written, refused or postponed."""
        self.calls, self.limit = flight.calls, flight.limit
        self._land(flight, whole=True)

    def land_again(self, rows: Sequence[UpsertRow], *, spent: int, size: int) -> None:
        """Settle rows that are not in Benchling, although an earlier process sent them.

        A few at a time, each looked for just before: that request may still be worked on.
        """
        self.calls, self.limit = spent, budget_of(size)
        self._send_rest(rows, losses=1, whole=True)

    def outcome(self, flight: Flight) -> Task | None:
        """Return the task once it has ended, in any way; None if Benchling has forgotten it."""
        return self._poll(flight)

    def upsert_one(self, row: UpsertRow) -> Json:
        """Upsert one row and return its entity, looked up where the answer was lost.

        Raise Refused, with Benchling's exact message.
        """
        for _ in range(LOSSES):
            self.calls += 1
            self.watcher.sending([row])
            try:
                return self.client.upsert_one(row.body)
            except AnswerLost as lost:
                why = lost.why
            for _ in paced_lookups(time.monotonic() + LATE, self.pause):
                found = self.watcher.find_written([row]).get(row.external_id)
                if isinstance(found, Refused):
                    raise found
                if found is not None:
                    return found
        raise why

    def send_again(self, rows: Sequence[UpsertRow]) -> bool:
        """Send some rows of a batch that failed; return whether all of them were written."""
        self.calls += 1
        return self._land(self._send(rows))

    # -- one task --------------------------------------------------------------------------

    def _send(self, rows: Sequence[UpsertRow], *, losses: int = 0) -> Flight:
        flight = Flight(
            tuple(rows), "", time.monotonic(), calls=self.calls, limit=self.limit, losses=losses
        )
        self.watcher.sending(rows)
        try:
            start = self.client.start_update if rows[0].by_id else self.client.start_upsert
            task_id = start([row.text for row in rows])
        except AnswerLost as lost:
            return replace(flight, lost=lost.why, losses=losses + 1)
        except Refused as refused:
            self.watcher.unsent()
            return replace(flight, refused=refused)
        except Wait:
            self.watcher.unsent()
            raise
        self.watcher.sent(rows, task_id)
        return replace(flight, task_id=task_id, started=time.monotonic())

    def _land(self, flight: Flight, *, whole: bool = False) -> bool:
        """Settle the rows of a flight; return whether all of them were written.

        `whole`: if it was refused, the cause may hold for every row.
        """
        flight = self._ended(flight)
        if flight.lost is not None:
            return self._send_missing(flight, flight.lost, whole=whole)
        if flight.refused is None:
            return True
        if whole:
            self.watcher.suspect(flight.refused if flight.refused.status else None)
        BadRows(self).isolate(flight.rows, flight.refused)
        return False

    def _ended(self, flight: Flight) -> Flight:
        """Return a flight with its outcome: its rows are written, `refused`, or it is `lost`."""
        for attempt in range(LOCK_TRIES):
            if flight.refused is not None or flight.lost is not None:
                return flight
            task = self._poll(flight)
            if task is None:
                return replace(flight, lost=forgotten(flight.task_id), losses=flight.losses + 1)
            if task.succeeded:
                entities = {str(e.get("entityRegistryId")): e for e in task.entities}
                self.watcher.written(flight.rows, entities)
                return flight
            if not task.message.startswith(LOCKED):
                return replace(flight, refused=Refused(0, task.message, task.errors))
            self.pause(lock_pause(attempt), REGISTRATION_LOCK)
            if flight.losses:  # the request whose answer was lost may be what holds the lock
                locked = Wait(retry_time(60), REGISTRATION_LOCK)
                return replace(flight, lost=locked, losses=flight.losses + 1)
            flight = self._send(flight.rows)
        raise Wait(retry_time(60), REGISTRATION_LOCK)

    # -- lost answers ----------------------------------------------------------------------

    def _send_missing(self, flight: Flight, lost: SyncError | Wait, *, whole: bool) -> bool:
        """Send what a lost request did not write; return whether all rows were written."""
        missing = self.missing(flight.rows, started=flight.started)
        if missing and flight.losses > LOSSES:
            raise lost
        return self._send_rest(missing, losses=flight.losses, whole=whole)

    def _send_rest(self, remaining: Sequence[UpsertRow], *, losses: int, whole: bool) -> bool:
        clean = True
        while remaining:
            part, remaining = remaining[:FEW], remaining[FEW:]
            self.calls += 1
            clean = self._land(self._send(part, losses=losses), whole=whole) and clean
            remaining = self._not_there(remaining)
        return clean

    def missing(self, rows: Sequence[UpsertRow], *, started: float) -> Sequence[UpsertRow]:
        """Report which rows are in Benchling, and return those that are not.

        Their request began at `started`, a monotonic time: it is given the time to end.
        """
        expected = self.clock.expect(len(rows))
        early = started + expected - time.monotonic()
        if early > 0:
            self.pause(early, "")
        for _ in paced_lookups(started + 2 * expected + LATE, self.pause):
            rows = self._not_there(rows)
            if not rows:
                break
        return rows

    def _not_there(self, rows: Sequence[UpsertRow]) -> Sequence[UpsertRow]:
        """Report the rows that are in Benchling as sent, and return the others."""
        if not rows:
            return []
        found = self.watcher.find_written(rows)
        landed = {key: entity for key, entity in found.items() if not isinstance(entity, Refused)}
        written = [row for row in rows if row.external_id in landed]
        if written:
            entities = {str(e.get("entityRegistryId")): e for e in landed.values()}
            self.watcher.written(written, entities)
        for row in rows:
            refused = found.get(row.external_id)
            if isinstance(refused, Refused):
                self.watcher.refused(row, refused)
        return [row for row in rows if row.external_id not in found]

    def _poll(self, flight: Flight) -> Task | None:
        rows, polls, running_at = len(flight.rows), 0, 0.0
        wait = flight.started + self.clock.expect(rows) - time.monotonic()
        while True:
            if wait > 0:
                self.pause(wait, "")
            elapsed = time.monotonic() - flight.started
            task = self.client.task(flight.task_id)
            polls += 1
            if task is None or not task.running:
                self.clock.learn(rows, running_at=running_at, done_at=elapsed)
                return task
            running_at = elapsed
            if elapsed > PATIENCE:  # the batch is recorded: the next slice polls the task again
                raise Wait(retry_time(60), TASK_RUNNING)
            # Soon at first, because it is nearly done; then less often, in case it is stuck.
            soon = max(0.1, 0.08 * elapsed)
            wait = min(5.0, soon * 1.5 ** (polls - 1)) * random.uniform(0.8, 1.2)


def access_lost(refused: Refused, resource: str) -> SyncError:
    """Return the error of an app that may no longer write, with who can restore its access."""
    return SyncError(
        f"Benchling refused the whole batch ({refused.status}): {refused.message}",
        remedy=f"A Benchling admin checks that the app has write access to {resource}.",
        kind="benchling",
        code="benchling_access",
    )
