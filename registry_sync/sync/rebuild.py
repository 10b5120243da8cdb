"""An empty ledger learns what Benchling holds, before the first write.

What this app made is remembered as if it had just been written, so that it is not written again;
names, aliases and ids of everything else are remembered as taken, so that it is not touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from registry_sync import ledger, runs
from registry_sync.benchling.client import Client
from registry_sync.benchling.entity_reads import entities_of_any_type
from registry_sync.benchling.schema import FieldDefinition
from registry_sync.core.text import name_key
from registry_sync.core.types import Json
from registry_sync.mapping.codec import canonical_fields, external_id_of, linked_ids
from registry_sync.mapping.model import Entity
from registry_sync.models import Adoption, Lane, LedgerEntry, TakenName
from registry_sync.sync.context import RunContext
from registry_sync.sync.records import Candidate
from registry_sync.sync.setup import Setup

CLOCK_SLACK = timedelta(minutes=10)
"""By how much the clock of this host and Benchling's may differ."""


def needed(lane: Lane) -> bool:
    """Return whether the lane's ledger was never filled to the end."""
    return lane.rebuilt_at is None


def rebuild_ledger(ctx: RunContext) -> bool:
    """Fill an empty ledger from Benchling's own list; False when the slice's time is up."""
    token = (ctx.run.position or {}).get("token", "")
    # Of every schema: names and ids are taken in the whole Benchling registry.
    for page in ctx.client.entities(registryId=ctx.setup.config.registry_id, token=token):
        remember_page(ctx, page.entities)
        runs.save_columns(ctx.run, ctx.lease, position={"token": page.next_token})
        if page.next_token and ctx.pacer.out_of_time():
            return False
    now = timezone.now()
    # A little earlier, for people who edited while it was listed.
    looked_at = (ctx.run.started_at or now) - CLOCK_SLACK
    ctx.lane.rebuilt_at, ctx.lane.looked_at = now, looked_at
    ctx.lane.save(update_fields=["rebuilt_at", "looked_at"])
    return True


def remember_page(ctx: RunContext, page: list[Json]) -> None:
    """Take one page of Benchling's list into the ledger, under the lease."""
    lane, setup, client = ctx.lane, ctx.setup, ctx.client
    own = [raw for raw in page if is_ours(raw, client.app_id, setup)]
    targets = link_targets(own, setup.mapping.definitions, client)
    entries, other_names = [], []
    for raw in page:
        external_id = external_id_of(raw.get("entityRegistryId") or "", setup.mapping)
        if external_id is not None and is_ours(raw, client.app_id, setup):
            entries.append(_entry(lane, raw, external_id, setup, targets))
        else:
            other_names += _taken_names(lane, raw, setup)
    with transaction.atomic():
        runs.renew(ctx.lease)
        ledger.import_found(lane, entries)
        _void_adoptions(lane, entries)
        TakenName.objects.filter(
            lane=lane, entity_id__in={name.entity_id for name in other_names}
        ).delete()
        TakenName.objects.bulk_create(other_names)


def _void_adoptions(lane: Lane, entries: Sequence[LedgerEntry]) -> None:
    """Void adoptions of what this app made: it was archived when the question came up."""
    rows = Adoption.objects.filter(lane=lane, entity_id__among=[e.entity_id for e in entries])
    rows.filter(state__in=[Adoption.State.OPEN, Adoption.State.APPROVED]).update(
        state=Adoption.State.VOID
    )


def find_new(ctx: RunContext, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Ask whether what is new to the ledger was made in Benchling since it was filled.

    What others made is remembered as taken; what this app made is no longer new. The run that
    filled the ledger need not ask.
    """
    new = {c.entity.registry_id: c.entity.external_id for c in candidates if c.is_new}
    if not new or (ctx.lane.rebuilt_at and ctx.lane.rebuilt_at >= ctx.run.created_at):
        return list(candidates)
    found = ctx.client.entities_with_ids(sorted(new), registry_id=ctx.setup.config.registry_id)
    if not found:
        return list(candidates)
    remember_page(ctx, found)
    ids = [new[raw["entityRegistryId"]] for raw in found if raw["entityRegistryId"] in new]
    rows = ctx.lane.ledger.filter(external_id__in=ids).exclude(entity_hash="")
    own_ids = set(rows.values_list("external_id", flat=True))
    return [replace(c, is_new=False) if c.entity.external_id in own_ids else c for c in candidates]


def is_ours(raw: Json, app_id: str, setup: Setup) -> bool:
    """Return whether this app made an entity of this schema that is still in use.

    Which id an app has as a creator is undocumented; the design takes it to be the app's id.
    """
    creator = raw.get("creator") or {}
    in_schema = (raw.get("schema") or {}).get("id") == setup.schema.id
    return creator.get("id") == app_id and in_schema and not raw.get("archiveRecord")


def _entry(
    lane: Lane, raw: Json, external_id: str, setup: Setup, targets: dict[str, str]
) -> LedgerEntry:
    entry = LedgerEntry(lane=lane, external_id=external_id, entity_id=raw["id"])
    ledger.describe_entity(entry, entity_of(external_id, raw, setup, targets))
    return entry


def entity_of(external_id: str, raw: Json, setup: Setup, targets: dict[str, str]) -> Entity:
    """Read an entity of Benchling as this app would have sent it: its mapped values alone."""
    mapped = setup.mapping.field_ids
    fields = canonical_fields(raw, setup.schema, targets)
    return Entity(
        external_id=external_id,
        registry_id=raw.get("entityRegistryId") or "",
        name=raw["name"],
        fields={key: value for key, value in fields.items() if key in mapped},
    )


def _taken_names(lane: Lane, raw: Json, setup: Setup) -> list[TakenName]:
    schema = raw.get("schema") or {}
    names = [("name", raw.get("name")), ("id", raw.get("entityRegistryId"))]
    names += [("alias", alias) for alias in raw.get("aliases") or ()]
    return [
        TakenName(
            lane=lane,
            key=name_key(text),
            kind=kind,
            entity_id=raw["id"],
            entity_registry_id=raw.get("entityRegistryId") or "",
            schema_name="" if schema.get("id") == setup.schema.id else schema.get("name") or "?",
            archived=bool(raw.get("archiveRecord")),
        )
        for kind, text in names
        if text
    ]


def link_targets(
    page: Sequence[Json], fields: Iterable[FieldDefinition], client: Client
) -> dict[str, str]:
    """Translate the Benchling ids of entities that a page points at into registry ids."""
    by_id = {str(raw["id"]): raw for raw in page}
    unknown = sorted(linked_ids(page, fields) - set(by_id))
    if unknown:
        by_id |= {str(raw["id"]): raw for raw in entities_of_any_type(client, unknown)}
    registered = {i: raw.get("entityRegistryId") for i, raw in by_id.items()}
    return {i: str(registry_id) for i, registry_id in registered.items() if registry_id}
