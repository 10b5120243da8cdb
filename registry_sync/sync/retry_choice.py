"""Which open errors are worth trying again, from the kept copies of their records.

An error is tried again when what it waits for has come, when no one had to act for it to pass,
when the mapping changed, or on demand. Dismissed errors rest until their record changes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

from django.db.models import Exists, OuterRef, Q, QuerySet

from registry_sync import runs
from registry_sync.benchling.client import Client
from registry_sync.core.text import name_key
from registry_sync.ledger.record_outcome import hash_record
from registry_sync.ledger.substances import holders_of
from registry_sync.mapping.model import Entity
from registry_sync.mapping.transform import transform
from registry_sync.models import (
    Adoption,
    Allowance,
    EntityError,
    Lane,
    LedgerEntry,
    SyncRun,
    TakenName,
)
from registry_sync.sync import merges, name_holders, rebuild
from registry_sync.sync.context import RunContext
from registry_sync.sync.gates import names
from registry_sync.sync.gates.name_circles import circles_of, wished_keys
from registry_sync.sync.gates.substances import are_unique
from registry_sync.sync.links import present
from registry_sync.sync.records import SourceRecord
from registry_sync.sync.setup import Setup

Errors = QuerySet[EntityError]
CHUNK = 500
EACH_RUN = ("permission", "author", "detail", "other lane", "folder")
"""What errors wait for that each run looks at again."""
UNSENDABLE = ("no_id", "not_a_record", "unusable_id", "id_twice", "record_in_part")
"""Codes of errors that can only be fixed in the registry: the copy has no id, or lacks values."""


def due(ctx: RunContext) -> Iterator[list[EntityError]]:
    """Yield the errors to retry now, in the order they were first seen, some at a time.

    A run that was asked for certain records touches no others: a pilot reads its own again, a
    retry tries the errors of those it was given.
    """
    run = ctx.run
    open_errors = sendable(runs.open_errors(ctx.lane))
    if limited(run):
        if run.kind != SyncRun.Kind.RETRY:
            return
        open_errors = chosen_errors(open_errors, run)
    if not open_errors.exists():  # as in most runs, and each reason asks several times
        return
    for reason in REASONS:
        for errors in reason(ctx, open_errors):
            last = 0
            while chunk := list(errors.filter(pk__gt=last).order_by("pk")[:CHUNK]):
                last = chunk[-1].pk
                yield chunk


# -- the reasons to try an error again: each yields open errors, and looks when it is asked --------


def _untried(ctx: RunContext, errors: Errors) -> Iterator[Errors]:
    """Yield the errors that this run did not see: all on demand, else those that may pass by now.

    Those are the transient ones, those that each run looks at, and those of another mapping.
    """
    untried = errors.exclude(run=ctx.run)
    if ctx.run.kind == SyncRun.Kind.RETRY or ctx.run.retries_all:
        yield untried
    else:
        changed = ~Q(fingerprint=ctx.run.fingerprint)
        yield untried.filter(Q(kind="transient") | Q(waits_for__in=EACH_RUN) | changed)


def _decided(ctx: RunContext, errors: Errors) -> Iterator[Errors]:
    """Yield the errors about which people decided: an adoption, an override, a merge."""
    approved = Adoption.objects.filter(lane=ctx.lane, state=Adoption.State.APPROVED)
    yield errors.filter(external_id__in=approved.values("external_id"))
    allowed = Allowance.objects.filter(lane=ctx.lane, used_by=None).values("external_id")
    yield errors.filter(waits_for="allowance", external_id__in=allowed)
    yield errors.filter(external_id__in=merges.ready(ctx))


def _names_free(ctx: RunContext, errors: Errors) -> Iterator[Errors]:
    named = errors.filter(waits_for="name")
    keys = _keys(named)
    name_holders.refresh_holders(ctx, keys)
    waiting = named.values_list("waits_key", "external_id")
    yield from _of_keys(named, names.free(ctx.lane, keys, waiting))
    yield _unarchived(ctx.lane, named)
    yield _refused_names(ctx, errors)


def _entities_in_use(ctx: RunContext, errors: Errors) -> Iterator[Errors]:
    archived = errors.filter(waits_for="unarchived")
    yield from _of_keys(archived, _in_use(_keys(archived), ctx.setup, ctx.client))


def _substances_free(ctx: RunContext, errors: Errors) -> Iterator[Errors]:
    alike = errors.filter(waits_for="substance")
    keys = _keys(alike)
    holders = holders_of(ctx.lane, keys) if are_unique(ctx.lane, ctx.setup.schema) else {}
    yield from _of_keys(alike, set(keys) - holders.keys())


def _links_arrived(ctx: RunContext, errors: Errors) -> Iterator[Errors]:
    linked = errors.filter(waits_for="link")
    yield from _of_keys(linked, _arrived(ctx, set(_keys(linked))))


REASONS: tuple[Callable[[RunContext, Errors], Iterator[Errors]], ...] = (
    _untried, _decided, _names_free, _entities_in_use, _substances_free, _links_arrived,
)  # fmt: skip
"""Links last: what is tried before may bring what they wait for."""


def _keys(errors: Errors) -> list[str]:
    """Return what these errors wait for, each once."""
    return sorted(set(errors.values_list("waits_key", flat=True)))


def _of_keys(errors: Errors, keys: Collection[str]) -> Iterator[Errors]:
    """Yield the errors that wait for one of these, some at a time."""
    ordered = sorted(keys)
    for start in range(0, len(ordered), CHUNK):
        yield errors.filter(waits_key__in=ordered[start : start + CHUNK])


def limited(run: SyncRun) -> bool:
    """Return whether a run was asked for some records only: it tries no others."""
    return bool(run.only or run.only_cause)


def chosen_errors(errors: QuerySet[EntityError], run: SyncRun) -> QuerySet[EntityError]:
    """Keep the errors that a retry was asked for, by their records or by their cause."""
    if run.only_cause:
        errors = errors.filter(code=run.only_cause)
    return errors.filter(external_id__among=run.only) if run.only else errors


def sendable(errors: QuerySet[EntityError]) -> QuerySet[EntityError]:
    """Keep the errors whose records could pass as they are kept."""
    return errors.exclude(raw=None).exclude(code__in=UNSENDABLE).exclude(waits_for="source")


def fetchable(errors: QuerySet[EntityError]) -> QuerySet[EntityError]:
    """Keep the errors of records that have an id by which the registry can be asked for them."""
    return errors.exclude(code__in=UNSENDABLE)


def kept_records(errors: Sequence[EntityError], fingerprint: str) -> list[SourceRecord]:
    """Turn errors back into the records they are about."""
    return [
        SourceRecord(
            external_id=error.external_id,
            raw=error.raw or {},
            raw_hash=hash_record(error.raw or {}, fingerprint),
            modified_at=error.source_modified_at,
            retried=True,
        )
        for error in errors
    ]


def stand_aside(ctx: RunContext) -> list[Entity]:
    """Return one record of each circle that wants each other's names or aliases, without them.

    It gets a temporary name, or loses the aliases for a moment. Its error stays open and waits as
    before, so a run that dies here loses nothing.
    """
    run, lane = ctx.run, ctx.lane
    if limited(run) and run.kind != SyncRun.Kind.RETRY:
        return []  # a pilot tries no error again, so none would ever get its name
    circles = [circle for circle in name_circles(ctx) if ctx.write_access.may_change(circle)]
    if not circles:
        return []
    lasts = _waiting(run, lane, "name").filter(external_id__among=[c[-1] for c in circles])
    wanted_keys = set(lasts.values_list("waits_key", flat=True))
    rows = LedgerEntry.objects.filter(lane=lane, external_id__among=[c[0] for c in circles])
    return [_aside(row, wanted_keys) for row in rows]


def _aside(row: LedgerEntry, wanted_keys: Collection[str]) -> Entity:
    """Return an entity without the name, or else the aliases, that are wanted."""
    name, fields, part = row.name, row.fields, "name"
    if row.name_key in wanted_keys:
        name = f"{row.name} ({row.entity_registry_id}, being renamed)"
    else:
        kept = [alias for alias in fields["aliases"] if name_key(str(alias)) not in wanted_keys]
        fields, part = {**fields, "aliases": kept}, "aliases"
    return Entity(row.external_id, row.entity_registry_id, name, fields, {part: []})


def name_circles(ctx: RunContext) -> list[list[str]]:
    """Return circles of refused records that wait for each other's names or aliases, by id."""
    waiting, mapping = _waiting(ctx.run, ctx.lane, "name"), ctx.setup.mapping

    def wished(external_id: str) -> set[str]:
        error = waiting.filter(external_id=external_id).latest("pk")
        entity = transform(error.raw or {}, external_id, mapping).entity
        return wished_keys(ctx.lane, mapping, entity)

    wants = dict(waiting.values_list("external_id", "waits_key"))
    return circles_of(ctx.lane, mapping, wants, wished)


