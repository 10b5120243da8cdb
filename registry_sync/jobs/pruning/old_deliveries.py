"""What came from Benchling's webhooks, and what was sent as alerts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Exists, Max, OuterRef, QuerySet

from registry_sync.jobs.pruning.kind import Pruned
from registry_sync.models import Alert, AlertMessage, WebhookDelivery, WebhookRefusal
from registry_sync.monitoring.metrics import tallies
from registry_sync.monitoring.metrics.counted_rows import Messages

State = WebhookDelivery.State
SETTING = "KEEP_DELIVERIES_DAYS"


class OldDeliveries(Pruned):
    """Webhooks that were processed. The last press stays: doctor says when it was."""

    name, setting = "deliveries", SETTING

    def rows(self, before: datetime) -> QuerySet[WebhookDelivery]:
        over = WebhookDelivery.objects.filter(
            received_at__lt=before, state__in=[State.DONE, State.IGNORED, State.FAILED]
        )
        presses = WebhookDelivery.objects.filter(type=WebhookDelivery.PRESS)
        return over.exclude(pk=presses.aggregate(last=Max("pk"))["last"]).order_by("pk")

    def counted(self, before: datetime) -> QuerySet[WebhookDelivery]:
        return self.rows(before).filter(tallied=True)


class OldRefusals(Pruned):
    """Days' counts of refused webhooks; the metrics keep their sums."""

    name, setting = "refused_deliveries", SETTING

    def rows(self, before: datetime) -> QuerySet[WebhookRefusal]:
        return WebhookRefusal.objects.filter(day__lt=before.date()).order_by("pk")

    def delete(self, pks: Sequence[int], before: datetime) -> int:
        tallies.add_refused(self.rows(before).filter(pk__in=pks).order_by())
        return super().delete(pks, before)


class Alerts(Pruned):
    """Alerts that are over, with their messages."""

    name, setting = "alerts", SETTING

    def rows(self, before: datetime) -> QuerySet[Alert]:
        messages = Messages()
        unsent = messages.uncounted.exclude(pk__in=messages.ended().values("pk"))
        over = Alert.objects.of_app().filter(ended_at__lt=before)
        return over.filter(~Exists(unsent.filter(alert=OuterRef("pk")))).order_by("pk")

    def counted(self, before: datetime) -> QuerySet[Alert]:
        uncounted = AlertMessage.objects.filter(alert=OuterRef("pk"), tallied=False)
        return self.rows(before).filter(~Exists(uncounted))


class TestMessages(Pruned):
    """Messages that someone sent to test a channel."""

    name, setting = "test_messages", SETTING

    def rows(self, before: datetime) -> QuerySet[AlertMessage]:
        return AlertMessage.objects.filter(alert=None, created_at__lt=before).order_by("pk")
