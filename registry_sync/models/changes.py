"""The audited changes: a chain of rows that are never edited."""

from __future__ import annotations

from django.db import models

from registry_sync.models.lanes import Lane
from registry_sync.models.runs import SyncRun


class Change(models.Model):
    """One value written to Benchling. These rows cannot be edited or deleted in the admin."""

    lane = models.ForeignKey(Lane, on_delete=models.PROTECT)
    run = models.ForeignKey(SyncRun, on_delete=models.PROTECT, related_name="changes")
    external_id = models.CharField(max_length=255)
    entity_id = models.CharField(max_length=64, blank=True)
    field_id = models.CharField(max_length=64, help_text="Field id, or `name`, `registry id`.")
    field = models.CharField(max_length=255)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    source = models.JSONField(
        null=True,
        help_text="The record's value at the mapped path, in a list; empty where a constant, a "
        "default or this app supplied the value. Null: the same value as in `after`.",
    )
    created = models.BooleanField(help_text="The entity was created with it.")
    actor = models.CharField(max_length=150, blank=True)
    trigger = models.CharField(max_length=16)
    fingerprint = models.CharField(max_length=64)
    service_version = models.CharField(max_length=32)
    source_modified_at = models.DateTimeField(null=True, blank=True)
    at = models.DateTimeField()
    digest = models.CharField(
        max_length=64, help_text="Of this row and the digest of the lane's row before it."
    )

    class Meta:
        indexes = (
            models.Index(fields=["lane", "external_id"], name="change_external_id"),
            models.Index(fields=["lane", "-id"], name="change_chain"),
        )

    def __str__(self) -> str:
        return f"{self.external_id} {self.field}"


class ChainHead(models.Model):
    """The end of a lane's chain of changes, updated with every row."""

    lane = models.OneToOneField(Lane, on_delete=models.PROTECT)
    digest = models.CharField(max_length=64, help_text="Of the lane's last change.")

    def __str__(self) -> str:
        return f"{self.lane} ends at {self.digest[:12]}"


class Retention(models.Model):
    """A deletion of old Change rows: who, why, and the digest that the rest builds on."""

    lane = models.ForeignKey(Lane, on_delete=models.PROTECT)
    before = models.DateTimeField(help_text="Changes older than this were deleted.")
    rows = models.BigIntegerField()
    digest = models.CharField(max_length=64)
    actor = models.CharField(max_length=150)
    reason = models.TextField()
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.rows} changes before {self.before:%Y-%m-%d}"
