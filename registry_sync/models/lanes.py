"""A lane: the key under which ledger, watermark, errors and changes live."""

from __future__ import annotations

import hashlib

from django.db import models

from registry_sync.models.app_scope import AppQuerySet


class Lane(models.Model):
    """An external collection and the Benchling schema it feeds.

    Ledger, watermark and errors hang on this key: another tenant, app, Benchling registry, schema
    or source collection is another lane, and starts empty.
    """

    tenant = models.CharField(max_length=255, help_text="Host of the Benchling tenant.")
    app_id = models.CharField(max_length=64)
    registry_id = models.CharField("Benchling registry", max_length=64)
    schema_id = models.CharField(max_length=64)
    collection = models.CharField(max_length=1000, help_text="The list that is read, no secrets.")
    schema_name = models.CharField(max_length=255, blank=True)

    class DriftPolicy(models.TextChoices):
        REPORT = "report", "report it"
        RESTORE = "restore", "restore the registry's value"
        LEAVE = "leave", "leave it"

    drift_policy = models.CharField(
        max_length=8,
        choices=DriftPolicy.choices,
        default=DriftPolicy.REPORT,
        help_text="What a full run does about values that people changed in Benchling.",
    )

    class FieldKeys(models.TextChoices):
        NAME = "name"
        ID = "id"

    field_keys = models.CharField(
        max_length=4,
        choices=FieldKeys.choices,
        blank=True,
        help_text="By what this tenant takes fields in an upsert; empty: not proven yet.",
    )
    kept = models.JSONField(
        default=list, blank=True,
        help_text="What this tenant was seen to keep where an update leaves it out.",
    )  # fmt: skip
    cleared = models.JSONField(
        default=list, blank=True,
        help_text="What it was seen to clear, so that updates send it as it was read.",
    )  # fmt: skip
    trial = models.JSONField(
        null=True, blank=True, help_text="The first update, and what its entity had before."
    )
    looked_at = models.DateTimeField(
        null=True, blank=True, help_text="When Benchling's entities were last compared with ours."
    )
    rebuilt_at = models.DateTimeField(
        null=True, blank=True, help_text="When the ledger was last rebuilt from Benchling."
    )
    schema_snapshot = models.JSONField(
        default=dict,
        blank=True,
        help_text="The Benchling schema as last read, by field id: name, type, option labels.",
    )
    schema_read_at = models.DateTimeField(
        null=True, blank=True, help_text="When the schema was last found to differ."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = models.Manager.from_queryset(AppQuerySet)()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["tenant", "app_id", "registry_id", "schema_id", "collection"],
                name="lane_key",
            ),
        )

    def __str__(self) -> str:
        return f"{self.collection} → {self.schema_name or self.schema_id}"

    @property
    def mark(self) -> str:
        """The key in 12 hex characters, for the closing message of its sessions."""
        key = (self.tenant, self.app_id, self.registry_id, self.schema_id, self.collection)
        return hashlib.sha256("\n".join(key).encode()).hexdigest()[:12]
