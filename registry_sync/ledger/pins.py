"""Accepted differences (pins) and restored values, in the ledger.

For a pinned field the ledger holds Benchling's value, and a run compares and sends that value in
place of the registry's. So it is no drift, and other fields of the record go on being written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from registry_sync.benchling.entity_types.parts import PART_KEYS, SHARED, left_of
from registry_sync.ledger.held_values import hold_value
from registry_sync.mapping.model import UNKNOWN, Entity
from registry_sync.mapping.values import same, same_value
from registry_sync.models import Drift, Lane, LedgerEntry, Pin, ReconciledRecord, Reconciliation

UNREADABLE = "?"
"""Benchling's value where it cannot be sent back: it can be restored, but not accepted."""


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """One value that differs: Benchling's (`theirs`), and the registry's as it would be sent.

    `drift` is the primary key of the Drift that says so, `compared` that of the ReconciledRecord
    where a comparison does; the other is 0.
    """

    external_id: str
    entity_id: str
    field_id: str
    field: str
    theirs: Any
    source: Any
    drift: int = 0
    compared: int = 0


def compared_differences(record: ReconciledRecord) -> list[FieldDifference]:
    """Return what can be accepted or restored of a compared record; nothing once it is decided.

    A value that has been accepted since, or whose drift has ended, is decided, also where others
    of its record are not.
    """
    return all_compared_differences([record])[record]


def all_compared_differences(
    records: Sequence[ReconciledRecord],
) -> dict[ReconciledRecord, list[FieldDifference]]:
    """Return what can be accepted or restored of each record; few queries per comparison."""
    found: dict[ReconciledRecord, list[FieldDifference]] = {record: [] for record in records}
    undecided = defaultdict(list)
    for record in found:
        if record.state == ReconciledRecord.State.DIFFERING and not record.decided:
            undecided[record.reconciliation].append(record)
    for comparison, compared in undecided.items():
        ids = [record.external_id for record in compared]
        all_pins, ended = open_pins(compared[0].lane, ids), _ended_since(comparison, ids)
        for record in compared:
            pins = {pin.field_id: pin for pin in all_pins.get(record.external_id, [])}
            found[record] = [
                FieldDifference(
                    record.external_id, record.entity_id, field_id, field, current, source,
                    compared=record.pk,
                )
                for field_id, field, current, source, _ in record.differences
                if (record.external_id, field_id) not in ended
                and not (field_id in pins and is_accepted(pins[field_id], current, source))
            ]  # fmt: skip
    return found


def _ended_since(comparison: Reconciliation, ids: Collection[str]) -> set[tuple[str, str]]:
    """Return the records and fields whose drift ended since the comparison began to read."""
    ends = (Drift.End.PUT_RIGHT, Drift.End.RESTORED)
    rows = Drift.objects.filter(lane=comparison.lane_id, external_id__among=ids, ended__in=ends)
    ended = rows.filter(closed_at__gt=comparison.started_at)
    return set(ended.values_list("external_id", "field_id"))


def open_pins(lane: Lane, external_ids: Collection[str]) -> dict[str, list[Pin]]:
    """Return the accepted differences of these records, by external id."""
    found: dict[str, list[Pin]] = {}
    rows = Pin.objects.filter(lane=lane, closed_at__isnull=True)
    if not rows.exists():  # most lanes have none: their ids need not be sent
        return found
    for pin in rows.filter(external_id__among=set(external_ids)):
        found.setdefault(pin.external_id, []).append(pin)
    return found


def covered_fields(lane: Lane, external_id: str) -> dict[str, Pin]:
    """Return the pins that stand in a record's fields, by field id."""
    return {pin.field_id: pin for pin in open_pins(lane, [external_id]).get(external_id, [])}


def acceptable(field_id: str, current: Any, source: Any) -> Any:
    """Return Benchling's value of a field as a pin keeps it, and as a run compares and sends it.

    Of aliases and authors, it has those of the registry's that are there: a run leaves all others.
    """
    is_shared = field_id in SHARED and isinstance(current, list)
    return left_of(source, current) if is_shared else current


