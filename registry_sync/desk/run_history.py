"""The history on the first page: the last runs, and records by day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import QuerySet, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from registry_sync.models import Lane, SyncRun

RUNS, DAYS = 30, 90
SEEN = (
    "kind", "trigger", "actor", "status", "read", "unchanged", "created", "updated", "failed",
    "created_at", "started_at", "finished_at", "error", "paused_at", "lane",
)  # fmt: skip
"""Columns of a run that a list shows: its mapping and position may be long."""


@dataclass(frozen=True, slots=True)
class Day:
    """What was written and refused on a day."""

    day: date
    written: int
    refused: int


def mine(lane: Lane | None = None) -> QuerySet[SyncRun]:
    """List the runs of this deployment's app, or those of one lane."""
    rows = SyncRun.objects.of_app()
    return rows.filter(lane=lane) if lane is not None else rows


def last_runs(lane: Lane | None = None, *, count: int = RUNS) -> list[SyncRun]:
    """Give the newest runs, the oldest of them first."""
    return list(mine(lane).only(*SEEN).order_by("-id")[:count])[::-1]


def days(lane: Lane | None = None, *, count: int = DAYS) -> list[Day]:
    """Give what was written and refused on each of the last days, today the last."""
    first = timezone.now().date() - timedelta(days=count - 1)
    since = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    since -= timedelta(days=count - 1)
    counted = (
        mine(lane)
        .filter(created_at__gte=since)
        .exclude(kind=SyncRun.Kind.DRY_RUN)
        .annotate(day=TruncDate("created_at"))
        .order_by()
        .values_list("day")
        .annotate(Sum("created"), Sum("updated"), Sum("failed"))
    )
    told = {day: (created + updated, failed) for day, created, updated, failed in counted}
    every = [first + timedelta(days=number) for number in range(count)]
    return [Day(day, *told.get(day, (0, 0))) for day in every]
