"""The outcome of one record in a run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from registry_sync.core.problems import Problem
from registry_sync.mapping.model import Entity
from registry_sync.models import LedgerEntry

Outcome = LedgerEntry.Outcome

CHUNK = 500
"""Rows per statement: below SQLite's limit on variables, and small enough for PostgreSQL."""


class RecordOutcome(NamedTuple):
    """One record that the run handled, and its outcome.

    A refused record has `problems` (none if it is refused again for its recorded cause) and its
    `raw` form. A written record has its `entity` and Benchling's id for it. `gone`: it left
    the registry or the lane's scope, and `how` it shows that.
    """

    external_id: str
    raw_hash: str
    outcome: LedgerEntry.Outcome
    raw: dict[str, Any] | None = None
    entity: Entity | None = None
    entity_id: str = ""
    problems: tuple[Problem, ...] = ()
    modified_at: datetime | None = None
    retried: bool = False
    identity: str = ""
    gone: bool = False
    how: str = ""
    canonical: str = ""
    """The structure that Benchling made of what was sent, where its answer says so."""


def hash_record(record: dict[str, Any], fingerprint: str) -> str:
    """Return the hash of a raw record and of the mapping that reads it: 32 hex characters."""
    try:
        body = orjson.dumps(record, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # integers beyond 64 bits, which only the standard library writes
        body = json.dumps(record, sort_keys=True).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(body + fingerprint.encode(), digest_size=16).hexdigest()


COUNTS = ("read", "unchanged", "created", "updated", "failed", "repeated", "retried", "coerced")


def in_chunks(items: Sequence[Any]) -> Iterable[Sequence[Any]]:
    """Yield the items in sequences of at most CHUNK."""
    for start in range(0, len(items), CHUNK):
        yield items[start : start + CHUNK]
