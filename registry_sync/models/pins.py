"""Accepted differences: a value of Benchling that stays although the registry has another one."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from registry_sync.models.lanes import Lane


class Pin(models.Model):
    """A difference that someone accepted: no drift, and not written.

    It ends when the registry's value changes, when someone takes it back, or accepts another value.
    """

    class End(models.TextChoices):
        CHANGED = "changed", "the registry's value changed"
        TAKEN_BACK = "taken back", "taken back"
        REPLACED = "replaced", "accepted again with another value"

    lane = models.ForeignKey(
        Lane, on_delete=models.PROTECT, related_name="pins", db_index=False
    )  # the index by record begins with it
    external_id = models.CharField(max_length=255)
    entity_id = models.CharField("Benchling id", max_length=64)
    field_id = models.CharField(max_length=64, help_text="Field id, or `name`.")
    field = models.CharField(max_length=255)
    theirs = models.JSONField(null=True, help_text="Benchling's value, which stays.")
    source = models.JSONField(null=True, help_text="The registry's value, as it would be sent.")
    actor = models.CharField(max_length=150)
    reason = models.TextField()
    created_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.CharField(max_length=150, blank=True)
    closed_reason = models.TextField(blank=True)
    ended = models.CharField(max_length=12, choices=End.choices, blank=True)

    class Meta:
        ordering = ("pk",)
        verbose_name = "accepted difference"
        constraints = (
            models.UniqueConstraint(
                fields=["lane", "external_id", "field_id"],
                condition=Q(closed_at__isnull=True),
                name="one_open_pin",
            ),
        )
        indexes = (models.Index(fields=["lane", "external_id"], name="pin_record"),)

    def __str__(self) -> str:
        return f"{self.external_id}: {self.field}"
