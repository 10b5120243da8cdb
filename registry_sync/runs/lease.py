"""The lock: a lease with a fencing number."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from registry_sync.core.waits import wait_code
from registry_sync.models import SyncRun

T = TypeVar("T")
NOT_WAITING = {"waiting_until": None, "waiting_code": "", "waiting_for": ""}
"""The columns of a run that waits for nothing."""


def lease_time() -> timedelta:
    """Say how long a silent holder keeps a run: with the reconciler's 30 s, under two minutes."""
    return timedelta(seconds=settings.LEASE_SECONDS)


class LeaseLost(Exception):
    """Another holder has this run, or it was cancelled: stop at once and write nothing."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write for one run, as long as `fence` is still the run's newest number."""

    run_id: int
    fence: int


def write_past_frozen(write: Callable[[], T]) -> T:
    """Write to a run's row, which a process that was frozen in a transaction may hold locked.

    SQLite has one lock for everything and a timeout on it. PostgreSQL waits for ever, and its own
    timeout on idle transactions does not end one that was frozen in the middle of a message; so
    we end the connection of a process that has been silent for most of a lease.
    """
    deadline = time.monotonic() + 2 * lease_time().total_seconds()
    while True:
        try:
            with transaction.atomic():
                if connection.vendor == "postgresql":
                    with connection.cursor() as cursor:
                        cursor.execute("SELECT set_config('lock_timeout', '500ms', true)")
                return write()
        except OperationalError:
            if connection.vendor != "postgresql" or time.monotonic() > deadline:
                raise
            _end_frozen_connections()


def _end_frozen_connections() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
            "current_database() AND usename = current_user AND wait_event_type = 'Client' "
            "AND application_name = current_setting('application_name') "
            "AND xact_start IS NOT NULL AND state_change < %s",
            [timezone.now() - lease_time() * 2 / 3],
        )


def claim(run_id: int) -> Lease | None:
    """Take the lease of an active run that nobody holds; None when somebody does, or it pauses."""
    now = timezone.now()
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=now)
    claimable = SyncRun.objects.filter(
        free, pk=run_id, status__in=SyncRun.ACTIVE, paused_at__isnull=True
    )
    taken = write_past_frozen(
        lambda: claimable.update(
            fence=F("fence") + 1,
            lease_until=now + lease_time(),
            lease_holder=f"{socket.gethostname()}:{os.getpid()}",
            heartbeat=now,
            status=SyncRun.Status.RUNNING,
            **NOT_WAITING,
        )
    )
    if not taken:
        return None
    SyncRun.objects.filter(pk=run_id, started_at__isnull=True).update(started_at=now)
    fence = SyncRun.objects.values_list("fence", flat=True).get(pk=run_id)
    return Lease(run_id, fence)


def renew(lease: Lease) -> None:
    """Prove that the lease is still ours and prolong it; the first statement of every write.

    Raises LeaseLost when another holder took over or the run was ended.
    """
    now = timezone.now()
    held = SyncRun.objects.filter(
        pk=lease.run_id, fence=lease.fence, status=SyncRun.Status.RUNNING
    ).update(lease_until=now + lease_time(), heartbeat=now)
    if not held:
        raise LeaseLost(f"Run {lease.run_id} is no longer ours.")


def release(lease: Lease, *, waiting_until: datetime | None = None, reason: str = "") -> None:
    """Give the run back between two slices, so that the next one can claim it at once.

    `reason` is why it waits until then, best a WaitReason; the run keeps its code and its words.
    """
    waits = {
        "waiting_until": waiting_until,
        "waiting_code": wait_code(reason),
        "waiting_for": reason,
    }
    held = SyncRun.objects.filter(pk=lease.run_id, fence=lease.fence)
    held.update(lease_until=None, **waits)


def save(run: SyncRun, lease: Lease, **values: object) -> None:
    """Write some columns of the run under its lease, and set them on `run`."""
    with transaction.atomic():
        renew(lease)
        SyncRun.objects.filter(pk=run.pk).update(**values)
    for name, value in values.items():
        setattr(run, name, value)


def stranded() -> QuerySet[SyncRun]:
    """List active runs that nobody works on and that need not wait: their lease has run out."""
    now = timezone.now()
    quiet = now - lease_time() / 6
    return SyncRun.objects.filter(
        Q(lease_until__isnull=True) | Q(lease_until__lt=now),
        Q(waiting_until__isnull=True) | Q(waiting_until__lte=now),
        Q(heartbeat__isnull=True) | Q(heartbeat__lt=quiet),
        status__in=SyncRun.ACTIVE,
        paused_at__isnull=True,
        created_at__lt=quiet,
    )
