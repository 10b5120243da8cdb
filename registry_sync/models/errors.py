"""Errors of records that are not in Benchling."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from registry_sync.models.lanes import Lane
from registry_sync.models.runs import SyncRun


class EntityError(models.Model):
    """Why one record is not in Benchling. Open until it is, or until someone dismisses it."""

    class Kind(models.TextChoices):
        SOURCE = "source"
        MAPPING = "mapping"
        BENCHLING = "benchling"
        TRANSIENT = "transient"

    lane = models.ForeignKey(Lane, on_delete=models.PROTECT, related_name="errors")
    run = models.ForeignKey(SyncRun, on_delete=models.PROTECT, related_name="errors")
    opened_by = models.ForeignKey(
        SyncRun, null=True, blank=True, on_delete=models.PROTECT, related_name="opened_errors",
        help_text="The run whose refusal is new with this error; alerts count by it.",
    )  # fmt: skip
    external_id = models.CharField(max_length=255)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    code = models.CharField(max_length=64)
    message = models.TextField()
    remedy = models.TextField()
    field = models.CharField(max_length=255, blank=True)
    value = models.TextField(blank=True)
    waits_for = models.CharField(max_length=16, blank=True)
    waits_key = models.TextField(blank=True)
    raw = models.JSONField(null=True)
    raw_hash = models.CharField(max_length=32, blank=True)
    fingerprint = models.CharField(max_length=64, blank=True)
    source_modified_at = models.DateTimeField(null=True, blank=True)
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()
    times_seen = models.IntegerField(default=1)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by_run = models.ForeignKey(
        SyncRun, null=True, blank=True, on_delete=models.PROTECT, related_name="closed_errors"
    )
    dismissed_at = models.DateTimeField(null=True, blank=True)
    dismissed_by = models.CharField(max_length=150, blank=True)
    dismissed_reason = models.TextField(blank=True)
    assigned = models.CharField(
        max_length=12, blank=True, choices=[("source", "source"), ("mapping", "mapping")],
        help_text="Who must act, if someone decided so; otherwise the kind says it.",
    )  # fmt: skip
    assigned_by = models.CharField(max_length=150, blank=True)
    assigned_reason = models.TextField(blank=True)
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL,
        related_name="+", db_index=False, help_text="The user of the desk who takes care of it.",
    )  # fmt: skip

    class Meta:
        permissions = (("add_dropdown_options", "Can add options to dropdowns in Benchling"),)
        indexes = (
            models.Index(fields=["lane", "closed_at", "waits_for"], name="error_open"),
            models.Index(fields=["run", "code"], name="error_cause"),
            # The desk counts and lists open errors among a million closed ones: by cause from
            # this index alone, newest first from the next.
            models.Index(
                fields=["lane", "code", "kind", "assigned", "first_seen", "last_seen"],
                condition=Q(closed_at__isnull=True, dismissed_at__isnull=True),
                name="error_open_cause",
            ),
            models.Index(
                fields=["-last_seen", "-id"],
                condition=Q(closed_at__isnull=True, dismissed_at__isnull=True),
                name="error_open_seen",
            ),
            models.Index(
                fields=["-last_seen", "-id"],
                condition=Q(closed_at__isnull=True, dismissed_at__isnull=False),
                name="error_dismissed",
            ),
            # Each look at a lane's health counts these, and its list has the newest first.
            models.Index(
                fields=["lane", "-last_seen", "-id"],
                condition=Q(closed_at__isnull=True, dismissed_at__isnull=False),
                name="error_dismissed_by_lane",
            ),
            models.Index(fields=["code", "-last_seen", "-id"], name="error_code_seen"),
            models.Index(fields=["kind", "-last_seen", "-id"], name="error_kind_seen"),
            models.Index(
                fields=["assigned", "-last_seen", "-id"],
                condition=~Q(assigned=""),
                name="error_assigned",
            ),
            models.Index(
                fields=["assigned_to", "-last_seen", "-id"],
                condition=Q(assigned_to__isnull=False),
                name="error_assigned_to",
            ),
            # The oldest open error is queried every half minute.
            models.Index(
                fields=["lane", "first_seen"],
                condition=Q(closed_at__isnull=True, dismissed_at__isnull=True),
                name="error_oldest",
            ),
            # Alerts count every half minute how many of a run's new errors are still open.
            models.Index(
                fields=["lane", "opened_by"],
                condition=Q(closed_at__isnull=True, dismissed_at__isnull=True),
                name="error_opened",
            ),
            models.Index(fields=["-last_seen"], name="error_last_seen"),
            # Retention deletes the oldest closed ones.
            models.Index(
                fields=["closed_at"], condition=Q(closed_at__isnull=False), name="error_closed"
            ),
            models.Index(fields=["external_id"], name="error_external_id"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=["lane", "external_id"],
                condition=Q(closed_at__isnull=True),
                name="one_open_error",
            ),
        )

    def __str__(self) -> str:
        return f"{self.external_id}: {self.message}"
