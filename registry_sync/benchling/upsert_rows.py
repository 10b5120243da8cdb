"""The rows of bulk upserts: how many fit one request, and which of them a failure names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from registry_sync.benchling.errors import Refused, Wait
from registry_sync.core.packed_json import unpack
from registry_sync.core.problems import SyncError
from registry_sync.core.types import Json

FEW = 500
"""Entities sent at a time until batches pass, and again after anything went wrong."""
UPSERT_BYTES = 20 * 1024 * 1024
"""This app's limit for one request body, far below Benchling's 100 MB."""


@dataclass(frozen=True, slots=True)
class UpsertRow:
    """One entity to write: its external id, and its JSON for Benchling, packed as text."""

    external_id: str
    text: str
    by_id: bool = False
    """Whether it changes a known entity, which it names by its Benchling id."""

    @property
    def body(self) -> Json:
        """Return the JSON as an object."""
        return dict(unpack(self.text))


@dataclass(frozen=True, slots=True)
class Flight:
    """Rows in a running task, or in one refused at once; `started` is a monotonic time.

    `calls` is what they have cost so far, `limit` what they may cost: each batch in flight has a
    budget of its own. `lost` is
    set where it is unknown whether the rows were written: it is raised if that stays unknown.
    `losses` counts how often that was so.
    """

    rows: tuple[UpsertRow, ...]
    task_id: str
    started: float
    refused: Refused | None = None
    calls: int = 1
    limit: int = 0
    lost: SyncError | Wait | None = None
    losses: int = 0


def without_registry(row: Json) -> Json:
    """Return a row without what an update by id does not take."""
    return {key: row[key] for key in row if key not in ("entityRegistryId", "registryId")}


def in_parts(rows: Sequence[UpsertRow]) -> Iterator[Sequence[UpsertRow]]:
    """Yield rows a few at a time."""
    for start in range(0, len(rows), FEW):
        yield rows[start : start + FEW]


def named_rows(errors: object, count: int) -> dict[int, str]:
    """Return the rows that a failure names, by 0-based index, with the message of each.

    Benchling's contract allows a list, an object or nothing, and does not type their items.
    Return nothing if an index is outside the batch: such an answer cannot be trusted.
    """
    items = errors if isinstance(errors, list) else [errors] if isinstance(errors, dict) else []
    named: dict[int, str] = {}
    for item in items:
        index = item.get("index") if isinstance(item, dict) else None
        if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < count:
            return {}
        message = str(item.get("message") or "")
        named[index] = f"{named[index]} {message}" if index in named else message
    return named


def batch_length(sizes: Sequence[int], *, most: int) -> int:
    """Return how many rows of these sizes (bytes) fit one upsert: at least one, at most `most`."""
    total = 0
    for count, size in enumerate(sizes[:most]):
        total += size + 1
        if total > UPSERT_BYTES and count:
            return count
    return min(len(sizes), most)
