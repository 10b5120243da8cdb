"""Records that left the registry, and whose entities in Benchling keep their names."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from django.db import transaction
from django.db.models import QuerySet

from registry_sync import runs
from registry_sync.core.text import name_key
from registry_sync.core.types import Json
from registry_sync.ledger.shared_items import forget_lost, found_items
from registry_sync.mapping.model import Entity
from registry_sync.models import HeldAlias, Lane, LedgerEntry, Withdrawal
from registry_sync.sync.context import RunContext

State = Withdrawal.State
MOST = 500
"""Entities that one run asks for."""


def departed(lane: Lane, external_ids: Collection[str]) -> dict[str, str]:
    """Return what became of the entities of records that have left, by external id, in words."""
    if not external_ids:
        return {}
    rows = lane.withdrawals.filter(closed_at__isnull=True, external_id__among=list(external_ids))
    states = rows.exclude(state=State.ABSENT).values_list("external_id", "state")
    return {external_id: _became(state) for external_id, state in states}


def learn_names(ctx: RunContext, keys: Sequence[str]) -> None:
    """Learn which of these names the entities of departed records no longer have in Benchling.

    So too aliases that are not known to be this app's. A record that comes back is then written
    again, with its name. Raise LeaseLost, Wait.
    """
    rows, others = _holders(ctx.lane, keys), _with_found(ctx.lane, keys)
    ids = list({row.entity_id for row in (*rows, *others) if row.entity_id})
    found = {str(raw["id"]): raw for raw in (ctx.client.entities_by_id(ids) if ids else ())}
    for row in rows:
        if (raw := found.get(row.entity_id)) is not None:
            _learn(ctx, row, raw)
    for row in others:
        if (raw := found.get(row.entity_id)) is not None:
            with transaction.atomic():
                runs.renew(ctx.lease)
                _forget_aliases(ctx.lane, row.pk, raw)


def _holders(lane: Lane, keys: Sequence[str]) -> list[LedgerEntry]:
    """Return the rows of departed records whose entities have these names, by two indexes."""
    if not keys:
        return []
    own_entries = lane.ledger.exclude(entity_hash="")
    aliases = HeldAlias.objects.filter(lane=lane, key__among=keys)
    aliased = list(aliases.values_list("external_id", flat=True))
    named = [
        *own_entries.filter(name_key__among=keys),
        *own_entries.filter(external_id__among=aliased),
    ]
    rows = {row.external_id: row for row in named}
    withdrawals = lane.withdrawals.filter(closed_at__isnull=True, external_id__among=list(rows))
    departed = withdrawals.exclude(state=State.ABSENT).values_list("external_id", flat=True)
    return [rows[external_id] for external_id in departed][:MOST]


def _with_found(lane: Lane, keys: Sequence[str]) -> list[LedgerEntry]:
    """Return the rows of entities with one of these aliases, not known to be this app's."""
    wanted: dict[str, set[str]] = {}
    for alias in HeldAlias.objects.filter(lane=lane, key__among=keys) if keys else ():
        wanted.setdefault(alias.external_id, set()).add(alias.key)
    rows = lane.ledger.exclude(entity_hash="").filter(external_id__among=set(wanted))
    matching = [row for row in rows if wanted[row.external_id] & found_items(row, "aliases")]
    return matching[:MOST]


def _dropped(lane: Lane, row: LedgerEntry, raw: Json) -> QuerySet[HeldAlias]:
    """Return the aliases of a row that its entity no longer has."""
    aliases = HeldAlias.objects.filter(lane=lane, external_id=row.external_id)
    return aliases.exclude(key__in=_aliases(raw))


def _aliases(raw: Json) -> set[str]:
    return {name_key(alias) for alias in raw.get("aliases") or ()}


def _forget_aliases(lane: Lane, pk: int, raw: Json) -> None:
    """Forget aliases that an entity no longer has: else its next update would bring them back."""
    row = LedgerEntry.objects.select_for_update().get(pk=pk)
    _dropped(lane, row, raw).delete()
    before = row.fields
    forget_lost(row, "aliases", _aliases(raw))
    if row.fields != before:
        same = Entity(row.external_id, row.entity_registry_id, row.name, row.fields)
        row.entity_hash, row.raw_hash = same.digest(), ""
    row.save(update_fields=["fields", "found_items", "entity_hash", "raw_hash"])


def _learn(ctx: RunContext, row: LedgerEntry, raw: Json) -> None:
    dropped = _dropped(ctx.lane, row, raw)
    name = str(raw["name"])
    renamed = row.name_key != name_key(name)
    if not renamed and not dropped.exists():
        return
    same = Entity(row.external_id, row.entity_registry_id, name, row.fields)
    with transaction.atomic():
        runs.renew(ctx.lease)
        values = {"name": name, "name_key": same.name_key, "entity_hash": same.digest()}
        ctx.lane.ledger.filter(pk=row.pk).update(raw_hash="", **values)
        _forget_aliases(ctx.lane, row.pk, raw)


def _became(state: str) -> str:
    if state in Withdrawal.ARCHIVED_HERE:
        return "this app archived its entity in Benchling"
    if state == State.THEIRS:
        return "someone archived or changed its entity in Benchling"
    return "its entity is still in use in Benchling"
