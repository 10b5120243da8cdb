"""Who changed an entity, by Benchling's audit log."""

from __future__ import annotations

from django.db import models

from registry_sync.models.lanes import Lane


class AuthorOfChange(models.Model):
    """Who last changed an entity in Benchling, by its audit log: one request, kept."""

    lane = models.ForeignKey(Lane, on_delete=models.CASCADE, related_name="authors_of_changes")
    entity_id = models.CharField("Benchling id", max_length=64)
    entity_modified_at = models.DateTimeField(help_text="The entity's time when it was asked.")
    asked_at = models.DateTimeField()
    rows = models.JSONField(default=list, blank=True, help_text="The newest rows of its log.")
    trouble = models.TextField(blank=True, help_text="Why it is not known.")

    class Meta:
        indexes = (
            models.Index(fields=["lane", "entity_id"], name="author_entity"),
            models.Index(fields=["asked_at"], name="author_asked"),
        )

    def __str__(self) -> str:
        return f"Audit log of {self.entity_id}"
