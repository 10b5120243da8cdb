"""All lanes at a glance: how each stands."""

from __future__ import annotations

from dataclasses import dataclass

from registry_sync import runs
from registry_sync.models import Lane
from registry_sync.monitoring import health


@dataclass(frozen=True, slots=True)
class Glance:
    """One lane beside the others."""

    lane: Lane
    name: str
    health: health.Health


def glance(names: runs.LaneNames, around: health.Service) -> list[Glance]:
    """Return how each lane stands, in their order."""
    return [Glance(lane, names.of(lane), health.assess_lane(lane, around)) for lane in names.lanes]
