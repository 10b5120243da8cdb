"""What each run refused, as it refused it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from registry_sync.models.errors import EntityError
from registry_sync.models.runs import SyncRun


class Refusal(models.Model):
    """Why one run refused one record. Later runs change the record's error, but never this.

    A record that is refused again in the same words points at the row that has them (`same_as`),
    so that a record which every run refuses takes little room. `error` is empty for a dry run,
    which opens none.
    """

    run = models.ForeignKey(SyncRun, on_delete=models.CASCADE, related_name="refusals")
    error = models.ForeignKey(
        EntityError, null=True, blank=True, on_delete=models.CASCADE, related_name="refusals"
    )
    external_id = models.CharField(max_length=255)
    at = models.DateTimeField()
    kind = models.CharField(max_length=12, choices=EntityError.Kind.choices)
    code = models.CharField(max_length=64)
    same_as = models.ForeignKey("self", null=True, blank=True, on_delete=models.CASCADE)
    message = models.TextField(blank=True)
    remedy = models.TextField(blank=True)
    field = models.CharField(max_length=255, blank=True)
    value = models.TextField(blank=True)
    waits_for = models.CharField(max_length=16, blank=True)
    waits_key = models.TextField(blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["run", "external_id"], name="one_refusal_per_run"),
        )
        indexes = (
            models.Index(fields=["run", "code", "kind"], name="refusal_cause"),
            models.Index(
                fields=["error", "-id"], condition=Q(same_as__isnull=True), name="refusal_words"
            ),
        )

    def __str__(self) -> str:
        return f"{self.external_id}: {self.words.message}"

    @property
    def words(self) -> Refusal:
        """Return the row that has the message, remedy, field, value and what it waits for."""
        return self.same_as or self
