"""Values in Benchling that differ from what was written."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from registry_sync.models.lanes import Lane
from registry_sync.models.runs import SyncRun


class Drift(models.Model):
    """A value that differs from what was written: changed, renamed or archived in Benchling."""

    class End(models.TextChoices):
        PUT_RIGHT = "put right", "resolved"
        RESTORED = "restored", "restored by a run"
        LEFT = "left", "kept as it is"
        ACCEPTED = "accepted", "accepted"

    lane = models.ForeignKey(Lane, on_delete=models.PROTECT, related_name="drift")
    run = models.ForeignKey(SyncRun, on_delete=models.PROTECT, related_name="drift")
    external_id = models.CharField(max_length=255)
    entity_id = models.CharField(max_length=64)
    field_id = models.CharField(max_length=64, help_text="Field id, or `name`, `archived`.")
    field = models.CharField(max_length=255)
    ours = models.JSONField(null=True)
    theirs = models.JSONField(null=True)
    modified_at = models.DateTimeField(help_text="When Benchling says the entity was modified.")
    changed_by = models.CharField(
        max_length=255, blank=True, help_text="Who changed it, by Benchling's audit log."
    )
    changed_at = models.DateTimeField(
        null=True, blank=True, help_text="When it was changed, by Benchling's audit log."
    )
    found_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    ended = models.CharField(max_length=12, choices=End.choices, blank=True)

    class Meta:
        verbose_name_plural = "drift"
        constraints = (
            models.UniqueConstraint(
                fields=["lane", "external_id", "field_id"],
                condition=Q(closed_at__isnull=True),
                name="one_open_drift",
            ),
        )

    def __str__(self) -> str:
        return f"{self.external_id}: {self.field}"
