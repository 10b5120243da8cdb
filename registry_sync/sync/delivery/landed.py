"""Which entities are in Benchling as they were sent, where no answer says so.

An entity counts as written if it was changed since it was sent and nothing that the update
changes is as it was before. What people changed after that stays theirs: it is found as drift.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from registry_sync.benchling.client import Client
from registry_sync.benchling.schema import EntitySchema
from registry_sync.core.types import Json
from registry_sync.mapping.codec import canonical_fields
from registry_sync.mapping.model import UNKNOWN, links_of
from registry_sync.mapping.values import same_value
from registry_sync.models import Lane, LedgerEntry
from registry_sync.sync.rebuild import CLOCK_SLACK, link_targets

Found = dict[str, Json]
EMPTY: tuple[Any, ...] = (None, "", [])
DATE_SLACK = timedelta(seconds=5)
"""A `Date` header has whole seconds, and may come from another machine than the entity's time."""
MADE_BY_OTHERS = "an entity with this registry id was made by someone else in the meantime"


def benchling_time(client: Client) -> datetime:
    """Return a time of Benchling's clock that is not after now."""
    at = client.server_time()
    return timezone.now() - CLOCK_SLACK if at is None else at - DATE_SLACK


@dataclass(frozen=True, slots=True)
class Landing:
    """Looks for items of batches in one lane of Benchling, as entities of one schema."""

    client: Client
    lane: Lane
    schema: EntitySchema

    def of(
        self, items: Sequence[Json], since: datetime | None, *, failed: Collection[str] = ()
    ) -> tuple[Found, Found]:
        """Return the entities that were written since a time of Benchling's, by external id.

        The second ones are new items whose registry id someone else has taken. Of items whose
        task is known to have `failed` something that was sent must be there. Raise Refused.
        """
        ids = [item["registry_id"] for item in items]
        found = self.client.entities_with_ids(ids, registry_id=self.lane.registry_id)
        by_id = {str(raw["entityRegistryId"]): raw for raw in found}
        targets = self._targets(items, found)
        before = self._before(items)
        written: Found = {}
        others: Found = {}
        for item in items:
            raw, external_id = by_id.get(item["registry_id"]), item["external_id"]
            if raw is None:
                continue
            current = canonical_fields(raw, self.schema, targets)
            old = before.get(external_id)
            strict = external_id in failed
            if _changed_since(raw, since) and self._is_written(item, raw, current, old, strict):
                written[external_id] = raw
            elif item["new"] and old is None and not self._is_ours(raw):
                others[external_id] = raw
        return written, others

    def _is_written(
        self, item: Json, raw: Json, current: Json, before: LedgerEntry | None, strict: bool
    ) -> bool:
        if before is None:
            is_own = item["new"] and self._is_ours(raw)
            return is_own or _equals(item, raw, current)
        changes = [(key, before.fields.get(key), current.get(key), value)
                   for key, value in item["fields"].items()]  # fmt: skip
        changes.append(("name", before.name, raw["name"], item["name"]))
        judged = [
            (key, was, now, sent)
            for key, was, now, sent in changes
            if UNKNOWN not in (now, sent) and not _same(key, was, sent)
        ]
        if not judged:
            return _equals(item, raw, current)
        if strict and not any(_same(key, now, sent) for key, _, now, sent in judged):
            return False
        return not any(_same(key, was, now) for key, was, now, _ in judged)

    def _is_ours(self, raw: Json) -> bool:
        by_app = (raw.get("creator") or {}).get("id") == self.client.app_id
        return by_app and (raw.get("schema") or {}).get("id") == self.schema.id

    def _before(self, items: Sequence[Json]) -> dict[str, LedgerEntry]:
        ids = [item["external_id"] for item in items]
        rows = self.lane.ledger.filter(external_id__among=ids).exclude(entity_hash="")
        return {row.external_id: row for row in rows.order_by()}

    def _targets(self, items: Sequence[Json], found: Sequence[Json]) -> dict[str, str]:
        """Translate the Benchling ids that these entities link to into registry ids."""
        sent = {key for item in items for key in item["fields"]}
        fields = [field for field in self.schema.fields if field.id in sent]
        targets = link_targets(found, fields, self.client)
        target_ids = links_of(value for item in items for value in item["fields"].values())
        if unknown := sorted(target_ids - set(targets.values())):
            linked = self.client.entities_registered(unknown, registry_id=self.lane.registry_id)
            targets |= {str(raw["id"]): str(raw["entityRegistryId"]) for raw in linked}
        return targets


def _equals(item: Json, raw: Json, current: Json) -> bool:
    fields = all(
        _same(key, current.get(key, value), value) for key, value in item["fields"].items()
    )
    return raw["name"] == item["name"] and fields


def _changed_since(raw: Json, since: datetime | None) -> bool:
    when = parse_datetime(str(raw.get("modifiedAt")))
    return since is None or when is None or when >= since


def _same(key: str, one: Any, other: Any) -> bool:
    return same_value(key, one, other) or (one in EMPTY and other in EMPTY)
