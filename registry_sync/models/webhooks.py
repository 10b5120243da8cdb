"""Webhooks from Benchling."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class WebhookDelivery(models.Model):
    """One verified webhook. Benchling delivers at least once; the id makes it unique."""

    class State(models.TextChoices):
        RECEIVED = "received"
        WORKING = "working"
        DONE = "done"
        IGNORED = "ignored"
        FAILED = "failed"

    PRESS = "v2.canvas.userInteracted"
    """The type of a press on a canvas's button."""

    webhook_id = models.CharField(max_length=255, unique=True)
    type = models.CharField(max_length=100)
    message = models.JSONField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.RECEIVED)
    error = models.TextField(blank=True)
    attempts = models.IntegerField(default=0)
    received_at = models.DateTimeField()
    taken_at = models.DateTimeField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)
    tallied = models.BooleanField(
        default=False, db_default=False, help_text="The tallies include it."
    )

    class Meta:
        ordering = ("-id",)
        verbose_name_plural = "webhook deliveries"
        indexes = (
            models.Index(fields=["state", "received_at"], name="delivery_state"),
            models.Index(fields=["id"], condition=Q(tallied=False), name="delivery_untallied"),
        )

    def __str__(self) -> str:
        return f"{self.type} ({self.webhook_id})"


class WebhookRefusal(models.Model):
    """How many deliveries were rejected on a day, by reason. Nothing else of them is stored."""

    day = models.DateField()
    reason = models.CharField(max_length=40)
    count = models.BigIntegerField(default=0)

    class Meta:
        ordering = ("-day", "reason")
        constraints = (models.UniqueConstraint(fields=["day", "reason"], name="refusal_day"),)

    def __str__(self) -> str:
        return f"{self.day} {self.reason}: {self.count}"
