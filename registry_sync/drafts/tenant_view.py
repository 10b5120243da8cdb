"""What Benchling has of the names and ids that a preview would use, beside the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from registry_sync.benchling.client import Client
from registry_sync.core.text import name_key
from registry_sync.core.types import Json
from registry_sync.mapping.model import Entity
from registry_sync.mapping.values import holds_value
from registry_sync.models import Lane, LedgerEntry
from registry_sync.sync.gates.claims import Holder
from registry_sync.sync.link_targets import LinkTargets
from registry_sync.sync.rebuild import entity_of, is_ours, link_targets
from registry_sync.sync.setup import Setup


@dataclass(slots=True)
class Seen:
    """What Benchling has: our own entities by external id, others that are equal, and holders."""

    existing: dict[str, Entity] = field(default_factory=dict)
    equal: set[str] = field(default_factory=set)
    """External ids of records whose entity someone else made with the same values."""
    holders: dict[str, list[Holder]] = field(default_factory=dict)


class TenantView:
    """Asks Benchling, read-only, what the ledger cannot know: what others made, or made since."""

    def __init__(self, client: Client, setup: Setup, lane: Lane | None) -> None:
        self.client, self.setup, self.lane = client, setup, lane
        client.entity_type = setup.schema.entity_type
        self._registry = setup.config.registry_id

    def entities(self, new: Sequence[Entity]) -> Seen:
        """Find the entities with the registry ids of records that the ledger does not have."""
        seen = Seen()
        by_key = {entity.registry_key: entity for entity in new}
        ids = sorted({entity.registry_id for entity in new})
        found = self.client.entities_with_ids(ids, registry_id=self._registry) if ids else []
        targets = link_targets(found, self.setup.mapping.definitions, self.client)
        for raw in found:
            entity = by_key.get(name_key(raw.get("entityRegistryId") or ""))
            if entity is not None:
                self._sort(seen, entity, raw, targets)
        return seen

    def _sort(self, seen: Seen, entity: Entity, raw: Json, targets: dict[str, str]) -> None:
        existing = entity_of(entity.external_id, raw, self.setup, targets)
        in_schema = (raw.get("schema") or {}).get("id") == self.setup.schema.id
        if is_ours(raw, self.client.app_id, self.setup):
            seen.existing[entity.external_id] = existing
        elif in_schema and not raw.get("archiveRecord") and _is_equal(entity, existing):
            seen.equal.add(entity.external_id)
        else:
            holder = self._holder(raw, "id")
            seen.holders.setdefault(entity.registry_key, []).append(holder)

    def names(self, entities: Sequence[Entity]) -> dict[str, list[Holder]]:
        """Return the entities outside the ledger that have the names of these, by name key."""
        wanted_keys = {entity.name_key for entity in entities}
        names = sorted({entity.name for entity in entities})
        raws = self.client.entities_named(names, registry_id=self._registry) if names else []
        ledger_ids = self._in_ledger(raws)
        holders: dict[str, list[Holder]] = {}
        for raw in raws:
            if raw["id"] in ledger_ids or is_ours(raw, self.client.app_id, self.setup):
                continue
            texts = [("name", raw.get("name")), ("id", raw.get("entityRegistryId"))]
            texts += [("alias", alias) for alias in raw.get("aliases") or ()]
            for kind, text in texts:
                if text and name_key(text) in wanted_keys:
                    holders.setdefault(name_key(text), []).append(self._holder(raw, kind))
        return holders

    def there(self, registry_ids: Sequence[str]) -> dict[str, Json]:
        """Return what Benchling has of these registry ids."""
        return LinkTargets(self.client, self._registry).among(registry_ids)

    def _in_ledger(self, raws: Sequence[Json]) -> set[str]:
        if self.lane is None:
            return set()
        ids = [str(raw["id"]) for raw in raws]
        rows = LedgerEntry.objects.filter(lane=self.lane, entity_id__among=ids)
        return set(rows.exclude(entity_hash="").values_list("entity_id", flat=True))

    def _holder(self, raw: Json, kind: str) -> Holder:
        schema = raw.get("schema") or {}
        other = "" if schema.get("id") == self.setup.schema.id else schema.get("name") or "?"
        whose = raw.get("entityRegistryId") or raw["id"]
        return Holder("", whose, kind, bool(raw.get("archiveRecord")), other)


def _is_equal(entity: Entity, existing: Entity) -> bool:
    empty: tuple[Any, ...] = (None, "", [])
    return entity.name == existing.name and all(
        holds_value(key, value, existing.fields.get(key))
        or (value in empty and existing.fields.get(key) in empty)
        for key, value in entity.fields.items()
    )
