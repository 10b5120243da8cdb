"""The entities into which others were merged: where links lead, also when one is merged again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from django.db import transaction
from django.db.models import QuerySet

from registry_sync import ledger, runs
from registry_sync.core.text import name_key
from registry_sync.core.types import Json
from registry_sync.models import EntityError, Lane, LedgerEntry, Merge, Withdrawal
from registry_sync.sync.context import RunContext

State = Merge.State


def survivors(registry_ids: Collection[str]) -> dict[str, str]:
    """Return the last survivors' registry ids of followed merges, by the merged entity's id."""
    found: dict[str, str] = {}
    looked_up: set[str] = set()
    lanes = runs.current_lanes()
    while new_ids := ({*registry_ids} | {*found.values()}) - looked_up:
        rows = _open(lanes).filter(state=State.FOLLOWED, entity_registry_id__among=list(new_ids))
        found |= dict(rows.values_list("entity_registry_id", "survivor_registry_id"))
        looked_up |= new_ids
    return {old: _last(found, old) for old in registry_ids if old in found}


def _last(found: dict[str, str], old: str) -> str:
    seen = {old}
    while (new := found[old]) in found and new not in seen:
        seen.add(new)
        old = new
    return new


def _open(lanes: Iterable[Lane]) -> QuerySet[Merge]:
    return Merge.objects.filter(lane__in=list(lanes), closed_at__isnull=True)


def merged_away(lane: Lane, registry_ids: Collection[str]) -> dict[str, str]:
    """Return the survivors of merges that no one follows, by the id of the merged entity."""
    rows = _open([lane]).exclude(state=State.FOLLOWED)
    rows = rows.filter(entity_registry_id__among=list(registry_ids))
    return dict(rows.values_list("entity_registry_id", "survivor_registry_id"))


def followed_by(lane: Lane, entity_ids: Collection[str]) -> dict[str, str]:
    """Return the external id of a record, still in the registry, that follows each entity."""
    rows = _into(lane, entity_ids).filter(state=State.FOLLOWED)
    return dict(rows.order_by("-pk").values_list("survivor_id", "external_id"))


def survivors_in_use(lane: Lane, entity_ids: Collection[str]) -> set[str]:
    """Return those of these entities that a record in the registry was merged into.

    Undecided merges count: the decision may be to follow them.
    """
    return set(_into(lane, entity_ids).values_list("survivor_id", flat=True))


def _into(lane: Lane, entity_ids: Collection[str]) -> QuerySet[Merge]:
    """Return the open merges into these entities, without those of records that have left."""
    missing = LedgerEntry.objects.filter(lane=lane).exclude(gone_run_id=None)
    withdrawals = lane.withdrawals.filter(closed_at__isnull=True).exclude(
        state=Withdrawal.State.ABSENT
    )
    rows = _open([lane]).filter(survivor_id__among=list(entity_ids))
    rows = rows.exclude(external_id__in=missing.values("external_id"))
    return rows.exclude(external_id__in=withdrawals.values("external_id"))


def follow_survivors(ctx: RunContext) -> None:
    """Find out which survivors were merged in turn: their own survivors take their place.

    A full run asks about all; others about those that records wait for. Raise LeaseLost.
    """
    rows = _open([ctx.lane])
    if not ctx.run.reads_all:
        waiting = _waiting().values("waits_key")
        rows = rows.filter(survivor_registry_id__in=waiting)
    merges = list(rows.order_by("pk"))
    if not merges:
        return
    ids = [merge.entity_registry_id for merge in merges]
    registry_id = ctx.setup.config.registry_id
    found = ctx.client.entities_named(ids, registry_id=registry_id, with_archived=True)
    moved = [
        (merge, now)
        for merge in merges
        if (now := _name_holder(found, merge)) is not None and now["id"] != merge.survivor_id
    ]
    remaining = (
        ctx.client.entities_by_id([merge.survivor_id for merge, _ in moved]) if moved else []
    )
    kept = {raw["id"] for raw in remaining if raw.get("entityRegistryId")}
    for merge, now in moved:
        _follow_on(ctx, merge, now, is_kept=merge.survivor_id in kept)


def _name_holder(found: Sequence[Json], merge: Merge) -> Json | None:
    """Return the entity that has the merged one's registry id as an alias."""
    registry_key = name_key(merge.entity_registry_id)
    for raw in found:
        aliases = map(name_key, raw.get("aliases") or ())
        if raw["id"] != merge.entity_id and registry_key in aliases:
            return raw
    return None


def _follow_on(ctx: RunContext, merge: Merge, now: Json, *, is_kept: bool) -> None:
    """Give a merge another survivor. An old one that `is_kept` lost only its names."""
    old, merge.survivor_id = merge.survivor_registry_id, now["id"]
    merge.survivor_registry_id = str(now.get("entityRegistryId") or "")
    merge.survivor_name = str(now.get("name") or "")
    with transaction.atomic():
        runs.renew(ctx.lease)
        merge.save(update_fields=["survivor_id", "survivor_registry_id", "survivor_name"])
        if merge.state == State.FOLLOWED and merge.applied:
            if not is_kept:
                redirect_links(ctx, old, merge.survivor_registry_id)
        else:  # its error names the survivor: judged again when it is read next
            rows = LedgerEntry.objects.filter(lane=ctx.lane, external_id=merge.external_id)
            rows.update(raw_hash="")
    why = "was merged in turn into" if not is_kept else "left its names to"
    text = f"{old}, into which {merge.entity_registry_id} was merged, {why} "
    runs.log(ctx.run, "INFO", f"{text}{merge.survivor_registry_id}.")


def redirect_links(ctx: RunContext, old: str, new: str) -> None:
    """Redirect links from one entity to another, in every lane's ledger and open errors.

    The caller holds a transaction under its lease.
    """
    for lane in linking_lanes(ctx):
        ledger.redirect_ledger_links(lane, old, new)
    _waiting().filter(waits_key=old).update(waits_key=new)


def linking_lanes(ctx: RunContext) -> list[Lane]:
    """Return the lanes whose entities may link to this run's."""
    return [
        lane
        for lane in {ctx.lane, *runs.current_lanes()}
        if lane.registry_id == ctx.lane.registry_id and runs.schema_view(lane).may_link
    ]


def _waiting() -> QuerySet[EntityError]:
    """Return the open errors of all lanes that wait for what they link to."""
    rows = EntityError.objects.filter(lane__in=runs.current_lanes(), closed_at__isnull=True)
    return rows.filter(waits_for="link")
