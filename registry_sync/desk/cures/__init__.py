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
    names,
    options,
    overrides,
)
from registry_sync.desk.cures.base import Case, Cure, Offer, User
from registry_sync.desk.cures.press import Press
from registry_sync.models import Lane

__all__ = ["CURES", "Case", "Cure", "Offer", "all_of", "find", "of", "presses"]

CURES: tuple[Cure, ...] = (
    options.AddOptions(),
    names.NameTemplate(),
    adoptions.Adopt(),
    archived.Unarchive(),
    overrides.AllowRun(),
    overrides.AllowRecord(),
    drift.DecideDrift(),
    connection.TestConnection(),
    every_cause.CheckAgain(),
    assign.Assign(),
    every_cause.Dismiss(),
)
"""By name; those that stand first are offered first."""


def of(lane: Lane, code: str, ids: Sequence[str] = ()) -> Offer | None:
    """Return the best cure for a cause of a lane, or for some records of it; None if none fits."""
    return next(iter(all_of(lane, code, ids)), None)


def all_of(lane: Lane, code: str, ids: Sequence[str] = ()) -> list[Offer]:
    """Return every cure for a cause of a lane, the best one first."""
    case = Case(lane, code, tuple(ids))
    return [cure.offer(case) for cure in CURES if cure.fits(code) and cure.applies(case)]


def presses(lane: Lane, code: str, user: User, ids: Sequence[str] = ()) -> list[Offer]:
    """Return the cures that have a page of their own and that a user may use."""
    offers = all_of(lane, code, ids)
    return [
        offer
        for offer in offers
        if offer.is_open_to(user) and isinstance(find(offer.name, code), Press)
    ]


def find(name: str, code: str) -> Cure | None:
    """Return the cure with this name for a cause."""
    return next((cure for cure in CURES if cure.name == name and cure.fits(code)), None)
