"""Webhooks from Benchling, and the canvases that scientists see there."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from registry_sync.models.app_scope import AppQuerySet
from registry_sync.models.lanes import Lane
from registry_sync.models.runs import SyncRun


class CanvasQuerySet(AppQuerySet["Canvas"]):
    """Canvases, and which of them no longer say how the lanes stand."""

    def outdate(self) -> int:
        """Let the reconciler draw this app's recent canvases again. Return how many.

        Call it where a decision changes what they say and no run follows, which would draw them.
        """
        recent = self.of_app().order_by("-used_at").values_list("pk", flat=True)[: Canvas.RECENT]
        return self.filter(pk__in=list(recent)).update(outdated_at=timezone.now())


class Canvas(models.Model):
    """A canvas in Benchling: what was requested in it, and what was drawn last."""

    RECENT = 20
    """Canvases used last, which are kept up to date although no one pressed a button in them."""

    tenant = models.CharField(max_length=255)
    app_id = models.CharField(max_length=64)
    canvas_id = models.CharField(max_length=64, unique=True)
    feature_id = models.CharField(max_length=64, blank=True)
    resource_id = models.CharField(max_length=64, blank=True)
    lane = models.ForeignKey(
        Lane, null=True, blank=True, on_delete=models.SET_NULL, related_name="+",
        help_text="The lane that was chosen in it; empty: all.",
    )  # fmt: skip
    run = models.ForeignKey(
        SyncRun, null=True, blank=True, on_delete=models.SET_NULL, related_name="canvases",
        help_text="The run that was started or joined from it.",
    )  # fmt: skip
    preview = models.ForeignKey(
        SyncRun, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    wanted = models.JSONField(
        default=list, db_default=[], blank=True,
        help_text="The records that were asked to be synced in it: lane and external id.",
    )  # fmt: skip
    wanted_at = models.DateTimeField(null=True, blank=True)
    note = models.TextField(blank=True)
    asked = models.CharField(max_length=255, blank=True)
    standing = models.TextField(blank=True)
    chip = models.CharField(max_length=64, blank=True)
    notice = models.TextField(blank=True, help_text="What was drawn about who is missing.")
    used_at = models.DateTimeField()
    drawn_at = models.DateTimeField(null=True, blank=True)
    outdated_at = models.DateTimeField(
        null=True, blank=True, help_text="When something was decided that it does not show yet."
    )
    refusal = models.TextField(
        blank=True, db_default="", help_text="What Benchling said when it refused to draw it last."
    )
    refusals = models.IntegerField(
        default=0, db_default=0, help_text="How often in a row Benchling refused to draw it."
    )
    rests_until = models.DateTimeField(
        null=True, blank=True, help_text="When Benchling is asked again after a refusal."
    )
    drawn_run = models.ForeignKey(
        SyncRun, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    drawn_status = models.CharField(max_length=24, blank=True)

    objects = models.Manager.from_queryset(CanvasQuerySet)()

    class Meta:
        verbose_name_plural = "canvases"
        indexes = (models.Index(fields=["tenant", "app_id", "-used_at"], name="canvas_used"),)

    def __str__(self) -> str:
        return self.canvas_id

    @property
    def is_only_outdated(self) -> bool:
        """Whether it must be drawn again although no one pressed a button since it was drawn."""
        is_drawn = self.drawn_at is not None and self.drawn_at >= self.used_at
        return is_drawn and self.outdated_at is not None


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
