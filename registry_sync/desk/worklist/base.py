"""What one card of the worklist is, and what every kind of card may look at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any, ClassVar

from django.db.models import Count, Min, Q, QuerySet
from django.urls import reverse

from registry_sync import runs
from registry_sync.desk.cures import Offer
from registry_sync.models import Lane
from registry_sync.monitoring.alert_recipients import Notified
from registry_sync.monitoring.health import Health, Service
from registry_sync.reporting.catalogue import ACTORS, ActorKey
from registry_sync.reporting.error_groups import ErrorGroup


class Gravity(IntEnum):
    """How grave a card is; the smaller, the graver."""

    STOPPED = 0
    BEHIND = 1
    WAITING = 2
    NOTE = 3

    @property
    def pill(self) -> str:
        """Return the class by which desk.css colors it."""
        return ("bad", "warning", "active", "quiet")[self]

    @property
    def sign(self) -> str:
        """Return the sign by which it is known without colour."""
        return ("✕", "!", "…", "i")[self]

    @property
    def word(self) -> str:
        """Return what it says of the sync."""
        return ("stopped", "behind", "waits", "note")[self]


@dataclass(frozen=True, slots=True)
class WorkCard:
    """One thing to do.

    `actors` are keys of ACTORS, the one who acts first at the beginning. `address` leads to what
    the card is about, `awaited` names the records that it waits for, each with its page. `new`
    counts those of `count` that came within a day. The worklist fills in `lane_name` and leaves the
    presses that a user may use.
    """

    title: str
    gravity: Gravity
    actors: tuple[str, ...]
    text: str = ""
    lane: Lane | None = None
    count: int | None = None
    since: datetime | None = None
    new: int = 0
    address: str = ""
    presses: tuple[Offer, ...] = ()
    awaited: Sequence[tuple[str, str]] = ()
    lane_name: str = ""

    @property
    def who(self) -> str:
        """Return who acts, in words."""
        return ", or ".join(ACTORS[actor].label for actor in self.actors)


@dataclass(frozen=True, slots=True)
class Overview:
    """What cards are made from, read once for the whole page.

    Health and causes are by a lane's primary key; before the first run, health is by 0.
    """

    names: runs.LaneNames
    lanes: Sequence[Lane]
    service: Service
    health: Mapping[int, Health]
    causes: Mapping[int, Sequence[ErrorGroup]]
    notified: Notified
    now: datetime
    new_since: datetime

    def of_lane(self, lane: Lane | None) -> str:
        """Return what an address needs to name a lane where there are several; else ""."""
        return f"lane={lane.pk}" if lane is not None and self.names.several else ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Rows of a lane that wait for a decision."""

    lane: Lane
    count: int
    since: datetime
    new: int


class CardKind:
    """One kind of card. To add one, write a class and add it to CARD_KINDS."""

    name: ClassVar[str]

    def cards(self, overview: Overview) -> Iterable[WorkCard]:
        """Return its cards for the lanes of the page. The number of queries must be bounded."""
        raise NotImplementedError


def rows_waiting(rows: QuerySet[Any], found: str, overview: Overview) -> list[Waiting]:
    """Return rows that wait, by lane: one query. `found` is the column of the time they came."""
    by_lane = {lane.pk: lane for lane in overview.lanes}
    new = Count("pk", filter=Q(**{f"{found}__gte": overview.new_since}))
    counted = (
        rows.filter(lane__in=list(by_lane))
        .order_by()
        .values_list("lane_id")
        .annotate(n=Count("pk"), first=Min(found), new=new)
    )
    return [Waiting(by_lane[key], count, first, new) for key, count, first, new in counted]


def link(name: str, *parts: Any, query: str = "") -> str:
    """Return the address of a page of the desk."""
    address = reverse(f"admin:registry_sync_{name}", args=parts)
    return f"{address}?{query}" if query else address


def press(label: str, address: str, permission: str, *, asks: bool = False) -> Offer:
    """Return a press that leads to `address`; `permission` is a codename of this app."""
    name, permissions = label.lower().replace(" ", "-"), (f"registry_sync.{permission}",)
    return Offer(name, label, address, permissions, asks)


def start_press(action: str, label: str, query: str = "") -> Offer:
    """Return the press that starts a run: sync, full, dry-run or retry."""
    return press(label, link("syncrun_start", action, query=query), "add_syncrun", asks=True)


def actor_or(actors: Sequence[ActorKey], other: ActorKey) -> tuple[ActorKey, ...]:
    """Return who acts, or `other` where the catalogue names no one."""
    return tuple(actors) or (other,)
