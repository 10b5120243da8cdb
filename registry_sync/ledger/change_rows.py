"""Insert Change rows with their digests: eight rows an entity, so without model instances."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from registry_sync.ledger import digests
from registry_sync.ledger.chain import Link
from registry_sync.models import Change


class EntityChanges(NamedTuple):
    """What was written to one entity: (field id, field name, before, after, source) by value."""

    external_id: str
    entity_id: str
    created: bool
    seen: datetime | None
    values: Sequence[tuple[str, str, Any, Any, Any]]
    kind: str = Change.Kind.WRITTEN


COLUMNS = (
    "lane_id", "run_id", "kind", "external_id", "entity_id", "field_id", "field", "before",
    "after", "source", "created", "actor", "trigger", "fingerprint", "service_version",
    "source_modified_at", "at", "digest",
)  # fmt: skip
QUOTED = ", ".join(f"{chr(34)}{name}{chr(34)}" for name in COLUMNS)
INSERT = (
    f"INSERT INTO {Change._meta.db_table} ({QUOTED}) VALUES ({', '.join(['%s'] * len(COLUMNS))})"
)


def insert(entities: Iterable[EntityChanges], link: Link, last: bytes) -> bytes:
    """Insert the changes of some entities. Return the digest of the last one: 32 bytes.

    `last` is the digest that the first one builds on.
    """
    adapt = connection.ops.adapt_datetimefield_value
    lane_id, (run_id, *how, at) = link.lane.pk, link.written
    when = adapt(at)
    rows: list[tuple[Any, ...]] = []
    for external_id, entity_id, new, seen, values, kind in entities:
        part = digests.entity_part(external_id, entity_id, new, seen)
        who = (lane_id, run_id, kind, external_id, entity_id)
        times = (adapt(seen), when)
        for field_id, field, before, after, source in values:
            was, now, fed = _encoded(before), _encoded(after), _encoded(source)
            own = digests.field_part(kind, field_id, field)
            last = digests.of_change(last, part, own, was[0], now[0], fed[0])
            stored = (was[1], now[1], fed[1])
            rows.append((*who, field_id, field, *stored, new, *how, *times, last.hex()))
    with connection.cursor() as cursor:
        cursor.executemany(INSERT, rows)
    return last


NULL = (b"null", None)


def _encoded(value: Any) -> tuple[bytes, str | None]:
    """Return a value as its digest covers it, and as it is stored."""
    if value is None:
        return NULL
    body = digests.canonical_json(value)
    return body, (body if type(value) in digests.PLAIN else digests.encode(value)).decode()
