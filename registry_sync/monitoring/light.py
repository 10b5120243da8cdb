"""The light of a lane: in sync, behind, stopped or waiting."""

from __future__ import annotations

from enum import StrEnum

from django.utils import timezone

from registry_sync.monitoring.health import Health, HealthState


class Light(StrEnum):
    """How a lane stands, in two words at most; `sign` says it without colour."""

    IN_SYNC = "in sync"
    BEHIND = "behind"
    STOPPED = "stopped"
    WAITING = "waiting"

    @property
    def sign(self) -> str:
        """Return the sign by which it is known without colour."""
        return {"in sync": "✓", "behind": "!", "stopped": "✕", "waiting": "…"}[self]

    @property
    def pill(self) -> str:
        """Return the class by which desk.css colors it."""
        return {"in sync": "good", "behind": "warning", "stopped": "bad", "waiting": "active"}[self]


def light_of(health: Health) -> Light:
    """Return the light of a lane.

    It is stopped until someone acts, and waits where a run is paused, waits for Benchling, or none
    has ended yet. Else it is behind if anything is left to do.
    """
    if health.state is HealthState.BAD:
        return Light.STOPPED
    active = health.active
    if active is not None and active.paused_at is not None:
        return Light.WAITING
    if health.state is HealthState.ATTENTION:
        return Light.BEHIND
    if health.last is None or health.state is HealthState.NEW:
        return Light.WAITING
    waits = active.waiting_until if active is not None else None
    if waits is not None and waits > timezone.now():
        return Light.WAITING
    return Light.IN_SYNC
