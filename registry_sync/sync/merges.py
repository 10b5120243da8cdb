"""Entities of this app that people merged into others: found, followed, or made again.

In a merge, the duplicate is archived and unregistered; its name, registry id and aliases become
aliases of the survivor, and links to it point at the survivor.
https://help.benchling.com/hc/en-us/articles/9684256435597
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from django.db import transaction
from django.utils import timezone

from registry_sync import ledger, runs
from registry_sync.core.problems import Problem
from registry_sync.core.secrets import shortened
from registry_sync.core.text import name_key
from registry_sync.core.types import Json
from registry_sync.ledger.record_outcome import Outcome, RecordOutcome
from registry_sync.mapping.model import Entity, with_links
from registry_sync.models import Lane, LedgerEntry, Merge
from registry_sync.sync.context import RunContext
from registry_sync.sync.records import Compared, SourceRecord, record_outcome
from registry_sync.sync.survivors import follow_survivors, linking_lanes, redirect_links, survivors

State = Merge.State


def find_merges(ctx: RunContext, page: Sequence[Json]) -> set[str]:
    """Return the Benchling ids on a page of entities that were merged into others; keep new merges.

    Raise LeaseLost.
    """
    lost = {str(raw["id"]): raw for raw in page if _may_be_merged(raw)}
    rows = ctx.lane.ledger.exclude(entity_hash="").filter(entity_id__among=list(lost))
    by_entity_id = {row.entity_id: row for row in rows} if lost else {}
    found: set[str] = set()
    for entity_id, entry in by_entity_id.items():
        if ctx.lane.merges.filter(entity_id=entity_id, closed_at__isnull=True).exists():
            found.add(entity_id)
        elif (survivor := _survivor(ctx, entry)) is not None:
            _keep(ctx, entry, survivor)
            found.add(entity_id)
    return found


def _may_be_merged(raw: Json) -> bool:
    return bool(raw.get("archiveRecord")) and not raw.get("entityRegistryId")


def _survivor(ctx: RunContext, entry: LedgerEntry) -> Json | None:
    """Return the entity that has this one's registry id as an alias now, if there is one."""
    registry = ctx.setup.config.registry_id
    ids = [entry.entity_registry_id]
    bearers = ctx.client.entities_named(ids, registry_id=registry, with_archived=True)
    registry_key = name_key(entry.entity_registry_id)
    for raw in bearers:
        if raw["id"] != entry.entity_id and registry_key in map(name_key, raw.get("aliases") or ()):
            return raw
    return None


def _keep(ctx: RunContext, entry: LedgerEntry, survivor: Json) -> None:
    with transaction.atomic():
        runs.renew(ctx.lease)
        Merge.objects.create(
            lane=ctx.lane,
            external_id=entry.external_id,
            entity_id=entry.entity_id,
            entity_registry_id=entry.entity_registry_id,
            name=entry.name,
            survivor_id=survivor["id"],
            survivor_registry_id=survivor.get("entityRegistryId") or "",
            survivor_name=survivor.get("name") or "",
            found_run=ctx.run,
            found_at=timezone.now(),
        )
        # Judged again when it is read next, which is in this run.
        LedgerEntry.objects.filter(pk=entry.pk).update(raw_hash="")


# -- records ----------------------------------------------------------------------------------


def open_merges(lane: Lane, external_ids: Collection[str]) -> dict[str, Merge]:
    """Return the merges of these records that are not over, by external id."""
    rows = Merge.objects.filter(lane=lane, closed_at__isnull=True)
    if not rows.exists():  # most lanes have none: their ids need not be sent
        return {}
    return {row.external_id: row for row in rows.filter(external_id__among=set(external_ids))}


def merged_outcome(record: SourceRecord, merge: Merge) -> RecordOutcome:
    """Return the outcome of a record whose entity was merged into another: none is written."""
    if merge.state == State.FOLLOWED:
        return record_outcome(record, Outcome.UNCHANGED)
    return record_outcome(record, Outcome.FAILED, problems=(_problem(merge),))


