"""What entities of the ledger have beside fields, where other records must be compared with it."""

from __future__ import annotations

from django.db import models

from registry_sync.models.lanes import Lane


class Substance(models.Model):
    """The structure or sequence of an entity, as Benchling tells two of them apart."""

    lane = models.ForeignKey(Lane, on_delete=models.CASCADE, related_name="substances")
    external_id = models.CharField(max_length=255)
    key = models.CharField(max_length=32, help_text="A hash: equal ones are one substance.")
    canonical = models.TextField(blank=True, help_text="The structure that Benchling holds.")
    stripped = models.TextField(blank=True, help_text="Fragments that Benchling stripped.")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["lane", "external_id"], name="substance_record"),
        )
        indexes = (models.Index(fields=["lane", "key"], name="substance_key"),)
        verbose_name = "shared structure"

    def __str__(self) -> str:
        return f"{self.external_id}: {self.canonical or self.key}"


class HeldAlias(models.Model):
    """An alias of an entity in the ledger: no other one can have it as name or alias."""

    lane = models.ForeignKey(Lane, on_delete=models.CASCADE, related_name="aliases")
    external_id = models.CharField(max_length=255)
    key = models.TextField()

    class Meta:
        indexes = (
            models.Index(fields=["lane", "key"], name="alias_key"),
            models.Index(fields=["lane", "external_id"], name="alias_record"),
        )

    def __str__(self) -> str:
        return f"{self.external_id}: {self.key}"
