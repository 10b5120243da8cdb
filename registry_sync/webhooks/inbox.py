"""The life of a stored delivery: claimed by a worker, then closed, tried again or given up."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import F, Q, QuerySet
from django.utils import timezone

from registry_sync.models import WebhookDelivery
from registry_sync.runs import now_in_query

State = WebhookDelivery.State

QUEUE_AGAIN_AFTER = timedelta(seconds=10)
"""After this time, a delivery that no worker has claimed is queued again."""

LONGEST_WORK = 50
"""Seconds that a worker may spend on one delivery."""

ABANDONED_AFTER = timedelta(seconds=60)
"""After this time, a delivery that a worker claimed but did not finish may be claimed again."""

ATTEMPTS = 5


def claim_delivery(delivery_id: int) -> WebhookDelivery | None:
    """Claim a delivery to work on it.

    Return None when it is done, another worker has it, or too many have died of it.
    """
    now = now_in_query()
    free = Q(state=State.RECEIVED) | Q(state=State.WORKING, taken_at__lt=now - ABANDONED_AFTER)
    claimable = WebhookDelivery.objects.filter(free, pk=delivery_id, attempts__lt=ATTEMPTS)
    claimed = claimable.update(state=State.WORKING, taken_at=now, attempts=F("attempts") + 1)
    return WebhookDelivery.objects.get(pk=delivery_id) if claimed else None


def waiting_deliveries() -> QuerySet[WebhookDelivery]:
    """Return the deliveries that wait for their first attempt, the longest first."""
    return WebhookDelivery.objects.filter(state=State.RECEIVED, attempts=0).order_by("pk")


def next_waiting() -> int | None:
    """Return the delivery that has waited longest for its first attempt, or None."""
    return waiting_deliveries().values_list("pk", flat=True).first()


def has_waiting(*, within: timedelta) -> bool:
    """Return whether a delivery of the last while still waits for its first attempt."""
    since = now_in_query() - within
    return waiting_deliveries().filter(received_at__gt=since).exists()


def last_received() -> datetime | None:
    """Return when the last press in a canvas was received, None if there was none."""
    presses = WebhookDelivery.objects.filter(type=WebhookDelivery.PRESS)
    return presses.order_by("-pk").values_list("received_at", flat=True).first()


def left_over() -> QuerySet[WebhookDelivery]:
    """Return deliveries that no worker claimed or that a worker abandoned, within ATTEMPTS."""
    now = now_in_query()
    unclaimed = Q(state=State.RECEIVED, received_at__lt=now - QUEUE_AGAIN_AFTER)
    abandoned = Q(state=State.WORKING, taken_at__lt=now - ABANDONED_AFTER)
    rows = WebhookDelivery.objects.filter(unclaimed | abandoned, attempts__lt=ATTEMPTS)
    return rows.order_by("pk")


def given_up() -> QuerySet[WebhookDelivery]:
    """Return deliveries that workers abandoned so often that none will try again."""
    long_ago = now_in_query() - ABANDONED_AFTER
    return WebhookDelivery.objects.filter(
        state=State.WORKING, taken_at__lt=long_ago, attempts__gte=ATTEMPTS
    )


def try_again(delivery: WebhookDelivery, error: str) -> bool:
    """Let a delivery be tried again within half a minute. Return False after ATTEMPTS tries."""
    if delivery.attempts >= ATTEMPTS:
        return False
    WebhookDelivery.objects.filter(pk=delivery.pk).update(state=State.RECEIVED, error=error)
    return True


def close_delivery(
    delivery: WebhookDelivery, state: WebhookDelivery.State, error: str = ""
) -> None:
    """Record how a delivery ended."""
    WebhookDelivery.objects.filter(pk=delivery.pk).update(
        state=state, error=error, done_at=timezone.now()
    )
