"""The lock on a run: a lease with a fencing number.

A holder must renew its lease before every write. A holder whose lease was taken over has an old
fencing number, so it can no longer write. All times are the database's.
"""

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
from django.db.models.functions import Coalesce
from django.utils import timezone

from registry_sync.core.waits import wait_code
from registry_sync.models import SyncRun
from registry_sync.runs.database_clock import now_in_query

T = TypeVar("T")
NOT_WAITING = {"waiting_until": None, "waiting_code": "", "waiting_for": "", "turn_since": None}
"""The columns of a run that is not waiting."""
EXTEND = (
    f'UPDATE "{SyncRun._meta.db_table}" SET lease_until = {{}}, heartbeat = {{}} '
    "WHERE id = %s AND fence = %s AND status = %s"
)


def lease_time() -> timedelta:
    """Return how long a silent holder keeps a run: with the reconciler's 30 s, under 2 minutes."""
    return timedelta(seconds=settings.LEASE_SECONDS)


class LeaseLost(Exception):
    """Another holder has this run, or it was cancelled. Stop at once and write nothing."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write for one run, while `fence` is still the run's newest number."""

    run_id: int
    fence: int


def write_past_frozen(write: Callable[[], T]) -> T:
    """Write to a run's row, even where a process frozen in a transaction holds its lock.

    SQLite has one lock for everything, with a timeout. PostgreSQL waits forever, and its own
    timeout on idle transactions does not end one that was frozen in the middle of a message. So
    the connection of a process that has been silent for most of a lease is terminated.
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
            "AND xact_start IS NOT NULL AND state_change < clock_timestamp() - %s::interval",
            [str(lease_time() * 2 / 3)],
        )


def claim(run_id: int) -> Lease | None:
    """Claim an active run. Return None when it has a holder or is paused."""
    now = now_in_query()
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=now)
    claimable = SyncRun.objects.filter(
        free, pk=run_id, status__in=SyncRun.ACTIVE, paused_at__isnull=True
    )
    claimed = write_past_frozen(
        lambda: claimable.update(
            fence=F("fence") + 1,
            lease_until=now + lease_time(),
            lease_holder=f"{socket.gethostname()}:{os.getpid()}",
            heartbeat=now,
            started_at=Coalesce("started_at", now),
            status=SyncRun.Status.RUNNING,
            **NOT_WAITING,
        )
    )
    if not claimed:
        return None
    fence = SyncRun.objects.values_list("fence", flat=True).get(pk=run_id)
    return Lease(run_id, fence)


def renew(lease: Lease, **values: object) -> None:
    """Extend the lease, as the first statement of every write, and write other columns with it.

    Raise LeaseLost when another holder took over or the run was ended.
    """
    if values:
        now = now_in_query()
        is_current = SyncRun.objects.filter(
            pk=lease.run_id, fence=lease.fence, status=SyncRun.Status.RUNNING
        ).update(**{"lease_until": now + lease_time(), "heartbeat": now, **values})
    else:
        is_current = _extend(lease)
    if not is_current:
        raise LeaseLost(f"Run {lease.run_id} has another holder, or has ended.")


def _extend(lease: Lease) -> int:
    """Extend a lease and write nothing else; return 0 where it is no longer held, else 1.

    It begins most transactions of a run, so without a queryset, which costs ten times as much.
    """
    held = (lease.run_id, lease.fence, SyncRun.Status.RUNNING)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            clock = "STATEMENT_TIMESTAMP()"
            extended = f"{clock} + %s::interval"
            cursor.execute(EXTEND.format(extended, clock), (str(lease_time()), *held))
        else:
            now, stored = timezone.now(), connection.ops.adapt_datetimefield_value
            times = stored(now + lease_time()), stored(now)
            cursor.execute(EXTEND.format("%s", "%s"), (*times, *held))
        return cursor.rowcount


def release(
    lease: Lease,
    *,
    waiting_until: datetime | None = None,
    reason: str = "",
    **values: object,
) -> None:
    """Release the run between two slices, so that the next one can claim it at once.

    `reason` says why it waits until `waiting_until`, a time of this host. The run keeps a
    WaitReason's code with it, and the other `values` of its columns.
    """
    wait = None if waiting_until is None else waiting_until - timezone.now()
    waits = {
        "waiting_until": None if wait is None else now_in_query() + wait,
        "waiting_code": wait_code(reason),
        "waiting_for": reason,
    }
    own_run = SyncRun.objects.filter(pk=lease.run_id, fence=lease.fence)
    own_run.update(lease_until=None, turn_since=None, **waits, **values)


def save_columns(run: SyncRun, lease: Lease, **values: object) -> None:
    """Write some columns of the run under its lease, and set them on `run`. Raise LeaseLost."""
    renew(lease, **values)
    for name, value in values.items():
        setattr(run, name, value)


def is_held(run: SyncRun) -> bool:
    """Return whether a process holds the run now."""
    return SyncRun.objects.filter(pk=run.pk, lease_until__gt=now_in_query()).exists()


def is_waiting(run: SyncRun) -> bool:
    """Return whether the run waits for a time that has not come yet."""
    return SyncRun.objects.filter(pk=run.pk, waiting_until__gt=now_in_query()).exists()


def shorten_leases() -> None:
    """Shorten leases that end later than one given now would.

    After the database's clock was set back, a dead holder would keep its run for that time. A live
    holder renews its lease long before the shortened one ends.
    """
    latest = now_in_query() + lease_time()
    active = SyncRun.objects.filter(status__in=SyncRun.ACTIVE, lease_until__gt=latest)
    write_past_frozen(lambda: active.update(lease_until=latest))


def stranded() -> QuerySet[SyncRun]:
    """Return active runs that have no holder and no reason to wait.

    A heartbeat later than now is from before the clock was set back.
    """
    now, moment = now_in_query(), lease_time() / 6
    return SyncRun.objects.filter(
        Q(lease_until__isnull=True) | Q(lease_until__lt=now),
        Q(waiting_until__isnull=True) | Q(waiting_until__lte=now),
        Q(heartbeat__isnull=True)
        | Q(heartbeat__lt=now - moment)
        | Q(heartbeat__gt=now + moment)
        | Q(started_at__isnull=True, created_at__lt=now - moment),
        status__in=SyncRun.ACTIVE,
        paused_at__isnull=True,
    )
