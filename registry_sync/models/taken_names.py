"""Names, aliases and registry ids in Benchling that others use."""

from __future__ import annotations

from django.db import models

from registry_sync.models.lanes import Lane


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
