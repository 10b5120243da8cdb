"""Wake a worker for a comparison that someone asked for, also for one that was left behind."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from registry_sync import runs
from registry_sync.core.dotted_paths import RUN_RECONCILIATION
from registry_sync.models import Lane, ReconciledRecord, Reconciliation
from registry_sync.runs.queue import SLICE_TIMEOUT, push_slice

ATTEMPTS = 5
"""How many workers may die of a comparison before none begins it again."""
GIVEN_UP = (
    f"The worker died {ATTEMPTS} times while comparing. The operator finds the "
    "reason in the worker's log, or runs manage.py reconcile."
)


def enqueue_comparison(row: Reconciliation) -> bool:
    """Wake a worker for a comparison. Return False if none could be notified."""
    if not settings.REDIS_URL:
        return False
    job_id = f"reconciliation-{row.pk}"
    return push_slice(RUN_RECONCILIATION, row.pk, job_id, job_id, keep=3600)


def lost_comparisons() -> QuerySet[Reconciliation]:
    """Return comparisons for a worker that none may have: begun long ago, and not ended."""
    begun = runs.database_now() - runs.lease_time()
    lanes = Lane.objects.of_app().values("pk")
    return Reconciliation.objects.filter(
        lane__in=lanes, attempts__isnull=False, finished_at=None, started_at__lt=begun
    )


def enqueue_again(row: Reconciliation) -> bool:
    """Wake a worker for a lost comparison, or end one that too many workers died of.

    Return whether its job is queued or at work.
    """
    if (row.attempts or 0) < ATTEMPTS:
        return enqueue_comparison(row)
    long_ago = runs.database_now() - timedelta(seconds=SLICE_TIMEOUT) - runs.lease_time()
    dead = lost_comparisons().filter(pk=row.pk, started_at__lt=long_ago)
    if dead.update(finished_at=timezone.now(), trouble=GIVEN_UP):
        ReconciledRecord.objects.filter(reconciliation=row.pk).delete()
    return False
