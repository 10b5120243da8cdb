"""Entities of this app that people merged into others."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from registry_sync.models.lanes import Lane
from registry_sync.models.runs import SyncRun


class Merge(models.Model):
    """An entity of this app that people merged into another one, and what was decided."""

    class State(models.TextChoices):
        OPEN = "open", "waits for a decision"
        FOLLOWED = "followed", "follows the survivor"
        ANEW = "anew", "created again once its names are free"

    lane = models.ForeignKey(Lane, on_delete=models.PROTECT, related_name="merges")
    external_id = models.CharField(max_length=255)
    entity_id = models.CharField("Benchling id", max_length=64)
    entity_registry_id = models.CharField("registry id", max_length=255)
    name = models.TextField()
    survivor_id = models.CharField("survivor's Benchling id", max_length=64)
    survivor_registry_id = models.CharField("survivor's registry id", max_length=255)
    survivor_name = models.TextField()
    state = models.CharField(max_length=12, choices=State.choices, default=State.OPEN)
    applied = models.BooleanField(default=False, help_text="A run has acted on the decision.")
    found_run = models.ForeignKey(SyncRun, on_delete=models.PROTECT, related_name="merges")
    found_at = models.DateTimeField()
    actor = models.CharField("decided by", max_length=150, blank=True)
    decision = models.TextField("reason of the decision", blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["lane", "external_id"],
                condition=Q(closed_at__isnull=True),
                name="one_open_merge",
            ),
        )
        indexes = (models.Index(fields=["lane", "entity_registry_id"], name="merge_registry_id"),)

    def __str__(self) -> str:
        return f"{self.external_id} merged into {self.survivor_registry_id}"
