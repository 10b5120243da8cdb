"""How a registry is connected: what came when its address and key were tried."""

from __future__ import annotations

from django.db import models

from registry_sync.models.app_scope import AppQuerySet


class ConnectionTest(models.Model):
    """The last test of one sync's registry: what was asked, what came, and what is proposed.

    `asked` has a `{"request": …, "answer": …}` for each request, `lines` the evidence of each line
    of `proposal`. None of it has a secret.
    """

    tenant = models.CharField(max_length=255)
    app_id = models.CharField(max_length=64)
    element = models.CharField(
        max_length=255, blank=True, help_text="The element of Additional Syncs; empty: the app's."
    )  # fmt: skip
    api_url = models.TextField(blank=True, help_text="The address that was tried.")
    key_mark = models.CharField(
        max_length=32, blank=True, db_default="",
        help_text="By which the key that was tried is recognized.",
    )  # fmt: skip
    asked = models.JSONField(default=list, blank=True)
    lines = models.JSONField(default=list, blank=True)
    proposal = models.JSONField(null=True, blank=True, help_text="Connector Settings that fit.")
    fault = models.TextField(blank=True, help_text="Why it failed, and what to do.")
    actor = models.CharField(max_length=150, blank=True)
    at = models.DateTimeField()

    objects = models.Manager.from_queryset(AppQuerySet)()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["tenant", "app_id", "element"], name="one_connection_test"
            ),
        )

    def __str__(self) -> str:
        return f"Connection test of {self.at:%Y-%m-%d %H:%M} UTC"
