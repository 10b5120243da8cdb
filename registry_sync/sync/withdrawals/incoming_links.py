"""Which of the app's entities, in every lane, link to an entity that is to be archived."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from registry_sync import runs
from registry_sync.mapping.model import links_of
from registry_sync.models import Lane, Withdrawal
from registry_sync.sync.context import RunContext

NAMED = 5
"""Links that are kept of each entity."""


def note_links(ctx: RunContext, rows: Sequence[Withdrawal]) -> None:
    """Save on each withdrawal which entities link to its entity."""
    found = incoming_links({row.entity_registry_id for row in rows}, ctx.lane)
    for row in rows:
        links = found.get(row.entity_registry_id, [])
        if row.links != links:
            row.links = links
            row.save(update_fields=["links"])


def incoming_links(registry_ids: Iterable[str], lane: Lane) -> dict[str, list[str]]:
    """Return the registry ids of entities that link to these, by the id that they link to.

    The ledgers of all lanes in the same Benchling registry are read, those with links alone.
    """
    targets = set(registry_ids)
    found: dict[str, list[str]] = defaultdict(list)
    for other in {lane, *runs.current_lanes()}:
        if other.registry_id != lane.registry_id or not runs.schema_view(other).may_link:
            continue
        rows = other.ledger.exclude(entity_hash="").order_by("pk")
        for registry_id, fields in rows.values_list("entity_registry_id", "fields").iterator(2000):
            for target in links_of(fields.values()) & targets:
                if registry_id not in targets and len(found[target]) < NAMED:
                    found[target].append(registry_id)
    return dict(found)
