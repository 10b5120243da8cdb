"""Who is notified of what becomes of the rows of a bulk upsert."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from registry_sync.benchling.errors import Refused
from registry_sync.benchling.upsert_rows import UpsertRow
from registry_sync.core.types import Json


class Watcher(Protocol):
    """Is notified of what becomes of the rows."""

    def sending(self, rows: Sequence[UpsertRow]) -> None:
        """Note that these rows are about to be sent. Raise LeaseLost."""

    def unsent(self) -> None:
        """Record that Benchling took nothing of what was about to be sent."""

    def sent(self, rows: Sequence[UpsertRow], task_id: str) -> None:
        """Record the task that Benchling accepted for these rows, before it is polled."""

    def written(self, rows: Sequence[UpsertRow], entities: dict[str, Json]) -> None:
        """Note rows that are in Benchling; entities by registry id, where the answer had them."""

    def refused(self, row: UpsertRow, refusal: Refused) -> None:
        """Record that Benchling refused this row, with its reason."""

    def find_written(self, rows: Sequence[UpsertRow]) -> dict[str, Json | Refused]:
        """Return, by external id, the rows that are in Benchling as sent, or must not be sent."""

    def set_aside(self, rows: Sequence[UpsertRow], message: str) -> None:
        """Record rows that are unresolved when the budget is spent."""

    def suspect(self, refusal: Refused | None) -> None:
        """Check why a whole batch failed. Raise SyncError if the cause holds for every row."""
