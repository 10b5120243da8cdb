"""A card for each cause of refused records."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import urlencode

from registry_sync.desk import cures
from registry_sync.desk.error_waits import awaited_targets
from registry_sync.desk.worklist.base import CardKind, Gravity, Overview, WorkCard, link, press
from registry_sync.models import Lane
from registry_sync.reporting.catalogue import ACTORS
from registry_sync.reporting.error_groups import ErrorGroup

ANY_CAUSE = ("check", "assign", "dismiss")
"""Cures that fit every cause, the one that helps most often first."""
FOR_OTHERS = ("source", "benchling")
"""Those who have no desk of their own, and are sent a list."""


class Causes(CardKind):
    """Records that are not in Benchling, by cause."""

    name = "causes"

    def cards(self, overview: Overview) -> Iterable[WorkCard]:
        """Return one card a cause of each lane."""
        groups = [
            (lane, error_group)
            for lane in overview.lanes
            for error_group in overview.causes.get(lane.pk, ())
        ]
        named = awaited_targets(groups)
        for lane, group in groups:
            card = self._card(overview, lane, group)
            yield replace(card, awaited=named.get((lane.pk, group.code), ()))

    def _card(self, overview: Overview, lane: Lane, group: ErrorGroup) -> WorkCard:
        query = urlencode({"code": group.code, **self._lane(overview, lane)})
        return WorkCard(
            title=group.title,
            gravity=Gravity.BEHIND,
            actors=group.actors,
            text=group.remedy,
            lane=lane,
            count=group.count,
            since=group.first_seen,
            new=group.new,
            address=link("entityerror_changelist", query=query),
            presses=presses_of(lane, group),
        )

    def _lane(self, overview: Overview, lane: Lane) -> dict[str, int]:
        return {"lane": lane.pk} if overview.names.several else {}


def presses_of(lane: Lane, group: ErrorGroup) -> tuple[cures.Offer, ...]:
    """Return the presses of a cause, the best one first.

    Whoever repairs it elsewhere is sent the list before all else.
    """
    found, copy = cures.all_of(lane, group.code), _copy(lane, group)
    own = [offer for offer in found if offer.name not in ANY_CAUSE]
    others = sorted(
        (offer for offer in found if offer.name in ANY_CAUSE),
        key=lambda offer: ANY_CAUSE.index(offer.name),
    )
    sent = group.actors[0] in FOR_OTHERS
    return (*own, copy, *others) if sent else (*own, *others, copy)


def _copy(lane: Lane, group: ErrorGroup) -> cures.Offer:
    address = link("entityerror_copy", query=urlencode({"code": group.code, "lane": lane.pk}))
    return press(copy_label(group), address, "view_entityerror")


def copy_label(group: ErrorGroup) -> str:
    """Return the words of the press that gives the list of a cause, by who repairs it."""
    able = [actor for actor in (*group.actors, *group.cause.actors) if actor in FOR_OTHERS]
    return f"Copy for {ACTORS[able[0]].label}" if able else "Copy the list"
