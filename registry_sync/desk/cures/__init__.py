"""Cures: for each cause the presses that end it, the best one first.

To add one, add a class to the table below: what it is for, where it is confirmed, who may use it.
"""

from __future__ import annotations

from collections.abc import Sequence

from registry_sync.desk.cures import (
    adoptions,
    archived,
    assign,
    connection,
    drift,
    every_cause,
    merges,
    names,
    options,
    overrides,
)
from registry_sync.desk.cures.base import Cure, CureCase, Offer, User
from registry_sync.models import Lane

__all__ = ["CURES", "Cure", "CureCase", "Offer", "all_of", "best_cure", "find_cure", "presses"]

CURES: tuple[Cure, ...] = (
    options.AddOptions(),
    names.NameTemplate(),
    adoptions.Adopt(),
    archived.Unarchive(),
    merges.DecideMerge(),
    overrides.AllowRun(),
    overrides.AllowRecord(),
    drift.DecideDrift(),
    connection.TestConnection(),
    every_cause.CheckAgain(),
    assign.Assign(),
    every_cause.Dismiss(),
)
"""By name; those that stand first are offered first."""


def best_cure(lane: Lane, code: str, ids: Sequence[str] = ()) -> Offer | None:
    """Return the best cure for a cause of a lane, or for some records of it; None if none fits."""
    return next(iter(all_of(lane, code, ids)), None)


def all_of(lane: Lane, code: str, ids: Sequence[str] = ()) -> list[Offer]:
    """Return every cure for a cause of a lane, the best one first."""
    case = CureCase(lane, code, tuple(ids))
    return [cure.offer(case) for cure in CURES if cure.fits(code) and cure.applies(case)]


def presses(lane: Lane, code: str, user: User, ids: Sequence[str] = ()) -> list[Offer]:
    """Return the cures that a user may use, but for those that every cause has."""
    offers = all_of(lane, code, ids)
    return [
        offer
        for offer in offers
        if offer.is_open_to(user)
        and not isinstance(find_cure(offer.name, code), every_cause.OfCause)
    ]


def find_cure(name: str, code: str) -> Cure | None:
    """Return the cure with this name for a cause."""
    return next((cure for cure in CURES if cure.name == name and cure.fits(code)), None)
