"""What `doctor` found."""

from __future__ import annotations

from django.db import models

from registry_sync.models.app_scope import AppQuerySet


class Checkup(models.Model):
    """The results of one run of `doctor`, check by check."""

    tenant = models.CharField(max_length=255)
    app_id = models.CharField(max_length=64)
    points = models.JSONField(default=list, help_text="Name, state, finding, remedy.")
    actor = models.CharField(max_length=150, blank=True)
    at = models.DateTimeField()

    objects = models.Manager.from_queryset(AppQuerySet)()

    class Meta:
        ordering = ("-id",)
        verbose_name = "check-up"

    def __str__(self) -> str:
        return f"Check-up of {self.at:%Y-%m-%d %H:%M} UTC"
