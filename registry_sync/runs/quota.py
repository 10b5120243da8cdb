"""The app's own limit of objects per hour.

It leaves other integrations of the tenant their share of Benchling's limit.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from registry_sync.benchling.errors import Wait
from registry_sync.core.waits import own_limit
from registry_sync.models import Batch, SyncRun

HOUR = timedelta(hours=1)


def room(run: SyncRun, *, per_hour: int) -> int:
    """Return how many objects may still be sent in the hour that ends now."""
    return max(0, per_hour - sum(size for _, size in _sent(run)))


def wait_for_room(run: SyncRun, count: int, *, per_hour: int) -> None:
    """Raise Wait if `count` more objects would exceed the limit for the hour that ends now.

    All batches that this app has sent to this tenant count, of any run. 0 means no limit.
    """
    if not per_hour:
        return
    batches = _sent(run)
    used = sum(size for _, size in batches)
    free_at = None
    for sent_at, size in batches:
        if used + count <= per_hour:
            break
        used -= size
        free_at = sent_at
    if free_at is not None:
        raise Wait(free_at + HOUR, own_limit(per_hour))


def _sent(run: SyncRun) -> list[tuple[datetime, int]]:
    sent = Batch.objects.filter(
        run__tenant=run.tenant, run__app_id=run.app_id, sent_at__gt=timezone.now() - HOUR
    )
    rows = sent.order_by("sent_at").values_list("sent_at", "size")
    return [(at, size) for at, size in rows if at is not None]
