"""Whom to tell, what was told, and what `doctor` found."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from registry_sync.models.app_scope import AppQuerySet


class AlertSettings(models.Model):
    """Whom to tell of a change of state, and from when on. One row an app in a tenant."""

    tenant = models.CharField(max_length=255)
    app_id = models.CharField(max_length=64)
    emails = models.TextField(blank=True, help_text="Addresses, one a line.")
    webhook_url = models.URLField(
        blank=True, max_length=500, help_text="Gets a POST, signed by the app's own key."
    )
    no_good_run_hours = models.PositiveIntegerField(
        default=24, help_text="Tell when no run was good for this many hours."
    )
    refused_percent = models.PositiveIntegerField(
        default=5, help_text="Tell when more than this share of a run's records is refused."
    )
    error_days = models.PositiveIntegerField(
        default=7, help_text="Tell when an error is open for longer than this many days."
    )
    transient_runs = models.PositiveIntegerField(
        default=3, help_text="Tell of failures that may pass only after this many runs in a row."
    )

    objects = models.Manager.from_queryset(AppQuerySet)()

    class Meta:
        verbose_name = verbose_name_plural = "alert settings"
        constraints = (
            models.UniqueConstraint(fields=["tenant", "app_id"], name="one_alert_settings"),
        )

    def __str__(self) -> str:
        return "Alert settings"


class Alert(models.Model):
    """A state worth telling of, from its beginning to its end; told once at each."""

    class What(models.TextChoices):
        FAILING = "failing", "runs fail"
        STALE = "stale", "no good run"
        REFUSED = "refused", "many records refused"
        OLD_ERROR = "old error", "an error is open for long"

    tenant = models.CharField(max_length=255)
    app_id = models.CharField(max_length=64)
    what = models.CharField(max_length=12, choices=What.choices)
    text = models.TextField()
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_text = models.TextField(blank=True)

    objects = models.Manager.from_queryset(AppQuerySet)()

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                fields=["tenant", "app_id", "what"],
                condition=Q(ended_at__isnull=True),
                name="one_open_alert",
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_what_display()} since {self.began_at:%Y-%m-%d %H:%M} UTC"


class AlertMessage(models.Model):
    """One message to one receiver, kept until it is sent."""

    class Channel(models.TextChoices):
        EMAIL = "e-mail"
        WEBHOOK = "webhook"

    alert = models.ForeignKey(
        Alert, null=True, blank=True, on_delete=models.CASCADE, related_name="messages",
        help_text="Empty: a test.",
    )  # fmt: skip
    channel = models.CharField(max_length=8, choices=Channel.choices)
    receiver = models.CharField(max_length=500)
    subject = models.CharField(max_length=200)
    body = models.TextField()
    created_at = models.DateTimeField()
    attempts = models.IntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)

    class Meta:
        ordering = ("-id",)
        indexes = (models.Index(fields=["sent_at", "next_try_at"], name="alert_unsent"),)

    def __str__(self) -> str:
        return self.subject


class Checkup(models.Model):
    """What `doctor` found when it looked at the whole set-up, point by point."""

    tenant = models.CharField(max_length=255)
    app_id = models.CharField(max_length=64)
    points = models.JSONField(default=list, help_text="Name, state, finding, remedy.")
    actor = models.CharField(max_length=150, blank=True)
    at = models.DateTimeField()

    objects = models.Manager.from_queryset(AppQuerySet)()

    class Meta:
        ordering = ("-id",)
        verbose_name = "check-up"

    def __str__(self) -> str:
        return f"Check-up of {self.at:%Y-%m-%d %H:%M} UTC"