def is_accepted(pin: Pin, current: Any, source: Any) -> bool:
    """Return whether a pin accepts these values of its field."""
    accepted = acceptable(pin.field_id, current, source)
    return same(pin.theirs, accepted) and same(pin.source, source)


def is_outdated(pin: Pin, entity: Entity) -> bool:
    """Return whether the registry has another value than when the difference was accepted."""
    if pin.field_id == "name":
        return bool(pin.source != entity.name)
    if pin.field_id not in entity.fields:
        return False
    return not same_value(pin.field_id, pin.source, entity.fields[pin.field_id])


def pinned(entity: Entity, pins: Iterable[Pin]) -> Entity:
    """Return an entity with Benchling's value in each pinned field."""
    name, fields, sources = entity.name, dict(entity.fields), dict(entity.sources)
    for pin in pins:
        if pin.field_id == "name":
            sources["name"], name = [name], str(pin.theirs)
        elif pin.field_id in fields:
            sources[pin.field_id] = [fields[pin.field_id]]
            fields[pin.field_id] = pin.theirs
    return replace(entity, name=name, fields=fields, sources=sources)


def accept(
    lane: Lane, differences: Sequence[FieldDifference], *, actor: str, reason: str
) -> list[Pin]:
    """Pin differences; return the pins.

    What cannot be sent, is not in the ledger, or is decided already is left out.

    A pin that stood in a field ends, and stays in the list.
    """
    pins = []
    for of_record in _by_record(differences):
        with transaction.atomic():
            row, able = _undecided(of_record)
            accepted = [
                pin for each in able if (pin := _accepted(lane, each, actor=actor, reason=reason))
            ]
            _mark(row, {pin.field_id for pin in accepted}, "accepted")
            pins += accepted
    _mark_compared(lane, differences, "accepted")
    return pins


def _accepted(lane: Lane, each: FieldDifference, *, actor: str, reason: str) -> Pin | None:
    """Return the pin of a difference; None where there can be none. In the caller's transaction."""
    if each.theirs == UNREADABLE:
        return None
    each = replace(each, theirs=acceptable(each.field_id, each.theirs, each.source))
    if not _hold(lane, each):
        return None
    _end(_standing(lane, each), Pin.End.REPLACED, actor, reason)
    _close_drift(lane, each, Drift.End.ACCEPTED)
    return Pin.objects.create(
        lane=lane, external_id=each.external_id, entity_id=each.entity_id,
        field_id=each.field_id, field=each.field, theirs=each.theirs, source=each.source,
        actor=actor, reason=reason, created_at=timezone.now(),
    )  # fmt: skip


def restore(
    lane: Lane, differences: Sequence[FieldDifference], *, actor: str, reason: str
) -> list[FieldDifference]:
    """Let the ledger hold Benchling's values, so that the next reading writes the registry's.

    A pin that stood in a field is taken back. Return what was restored, whose records a run must
    then read; what is not in the ledger, or is decided already, is left out.
    """
    restored = []
    for of_record in _by_record(differences):
        with transaction.atomic():
            row, able = _undecided(of_record)
            done = [each for each in able if _restored(lane, each, actor=actor, reason=reason)]
            _mark(row, {each.field_id for each in done}, "restored")
            restored += done
    _mark_compared(lane, differences, "restored")
    return restored


def _restored(lane: Lane, each: FieldDifference, *, actor: str, reason: str) -> bool:
    """Return whether a difference can be restored, and let it be, in the caller's transaction."""
    held = each
    if each.field_id in PART_KEYS and each.field_id not in SHARED:
        # What is shown of it is not all that Benchling has.
        held = replace(each, theirs=UNREADABLE)
    if not _hold(lane, held, restored=True):
        return False
    _end(_standing(lane, each), Pin.End.TAKEN_BACK, actor, reason)
    _close_drift(lane, each, Drift.End.RESTORED)
    return True


