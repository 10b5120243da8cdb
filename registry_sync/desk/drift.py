"""Open differences between Benchling and the registry, as they can be decided."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import QuerySet

from registry_sync.benchling.entity_types.parts import PART_KEYS
from registry_sync.ledger.pins import UNREADABLE, FieldDifference, covered_fields
from registry_sync.models import Drift, Lane

ARCHIVED = "archived"
"""The field of a row that says that the entity was archived."""


def open_drift(lane: Lane, external_ids: Sequence[str] = ()) -> QuerySet[Drift]:
    """Return what differs and can be decided, of a lane or of these records, the newest first."""
    rows = Drift.objects.filter(lane=lane, closed_at__isnull=True).exclude(field_id=ARCHIVED)
    rows = rows.filter(external_id__in=external_ids) if external_ids else rows
    return rows.select_related("lane").order_by("-pk")


def difference_of(row: Drift) -> FieldDifference | None:
    """Return the difference of an open row; None where nothing can be decided.

    Nothing unarchives an entity. In a pinned field the row has the pin's value as ours, and the
    registry has another.
    """
    if row.closed_at is not None or row.field_id == ARCHIVED:
        return None
    theirs = UNREADABLE if row.field_id in PART_KEYS else row.theirs
    pin = covered_fields(row.lane, row.external_id).get(row.field_id)
    source = pin.source if pin else row.ours
    named = (row.external_id, row.entity_id, row.field_id, row.field)
    return FieldDifference(*named, theirs, source)
