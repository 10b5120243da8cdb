"""The rows for which a bulk upsert failed, found with few calls.

A failed task may name its bad rows by index, or one of them, or none. Named rows are confirmed by
the single upsert, whose refusal has the exact message. Where none is named the rows are halved, and
a half whose sibling passed is known to be bad. A large batch is first sent in parts, most of which
pass. Each part has a budget of calls; rows that are unresolved when it is spent are postponed by
name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Protocol

from registry_sync.benchling.errors import Refused
from registry_sync.benchling.upsert_rows import FEW, UpsertRow, in_parts, named_rows
from registry_sync.benchling.watcher import Watcher
from registry_sync.core.types import Json

BUDGET = 160
"""Upserts spent on one batch, or part of it, before its unresolved rows are postponed."""
CONFIRMED = 20
"""Named rows whose exact message is requested; beyond, the task's own message is used."""


def budget_of(rows: int) -> int:
    """Return how many upserts a batch of this many rows may cost."""
    return BUDGET * ceil(rows / FEW)


class Sender(Protocol):
    """Sends rows again, within a limit of calls."""

    watcher: Watcher
    calls: int
    limit: int

    def send_again(self, rows: Sequence[UpsertRow]) -> bool:
        """Send some rows; return whether all of them were written."""

    def upsert_one(self, row: UpsertRow) -> Json:
        """Upsert one row and return its entity. Raise Refused."""


@dataclass(frozen=True, slots=True)
class BadRows:
    """Settles every row of a failed batch: written, refused or postponed."""

    sender: Sender

    def isolate(self, rows: Sequence[UpsertRow], failure: Refused) -> None:
        """Write the good rows, and report why each bad one is refused."""
        if len(rows) == 1:
            self._single(rows[0], failure)
            return
        named = named_rows(failure.errors, len(rows))
        if not named:
            divide = self._try_parts if len(rows) > FEW else self._halve
            divide(rows, failure)
            return
        remaining = [row for index, row in enumerate(rows) if index not in named]
        trusted = True
        for position, (index, message) in enumerate(named.items()):
            refusal = Refused(failure.status, message or failure.message)
            if position < CONFIRMED or not message:
                trusted = not self._single(rows[index], refusal) and trusted
            elif trusted:
                self.sender.watcher.refused(rows[index], refusal)
            else:  # a row that was named has passed alone: the cause may be gone
                remaining.append(rows[index])
        self._try_parts(remaining, failure)

    def _try_parts(self, rows: Sequence[UpsertRow], failure: Refused) -> None:
        """Send rows again in parts, each with a budget of its own."""
        most = self.sender.limit
        for part in in_parts(rows):
            self.sender.limit = min(most, self.sender.calls + BUDGET)
            self._try(part, failure)
        self.sender.limit = most

    def _try(self, rows: Sequence[UpsertRow], failure: Refused) -> bool:
        """Send a few rows again; return whether all of them were written."""
        if len(rows) == 1:
            return self._single(rows[0], failure)
        if self.sender.calls >= self.sender.limit:
            self.sender.watcher.set_aside(rows, failure.message)
            return False
        return self.sender.send_again(rows)

    def _halve(self, rows: Sequence[UpsertRow], failure: Refused) -> None:
        """Split rows of which at least one is bad; a clean left half proves the right one bad."""
        if len(rows) == 1:
            self._single(rows[0], failure)
            return
        middle = len(rows) // 2
        if self._try(rows[:middle], failure):
            self._halve(rows[middle:], failure)
        else:
            self._try(rows[middle:], failure)

    def _single(self, row: UpsertRow, failure: Refused) -> bool:
        watcher = self.sender.watcher
        if self.sender.calls >= self.sender.limit:
            watcher.set_aside([row], failure.message)
            return False
        try:
            entity = self.sender.upsert_one(row)
        except Refused as refused:
            if refused.status == 403:
                watcher.suspect(refused)
            watcher.refused(row, refused)
            return False
        watcher.written([row], {row.body["entityRegistryId"]: entity})
        return True
