"""Whether a record has left the registry, or this lane's part of it, by what it says itself."""

from __future__ import annotations

from typing import Literal, NamedTuple

from registry_sync.core.types import Json
from registry_sync.mapping.model import Mapping
from registry_sync.mapping.tombstones import is_tombstone, tombstone_path

How = Literal["scope", "flag", "tombstone"]


class Departure(NamedTuple):
    """How a record shows that it has left; `reason` is a clause such as `status is 'retired'`."""

    how: How
    reason: str


def departure(record: Json, mapping: Mapping) -> Departure | None:
    """Return how a record shows that it is no longer this lane's; None if it is.

    Raise ConfigError for an expression of the scope that takes too long.
    """
    if reason := mapping.scope.outside(record):
        return Departure("scope", reason)
    if reason := mapping.deletes.flagged(record):
        return Departure("flag", reason)
    if is_tombstone(record, mapping):
        return Departure("tombstone", f"it is marked as deleted at {tombstone_path(record)}")
    return None


def is_deleted(record: Json, mapping: Mapping) -> bool:
    """Return whether a record says that it is deleted, by the settings' flag or as a tombstone."""
    return bool(mapping.deletes.flagged(record)) or is_tombstone(record, mapping)


def has_left(record: Json, mapping: Mapping) -> bool:
    """Return whether a record is no longer this lane's."""
    return departure(record, mapping) is not None
