"""What metrics count for ever, also after the counted rows were pruned."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from registry_sync.models.app_scope import AppQuerySet
from registry_sync.models.lanes import Lane


class Tally(models.Model):
    """The sum of the rows that are marked `tallied`: of a lane's runs, or of the whole app.

    Rows that are not marked yet are counted when the metrics are read.
    """

    tenant = models.CharField(max_length=255)
    app_id = models.CharField(max_length=64)
    lane = models.ForeignKey(
        Lane, null=True, blank=True, on_delete=models.CASCADE, related_name="+",
        help_text="Empty: the app's own, and that of runs that never found a lane.",
    )  # fmt: skip
    numbers = models.JSONField(default=dict, help_text="By the metric and its labels.")

    objects = models.Manager.from_queryset(AppQuerySet)()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["tenant", "app_id", "lane"], name="one_tally_a_lane"),
            models.UniqueConstraint(
                fields=["tenant", "app_id"], condition=Q(lane__isnull=True), name="one_tally"
            ),
        )

    def __str__(self) -> str:
        return f"Tally of {self.lane or self.app_id}"
