"""The digests of the audit's chain: of a change, of a link, and of a change in the earlier form.

All are SHA-256 over JSON. docs/audit.md describes them for people who verify a chain themselves.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import orjson

from registry_sync.models import ChainLink, Retention

OLD_COLUMNS = (
    "run_id", "external_id", "entity_id", "field_id", "field", "before", "after", "source",
    "created", "actor", "trigger", "fingerprint", "service_version", "source_modified_at", "at",
)  # fmt: skip
"""The columns that a digest of the earlier form covers, in this order."""
BEFORE = OLD_COLUMNS.index("before")
SOURCE = OLD_COLUMNS.index("source")
SORTED = orjson.OPT_SORT_KEYS
PLAIN = frozenset((str, bool, int, type(None)))


class Written(NamedTuple):
    """What all changes of one link have in common."""

    run_id: int
    actor: str
    trigger: str
    fingerprint: str
    service_version: str
    at: datetime


def first(previous: str, mark: str, number: int, written: Written) -> bytes:
    """Return what the first change of a link builds on: 32 bytes."""
    parts = [previous, mark, number, *written[:-1], utc(written.at)]
    return hashlib.sha256(encode(parts)).digest()


def of_change(before: bytes, *parts: bytes) -> bytes:
    """Return the digest of a change from that of the one before it in its link: 32 bytes.

    `parts` are JSON: of the entity, of the field, of the values before and after, of the source.
    """
    return hashlib.sha256(before + b",".join(parts)).digest()


def entity_part(external_id: str, entity_id: str, created: bool, seen: datetime | None) -> bytes:
    """Return what the changes of one entity in one link have in common, as JSON."""
    return encode([external_id, entity_id, created, utc(seen) if seen else None])


def field_part(kind: str, field_id: str, field: str) -> bytes:
    """Return what was changed, as JSON."""
    return encode([kind, field_id, field])


def of_link(link: ChainLink, previous: str, mark: str) -> str:
    """Return the digest of a link, 64 hex characters; `mark` is its lane's."""
    parts = [
        previous, link.rows_digest, mark, link.number, int(link.form), link.run_id, link.rows,
        link.created, link.updated, link.last_id, utc(link.at),
    ]  # fmt: skip
    return hashlib.sha256(encode(parts)).hexdigest()


def of_retention(row: Retention) -> str:
    """Return the digest of what a retention deleted, by whom and why: 64 hex characters."""
    parts = [utc(row.before), row.rows, row.digest, row.actor, row.reason, utc(row.at), row.up_to]
    return hashlib.sha256(encode(parts)).hexdigest()


def of_old_change(previous: str, values: Sequence[Any]) -> str:
    """Return the digest of one change in the earlier form; `values` are as in OLD_COLUMNS."""
    # A source of None is left out, as in rows written before the column existed.
    end = SOURCE if values[SOURCE] is None else SOURCE + 1
    shown = [canonical(value) for value in values[BEFORE:end]]
    row = [previous, *values[:BEFORE], *shown, *values[SOURCE + 1 :]]
    try:
        body = orjson.dumps(row, option=SORTED | orjson.OPT_UTC_Z)
    except TypeError:  # an integer beyond 64 bits
        shown = [json.dumps(value, sort_keys=True) for value in shown]
        row = [previous, *values[:BEFORE], *shown, *values[SOURCE + 1 :]]
        body = orjson.dumps(row, option=orjson.OPT_UTC_Z)
    return hashlib.sha256(body).hexdigest()


def utc(at: datetime) -> str:
    """Return a time as text, the same from either database."""
    return at.astimezone(UTC).isoformat()


def canonical(value: Any) -> Any:
    """Return a field's value in the form in which the database returns it."""
    if isinstance(value, float) and value.is_integer():
        return int(Decimal(repr(value)))  # PostgreSQL's jsonb returns 6e23 as an integer
    if isinstance(value, list):
        return [canonical(item) for item in value]
    if isinstance(value, dict):
        return {key: canonical(item) for key, item in value.items()}
    return value


def canonical_json(value: Any) -> bytes:
    """Return a field's value as JSON that is the same before and after the database."""
    return encode(value if type(value) in PLAIN else canonical(value))


def encode(value: Any) -> bytes:
    """Return JSON in UTF-8, with sorted keys."""
    try:
        return orjson.dumps(value, option=SORTED)
    except TypeError:  # an integer beyond 64 bits
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
