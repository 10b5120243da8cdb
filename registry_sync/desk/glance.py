"""A lane at a glance: its light, its sentence, and who acts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from registry_sync.desk.worklist import Gravity, WorkCard
from registry_sync.models import Lane
from registry_sync.monitoring.health import Health
from registry_sync.monitoring.light import Light, light_of
from registry_sync.reporting.catalogue import ACTORS


@dataclass(frozen=True, slots=True)
class Glance:
    """One lane, or the service before its first run."""

    lane: Lane | None
    name: str
    health: Health
    cards: Sequence[WorkCard]
    """What is to be done about it."""

    @property
    def light(self) -> Light:
        return light_of(self.health)

    @property
    def who(self) -> str:
        """Return who acts, in words; "" if no one has to."""
        graver = sorted(self._grave(), key=lambda card: card.gravity)
        actors = dict.fromkeys(card.actors[0] for card in graver)
        people = [ACTORS[actor].label for actor in actors if actor != "transient"]
        return ", ".join(people or (ACTORS[actor].label for actor in actors))

    @property
    def since(self) -> datetime | None:
        """Return since when the gravest thing is so, if that is known."""
        grave = self._grave()
        worst = min((card.gravity for card in grave), default=None)
        times = [card.since for card in grave if card.gravity == worst and card.since]
        return min(times, default=None)

    def _grave(self) -> list[WorkCard]:
        return [card for card in self.cards if card.gravity < Gravity.NOTE]


def glance(
    lane: Lane | None, name: str, health: Health, cards: Iterable[WorkCard], *, shared: bool
) -> Glance:
    """Return a lane at a glance; `shared`: with what holds for every lane."""
    own_cards = [card for card in cards if card.lane == lane or (shared and card.lane is None)]
    return Glance(lane, name, health, own_cards)
