"""Records of several lanes that only wait for each other.

No request carries entities of two lanes, so one of each circle is created without its links into
the circle. Its error stays open, and the links follow when their targets are there.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import replace

from registry_sync import ledger, runs
from registry_sync.mapping.model import Entity
from registry_sync.mapping.transform import transform
from registry_sync.models import EntityError, Lane
from registry_sync.sync.context import RunContext
from registry_sync.sync.links import in_lane, links_by_schema, others_linked
from registry_sync.sync.records import Candidate, completed
from registry_sync.sync.retry_choice import CHUNK, chosen_errors, kept_records

MOST = 50_000
"""Waiting records that are looked at, so that memory does not grow with the registry."""


def parted_circles(ctx: RunContext) -> Iterator[list[Candidate]]:
    """Yield one new entity of each circle through other lanes, without its links into it.

    They come in lists, each of which is to be delivered before the next one is asked for.
    """
    lane, setup = ctx.lane, ctx.setup
    if not others_linked(lane, setup.schema):
        return
    own_waits = _waiting(lane, setup.mapping.registry_id_template)
    waits: dict[str, str] = {}
    for other in runs.current_lanes():
        waits |= own_waits if other == lane else _waiting(other, _template(other))
    firsts = firsts_of_circles(waits, own_waits)
    errors = (
        chosen_errors(runs.open_errors(lane), ctx.run).exclude(raw=None).filter(waits_for="link")
    )
    waiting = errors.order_by("pk").values_list("external_id", flat=True) if firsts else ()
    ids = [
        external_id for external_id in waiting if setup.mapping.registry_id(external_id) in firsts
    ]
    for start in range(0, len(ids), CHUNK):
        chunk = errors.filter(external_id__in=ids[start : start + CHUNK])
        parted = [candidate for error in chunk if (candidate := _parted(ctx, error)) is not None]
        if parted:
            yield parted


def _waiting(lane: Lane, template: str) -> dict[str, str]:
    """Return what the waiting records of a lane wait for, both by registry id."""
    errors = runs.open_errors(lane).filter(waits_for="link").exclude(raw=None).order_by("pk")
    rows = errors.values_list("external_id", "waits_key")[:MOST]
    return {template.replace("{id}", external_id): key for external_id, key in rows}


def _template(lane: Lane) -> str:
    """Return how a lane makes registry ids, as its last run did."""
    last = lane.runs.exclude(mapping={}).order_by("-id").first()
    return str((last.mapping if last else {}).get("registry_id_template") or "{id}")


def firsts_of_circles(waits: Mapping[str, str], own: Container[str]) -> set[str]:
    """Return the first of this lane's records in each circle that other lanes' records are in.

    `waits` is what each record waits for, `own` has those of this lane.
    """
    firsts: set[str] = set()
    seen: set[str] = set()
    for start in waits:
        way: list[str] = []
        at = start
        while at in waits and at not in seen:
            seen.add(at)
            way.append(at)
            at = waits[at]
        circle = way[way.index(at) :] if at in way else []
        own_ids = [registry_id for registry_id in circle if registry_id in own]
        if 0 < len(own_ids) < len(circle):
            firsts.add(min(own_ids))
    return firsts


def _parted(ctx: RunContext, error: EntityError) -> Candidate | None:
    """Return an entity without its links to what other lanes lack; None if it cannot go so."""
    setup = ctx.setup
    (record,) = kept_records([error], ctx.run.fingerprint)
    entity = transform(record.raw, record.external_id, setup.mapping).entity
    view = ledger.views_of(ctx.lane, [record.external_id]).get(record.external_id)
    if entity is None or (view is not None and view.entity_hash):
        return None
    absent: set[str] = set()
    targets = links_by_schema(entity, setup.schema)
    for other in others_linked(ctx.lane, setup.schema):
        linked = targets.get(other.schema_id, set())
        absent |= linked - in_lane(ctx, other, linked)
    absent_fields = {field.id for field in setup.schema.fields if field.is_link} & {
        id_
        for id_, value in entity.fields.items()
        if absent & Entity("", "", "", {id_: value}).links
    }
    if any(field.is_required for field in setup.schema.fields if field.id in absent_fields):
        return None
    fields = {id_: value for id_, value in entity.fields.items() if id_ not in absent_fields}
    identity = setup.mapping.identity_of(record.raw)
    entity = completed(replace(entity, fields=fields), setup.schema.entity_type, is_new=True)
    return Candidate(record, entity, is_new=True, identity=identity, is_part=True)