def _waiting(run: SyncRun, lane: Lane, waits_for: str) -> QuerySet[EntityError]:
    """Return the errors that wait for this, of the records that the run may touch."""
    waiting = runs.open_errors(lane).filter(waits_for=waits_for).exclude(raw=None)
    return chosen_errors(waiting, run)


def _arrived(ctx: RunContext, targets: Collection[str]) -> set[str]:
    """Return which link targets are now in Benchling, whoever wrote them."""
    arrived = present(ctx.lane, targets) if targets else set()
    elsewhere = sorted(set(targets) - arrived)
    if elsewhere:
        registry_id = ctx.setup.config.registry_id
        found = ctx.client.entities_registered(elsewhere, registry_id=registry_id)
        same = [raw for raw in found if (raw.get("schema") or {}).get("id") == ctx.setup.schema.id]
        rebuild.remember_page(ctx, same)  # they may be pointed at
        arrived |= {str(entity.get("entityRegistryId")) for entity in found}
    return arrived & set(targets)


def _refused_names(ctx: RunContext, errors: Errors) -> Errors:
    """Return the errors about names that Benchling refused, once it was asked who has them.

    Where an entity has the name, the name gate says which. Where none is found, each run sends the
    record once more, but asks who has its name only after 1, 2, 4, 8 … refusals: it asks for every
    type of entity. Raise LeaseLost, Wait, Refused.
    """
    refused = errors.filter(waits_for="benchling name")
    seen = refused.values_list("waits_key", "times_seen")
    name_holders.find_holders(ctx, sorted({key for key, times in seen if times & (times - 1) == 0}))
    taken = TakenName.objects.filter(lane=ctx.lane, key=OuterRef("waits_key"))
    return refused.filter(Exists(taken) | ~Q(run=ctx.run))


def _unarchived(lane: Lane, named: QuerySet[EntityError]) -> QuerySet[EntityError]:
    """Return the errors about archived entities that are in use by now, this app's or others'."""
    archived = TakenName.objects.filter(lane=lane, archived=True, key=OuterRef("waits_key"))
    return named.filter(~Exists(archived), code="archived")


def _in_use(registry_ids: Sequence[str], setup: Setup, client: Client) -> set[str]:
    """Return which of these registry ids belong to entities in use, not archived."""
    found = client.entities_with_ids(registry_ids, registry_id=setup.config.registry_id)
    return {str(e["entityRegistryId"]) for e in found if not e.get("archiveRecord")}
