"""Queries on runs and their errors."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from registry_sync.core.problems import SyncError
from registry_sync.models import EntityError, Lane, SyncRun


def active(lane: Lane | None = None) -> SyncRun | None:
    """Return the run that is queued or running for a lane; without one, for any lane of this app.

    A run that has not found its lane yet counts for every lane.
    """
    rows = SyncRun.objects.of_app().filter(status__in=SyncRun.ACTIVE).select_related("lane")
    return (rows if lane is None else rows.filter(Q(lane=lane) | Q(lane__isnull=True))).first()


def active_runs() -> list[SyncRun]:
    """Return every run that is queued or running for this app, in the order of their lanes."""
    rows = SyncRun.objects.of_app().filter(status__in=SyncRun.ACTIVE).select_related("lane")
    return list(rows.order_by("lane__position", "pk"))


def whole_runs(rows: QuerySet[SyncRun]) -> QuerySet[SyncRun]:
    """Keep the runs that write whatever has changed: no dry runs, retries, pilots or `--since`."""
    return rows.filter(kind__in=SyncRun.WHOLE, since_asked__isnull=True, only=[])


def is_whole(run: SyncRun) -> bool:
    """Return whether a run is one of those that `whole_runs` keeps."""
    return run.kind in SyncRun.WHOLE and run.since_asked is None and not run.only


def good_runs(lane: Lane) -> QuerySet[SyncRun]:
    """Return the runs that the next one may start from, newest first.

    Dry runs, retries, pilots and `--since` runs do not count, nor do those that left writes which
    the next run would not read again.
    """
    return whole_runs(lane.runs.filter(status__in=SyncRun.GOOD, held=0)).order_by("-id")


def open_errors(*lanes: Lane) -> QuerySet[EntityError]:
    """Return the errors of lanes' records that are not in Benchling, without dismissed ones."""
    alone = len(lanes) == 1
    return only_open(lanes[0].errors.all() if alone else EntityError.objects.filter(lane__in=lanes))


def only_open(errors: QuerySet[EntityError]) -> QuerySet[EntityError]:
    """Keep the errors that are neither closed nor dismissed."""
    return errors.filter(closed_at__isnull=True, dismissed_at__isnull=True)


def only_dismissed(errors: QuerySet[EntityError]) -> QuerySet[EntityError]:
    """Keep the errors that are dismissed, and that no run has closed since."""
    return errors.filter(closed_at__isnull=True, dismissed_at__isnull=False)


def repeats_last_failure(run: SyncRun, error: SyncError) -> bool:
    """Return whether earlier runs failed for the same cause and one reported it within a day."""
    since = timezone.now() - timedelta(days=1)
    for earlier in _before(run).exclude(kind__in=SyncRun.DRY).order_by("-id")[:200]:
        if earlier.status != SyncRun.Status.FAILED or earlier.error_code != error.code:
            return False
        if earlier.session_id:
            return earlier.created_at >= since
    return False


def started_by(run: SyncRun) -> str:
    """Return who started a run: someone, the schedule, or another run that it follows."""
    people = (SyncRun.Trigger.ADMIN, SyncRun.Trigger.CANVAS)
    return run.actor or ("another run" if run.trigger in people else "the schedule")


def fails_lately(run: SyncRun) -> bool:
    """Return whether the previous run failed and a failure was reported within a day."""
    before = _before(run)
    statuses = before.exclude(kind__in=SyncRun.DRY).order_by("-id").values_list("status", flat=True)
    if statuses.first() != SyncRun.Status.FAILED:
        return False
    recent = before.filter(created_at__gte=timezone.now() - timedelta(days=1))
    return recent.exclude(session_id="").exists()


def _before(run: SyncRun) -> QuerySet[SyncRun]:
    """Return the earlier runs of a run's lane, and those that ended before they found theirs."""
    before = SyncRun.objects.of_same_app(run).filter(pk__lt=run.pk)
    return before.filter(Q(lane=run.lane_id) | Q(lane=None)) if run.lane_id else before
