"""Aliases and authors of known entities: this app's are added and removed, all others are kept.

An update replaces the whole list, so those that are there are read just before and sent with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from registry_sync.benchling.entity_types.parts import SHARED, Shared, item_keys
from registry_sync.core.text import name_key
from registry_sync.core.types import Json
from registry_sync.ledger.shared_items import found_items, note_found
from registry_sync.models import LedgerEntry
from registry_sync.sync.context import RunContext

Found = dict[int, dict[str, set[str]]]


class Edit(NamedTuple):
    """A list that an update changes: its body, and what the ledger has of the entity."""

    body: Json
    part: Shared
    row: LedgerEntry | None
    now: Any


def merge_shared(
    ctx: RunContext, items: Sequence[Json], bodies: Sequence[Json], *, again: bool = False
) -> None:
    """Let the bodies of updates name whole lists; leave lists out that do not change.

    What Benchling has already is not this app's. It is written down before the bodies are sent,
    unless they were sent before (`again`), as this app may have added it then. Raise LeaseLost.
    """
    mapped = [part for key, part in SHARED.items() if key in ctx.setup.mapping.field_ids]
    if not mapped:
        return
    ids = [item["external_id"] for item in items]
    rows = ctx.lane.ledger.filter(external_id__among=ids).exclude(entity_hash="").order_by()
    before = {row.external_id: row for row in rows}
    changed: dict[str, list[Edit]] = {}
    found: Found = {}
    for item, body in zip(items, bodies, strict=True):
        row = before.get(item["external_id"])
        for part in mapped:
            if part.key not in item["fields"]:
                continue
            now, was = item["fields"][part.key], row.fields.get(part.key) if row else None
            if row is None or was is None or not part.same(was, now):
                edit = Edit(body, part, row, now)
                changed.setdefault(item["registry_id"], []).append(edit)
                continue
            body.pop(part.name, None)
            if isinstance(was, dict):  # from now on, the ledger has the record's list
                found.setdefault(row.pk, {})[part.key] = found_items(row, part.key)
    _complete(ctx, changed, found, again=again)
    if not again:
        note_found(ctx.lease, found)


def _complete(
    ctx: RunContext, changed: dict[str, list[Edit]], found: Found, *, again: bool
) -> None:
    if not changed:
        return
    registry_id = ctx.setup.config.registry_id
    for raw in ctx.client.entities_with_ids(sorted(changed), registry_id=registry_id):
        for edit in changed.get(str(raw.get("entityRegistryId")), ()):
            body, part, row, now = edit
            there = part.read(raw)
            current = there["held"] if isinstance(there, dict) else []
            others = found_items(row, part.key) if row else set()
            if not again:
                others = _others(edit, others, item_keys(current))
            if row is not None:
                found.setdefault(row.pk, {})[part.key] = others
            was = row.fields.get(part.key) if row else None
            removed = item_keys(was) - item_keys(now) - others if isinstance(was, list) else set()
            body[part.name] = _union(current, removed, body.get(part.name) or [])


def _others(edit: Edit, others: set[str], current: set[str]) -> set[str]:
    """Return which items that Benchling has are not this app's."""
    was = edit.row.fields.get(edit.part.key) if edit.row else None
    sent = item_keys(was) if isinstance(was, list) else set()
    return (others | (item_keys(edit.now) - sent)) & current


def _union(current: Sequence[Any], removed: set[str], added: Sequence[Any]) -> list[Any]:
    kept = [item for item in current if name_key(str(item)) not in removed]
    kept_keys = item_keys(kept)
    return kept + [item for item in added if name_key(str(item)) not in kept_keys]
