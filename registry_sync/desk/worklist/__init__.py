"""The worklist of the desk's first page: a card for each thing that someone must do.

To add a kind of card, write a class with `name` and `cards` and add it to CARD_KINDS.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from registry_sync.desk.cures.base import User
from registry_sync.desk.worklist import (
    causes,
    connecting,
    decisions,
    mappings,
    plans,
    service,
    stops,
)
from registry_sync.desk.worklist.base import CardKind, Gravity, Overview, WorkCard
from registry_sync.models import Lane
from registry_sync.reporting.catalogue import ACTORS

__all__ = [
    "CARD_KINDS",
    "ActorSection",
    "CardKind",
    "Gravity",
    "Overview",
    "WorkCard",
    "cards_of_lanes",
    "sections",
]

CARD_KINDS: tuple[CardKind, ...] = (
    service.ServiceFindings(),
    stops.Stops(),
    stops.Paused(),
    connecting.Connecting(),
    stops.Beginning(),
    causes.Causes(),
    stops.Warnings(),
    plans.PlansWaiting(),
    plans.ProposalsWaiting(),
    mappings.Outstanding(),
    decisions.StagedWithdrawals(),
    decisions.Adoptions(),
    decisions.DriftedValues(),
    decisions.Merges(),
    service.UnsentAlerts(),
    service.FailedDeliveries(),
    service.RefusedCanvases(),
    service.RefusedResults(),
    stops.Cancelled(),
    decisions.LeftInUse(),
    decisions.ArchivedByPeople(),
    mappings.Drafts(),
    service.OpenAlerts(),
    service.NobodyNotified(),
)
"""In the order in which cards of equal gravity stand."""
NOTES = "notes"
ORDER = ("mapping", "source", "benchling", "operator", "transient", NOTES)
"""Who acts, in the order of the sections where they are equally grave."""


@dataclass(frozen=True, slots=True)
class ActorSection:
    """The cards of those things that one actor does first, or notes, whoever they are for."""

    actor: str
    cards: Sequence[WorkCard]

    @property
    def title(self) -> str:
        """Return whom the section is for."""
        if self.actor == "transient":
            return "No one: the next run tries again"
        if self.is_notes:
            return "Worth a look"
        return f"For {ACTORS[self.actor].label}"

    @property
    def is_notes(self) -> bool:
        """Return whether nothing in it is urgent."""
        return self.actor == NOTES


def sections(overview: Overview, user: User) -> list[ActorSection]:
    """Return the worklist by who acts, the gravest first, with the presses open to a user."""
    by_actor: dict[str, list[WorkCard]] = {}
    for kind in CARD_KINDS:
        for card in kind.cards(overview):
            able = tuple(press for press in card.presses if press.is_open_to(user))
            shown = replace(card, presses=able, lane_name=overview.names.label(card.lane))
            key = NOTES if card.gravity is Gravity.NOTE else card.actors[0]
            by_actor.setdefault(key, []).append(shown)
    return _sorted(by_actor)


def cards_of_lanes(sections: Iterable[ActorSection], lanes: Sequence[Lane]) -> list[ActorSection]:
    """Return the cards of some lanes, and those that are about no lane."""
    return _sorted(
        {
            section.actor: [card for card in section.cards if card.lane in (None, *lanes)]
            for section in sections
        }
    )


def _sorted(by_actor: Mapping[str, Sequence[WorkCard]]) -> list[ActorSection]:
    found = [
        ActorSection(actor, sorted(cards, key=_weight))
        for actor, cards in by_actor.items()
        if cards
    ]
    return sorted(found, key=lambda one: (*_weight(one.cards[0]), ORDER.index(one.actor)))


def _weight(card: WorkCard) -> tuple[int, int]:
    """Return by what cards and sections are sorted: the gravest first, then the most records."""
    return card.gravity, -(card.count or 0)
