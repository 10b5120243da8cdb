"""Links between entities: who points at what, and what may be pointed at."""

from __future__ import annotations

from collections.abc import Collection

from registry_sync.benchling.schema import EntitySchema
from registry_sync.core.problems import Problem
from registry_sync.core.text import name_key
from registry_sync.mapping.model import Entity
from registry_sync.models import Lane, LedgerEntry, TakenName


def own_links(entity: Entity, schema: EntitySchema) -> set[str]:
    """Return the registry ids of this lane's schema that an entity points at."""
    found: set[str] = set()
    for field in schema.fields:
        if field.link_schema_id == schema.id and field.id in entity.fields:
            value = entity.fields[field.id]
            links = value if isinstance(value, list) else [value]
            found |= {link["entityRegistryId"] for link in links if isinstance(link, dict)}
    return found


def present(lane: Lane, registry_ids: Collection[str]) -> set[str]:
    """Return which of these registry ids are in Benchling according to the ledger."""
    keys = [name_key(registry_id) for registry_id in registry_ids]
    rows = LedgerEntry.objects.filter(lane=lane, id_key__among=keys).exclude(entity_hash="")
    return set(rows.values_list("entity_registry_id", flat=True)) & set(registry_ids)


def linkable(lane: Lane, registry_ids: Collection[str]) -> set[str]:
    """Return which of these may be pointed at: the app's entities and others of the schema."""
    keys = [name_key(registry_id) for registry_id in registry_ids]
    rows = TakenName.objects.filter(lane=lane, key__among=keys, kind="id")
    others = rows.filter(schema_name="", archived=False)
    found = set(others.values_list("entity_registry_id", flat=True)) & set(registry_ids)
    return found | present(lane, registry_ids)


def missing_link(entity: Entity, target: str, said: str = "") -> Problem:
    """Return the problem of an entity that waits for the one it points at.

    `said` is what Benchling answered, if it was asked.
    """
    return Problem(
        kind="source",
        code="link_missing",
        message=f"{entity.registry_id} points at {target}, which is not in Benchling"
        + (f" ({said.rstrip('.')})." if said else "."),
        remedy=f"The registry's owner checks the reference; once {target} is in Benchling, "
        f"{entity.registry_id} will be synced automatically.",
        value=target[:200],
        waits_for=("link", target),
    )
