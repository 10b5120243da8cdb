"""The history of runs as results in Benchling: each run's row, and what the schema takes."""

from __future__ import annotations

from django.db import models

from registry_sync.models.app_scope import AppQuerySet
from registry_sync.models.runs import SyncRun


class HistoryResult(models.Model):
    """A run's row in Sync History Schema: what is to be created, and what became of it.

    `result_id` is sent with the row, so that a repeat creates no second one.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "not written yet"
        WRITTEN = "written", "written"
        REFUSED = "refused", "not written"
        UNKNOWN = "unknown", "not known to be written"

    run = models.OneToOneField(SyncRun, on_delete=models.CASCADE, related_name="history_result")
    schema_id = models.CharField(max_length=64)
    project_id = models.CharField(max_length=64, blank=True)
    result_id = models.CharField(max_length=36, blank=True)
    task_id = models.CharField(max_length=64, blank=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    tries = models.SmallIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, blank=True)
    note = models.TextField(blank=True, help_text="Why it is not written.")

    class Meta:
        indexes = (models.Index(fields=["state", "next_try_at"], name="history_waiting"),)

    def __str__(self) -> str:
        return f"{self.result_id or 'No result'} of run {self.run_id}"


class HistorySchema(models.Model):
    """Which fields a result schema lacks, learned from Benchling's refusals."""

    tenant = models.CharField(max_length=255)
    app_id = models.CharField(max_length=64)
    schema_id = models.CharField(max_length=64)
    left_out = models.JSONField(
        default=dict, help_text="System names that the schema does not take, and why."
    )
    options = models.JSONField(
        null=True, help_text="Ids of dropdown options by label, by the field's system name."
    )
    reported = models.JSONField(default=list, help_text="Those that a run has reported.")
    learned_at = models.DateTimeField(null=True, help_text="Empty: to be learned again.")

    objects = models.Manager.from_queryset(AppQuerySet)()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["tenant", "app_id", "schema_id"], name="one_history_schema"
            ),
        )

    def __str__(self) -> str:
        return self.schema_id
