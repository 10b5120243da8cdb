"""Benchling's ids of known entities, for types that are updated by id.

An upsert of a sequence would replace what people drew on it. An update by id leaves that as it is,
and takes links by Benchling's ids alone.
https://benchling.com/api/reference (bulkUpdateDNASequences)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from registry_sync.core.text import name_key
from registry_sync.core.types import Json
from registry_sync.ledger.record_outcome import in_chunks
from registry_sync.mapping.model import links_of
from registry_sync.models import LedgerEntry
from registry_sync.sync.context import LaneContext, RunContext


def name_by_id(ctx: RunContext, bodies: Sequence[Json]) -> None:
    """Give the bodies of known entities their Benchling id, and ids for their links.

    An entity whose id is not known, or a link to what is not there, stays named by registry id:
    Benchling then says what is missing.
    """
    if not ctx.setup.schema.entity_type.empty_on_create:
        return
    for chunk in in_chunks(bodies):
        ids = known_ids_of(ctx, [str(body["entityRegistryId"]) for body in chunk])
        linked = links_of(value["value"] for body in chunk for value in body["fields"].values())
        targets = known_ids_of(ctx, sorted(linked)) if linked else {}
        for body in chunk:
            if entity_id := ids.get(body["entityRegistryId"]):
                body["id"] = entity_id
                for value in body["fields"].values():
                    value["value"] = _by_id(value["value"], targets)


def _by_id(value: Any, targets: dict[str, str]) -> Any:
    if isinstance(value, list):
        return [_by_id(item, targets) for item in value]
    if isinstance(value, dict) and set(value) == {"entityRegistryId"}:
        return targets.get(value["entityRegistryId"], value)
    return value


def known_ids_of(ctx: LaneContext, registry_ids: Sequence[str]) -> dict[str, str]:
    """Return Benchling's ids by registry id: from the ledgers of the app, else from Benchling."""
    keys = [name_key(registry_id) for registry_id in registry_ids]
    rows = LedgerEntry.objects.filter(
        lane__tenant=ctx.lane.tenant,
        lane__registry_id=ctx.lane.registry_id,
        id_key__among=keys,
    ).exclude(entity_id="")
    found = dict(rows.order_by().values_list("entity_registry_id", "entity_id"))
    return found | _look_up(ctx, [each for each in registry_ids if each not in found])


def _look_up(ctx: LaneContext, registry_ids: Iterable[str]) -> dict[str, str]:
    unknown = sorted(set(registry_ids))
    if not unknown:
        return {}
    raws = ctx.client.entities_registered(unknown, registry_id=ctx.setup.config.registry_id)
    return {str(raw["entityRegistryId"]): str(raw["id"]) for raw in raws}