def _problem(merge: Merge) -> Problem:
    old, survivor = merge.entity_registry_id, merge.survivor_registry_id
    remedy = (
        "The integration owner decides under Merges in the admin: follow the survivor, or make "
        f"the entity again once {survivor} no longer has these aliases."
    )
    if merge.state == State.ANEW:
        remedy = (
            f"A Benchling admin removes the aliases “{old}” and “{merge.name}” from {survivor}. "
            f"The next run then creates {old} again."
        )
    return Problem(
        kind="benchling" if merge.state == State.ANEW else "mapping",
        code="merged_away",
        message=f"{old} “{merge.name}” was merged in Benchling into {survivor} "
        f"“{merge.survivor_name}”: it is archived, and its id and name are aliases of {survivor}. "
        "Nothing was written for it.",
        remedy=remedy,
        value=shortened(survivor, 200),
        waits_for=("merge", merge.external_id),
    )


def resolve_links(out: Compared) -> None:
    """Let links to merged entities lead to the survivors, where that was decided."""
    linked = set().union(*(c.entity.links for c in out.candidates)) if out.candidates else set()
    followed = survivors(linked) if linked else {}
    if followed:
        out.candidates = [replace(c, entity=_resolved(c.entity, followed)) for c in out.candidates]


def lead_to_survivors(entities: Sequence[Entity]) -> list[Entity]:
    """Return entities as they are sent: their links to merged ones lead to the survivors."""
    followed = survivors(set[str]().union(*(entity.links for entity in entities)))
    return [_resolved(entity, followed) if followed else entity for entity in entities]


def _resolved(entity: Entity, followed: dict[str, str]) -> Entity:
    return replace(entity, fields=with_links(entity.fields, followed))


# -- decisions --------------------------------------------------------------------------------


def apply_decisions(ctx: RunContext) -> None:
    """Apply the decisions about merges: redirect links, and use freed names again.

    A dry run applies none. Raise LeaseLost.
    """
    decided = ctx.lane.merges.filter(closed_at__isnull=True)
    if ctx.run.dry_run or not decided.exists():  # most lanes have none
        return
    follow_survivors(ctx)
    if ctx.run.only:
        decided = decided.filter(external_id__in=ctx.run.only)
    for merge in decided.filter(state=State.FOLLOWED, applied=False):
        _follow(ctx, merge)
    for merge in decided.filter(state=State.ANEW):
        _make_again(ctx, merge)


def ready(ctx: RunContext) -> list[str]:
    """Return the external ids of records that wait for a merge that is settled by now."""
    waiting = runs.open_errors(ctx.lane).filter(waits_for="merge")
    ids = list(waiting.values_list("external_id", flat=True))
    rows = open_merges(ctx.lane, ids)
    return [id_ for id_ in ids if id_ not in rows or rows[id_].state == State.FOLLOWED]


def _follow(ctx: RunContext, merge: Merge) -> None:
    """Record the merge in the audit, and let the ledgers hold links as Benchling does."""
    old, new = merge.entity_registry_id, merge.survivor_registry_id
    with transaction.atomic():
        runs.renew(ctx.lease)
        ledger.record_merge(ctx.run, merge)
        redirect_links(ctx, old, new)
        Merge.objects.filter(pk=merge.pk).update(applied=True)
    runs.log(ctx.run, "INFO", f"{merge.external_id} follows {new}, into which {old} was merged.")


def _make_again(ctx: RunContext, merge: Merge) -> None:
    """Forget an entity whose names are free again, so that its record creates another one."""
    found = ctx.client.entities_by_id([merge.survivor_id])
    held_keys = {
        name_key(text)
        for raw in found
        for text in (raw.get("name"), raw.get("entityRegistryId"), *(raw.get("aliases") or ()))
        if text
    }
    if held_keys & {name_key(merge.entity_registry_id), name_key(merge.name)}:
        return
    with transaction.atomic():
        runs.renew(ctx.lease)
        rows = LedgerEntry.objects.filter(lane=ctx.lane, external_id=merge.external_id)
        rows.update(entity_hash="", entity_id="", raw_hash="", found_items=None)
        for lane in linking_lanes(ctx):  # what Benchling or this app led to the survivor leads back
            ledger.redirect_ledger_links(lane, merge.entity_registry_id, merge.survivor_registry_id)
            ledger.reread_linking(lane, merge.survivor_registry_id)
        Merge.objects.filter(pk=merge.pk).update(closed_at=timezone.now(), applied=True)
