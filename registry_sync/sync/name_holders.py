"""Who in Benchling has the names that records wait for: found once, then asked for by id."""

from __future__ import annotations

from collections.abc import Sequence

from registry_sync.benchling.entity_reads import as_type
from registry_sync.benchling.entity_types import ENTITY_TYPES, ONLY_READ
from registry_sync.benchling.errors import Refused
from registry_sync.core.text import name_key
from registry_sync.core.types import Json
from registry_sync.models import TakenName
from registry_sync.sync import rebuild
from registry_sync.sync.context import RunContext
from registry_sync.sync.gates import departed

CHUNK = 500


def refresh_holders(ctx: RunContext, keys: Sequence[str]) -> None:
    """Read again from Benchling the entities that hold these names. Raise LeaseLost, Wait."""
    taken = TakenName.objects.filter(lane=ctx.lane, key__in=keys)
    registered = dict(taken.order_by("entity_id").values_list("entity_id", "entity_registry_id"))
    ids = list(registered)
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        found = _found(ctx, {id_: registered[id_] for id_ in chunk})
        TakenName.objects.filter(lane=ctx.lane, entity_id__in=chunk).delete()
        rebuild.remember_page(ctx, found)
    departed.learn_names(ctx, keys)


def _found(ctx: RunContext, registered: dict[str, str]) -> list[Json]:
    """Return entities by their Benchling ids; those of other types by their registry ids."""
    prefix = ctx.client.entity_type.id_prefix
    found = ctx.client.entities_by_id([id_ for id_ in registered if id_.startswith(prefix)])
    found_ids = {str(raw["id"]) for raw in found}
    registry_ids = [text for id_, text in registered.items() if text and id_ not in found_ids]
    if registry_ids:
        registry_id = ctx.setup.config.registry_id
        others = ctx.client.entities_registered(registry_ids, registry_id=registry_id)
        found += [raw for raw in others if raw["id"] in registered and raw["id"] not in found_ids]
    return found


def find_holders(ctx: RunContext, keys: Sequence[str]) -> None:
    """Remember the entities of any type that have these names. Raise LeaseLost, Wait, Refused."""
    registry_id, own = ctx.setup.config.registry_id, ctx.client.entity_type
    remaining = list(keys)
    for kind in (own, *(k for k in (*ENTITY_TYPES.values(), *ONLY_READ) if k is not own)):
        if not remaining:
            return
        try:
            with as_type(ctx.client, kind):
                bearers = ctx.client.entities_named(
                    remaining, registry_id=registry_id, with_archived=True
                )
        except Refused:
            if kind is own:
                raise
            continue  # the app may not read this type: a retry shows who has the name
        rebuild.remember_page(ctx, bearers)
        found_keys = {key for raw in bearers for key in _keys_of(raw)}
        remaining = [key for key in remaining if key not in found_keys]


def _keys_of(entity: Json) -> set[str]:
    texts = (entity["name"], entity["entityRegistryId"], *(entity.get("aliases") or ()))
    return {name_key(text) for text in texts if text}
