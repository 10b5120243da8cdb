"""The rows of bulk upserts: how many fit one request, and which of them a failure names."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from registry_sync.benchling.entity_types import CustomEntity, EntityType
from registry_sync.benchling.errors import Refused, Wait
from registry_sync.core.problems import SyncError
from registry_sync.core.types import Json

UPSERT_BYTES = 20 * 1024 * 1024
"""This app's limit for one request body, far below Benchling's 100 MB."""


@dataclass(frozen=True, slots=True)
class Row:
    """One entity to write: its external id, and its JSON for Benchling."""

    external_id: str
    body: Json


@dataclass(frozen=True, slots=True)
class Flight:
    """Rows in a running task, or in one refused at once; `started` is a monotonic time.

    `calls` is what they have cost so far: each batch in flight has a budget of its own. `lost` is
    set where it is unknown whether the rows were written: it is raised if that stays unknown.
    `losses` counts how often that was so.
    """

    rows: tuple[Row, ...]
    task_id: str
    started: float
    refused: Refused | None = None
    calls: int = 1
    lost: SyncError | Wait | None = None
    losses: int = 0


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
        said = str(item.get("message") or "")
        named[index] = f"{named[index]} {said}" if index in named else said
    return named


def batch_length(
    sizes: Sequence[int], *, most: int, entity_type: type[EntityType] = CustomEntity
) -> int:
    """Return how many rows of these sizes (bytes) fit one upsert: at least one, at most `most`."""
    most, total = min(most, entity_type.upsert_limit), 0
    for count, size in enumerate(sizes[:most]):
        total += size + 1
        if total > UPSERT_BYTES and count:
            return count
    return min(len(sizes), most)


def size_of(body: Json) -> int:
    """Return the size of a row as it is sent, in bytes."""
    try:
        return len(orjson.dumps(body))
    except TypeError:  # an integer beyond 64 bits, in a JSON field
        return len(json.dumps(body))
