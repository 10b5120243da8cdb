"""What people changed in Benchling after this app: compared with the ledger by every full run.

By the lane's policy a difference is reported, restored or left. An archived entity is only ever
reported: nothing is silently unarchived.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any, NamedTuple

from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from registry_sync import ledger, runs
from registry_sync.benchling.entity_types.parts import SHARED, left_of, plain_part
from registry_sync.core.text import name_key
from registry_sync.core.types import Json
from registry_sync.ledger.substances import canonical_of
from registry_sync.mapping.codec import linked_ids
from registry_sync.mapping.model import UNKNOWN, Entity, links_of
from registry_sync.mapping.values import holds_value, same
from registry_sync.models import Drift, Lane, LedgerEntry, SyncRun
from registry_sync.sync import merges
from registry_sync.sync.context import RunContext
from registry_sync.sync.known_entities import KnownEntities
from registry_sync.sync.rebuild import CLOCK_SLACK, entity_of, link_targets
from registry_sync.sync.setup import Setup
from registry_sync.sync.withdrawals.own_archives import own_archives

LISTED = 2000
"""Entities up to which a list is as fast as requests by id."""
Policy = Lane.DriftPolicy


class Known(NamedTuple):
    """What the ledger has of an entity but for its values, which are read where digests differ."""

    pk: int
    external_id: str
    entity_id: str
    entity_registry_id: str
    entity_hash: str


def find_drift(ctx: RunContext) -> bool:
    """Compare what Benchling holds with what this app wrote; False when the slice's time is up.

    Little was changed since the last look: it is listed. Else every entity is requested by id.
    """
    position = dict(ctx.run.position or {})
    position.setdefault("began", timezone.now().isoformat())
    setup = _comparable(ctx)
    listed = "after" not in position and _compare_list(ctx, setup, position)
    if listed is None or not (listed or _compare_known(ctx, setup, position)):
        return False
    Lane.objects.filter(pk=ctx.lane.pk).update(looked_at=position["began"])
    return True


def _compare_list(ctx: RunContext, setup: Setup, position: Json) -> bool | None:
    """Compare what was changed since the last look.

    Return False if it is too much to be listed, None when the slice's time is up.
    """
    since, token = ctx.lane.looked_at, position.get("token", "")
    filters = {"modifiedAt": f"> {since - CLOCK_SLACK:%Y-%m-%dT%H:%M:%SZ}"} if since else {}
    for page in ctx.client.entities(schemaId=setup.schema.id, token=token, **filters):
        if not token and ctx.client.result_count > LISTED:
            return False
        token = page.next_token
        _compare_page(ctx, setup, page.entities)
        runs.save_columns(ctx.run, ctx.lease, position={**position, "token": token})
        if token and ctx.pacer.out_of_time():
            return None
    return True


def _compare_known(ctx: RunContext, setup: Setup, position: Json) -> bool:
    """Compare every entity of the ledger; False when the slice's time is up."""
    after = position.pop("after", 0)
    position.pop("token", None)
    with closing(KnownEntities(ctx).pages(after)) as pages:
        for found, after in pages:
            of_schema = [
                raw for raw in found if (raw.get("schema") or {}).get("id") == setup.schema.id
            ]
            _compare_page(ctx, setup, of_schema)
            runs.save_columns(ctx.run, ctx.lease, position={**position, "after": after})
            if ctx.pacer.out_of_time():
                return False
    return True


def _comparable(ctx: RunContext) -> Setup:
    """Leave out fields that have another type by now: their values are not people's doing."""
    setup = ctx.setup
    last = ctx.last_good
    types = last.mapping.get("types", {}) if last else {}
    same = tuple(
        m for m in setup.mapping.fields if types.get(m.field.id, m.field.kind) == m.field.kind
    )
    return replace(setup, mapping=replace(setup.mapping, fields=same))


def _compare_page(ctx: RunContext, setup: Setup, page: Sequence[Json]) -> None:
    """Compare one page of Benchling's list with the ledger, under the lease."""
    lane = ctx.lane
    own = own_archives(ctx, page) | merges.find_merges(ctx, page)
    rows = _rows_of_page(lane, page)
    targets = link_targets(page, setup.mapping.definitions, ctx.client)
    if linked_ids(page, setup.mapping.definitions) - set(targets):
        targets |= _targets_of_ours(ctx, setup, list(rows.values()))
    open_now = Drift.objects.filter(lane=lane, closed_at__isnull=True)
    ids = {row.external_id for row in rows.values()}
    drifted = set(open_now.filter(external_id__among=ids).values_list("external_id", flat=True))
    suspects: list[tuple[Known, Json, Entity]] = []
    for raw in page:
        row = rows.get(raw["id"]) or rows.get(raw.get("entityRegistryId") or "")
        if row is not None:
            in_benchling = entity_of(row.external_id, raw, setup, targets)
            same_values = in_benchling.digest() == row.entity_hash and not raw.get("archiveRecord")
            if row.external_id in drifted or not (same_values or raw["id"] in own):
                suspects.append((row, raw, in_benchling))
    if suspects:
        _compare_values(ctx, setup, suspects, targets, own)


