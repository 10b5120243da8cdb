"""What open errors wait for: in words, and the records themselves where they are few."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import urlencode

from django.urls import reverse

from registry_sync import runs
from registry_sync.core.text import name_key
from registry_sync.models import EntityError, Lane, Refusal
from registry_sync.reporting.catalogue import record_wait
from registry_sync.reporting.error_groups import ErrorGroup
from registry_sync.sync.gates import names
from registry_sync.sync.gates.claims import Holder
from registry_sync.sync.retry_choice import UNSENDABLE

Holders = dict[int, list[Holder]]
"""Who holds a name, by the error that waits for it."""
FEW = 20
"""Refused records of a cause, up to which what they wait for is named."""
MOST = 3
Named = tuple[str, str]
"""A record's id, and the address of the page that finds it."""
KINDS = {"name": "", "alias": " as an alias", "id": " as its registry id"}


def waits_of(errors: Sequence[EntityError], holders: Holders | None = None) -> dict[int, str]:
    """Return what each error waits for, by primary key; `holders`: those of `name_holders_of`."""
    others = name_holders_of(errors) if holders is None else holders
    return {error.pk: _sentence(error, others[error.pk]) for error in errors}


def name_holders_of(errors: Sequence[EntityError]) -> Holders:
    """Return which others hold the name that each error waits for: one look-up for all."""
    holders: dict[tuple[int, str], list[Holder]] = {}
    named = [e for e in errors if e.waits_for == "name" and e.closed_at is None]
    for lane in {error.lane for error in named}:
        keys = {error.waits_key for error in named if error.lane_id == lane.pk}
        for key, found in names.holders(lane, keys).items():
            holders[(lane.pk, key)] = found
    return {
        error.pk: [
            holder
            for holder in holders.get((error.lane_id, error.waits_key), [])
            if holder.external_id != error.external_id
        ]
        for error in errors
    }


def waited_for(refusal: Refusal) -> str:
    """Return what a record waited for when a run refused it, whatever has happened since."""
    words = refusal.words
    if refusal.kind == EntityError.Kind.TRANSIENT:
        return "is transient: will be retried by the next run"
    if words.waits_for == "name" and refusal.code not in UNSENDABLE:
        noun = "registry id" if words.field == "registry id" else "name"
        return f"waits for the {noun} “{_shown(words)}”"
    wait = record_wait("source" if refusal.code in UNSENDABLE else words.waits_for)
    return wait.owner.format(key=words.waits_key, field=words.field, name=_shown(words))


def _sentence(error: EntityError, holders: Sequence[Holder]) -> str:
    if error.closed_at is not None:
        return f"waits for nothing: closed by run {error.closed_by_run_id}"
    if error.dismissed_at is not None:
        return "is dismissed until its record changes"
    if error.kind == EntityError.Kind.TRANSIENT:
        return "is transient: will be retried by the next run"
    if error.waits_for == "name" and error.code not in UNSENDABLE:
        return _name(error, holders)
    wait = record_wait("source" if error.code in UNSENDABLE else error.waits_for)
    return wait.owner.format(key=error.waits_key, field=error.field, name=_shown(error))


def _name(error: EntityError, holders: Sequence[Holder]) -> str:
    noun = "registry id" if error.field == "registry id" else "name"
    wait = f"waits for the {noun} “{_shown(error)}”"
    if not holders:
        return f"{wait}, which is free now; will be retried by the next run"
    first = holders[0]
    if noun == "registry id" and first.kind == "id" and not first.external_id:
        return (
            f"waits for a decision: an entity with the registry id “{_shown(error)}” is in "
            "Benchling already, and this app did not create it"
        )
    origin = "" if first.external_id else " (not created by this app)"
    return f"{wait}, which {first.entity_registry_id}{origin} uses{KINDS[first.kind]}"


def _shown(error: EntityError | Refusal) -> str:
    """Return a name as the record spells it rather than as names are compared."""
    return error.value if name_key(error.value) == error.waits_key else error.waits_key


def awaited_targets(
    groups: Iterable[tuple[Lane, ErrorGroup]],
) -> dict[tuple[int, str], list[Named]]:
    """Return what the links of each lane's cause wait for: one query, none without links."""
    by_cause = {
        (lane.pk, group.code): lane
        for lane, group in groups
        if group.cause.waits_for == "link" and group.count <= FEW
    }
    if not by_cause:
        return {}
    rows = runs.open_errors(*by_cause.values()).filter(
        waits_for="link", code__in={code for _, code in by_cause}
    )
    found: dict[tuple[int, str], list[Named]] = {}
    order = ("lane_id", "code", "waits_key")
    for lane_id, code, key in rows.order_by(*order).values_list(*order).distinct():
        if (lane_id, code) in by_cause and key:
            found.setdefault((lane_id, code), []).append((key, _address(key)))
    return {key: named for key, named in found.items() if len(named) <= MOST}


def _address(key: str) -> str:
    return f"{reverse('admin:registry_sync_record')}?{urlencode({'q': key})}"
