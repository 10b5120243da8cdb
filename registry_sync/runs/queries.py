"""Questions about runs and their lanes."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import QuerySet
from django.utils import timezone

from registry_sync.core.problems import SyncError
from registry_sync.models import EntityError, Lane, SyncRun


def active() -> SyncRun | None:
    """Find the run that is queued or running for this app, if any."""
    return SyncRun.objects.of_app().filter(status__in=SyncRun.ACTIVE).first()


def good_runs(lane: Lane) -> QuerySet[SyncRun]:
    """List the runs that the next one may start from, newest first.

    Dry runs, retries, pilots and `--since` runs never count.
    """
    return lane.runs.filter(
        status__in=SyncRun.GOOD,
        kind__in=[SyncRun.Kind.INCREMENTAL, SyncRun.Kind.FULL],
        since_asked__isnull=True,
        only=[],
    ).order_by("-id")


def open_errors(lane: Lane) -> QuerySet[EntityError]:
    """List what is not in Benchling, without what a person dismissed."""
    return lane.errors.filter(closed_at__isnull=True, dismissed_at__isnull=True)


def repeats_last_failure(run: SyncRun, error: SyncError) -> bool:
    """Say whether the previous run failed for the same cause and has told so within a day."""
    told = (
        SyncRun.objects.of_same_app(run)
        .filter(pk__lt=run.pk)
        .exclude(kind=SyncRun.Kind.DRY_RUN)
        .order_by("-id")
    )
    since = timezone.now() - timedelta(days=1)
    for earlier in told[:200]:
        if earlier.status != SyncRun.Status.FAILED or earlier.error_code != error.code:
            return False
        if earlier.session_id:
            return earlier.created_at >= since
    return False


def fails_lately(run: SyncRun) -> bool:
    """Say whether the previous run failed and somebody was told within a day."""
    before = SyncRun.objects.of_same_app(run).filter(pk__lt=run.pk)
    last = before.exclude(kind=SyncRun.Kind.DRY_RUN).order_by("-id").first()
    if last is None or last.status != SyncRun.Status.FAILED:
        return False
    told = before.filter(created_at__gte=timezone.now() - timedelta(days=1))
    return told.exclude(session_id="").exists()
