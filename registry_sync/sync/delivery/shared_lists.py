"""Aliases and authors of known entities: this app's are added and removed, all others are kept.

An update replaces the whole list, so those that are there are read just before and sent with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from registry_sync.benchling.entity_types.parts import SHARED, Shared, keys_of
from registry_sync.core.text import name_key
from registry_sync.core.types import Json
from registry_sync.sync.context import RunContext


def merge_shared(ctx: RunContext, items: Sequence[Json], bodies: Sequence[Json]) -> None:
    """Let the bodies of updates name whole lists; leave lists out that do not change."""
    mapped = [part for key, part in SHARED.items() if key in ctx.setup.mapping.field_ids]
    if not mapped:
        return
    ids = [item["external_id"] for item in items]
    rows = ctx.lane.ledger.filter(external_id__among=ids).exclude(entity_hash="").order_by()
    before = {row.external_id: row.fields for row in rows}
    changed: dict[str, list[tuple[Json, Shared, set[str]]]] = {}
    for item, body in zip(items, bodies, strict=True):
        had = before.get(item["external_id"], {})
        for part in mapped:
            if part.key not in item["fields"]:
                continue
            now, was = item["fields"][part.key], had.get(part.key)
            if was is not None and part.same(was, now):
                body.pop(part.name, None)
            else:
                removed = keys_of(was) - keys_of(now) if isinstance(was, list) else set()
                changed.setdefault(item["registry_id"], []).append((body, part, removed))
    _complete(ctx, changed)


def _complete(ctx: RunContext, changed: dict[str, list[tuple[Json, Shared, set[str]]]]) -> None:
    if not changed:
        return
    registry_id = ctx.setup.config.registry_id
    for raw in ctx.client.entities_with_ids(sorted(changed), registry_id=registry_id):
        for body, part, removed in changed.get(str(raw.get("entityRegistryId")), ()):
            held = part.read(raw)
            current = held["held"] if isinstance(held, dict) else []
            body[part.name] = _union(current, removed, body.get(part.name) or [])


def _union(current: Sequence[Any], removed: set[str], added: Sequence[Any]) -> list[Any]:
    kept = [item for item in current if name_key(str(item)) not in removed]
    kept_keys = keys_of(kept)
    return kept + [item for item in added if name_key(str(item)) not in kept_keys]
