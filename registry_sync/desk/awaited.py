"""The records that refused ones wait for, where there are few enough to name."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlencode

from django.urls import reverse

from registry_sync import runs
from registry_sync.models import Lane
from registry_sync.reporting.error_groups import ErrorGroup

FEW = 20
"""Refused records of a cause, up to which what they wait for is named."""
MOST = 3
Named = tuple[str, str]
"""A record's id, and the address of the page that finds it."""


def awaited(groups: Iterable[tuple[Lane, ErrorGroup]]) -> dict[tuple[int, str], list[Named]]:
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
