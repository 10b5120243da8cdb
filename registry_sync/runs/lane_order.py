"""The order in which lanes are worked: those that others link to come first."""

from __future__ import annotations

from collections.abc import Sequence

from registry_sync.models import Lane


def in_link_order(lanes: Sequence[Lane]) -> list[Lane]:
    """Return lanes after the ones that they link to; otherwise in the configuration's order.

    In a circle the first one in the configuration begins.
    """
    remaining, ordered = list(lanes), list[Lane]()
    while remaining:
        chosen = next((lane for lane in remaining if not _waits(lane, remaining)), remaining[0])
        remaining.remove(chosen)
        ordered.append(chosen)
    return ordered


def _waits(lane: Lane, others: Sequence[Lane]) -> bool:
    targets = lane.links_to or ()
    return any(other != lane and other.schema_id in targets for other in others)
