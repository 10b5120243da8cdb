"""A lane's open errors, grouped by cause."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Min, Q, QuerySet

from registry_sync import runs
from registry_sync.models import EntityError, Lane
from registry_sync.reporting.catalogue import ACTORS, Cause, record_actor_key, record_cause

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """The open errors of one cause; `actors` must act, the most concerned first.

    `new` counts those that opened after the time that was asked for.
    """

    code: str
    cause: Cause
    actors: tuple[str, ...]
    count: int
    first_seen: datetime
    last_seen: datetime
    new: int = 0

    @property
    def who(self) -> tuple[str, ...]:
        """Return the labels of those who must act."""
        return tuple(ACTORS[actor].label for actor in self.actors)

    @property
    def title(self) -> str:
        return self.cause.title

    @property
    def remedy(self) -> str:
        return self.cause.remedy


def error_groups(open_errors: QuerySet[EntityError]) -> list[ErrorGroup]:
    """Return open errors by cause, the most frequent first: one query, from an index alone."""
    rows = open_errors.order_by().values_list("code", "kind", "assigned")
    return _grouped(rows.annotate(n=Count("*"), first=Min("first_seen"), last=Max("last_seen")))


def groups_by_lane(lanes: Sequence[Lane], *, new_since: datetime) -> dict[int, list[ErrorGroup]]:
    """Return the open errors of lanes by cause, by the lane's primary key, in the same way."""
    rows = runs.open_errors(*lanes).order_by().values_list("lane_id", "code", "kind", "assigned")
    new = Count("first_seen", filter=Q(first_seen__gte=new_since))
    counted = rows.annotate(n=Count("*"), first=Min("first_seen"), last=Max("last_seen"), new=new)
    by_lane: dict[int, list[Row]] = {}
    for lane_id, *row in counted if lanes else ():
        by_lane.setdefault(lane_id, []).append(tuple(row))
    return {lane_id: _grouped(rows) for lane_id, rows in by_lane.items()}


def groups_with_examples(lane: Lane | None, *, most: int) -> list[tuple[ErrorGroup, EntityError]]:
    """Return a lane's most frequent groups, each with its oldest error."""
    if lane is None:
        return []
    open_errors = runs.open_errors(lane)
    return [
        (group, open_errors.filter(code=group.code).order_by("first_seen", "pk")[0])
        for group in error_groups(open_errors)[:most]
    ]


def _grouped(rows: Iterable[Row]) -> list[ErrorGroup]:
    by_code: dict[str, list[Row]] = {}
    for code, *row in rows:
        by_code.setdefault(code, []).append(tuple(row))
    found = [_group(code, parts) for code, parts in by_code.items()]
    return sorted(found, key=lambda group: (-group.count, group.code))


def _group(code: str, parts: Iterable[Row]) -> ErrorGroup:
    """Return a group of rows of kind, assigned, count, first and last time, and new ones."""
    parts = sorted(parts, key=lambda part: -part[2])
    return ErrorGroup(
        code=code,
        cause=record_cause(code),
        actors=tuple(dict.fromkeys(record_actor_key(code, kind, at) for kind, at, *_ in parts)),
        count=sum(part[2] for part in parts),
        first_seen=min(part[3] for part in parts),
        last_seen=max(part[4] for part in parts),
        new=sum(part[5] for part in parts if len(part) > 5),
    )
