"""Who is notified of what, and which alerts were sent."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from registry_sync.models.app_scope import AppQuerySet
from registry_sync.models.lanes import Lane


class AlertSettings(models.Model):
    """Who is notified of alerts, and from which limits on. One row per app in a tenant."""

    class ChatKind(models.TextChoices):
        SLACK = "slack", "Slack, by an incoming webhook"
        TEAMS = "teams", "Teams, by a workflow’s webhook"

    tenant = models.CharField(max_length=255)
    app_id = models.CharField(max_length=64)
    emails = models.TextField(blank=True, help_text="E-mail addresses, one per line.")
    webhook_url = models.URLField(
        blank=True,
        max_length=500,
        help_text="Receives a POST that is signed with the app's private key.",
    )
    chat_kind = models.CharField(max_length=8, blank=True, choices=ChatKind.choices)
    chat_address = models.TextField(
        blank=True, help_text="Encrypted: whoever has the address can post to the chat."
    )
    chat_host = models.CharField(
        "chat posts to", max_length=255, blank=True, help_text="The host of the stored address."
    )
    no_good_run_hours = models.PositiveIntegerField(
        default=24, help_text="Notify when no run has succeeded for this many hours."
    )
    refused_percent = models.PositiveIntegerField(
        default=5, help_text="Notify when more than this percentage of a run's records is refused."
    )
    error_days = models.PositiveIntegerField(
        default=7, help_text="Notify when an error has been open for more than this many days."
    )
    transient_runs = models.PositiveIntegerField(
        default=3, help_text="Notify of transient failures only after this many in a row."
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
    """A problem that recipients are notified of once when it begins and once when it ends."""

    class What(models.TextChoices):
        FAILING = "failing", "runs fail"
        STALE = "stale", "no good run"
        REFUSED = "refused", "many records refused"
        OLD_ERROR = "old error", "old error open"

    tenant = models.CharField(max_length=255)
    app_id = models.CharField(max_length=64)
    lane = models.ForeignKey(
        Lane, null=True, blank=True, on_delete=models.PROTECT, related_name="alerts",
        help_text="Empty where the app feeds one lane.",
    )  # fmt: skip
    what = models.CharField(max_length=12, choices=What.choices)
    text = models.TextField()
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_text = models.TextField(blank=True)
    shared = models.CharField(
        max_length=300, blank=True, db_default="",
        help_text="The system that failed for every lane that uses it; empty: the lane's own.",
    )  # fmt: skip
    together = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.CASCADE, related_name="others",
        help_text="The alert whose messages are about this one too.",
    )  # fmt: skip

    objects = models.Manager.from_queryset(AppQuerySet)()

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                fields=["tenant", "app_id", "what"],
                condition=Q(ended_at__isnull=True, lane__isnull=True),
                name="one_open_alert",
            ),
            models.UniqueConstraint(
                fields=["lane", "what"],
                condition=Q(ended_at__isnull=True),
                name="one_open_alert_a_lane",
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_what_display()} since {self.began_at:%Y-%m-%d %H:%M} UTC"


class AlertMessage(models.Model):
    """One message to one recipient, kept until it is sent."""

    class Channel(models.TextChoices):
        EMAIL = "e-mail"
        WEBHOOK = "webhook"
        SLACK = "slack"
        TEAMS = "teams"

    alert = models.ForeignKey(
        Alert, null=True, blank=True, on_delete=models.CASCADE, related_name="messages",
        help_text="Empty: a test.",
    )  # fmt: skip
    channel = models.CharField(max_length=8, choices=Channel.choices)
    receiver = models.CharField(max_length=500)
    subject = models.CharField(max_length=200)
    body = models.TextField()
    notice = models.JSONField(default=dict, blank=True, help_text="The same in parts.")
    created_at = models.DateTimeField()
    attempts = models.IntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)
    tallied = models.BooleanField(
        default=False, db_default=False, help_text="It has ended, and the tallies include it."
    )

    class Meta:
        ordering = ("-id",)
        indexes = (
            models.Index(fields=["sent_at", "next_try_at"], name="alert_unsent"),
            models.Index(fields=["id"], condition=Q(tallied=False), name="alert_untallied"),
        )

    def __str__(self) -> str:
        return self.subject
