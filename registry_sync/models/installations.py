"""Whether the app is active in a tenant, and its configuration valid."""

from __future__ import annotations

from django.db import models

from registry_sync.models.app_scope import AppQuerySet


class Installation(models.Model):
    """What Benchling reported about this app in a tenant."""

    tenant = models.CharField(max_length=255)
    app_id = models.CharField(max_length=64)
    deactivated_at = models.DateTimeField(null=True, blank=True)
    config_fault = models.TextField(
        blank=True, help_text="The faults of the current configuration."
    )
    config_checked_at = models.DateTimeField(null=True, blank=True)

    objects = models.Manager.from_queryset(AppQuerySet)()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["tenant", "app_id"], name="one_installation"),
        )

    def __str__(self) -> str:
        return f"{self.app_id} in {self.tenant}"
