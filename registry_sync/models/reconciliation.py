"""A comparison of both sides of a lane: its counts, and what is not equal."""

from __future__ import annotations

from django.db import models

from registry_sync.models.lanes import Lane


class Reconciliation(models.Model):
    """One comparison of the registry with Benchling. `counts` is empty until it has ended."""

    lane = models.ForeignKey(Lane, on_delete=models.PROTECT, related_name="reconciliations")
    actor = models.CharField(max_length=150)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    counts = models.JSONField(default=dict, blank=True)
    fingerprint = models.CharField(max_length=64, blank=True)
    service_version = models.CharField(max_length=32, blank=True)
    active_run_id = models.BigIntegerField(
        null=True, blank=True, help_text="A run that was active: it may have changed a side."
    )
    doubts = models.JSONField(
        default=list, blank=True, help_text="Why not all that the registry has may be compared."
    )
    trouble = models.TextField(blank=True, help_text="Why it did not reach its end.")
    attempts = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        help_text="How often a worker has begun it; empty if a command compares.",
    )

    class Meta:
        ordering = ("-pk",)
        verbose_name = "comparison"

    def __str__(self) -> str:
        return f"Comparison {self.pk} of {self.lane}"


class ReconciledRecord(models.Model):
    """A record or entity that is not equal on both sides. Only a lane's last comparison has them.

    `differences` are lists of field id, field, Benchling's value, the registry's, who wrote last.
    """

    class State(models.TextChoices):
        DIFFERING = "differing", "differs"
        ACCEPTED = "accepted", "differs, accepted"
        MISSING = "missing", "missing in Benchling"
        EXTRA = "extra", "only in Benchling"
        ARCHIVED = "archived", "archived in Benchling"
        REFUSED = "refused", "refused"

    reconciliation = models.ForeignKey(
        Reconciliation, on_delete=models.CASCADE, related_name="records"
    )
    lane = models.ForeignKey(Lane, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=State.choices)
    external_id = models.CharField(max_length=255)
    entity_id = models.CharField("Benchling id", max_length=64, blank=True)
    registry_id = models.CharField(max_length=255, blank=True)
    name = models.TextField(blank=True)
    modified_at = models.DateTimeField(
        null=True, blank=True, help_text="When Benchling says the entity was modified."
    )
    note = models.TextField(blank=True)
    differences = models.JSONField(default=list, blank=True)
    decided = models.CharField(max_length=10, blank=True)

    class Meta:
        ordering = ("pk",)
        verbose_name = "difference between both sides"
        verbose_name_plural = "differences between both sides"
        indexes = (models.Index(fields=["reconciliation", "state"], name="reconciled_state"),)

    def __str__(self) -> str:
        return f"{self.external_id or self.registry_id}: {self.get_state_display()}"