def records_that_differ(differences: Iterable[FieldDifference]) -> list[str]:
    """Return the external ids of the records that differ, each once."""
    return list(dict.fromkeys(each.external_id for each in differences))


def take_back(pins: Sequence[Pin], *, actor: str, reason: str) -> list[str]:
    """End pins, so that the next reading writes the registry's values; return the external ids."""
    ids = []
    for pin in pins:
        with transaction.atomic():
            open_pin = Pin.objects.filter(pk=pin.pk, closed_at=None)
            if _end(open_pin, Pin.End.TAKEN_BACK, actor, reason):
                rows = LedgerEntry.objects.filter(lane=pin.lane_id, external_id=pin.external_id)
                rows.update(raw_hash="")  # else an unchanged record is not even compared
                ids.append(pin.external_id)
    return list(dict.fromkeys(ids))


def _by_record(differences: Iterable[FieldDifference]) -> Iterator[list[FieldDifference]]:
    """Yield the differences of each record together, as they are decided in one transaction."""
    for _, of_record in groupby(differences, lambda each: (each.external_id, each.compared)):
        yield list(of_record)


def _undecided(
    of_record: list[FieldDifference],
) -> tuple[ReconciledRecord | None, list[FieldDifference]]:
    """Return which of a record's differences are open still, as a comparison found them.

    Its row is locked, so two people who decide at once do so one after the other.
    """
    if not (pk := of_record[0].compared):
        return None, of_record
    row = ReconciledRecord.objects.select_for_update().filter(pk=pk).first()
    still_open = {each.field_id for each in compared_differences(row)} if row is not None else ()
    return row, [each for each in of_record if each.field_id in still_open]


def _mark(row: ReconciledRecord | None, decided_ids: Collection[str], word: str) -> None:
    """Keep that all that a comparison found of a record is decided, if it is."""
    if row is None or not decided_ids:
        return
    if all(each.field_id in decided_ids for each in compared_differences(row)):
        row.decided = word
        row.save(update_fields=["decided"])


def _mark_compared(lane: Lane, differences: Iterable[FieldDifference], word: str) -> None:
    """Keep in the last comparison what is decided there as well, by what was done about drift."""
    ids = records_that_differ(each for each in differences if each.drift)
    rows = ReconciledRecord.objects.filter(
        lane=lane, state=ReconciledRecord.State.DIFFERING, decided=""
    )  # fmt: skip
    found = rows.filter(external_id__among=ids).select_related("lane", "reconciliation")
    differing = all_compared_differences(list(found) if ids else [])
    decided = [row.pk for row, left in differing.items() if not left]
    rows.filter(pk__among=decided).update(decided=word)


def _hold(lane: Lane, each: FieldDifference, *, restored: bool = False) -> bool:
    """Put Benchling's value into the ledger; return False for what the ledger does not have."""
    is_hidden = each.theirs == UNREADABLE and each.field_id != "name"
    current = UNKNOWN if is_hidden else each.theirs
    return hold_value(
        lane, each.external_id, each.field_id, current, drift=each.drift, restored=restored
    )  # fmt: skip


def _standing(lane: Lane, each: FieldDifference) -> QuerySet[Pin]:
    return Pin.objects.filter(
        lane=lane, external_id=each.external_id, field_id=each.field_id, closed_at=None
    )


def _end(pins: QuerySet[Pin], ended: Pin.End, actor: str, reason: str) -> int:
    """End pins that stand; return how many."""
    return pins.update(closed_at=timezone.now(), closed_by=actor, closed_reason=reason, ended=ended)


def _close_drift(lane: Lane, each: FieldDifference, ended: Drift.End) -> None:
    Drift.objects.filter(
        lane=lane, external_id=each.external_id, field_id=each.field_id, closed_at=None
    ).update(closed_at=timezone.now(), ended=ended)
