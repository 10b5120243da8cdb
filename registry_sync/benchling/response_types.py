"""What Benchling returns of a task, and of a list of entities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from registry_sync.core.types import Json


@dataclass(frozen=True, slots=True)
class Task:
    """The state of an upsert. `errors` is whatever Benchling sent: a list, an object or nothing."""

    status: str
    entities: Sequence[Json] = ()
    message: str = ""
    errors: object = None

    @property
    def running(self) -> bool:
        """Return whether Benchling still works on it."""
        return self.status == "RUNNING"

    @property
    def succeeded(self) -> bool:
        """Return whether its rows are written."""
        return self.status == "SUCCEEDED"


@dataclass(frozen=True, slots=True)
class EntityPage:
    """One page of entities, and the token of the next page ("" after the last)."""

    entities: list[Json]
    next_token: str
