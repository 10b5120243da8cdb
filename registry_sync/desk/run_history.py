"""The history on the first page: the last runs, and records by day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import (
    BooleanField,
    Count,
    DateField,
    ExpressionWrapper,
    Func,
    Q,
    QuerySet,
    Sum,
)
from django.utils import timezone

from registry_sync import runs
from registry_sync.models import Lane, SyncRun

RUNS, DAYS, STRIP = 30, 90, 14
"""Runs, days, and those days whose runs are counted one by one."""
SEEN = (
    "kind", "trigger", "actor", "read", "unchanged", "created", "updated", "failed",
    "created_at", "started_at", "finished_at", "error", "lane", "warnings", "reads_all",
    *runs.HOLD_UP_COLUMNS,
)  # fmt: skip
"""Columns of a run that a list shows: its mapping and position may be long."""


class DayOf(Func):
    """The day of a time, in UTC, as the database stores it.

    Django's own function is Python on SQLite, called for each row.
    """

    function = "DATE"
    output_field = DateField()


@dataclass(frozen=True, slots=True)
class Day:
    """What was written and refused on a day, and how many runs there were; no dry runs."""

    day: date
    written: int
    refused: int
    runs: int = 0
    failed: int = 0

    @property
    def pill(self) -> str:
        """Return how the day looks: bad if a run failed, quiet if there was none."""
        return "bad" if self.failed else "good" if self.runs else "quiet"

    @property
    def sign(self) -> str:
        """Return the sign by which this is known without colour."""
        return {"bad": "✕", "good": "✓", "quiet": "–"}[self.pill]


def runs_of_this_app(lane: Lane | None = None) -> QuerySet[SyncRun]:
    """Return the runs of this deployment's app, or those of one lane."""
    rows = SyncRun.objects.of_app()
    return rows.filter(lane=lane) if lane is not None else rows


def last_runs(lane: Lane | None = None, *, count: int = RUNS) -> list[SyncRun]:
    """Return the newest runs, the oldest of them first."""
    some = ExpressionWrapper(~Q(only=[]), output_field=BooleanField())
    rows = runs_of_this_app(lane).only(*SEEN).annotate(some_records=some)
    newest: list[SyncRun] = [run for run in rows.order_by("-id")[:count]]  # noqa: C416
    return newest[::-1]


def is_partial_run(run: SyncRun) -> bool:
    """Return whether a run of `last_runs` is of some records only: a retry, or single records."""
    return bool(getattr(run, "some_records", False)) or run.kind == SyncRun.Kind.RETRY


def days(lane: Lane | None = None, *, count: int = DAYS) -> list[Day]:
    """Return what was written and refused on each of the last days, today the last."""
    first = timezone.now().date() - timedelta(days=count - 1)
    since = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    since -= timedelta(days=count - 1)
    counted = (
        runs_of_this_app(lane)
        .filter(created_at__gte=since)
        .exclude(kind__in=SyncRun.DRY)
        .annotate(day=DayOf("created_at"))
        .order_by()
        .values_list("day")
        .annotate(
            Sum("created"), Sum("updated"), Sum("failed"), Count("pk"),
            bad=Count("pk", filter=Q(status=SyncRun.Status.FAILED)),
        )
    )  # fmt: skip
    by_day = {day: (made + changed, *rest) for day, made, changed, *rest in counted}
    every = [first + timedelta(days=number) for number in range(count)]
    return [Day(day, *by_day.get(day, (0, 0))) for day in every]
