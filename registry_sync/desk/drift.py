"""Open differences between Benchling and the registry, as they can be decided."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db.models import QuerySet

from registry_sync.desk.marks import mark_of_parts
from registry_sync.ledger.pins import FieldDifference, open_pins
from registry_sync.models import Drift, Lane

ARCHIVED = "archived"
"""The field of a row that says that the entity was archived."""


def undecided_drift() -> QuerySet[Drift]:
    """Return what differs and can be decided, of all lanes."""
    return Drift.objects.filter(closed_at__isnull=True).exclude(field_id=ARCHIVED)


def open_drift(lane: Lane, external_ids: Sequence[str] = ()) -> QuerySet[Drift]:
    """Return what differs and can be decided, of a lane or of these records, the newest first."""
    rows = undecided_drift().filter(lane=lane)
    rows = rows.filter(external_id__in=external_ids) if external_ids else rows
    return rows.select_related("lane").order_by("-pk")


def differences_of(lane: Lane, rows: Iterable[Drift]) -> dict[Drift, FieldDifference]:
    """Return the difference of each of a lane's rows that can be decided, in their order.

    Nothing unarchives an entity. In a pinned field the row has the pin's value as ours, and the
    registry has another.
    """
    able = [row for row in rows if row.closed_at is None and row.field_id != ARCHIVED]
    pins = open_pins(lane, {row.external_id for row in able})
    found = {}
    for row in able:
        covering = (pin for pin in pins.get(row.external_id, ()) if pin.field_id == row.field_id)
        pin = next(covering, None)
        found[row] = FieldDifference(
            row.external_id, row.entity_id, row.field_id, row.field,
            row.theirs, pin.source if pin else row.ours, row.pk,
        )  # fmt: skip
    return found


def drift_mark(each: FieldDifference) -> str:
    """Return the mark of a difference: its record and field, and both values."""
    return mark_of_parts(each.external_id, each.field_id, each.theirs, each.source)
