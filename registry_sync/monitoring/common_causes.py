"""Failures of a system that several lanes use: one message names the lanes, not one a lane."""

from __future__ import annotations

from urllib.parse import urlsplit

from registry_sync import runs
from registry_sync.core.text import number_of
from registry_sync.models import Lane, SyncRun

BENCHLING = {
    "benchling_unreachable", "benchling_credentials", "benchling_unauthorised", "deactivated",
}  # fmt: skip
REGISTRY = {"registry_unreachable", "registry_certificate"}
"""Codes of failed runs that every lane of the same registry meets."""
BENCHLING_ITSELF, SCHEDULE = "Benchling", "the schedule"
MOST = 3
"""Lanes that a subject names."""


def shared_system(run: SyncRun) -> str:
    """Return what failed for every lane that uses it: Benchling, or a registry's address; or ""."""
    if run.error_code in BENCHLING or run.error_code.startswith("benchling_5"):
        return BENCHLING_ITSELF
    if run.error_code in REGISTRY and run.lane is not None:
        return _origin(run.lane)
    return ""


def lanes_using(system: str, names: runs.LaneNames) -> list[Lane]:
    """Return the lanes that are fed now and use a system."""
    return [lane for lane in names.lanes if system == BENCHLING_ITSELF or _origin(lane) == system]


def listed_lane_names(lanes: list[Lane], names: runs.LaneNames, *, most: int = 0) -> str:
    """Return the lanes' names in a line, at most so many of them; "" where the app feeds one."""
    shown = [names.label(lane) for lane in (lanes[:most] if most else lanes)]
    more = [f"{len(lanes) - most} more"] if most and len(lanes) > most else []
    return ", ".join([*shown, *more]) if names.several else ""


def concerned(system: str, lanes: list[Lane]) -> str:
    """Return in a sentence whom a shared cause concerns."""
    shared = "the same schedule" if system == SCHEDULE else system
    return f"{number_of(len(lanes), 'lane')} that use {shared}. This message is for all of them."


def _origin(lane: Lane) -> str:
    parts = urlsplit(lane.collection)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else lane.collection
