"""Overrides of guards."""

from __future__ import annotations

from collections.abc import Collection

from django.db import models

from registry_sync.models.lanes import Lane
from registry_sync.models.runs import SyncRun


class Allowance(models.Model):
    """An override: someone lets one guard's stop pass, once, with a reason."""

    class What(models.TextChoices):
        GREAT_CHANGE = "great-change", "more changes than the limit"
        PATH_GONE = "path-gone", "a mapped path missing from the records"
        IDENTITY = "identity", "a different substance under a known id"
        DRAWINGS = "drawings", "drawings that a new sequence does not fit"

    lane = models.ForeignKey(Lane, on_delete=models.PROTECT, related_name="allowances")
    what = models.CharField(max_length=16, choices=What.choices)
    external_id = models.CharField(
        max_length=255, blank=True, help_text="The record's id, if one record was stopped."
    )
    paths = models.JSONField(
        null=True, blank=True, editable=False,
        help_text="The paths that it lets be missing. Empty: any.",
    )  # fmt: skip
    actor = models.CharField(max_length=150)
    reason = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)
    used_by = models.ForeignKey(
        SyncRun, null=True, blank=True, editable=False, on_delete=models.PROTECT
    )

    class Meta:
        ordering = ("-id",)
        verbose_name = "override"

    def __str__(self) -> str:
        of = self.external_id or ", ".join(self.paths or ())
        return f"{self.get_what_display()}{f' ({of})' if of else ''}"

    def covers(self, paths: Collection[str]) -> bool:
        """Return whether it lets these paths be missing."""
        return self.paths is None or set(paths) <= set(self.paths)
