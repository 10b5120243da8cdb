"""Changes as lines: a created record is one, and each changed value is one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from django.db.models import Q

from registry_sync.models import Change

LINES = Q(created=False) | Q(field_id="registry id")
"""The changes that are lines of their own: of a created record, the one that each has."""


def with_values(changes: Iterable[Change]) -> list[Change]:
    """Give each created record's line all values that it was created with, as `values`.

    One query for all; `values` of other lines is empty.
    """
    shown = list(changes)
    created = [change for change in shown if change.created]
    found: dict[tuple[int, str], list[Change]] = defaultdict(list)
    if created:
        ids = {change.external_id for change in created}
        lanes = {change.lane_id for change in created}
        run_ids = {change.run_id for change in created}
        rows = Change.objects.filter(lane__in=lanes, external_id__in=ids, run__in=run_ids)
        for row in rows.filter(created=True).order_by("pk"):
            found[(row.run_id, row.external_id)].append(row)
    for change in shown:
        values = found[(change.run_id, change.external_id)] if change.created else []
        change.values = values  # type: ignore[attr-defined]
    return shown
