"""Insert Change rows with their digests: eight rows an entity, so without model instances."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from registry_sync.ledger import digests
from registry_sync.ledger.bulk_rows import times_as_stored, write_rows
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


def insert(entities: Iterable[EntityChanges], link: Link, last: bytes) -> bytes:
    """Insert the changes of some entities. Return the digest of the last one: 32 bytes.

    `last` is the digest that the first one builds on.
    """
    stored = times_as_stored()
    lane_id, (run_id, *how, at) = link.lane.pk, link.written
    when = stored(at)
    named: dict[tuple[str, str], bytes] = {}  # the same few fields for every entity
    rows: list[tuple[Any, ...]] = []
    for external_id, entity_id, new, seen, values, kind in entities:
        part = digests.entity_part(external_id, entity_id, new, seen)
        who = (lane_id, run_id, kind, external_id, entity_id)
        how_and_when = (new, *how, stored(seen), when)
        for field_id, field, before, after, source in values:
            own = named.get((kind, field_id))
            if own is None:
                own = named[kind, field_id] = digests.field_part(kind, field_id, field)
            was, old = NULL if before is None else _encoded(before)
            now, new_value = NULL if after is None else _encoded(after)
            fed, source_text = NULL if source is None else _encoded(source)
            last = digests.of_change(last, part, own, was, now, fed)
            rows.append(
                (*who, field_id, field, old, new_value, source_text, *how_and_when, last.hex())
            )
    write_rows(Change, COLUMNS, rows)
    return last


NULL = (b"null", None)


def _encoded(value: Any) -> tuple[bytes, str]:
    """Return a value as its digest covers it, and as it is stored."""
    if type(value) in digests.PLAIN:
        body = digests.encode(value)
        return body, body.decode()
    return digests.canonical_json(value), digests.encode(value).decode()
