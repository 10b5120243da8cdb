"""What is counted for ever: rows that have ended are added to the tallies, each once.

A row is marked when its tally includes it, so it may then be pruned. What is not marked yet is
counted when the metrics are read, so that readers need not write.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, ClassVar

from django.db.models import Count, Q, QuerySet, Sum
from django.utils import timezone

from registry_sync.models import (
    Alert,
    AlertMessage,
    Batch,
    SyncRun,
    WebhookDelivery,
    WebhookRefusal,
)
from registry_sync.monitoring.metrics import families
from registry_sync.monitoring.metrics.families import Family, bucket_of
from registry_sync.monitoring.outbox import GIVE_UP_AFTER

Numbers = dict[str, float]
"""Numbers by a metric's name and the values of its labels, each pair joined by `|`."""
Part = tuple[int | None, Numbers]
"""A lane's id, or None for the app, and what is added for it."""
SETTLED_AFTER = GIVE_UP_AFTER + timedelta(hours=1)
"""How old a message without a further attempt is when its last one has surely ended."""


def key(family: Family, *labels: str) -> str:
    """Return the key of a number in a tally."""
    return "|".join((family.name, *labels))


class Tallied(ABC):
    """A kind of rows that are counted for ever."""

    model: ClassVar[Any]

    @property
    def uncounted(self) -> QuerySet[Any]:
        """Return the rows that no tally includes yet."""
        return self.rows().filter(tallied=False).order_by("pk")

    def ended(self) -> QuerySet[Any]:
        """Return those that are left and will not change any more: a tally may include them."""
        return self.uncounted

    def counted(self) -> QuerySet[Any]:
        """Return those that are left and count already."""
        return self.ended()

    @abstractmethod
    def rows(self) -> QuerySet[Any]:
        """Return the rows of this app."""

    @abstractmethod
    def parts(self, rows: QuerySet[Any]) -> Iterator[Part]:
        """Yield what each of some rows adds."""


class Runs(Tallied):
    """Runs: their outcomes, durations, batches and waits. Dry runs add nothing."""

    model = SyncRun

    def rows(self) -> QuerySet[SyncRun]:
        return SyncRun.objects.of_app()

    def ended(self) -> QuerySet[SyncRun]:
        return self.uncounted.exclude(status__in=SyncRun.ACTIVE)

    def counted(self) -> QuerySet[SyncRun]:
        return self.uncounted  # what an active run has written counts at once

    def parts(self, rows: QuerySet[SyncRun]) -> Iterator[Part]:
        real = rows.exclude(kind__in=SyncRun.DRY)
        sent = Batch.objects.filter(run__in=real.order_by().values("pk"), sent_at__isnull=False)
        batches = dict(sent.order_by().values_list("run").annotate(Count("pk")))
        for run in real.only(*COLUMNS):
            yield run.lane_id, _of_run(run, batches.get(run.pk, 0))


COLUMNS = ("lane", "kind", "status", "created", "updated", "waits", "phase_seconds", "started_at",
           "finished_at")  # fmt: skip


def _of_run(run: SyncRun, batches: int) -> Numbers:
    found: Numbers = {
        key(families.WRITTEN): run.created + run.updated,
        key(families.BATCHES): batches,
    }
    for reason, (times, seconds) in (run.waits or {}).items():
        found[key(families.WAITS, reason)] = times
        found[key(families.WAIT_SECONDS, reason)] = seconds
    if run.is_active:
        return found
    found[key(families.RUNS, run.status)] = 1
    if run.started_at and run.finished_at:
        seconds = (run.finished_at - run.started_at).total_seconds()
        _observe(found, families.RUN_DURATION, run.kind, max(0.0, seconds))
    for phase, seconds in run.phase_seconds.items():
        _observe(found, families.PHASE_DURATION, phase, seconds)
    return found


def _observe(found: Numbers, family: Family, label: str, seconds: float) -> None:
    found[key(family, label, bucket_of(seconds))] = 1
    found[key(family, label, families.SECONDS)] = seconds


class Deliveries(Tallied):
    """Webhooks that were received."""

    model = WebhookDelivery

    def rows(self) -> QuerySet[WebhookDelivery]:
        return WebhookDelivery.objects.all()

    def parts(self, rows: QuerySet[WebhookDelivery]) -> Iterator[Part]:
        for kind in rows.values_list("type", flat=True):
            yield None, {key(families.RECEIVED, kind.replace("|", " ")): 1}


class Messages(Tallied):
    """Messages of alerts, without tests."""

    model = AlertMessage

    def rows(self) -> QuerySet[AlertMessage]:
        return AlertMessage.objects.filter(alert__in=Alert.objects.of_app().order_by())

    def ended(self) -> QuerySet[AlertMessage]:
        over = Q(next_try_at__isnull=True, created_at__lt=timezone.now() - SETTLED_AFTER)
        return self.uncounted.filter(over | Q(sent_at__isnull=False))

    def parts(self, rows: QuerySet[AlertMessage]) -> Iterator[Part]:
        for channel, sent_at in rows.values_list("channel", "sent_at"):
            outcome = "sent" if sent_at else "given up"
            yield None, {key(families.MESSAGES, channel, outcome): 1}


class Refusals(Tallied):
    """Refused webhooks. Retention adds a day's row to the tally when it deletes it."""

    model = WebhookRefusal

    def rows(self) -> QuerySet[WebhookRefusal]:
        return WebhookRefusal.objects.order_by()

    def ended(self) -> QuerySet[WebhookRefusal]:
        return WebhookRefusal.objects.none()

    def counted(self) -> QuerySet[WebhookRefusal]:
        return self.rows()

    def parts(self, rows: QuerySet[WebhookRefusal]) -> Iterator[Part]:
        for reason, count in rows.values_list("reason").annotate(Sum("count")):
            yield None, {key(families.REFUSED, reason): count}


KINDS: tuple[Tallied, ...] = (Runs(), Deliveries(), Messages(), Refusals())
