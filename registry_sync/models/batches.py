"""Batches in flight to Benchling."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import models
from django.utils import timezone
from django.utils.functional import cached_property

from registry_sync.core.packed_json import unpack
from registry_sync.core.types import Json
from registry_sync.models.runs import SyncRun


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
