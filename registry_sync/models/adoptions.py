"""Entities that were in Benchling before and match a record."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from registry_sync.models.lanes import Lane
from registry_sync.models.runs import SyncRun


class Adoption(models.Model):
    """An entity that was in Benchling before and that matches a record, and what happens to it.

    It is adopted automatically if its values equal the record's. Otherwise someone must decide.
    """

    class How(models.TextChoices):
        SAME_ID = "same id"
        SAME_NAME = "same name"
        SAME_ALIAS = "same alias"
        ARCHIVED = "archived"
        OTHER_SCHEMA = "another schema"

    ADOPTABLE = (How.SAME_ID, How.SAME_NAME, How.SAME_ALIAS)

    class State(models.TextChoices):
        OPEN = "open", "needs a decision"
        APPROVED = "approved", "approved for the next run"
        ADOPTED = "adopted", "adopted"
        VOID = "void", "no longer needed"

    lane = models.ForeignKey(Lane, on_delete=models.PROTECT, related_name="adoptions")
    external_id = models.CharField(max_length=255)
    entity_id = models.CharField("Benchling id", max_length=64)
    entity_registry_id = models.CharField(max_length=255, blank=True)
    name = models.TextField(blank=True)
    schema_name = models.CharField(max_length=255, blank=True)
    how = models.CharField(max_length=16, choices=How.choices)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    differences = models.JSONField(
        default=list, help_text="Field, Benchling's value, the registry's value."
    )
    modified_at = models.DateTimeField(help_text="When Benchling says the entity was modified.")
    found_at = models.DateTimeField()
    note = models.TextField(blank=True, help_text="Why it could not be adopted as decided.")
    actor = models.CharField(max_length=150, blank=True)
    reason = models.TextField(blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    run = models.ForeignKey(
        SyncRun, null=True, blank=True, on_delete=models.PROTECT, related_name="adoptions",
        help_text="The run that adopted it.",
    )  # fmt: skip

    class Meta:
        ordering = ("pk",)
        constraints = (
            models.UniqueConstraint(
                fields=["lane", "external_id", "entity_id"],
                condition=Q(state__in=["open", "approved"]),
                name="one_undecided_adoption",
            ),
        )
        indexes = (
            models.Index(fields=["lane", "state", "how"], name="adoption_state"),
            models.Index(fields=["lane", "entity_id"], name="adoption_entity"),
            models.Index(fields=["lane", "external_id"], name="adoption_record"),
        )

    def __str__(self) -> str:
        return f"{self.external_id} ← {self.entity_registry_id or self.entity_id} ({self.how})"
