"""What was written: the ledger, names that other entities use, batches in flight."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import models
from django.utils import timezone
from django.utils.functional import cached_property

from registry_sync.core.packed_json import unpack
from registry_sync.core.types import Json
from registry_sync.models.lanes import Lane
from registry_sync.models.runs import SyncRun


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


class TakenName(models.Model):
    """A name, alias or registry id that an entity outside the ledger uses in Benchling."""

    lane = models.ForeignKey(Lane, on_delete=models.CASCADE, related_name="taken_names")
    key = models.TextField()
    kind = models.CharField(max_length=8, choices=[(k, k) for k in ("name", "alias", "id")])
    entity_id = models.CharField(max_length=64)
    entity_registry_id = models.CharField(max_length=255, blank=True)
    schema_name = models.CharField(max_length=255, blank=True, help_text="If it is another schema.")
    archived = models.BooleanField(default=False)

    class Meta:
        indexes = (
            models.Index(fields=["lane", "key"], name="taken_key"),
            models.Index(fields=["lane", "entity_id"], name="taken_entity"),
        )

    def __str__(self) -> str:
        return f"{self.key} ({self.kind} of {self.entity_registry_id or self.entity_id})"


class Batch(models.Model):
    """Entities in flight: stored before they are sent, removed once their outcome is recorded.

    They lie in memory as in the database, as JSON: as objects they would take five times as much.
    """

    run = models.ForeignKey(SyncRun, on_delete=models.CASCADE, related_name="batches")
    number = models.IntegerField()
    lines = models.TextField(blank=True, help_text="The entities, each as JSON on a line.")
    size = models.IntegerField()
    task_id = models.CharField(max_length=64, blank=True)
    task_ids = models.JSONField(default=list, blank=True, help_text="External ids in the task.")
    asked_at = models.DateTimeField(
        null=True, blank=True, help_text="Benchling's time before any of it was sent."
    )
    sent_at = models.DateTimeField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)
    calls = models.IntegerField(default=0, help_text="Upserts sent for this batch.")

    class Meta:
        ordering = ("run_id", "number")
        verbose_name_plural = "batches"
        constraints = (models.UniqueConstraint(fields=["run", "number"], name="batch_number"),)
        indexes = (models.Index(fields=["run", "done_at"], name="batch_open"),)

    def __str__(self) -> str:
        return f"Batch {self.number} of run {self.run_id}"

    @cached_property
    def packed(self) -> dict[str, str]:
        """Return the entities as JSON by external id, in their order."""
        lines = self.lines.split("\n") if self.lines else []
        return {unpack(line)["external_id"]: line for line in lines}

    def items(self, external_ids: Iterable[str] | None = None) -> list[Json]:
        """Return these entities of the batch, or all."""
        ids = self.packed if external_ids is None else external_ids
        return [unpack(self.packed[external_id]) for external_id in ids]

    def remove(self, external_ids: Iterable[str]) -> None:
        """Remove entities whose outcome is recorded. An empty batch is done."""
        for external_id in external_ids:
            self.packed.pop(external_id, None)
        if not self.packed:
            self.done_at = timezone.now()
        lines = "\n".join(self.packed.values())
        rows = Batch.objects.filter(pk=self.pk)
        rows.update(lines=lines, done_at=self.done_at, calls=self.calls)
