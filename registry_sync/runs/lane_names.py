"""How faces name a lane: by its Benchling schema, or by the schema's id where two share it."""

from __future__ import annotations

from collections.abc import Iterable

from registry_sync.models import Lane
from registry_sync.runs.deployment import current_lanes

FORMER = "no longer synced"
"""Beside the name of a lane that is not configured any more."""


class LaneNames:
    """The lanes that this app feeds now, and their names; read once, for a whole page."""

    def __init__(self, lanes: Iterable[Lane] | None = None) -> None:
        self.lanes = list(current_lanes() if lanes is None else lanes)

    @property
    def several(self) -> bool:
        """Return whether pages and messages must name the lane."""
        return len(self.lanes) > 1

    def of(self, lane: Lane | None) -> str:
        """Return a lane's name; "" for None."""
        if lane is None:
            return ""
        name = lane.schema_name or lane.schema_id
        if any(
            other.schema_name == name and other.schema_id != lane.schema_id for other in self.lanes
        ):
            name = lane.schema_id
        return name if lane in self.lanes else f"{name} ({FORMER})"

    def label(self, lane: Lane | None) -> str:
        """Return a lane's name if the app feeds several lanes; "" if it feeds one."""
        return self.of(lane) if self.several else ""

    def find(self, name: str) -> Lane | None:
        """Return the lane with this name or schema id; None if no lane that is fed now has it."""
        return next((lane for lane in self.lanes if name in (self.of(lane), lane.schema_id)), None)

    def choice(self) -> list[str]:
        """Return the names of all lanes, in their order."""
        return [self.of(lane) for lane in self.lanes]
