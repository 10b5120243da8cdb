"""Stored deliveries: claimed, closed, put back, given up."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import F, Q, QuerySet
from django.utils import timezone

from registry_sync.models import WebhookDelivery
from registry_sync.webhooks.receive import State

UNTOLD = timedelta(seconds=10)
"""After which a delivery that nobody took is told to the workers again."""

LONGEST_WORK = 50
"""Seconds that a worker may spend on one delivery."""

PATIENCE = timedelta(seconds=60)
"""After which a delivery that a worker took and did not finish is taken by another."""

ATTEMPTS = 5


def claim(delivery_id: int) -> WebhookDelivery | None:
    """Take a delivery to work on it; None when it is done, or somebody has it."""
    now = timezone.now()
    free = Q(state=State.RECEIVED) | Q(state=State.WORKING, taken_at__lt=now - PATIENCE)
    taken = WebhookDelivery.objects.filter(free, pk=delivery_id).update(
        state=State.WORKING, taken_at=now, attempts=F("attempts") + 1
    )
    return WebhookDelivery.objects.get(pk=delivery_id) if taken else None


def left_over() -> QuerySet[WebhookDelivery]:
    """List deliveries that no worker was told of, or that one died with; not for ever."""
    now = timezone.now()
    untold = Q(state=State.RECEIVED, received_at__lt=now - UNTOLD)
    dead = Q(state=State.WORKING, taken_at__lt=now - PATIENCE)
    return WebhookDelivery.objects.filter(untold | dead, attempts__lt=ATTEMPTS).order_by("pk")


def given_up() -> QuerySet[WebhookDelivery]:
    """List deliveries with which so many workers died that no other one shall."""
    long_ago = timezone.now() - PATIENCE
    return WebhookDelivery.objects.filter(
        state=State.WORKING, taken_at__lt=long_ago, attempts__gte=ATTEMPTS
    )


def put_back(delivery: WebhookDelivery, error: str) -> bool:
    """Let a delivery be tried again within half a minute; False where it was often enough."""
    if delivery.attempts >= ATTEMPTS:
        return False
    WebhookDelivery.objects.filter(pk=delivery.pk).update(state=State.RECEIVED, error=error)
    return True


def close(delivery: WebhookDelivery, state: WebhookDelivery.State, error: str = "") -> None:
    """Write down what became of a delivery."""
    WebhookDelivery.objects.filter(pk=delivery.pk).update(
        state=state, error=error, done_at=timezone.now()
    )