def _compare_values(
    ctx: RunContext,
    setup: Setup,
    suspects: Sequence[tuple[Known, Json, Entity]],
    targets: dict[str, str],
    own: set[str],
) -> None:
    """Compare entities with the ledger by value, under the lease. Those in `own` are equal."""
    entries = ctx.lane.ledger.in_bulk({row.pk for row, _, _ in suspects})
    ids = [row.external_id for row, _, _ in suspects]
    forms = canonical_of(ctx.lane, ids) if "structure" in setup.mapping.field_ids else {}
    with transaction.atomic():
        runs.renew(ctx.lease)
        judged = []
        for row, raw, in_benchling in suspects:
            entry, form = entries[row.pk], forms.get(row.external_id)
            found = [] if raw["id"] in own else list(_differences(entry, raw, in_benchling, form))
            judged.append((entry, raw, found))
            if found and ctx.lane.drift_policy == Policy.RESTORE and not raw.get("archiveRecord"):
                _forget_ours(entry, raw, setup, targets)
        for entry, raw, found in judged:  # after the ledger: people's decisions lock it first
            _keep(ctx.run, entry, raw, setup, found)


def _rows_of_page(lane: Lane, page: Sequence[Json]) -> dict[str, Known]:
    """Return the ledger's rows of a page's entities, by Benchling's id, else by registry id."""
    # Through the lane, not joined with it: SQLite would read the whole lane for each page.
    ledger_rows = lane.ledger.exclude(entity_hash="").values_list(*Known._fields)
    rows = map(Known._make, ledger_rows.filter(entity_id__among={raw["id"] for raw in page}))
    by_id = {row.entity_id: row for row in rows}
    others = {raw.get("entityRegistryId") or "" for raw in page if raw["id"] not in by_id}
    if others:  # registered anew by someone
        keys = {name_key(text) for text in others}
        by_key = map(Known._make, ledger_rows.filter(id_key__among=keys))
        by_id |= {row.entity_registry_id: row for row in by_key}
    return by_id


def _targets_of_ours(ctx: RunContext, setup: Setup, page_rows: Sequence[Known]) -> dict[str, str]:
    """Find what links point at, among entities of every kind: the list has custom ones alone."""
    fields = [definition.id for definition in setup.mapping.definitions if definition.is_link]
    rows = ctx.lane.ledger.filter(pk__among={row.pk for row in page_rows}).order_by()
    written_fields = rows.values_list("fields", flat=True)
    registry_ids = links_of(
        values.get(field_id) for values in written_fields for field_id in fields
    )
    found = ctx.client.entities_registered(
        sorted(registry_ids), registry_id=setup.config.registry_id
    )
    return {str(raw["id"]): str(raw["entityRegistryId"]) for raw in found}


def _keep(
    run: SyncRun,
    entry: LedgerEntry,
    raw: Json,
    setup: Setup,
    found: Sequence[tuple[str, Any, Any]],
) -> None:
    """Keep the differences found, and close the rows of those that are there no more."""
    open_now = Drift.objects.filter(
        lane=entry.lane, external_id=entry.external_id, closed_at__isnull=True
    )
    named = {field_id for field_id, _, _ in found}
    settled = open_now.exclude(field_id__in=named)
    settled.update(closed_at=timezone.now(), ended=Drift.End.PUT_RIGHT)
    names = {field.id: field.name for field in setup.schema.fields}
    for field_id, in_ledger, in_benchling in found:
        _report(run, entry, raw, field_id, names.get(field_id, field_id), in_ledger, in_benchling)


def _differences(
    entry: LedgerEntry, raw: Json, in_benchling: Entity, form: str | None
) -> Iterator[tuple[str, Any, Any]]:
    archived = raw.get("archiveRecord")
    if archived:
        yield "archived", None, archived.get("reason") or "archived"
    if in_benchling.name != entry.name:
        yield "name", entry.name, in_benchling.name
    for field_id, value in in_benchling.fields.items():
        if field_id == "structure" and raw.get("canonicalizedSmiles") == form:
            continue  # it is what it was when it was written
        if field_id in entry.fields and not holds_value(field_id, entry.fields[field_id], value):
            shown = "?" if value == UNKNOWN else plain_part(field_id, value)
            yield field_id, plain_part(field_id, entry.fields[field_id]), shown


def _report(
    run: SyncRun,
    entry: LedgerEntry,
    raw: Json,
    field_id: str,
    field: str,
    in_ledger: Any,
    in_benchling: Any,
) -> None:
    policy = entry.lane.drift_policy
    ended = ""
    if field_id != "archived" and policy == Policy.RESTORE and not raw.get("archiveRecord"):
        ended = Drift.End.RESTORED
    elif policy == Policy.LEAVE:
        ended = Drift.End.LEFT
    now = timezone.now()
    modified_at = parse_datetime(str(raw.get("modifiedAt"))) or now
    place = {"lane": entry.lane, "external_id": entry.external_id, "field_id": field_id}
    row = Drift.objects.filter(**place, closed_at=None).first() or Drift(**place, found_at=now)
    if row.modified_at != modified_at or not same(row.theirs, in_benchling):  # another edit
        row.run, row.changed_by, row.changed_at = run, "", None
    row.ours, row.theirs, row.entity_id, row.field = in_ledger, in_benchling, raw["id"], field
    row.modified_at, row.ended, row.closed_at = modified_at, ended, now if ended else None
    row.save()


def _forget_ours(entry: LedgerEntry, raw: Json, setup: Setup, targets: dict[str, str]) -> None:
    """Let the ledger hold what Benchling holds, so that this run writes the registry's value."""
    in_benchling = entity_of(entry.external_id, raw, setup, targets)
    kept = entry.fields
    ledger.describe_entity(entry, in_benchling)
    entry.fields = {**kept, **in_benchling.fields}
    for key in SHARED.keys() & kept.keys():  # of a shared list only what this app wrote
        entry.fields[key] = left_of(kept[key], in_benchling.fields.get(key))
    entry.raw_hash = ""
    entry.save()
