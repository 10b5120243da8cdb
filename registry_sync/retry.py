"""Which open errors are worth trying again, from the copy we keep of their records.

An error is tried again when what it waits for has come, when nobody had to act for it to pass,
when the mapping changed, or on demand. Dismissed errors rest until their record changes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from django.db.models import Q, QuerySet

from . import names, runs
from .admit import own_links, present
from .benchling import Client
from .compare import Arrival, Candidate
from .configure import Setup
from .ledger import hash_record
from .mapping import name_key, transform
from .models import Allowance, EntityError, Lane, SyncRun, TakenName

CHUNK = 500


def due(run: SyncRun, lane: Lane, setup: Setup, client: Client) -> Iterator[list[EntityError]]:
    """Give the errors to try now, in the order they were first seen, some at a time."""
    if run.only:
        return
    open_errors = runs.open_errors(lane).exclude(raw=None)
    untried = open_errors.exclude(run=run)
    if run.kind == SyncRun.Kind.RETRY:
        yield from _chunks(untried)
    else:
        changed = ~Q(fingerprint=run.fingerprint)
        yield from _chunks(
            untried.filter(Q(kind="transient") | Q(waits_for="permission") | changed)
        )
    allowed = Allowance.objects.filter(lane=lane, used_by=None).values("external_id")
    yield from _chunks(open_errors.filter(waits_for="allowance", external_id__in=allowed))
    named = open_errors.filter(waits_for="name")
    keys = sorted(set(named.values_list("waits_key", flat=True)))
    _forget_freed(lane, keys, setup, client)
    for some in _parts(sorted(names.free(lane, keys))):
        yield from _chunks(named.filter(waits_key__in=some))
    linked = open_errors.filter(waits_for="link")
    targets = set(linked.values_list("waits_key", flat=True))
    for some in _parts(sorted(_arrived(lane, targets, setup, client))):
        yield from _chunks(linked.filter(waits_key__in=some))


def arrivals(errors: Sequence[EntityError], fingerprint: str) -> list[Arrival]:
    """Turn errors back into the records they are about."""
    return [
        Arrival(
            external_id=error.external_id,
            raw=error.raw or {},
            raw_hash=hash_record(error.raw or {}, fingerprint),
            modified_at=error.source_modified_at,
            retried=True,
        )
        for error in errors
    ]


def circles(lane: Lane, setup: Setup, fingerprint: str) -> list[Candidate]:
    """Find waiting records that only wait for each other: together they can go."""
    waiting = runs.open_errors(lane).filter(waits_for="link").exclude(raw=None)
    candidates = []
    for arrival in arrivals(list(waiting.order_by("pk")[:CHUNK]), fingerprint):
        entity = transform(arrival.raw, arrival.external_id, setup.mapping).entity
        if entity is not None:
            candidates.append(Candidate(arrival, entity, True))
    there = present(lane, set().union(*(own_links(c, setup.schema) for c in candidates)))
    while candidates:
        coming = there | {candidate.entity.registry_id for candidate in candidates}
        kept = [c for c in candidates if own_links(c, setup.schema) <= coming]
        if len(kept) == len(candidates):
            break
        candidates = kept
    return candidates


def _arrived(lane: Lane, targets: Collection[str], setup: Setup, client: Client) -> set[str]:
    """Say which link targets are in Benchling by now, written by us or by others."""
    there = present(lane, targets) if targets else set()
    elsewhere = sorted(set(targets) - there)
    if elsewhere:
        found = client.entities_registered(elsewhere, registry_id=setup.config.registry_id)
        there |= {str(entity.get("entityRegistryId")) for entity in found}
    return there & set(targets)


def _forget_freed(lane: Lane, keys: Sequence[str], setup: Setup, client: Client) -> None:
    """Ask Benchling whether others still hold the names that records wait for."""
    held = TakenName.objects.filter(lane=lane, key__in=keys)
    asked = sorted(set(held.values_list("key", flat=True)))
    if not asked:
        return
    bearers = client.entities_named(asked, registry_id=setup.config.registry_id)
    still = {
        name_key(text)
        for entity in bearers
        for text in (entity["name"], entity["entityRegistryId"], *(entity.get("aliases") or ()))
        if text
    }
    archived = held.filter(archived=True).values_list("key", flat=True)
    held.exclude(key__in=still | set(archived)).delete()


def _chunks(errors: QuerySet[EntityError]) -> Iterator[list[EntityError]]:
    last = 0
    while some := list(errors.filter(pk__gt=last).order_by("pk")[:CHUNK]):
        last = some[-1].pk
        yield some


def _parts(items: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), CHUNK):
        yield items[start : start + CHUNK]
