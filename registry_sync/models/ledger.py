"""The ledger: what was last written for each external id."""

from __future__ import annotations

from django.db import models

from registry_sync.models.lanes import Lane


class LedgerEntry(models.Model):
    """What was last written for one external id, and when it was last seen in the registry.

    `raw_hash` covers the raw record and the mapping's fingerprint. If it is equal, the transform is
    skipped. `entity_hash` covers the entity as sent. If it is equal, the write is skipped; empty
    means never written.
    """

    class Outcome(models.TextChoices):
        UNCHANGED = "unchanged"
        CREATED = "created"
        UPDATED = "updated"
        FAILED = "failed"

    lane = models.ForeignKey(Lane, on_delete=models.PROTECT, related_name="ledger")
    external_id = models.CharField(max_length=255)
    entity_registry_id = models.CharField(max_length=255, blank=True)
    entity_id = models.CharField("Benchling id", max_length=64, blank=True)
    id_key = models.CharField(max_length=255, blank=True)
    name = models.TextField(blank=True)
    name_key = models.TextField(blank=True)
    fields = models.JSONField(default=dict, blank=True)
    found_items = models.JSONField(
        null=True,
        blank=True,
        help_text="Aliases and authors that were in Benchling before this app sent them, or may "
        "have been, by part: they are never removed.",
    )
    raw_hash = models.CharField(max_length=32, blank=True)
    entity_hash = models.CharField(max_length=32, blank=True)
    modified_at = models.DateTimeField(
        null=True, blank=True, help_text="When the registry says it was modified, as last seen."
    )
    identity = models.TextField(
        blank=True, help_text="Which substance it is, if the mapping says so."
    )
    written_run_id = models.BigIntegerField(null=True, blank=True)
    seen_run_id = models.BigIntegerField(null=True, blank=True)
    seen_reading = models.SmallIntegerField(
        default=1, help_text="In which reading of the list: a run repeats one if the list moved."
    )
    outcome = models.CharField(max_length=12, choices=Outcome.choices, blank=True)
    gone_run_id = models.BigIntegerField(
        null=True, blank=True, help_text="The run to which the registry said that it is deleted."
    )

    class Meta:
        verbose_name_plural = "ledger"
        constraints = (
            models.UniqueConstraint(fields=["lane", "external_id"], name="ledger_external_id"),
        )
        indexes = (
            models.Index(fields=["lane", "name_key"], name="ledger_name"),
            models.Index(fields=["lane", "id_key"], name="ledger_id"),
            models.Index(fields=["lane", "entity_id"], name="ledger_entity"),
        )

    def __str__(self) -> str:
        return self.external_id
