"""What happens in Benchling outside this app: existing entities, drift, the installation."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from registry_sync.models.app_scope import AppQuerySet
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


class Installation(models.Model):
    """What Benchling reported about this app in a tenant."""

    tenant = models.CharField(max_length=255)
    app_id = models.CharField(max_length=64)
    deactivated_at = models.DateTimeField(null=True, blank=True)
    config_fault = models.TextField(
        blank=True, help_text="The faults of the current configuration."
    )
    config_checked_at = models.DateTimeField(null=True, blank=True)

    objects = models.Manager.from_queryset(AppQuerySet)()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["tenant", "app_id"], name="one_installation"),
        )

    def __str__(self) -> str:
        return f"{self.app_id} in {self.tenant}"
