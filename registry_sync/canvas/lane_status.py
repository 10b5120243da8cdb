"""How a lane stands, kept apart from what runs beside it for single records.

Someone's *Sync just this one* says nothing about the others' sync, so it does not take its place.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.db.models import QuerySet

from registry_sync import runs
from registry_sync.canvas import text as words
from registry_sync.canvas.queue_place import place_in_queue
from registry_sync.models import SyncRun
from registry_sync.runs import estimate
from registry_sync.sync.plans.lifecycle import waiting_plan

Kind = SyncRun.Kind
PLAN_WAITS = (
    "A plan waits: changes are written once a second person has signed them. Ask your integration "
    "owner."
)


@dataclass(frozen=True, slots=True)
class LaneStatus:
    """The status of a lane, from its runs.

    `run` is the sync of all records that is under way, or else the one that ended last. `beside` is
    what is under way beside it (single records, a retry, a preview), or else a retry since.
    """

    run: SyncRun | None
    beside: SyncRun | None = None

    def lines(self, *, attended: bool) -> list[str]:
        """Return the status in sentences; none where the lane was never synced."""
        shown = [run for run in (self.run, self.beside) if run is not None]
        sentences = [run_sentence(run, attended=attended) for run in shown]
        lane = next((run.lane for run in shown if run.lane is not None), None)
        return sentences + ([PLAN_WAITS] if waiting_plan(lane) is not None else [])


def shown_run(rows: QuerySet[SyncRun]) -> SyncRun | None:
    """Return the run to show: the active one, else the last that was no dry run."""
    newest = rows.order_by("-id")
    active = newest.filter(status__in=SyncRun.ACTIVE).values_list("pk", flat=True).first()
    shown = newest.filter(pk=active) if active else newest.exclude(kind__in=SyncRun.DRY)
    return shown.select_related("lane").first()


def lane_status(rows: QuerySet[SyncRun], shown: SyncRun | None = None) -> LaneStatus:
    """Return the status that the runs of a lane, or of the only lane, give.

    `shown` is what `shown_run` returns for them, where the caller has read it.
    """
    shown = shown or shown_run(rows)
    if shown is None or runs.is_whole(shown):
        return LaneStatus(shown)
    active = shown if shown.is_active else None
    ended = rows.select_related("lane").order_by("-id").exclude(kind__in=SyncRun.DRY)
    ended = ended.exclude(status__in=SyncRun.ACTIVE)
    whole = runs.whole_runs(ended).first()
    if active is not None or whole is None:
        return LaneStatus(whole or ended.first(), active)
    retries = ended.filter(kind=Kind.RETRY, only=[], pk__gt=whole.pk)
    return LaneStatus(whole, retries.first())


def run_sentence(run: SyncRun, *, attended: bool) -> str:
    """Return how a run is under way, or how it ended."""
    if not run.is_active:
        return words.ended(run)
    time_left = estimate.time_left_sentence(run, per_hour=settings.OBJECTS_PER_HOUR)
    queued = place_in_queue(run) if run.started_at is None and attended else ""
    return words.run_underway(run, left=time_left, attended=attended, queued=queued)
