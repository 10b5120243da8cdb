"""A lane: an external list and the Benchling schema that it feeds."""

from __future__ import annotations

import hashlib

from django.db import models

from registry_sync.benchling.entity_types import ENTITY_TYPES, CustomEntity, EntityType
from registry_sync.models.app_scope import AppQuerySet


class Lane(models.Model):
    """An external collection and the Benchling schema it feeds.

    Ledger, watermark and errors belong to this key. Another tenant, app, Benchling registry, schema
    or source collection is another lane, and starts empty.
    """

    tenant = models.CharField(max_length=255, help_text="Host of the Benchling tenant.")
    app_id = models.CharField(max_length=64)
    registry_id = models.CharField("Benchling registry", max_length=64)
    schema_id = models.CharField(max_length=64)
    collection = models.CharField(
        max_length=1000, help_text="The external list that is read, without secrets."
    )
    schema_name = models.CharField(max_length=255, blank=True)
    element = models.CharField(
        max_length=255, blank=True,
        help_text="Its element in Additional Syncs. Empty: the app's own items.",
    )  # fmt: skip
    links_to = models.JSONField(
        null=True, blank=True, help_text="The schemas that its links point at, by id, if known."
    )
    position = models.PositiveIntegerField(
        null=True, blank=True,
        help_text="Its place in the app's configuration, from 0. Empty: no longer configured.",
    )  # fmt: skip

    class DriftPolicy(models.TextChoices):
        REPORT = "report", "report only"
        RESTORE = "restore", "restore the registry's value"
        LEAVE = "leave", "keep Benchling's value"

    drift_policy = models.CharField(
        max_length=8,
        choices=DriftPolicy.choices,
        default=DriftPolicy.REPORT,
        help_text="What a full run does with values that were changed in Benchling.",
    )

    class WithdrawnPolicy(models.TextChoices):
        TELL = "tell", "report only"
        ARCHIVE = "archive", "archive in Benchling"

    class ArchiveReason(models.TextChoices):
        """Benchling's list; a tenant may accept fewer. https://benchling.com/api/reference"""

        MADE_IN_ERROR = "Made in error"
        RETIRED = "Retired"
        EXPENDED = "Expended"
        SHIPPED = "Shipped"
        CONTAMINATED = "Contaminated"
        EXPIRED = "Expired"
        MISSING = "Missing"
        OTHER = "Other"

    withdrawn_policy = models.CharField(
        max_length=8,
        choices=WithdrawnPolicy.choices,
        default=WithdrawnPolicy.TELL,
        help_text="What is done with entities whose records left the registry.",
    )
    withdrawn_reason = models.CharField(
        "archive reason",
        max_length=32,
        choices=ArchiveReason.choices,
        default=ArchiveReason.RETIRED,
        help_text="The reason that archived entities get in Benchling.",
    )
    withdrawn_held = models.BooleanField(
        "archive what is held",
        default=False,
        help_text="Also archive entities that containers hold.",
    )
    withdrawn_set_at = models.DateTimeField(
        null=True, blank=True, help_text="When the policy was last changed."
    )

    class PlansFor(models.TextChoices):
        NOTHING = "nothing"
        GREAT_CHANGES = "great changes"
        NEW_MAPPINGS = "new mappings"
        EVERYTHING = "everything"

    plans_for = models.CharField(
        "plans are needed for",
        max_length=13,
        choices=PlansFor.choices,
        default=PlansFor.NOTHING,
        db_default=PlansFor.NOTHING,
        help_text="What is only written after a second person signed a plan of it.",
    )
    second_publish = models.BooleanField(
        "two people publish a mapping", default=False, db_default=False,
        help_text="One person proposes, a second one confirms.",
    )  # fmt: skip
    second_allow = models.BooleanField(
        "two people allow a stop", default=False, db_default=False,
        help_text="One person proposes an override, a second one confirms it.",
    )  # fmt: skip
    second_release = models.BooleanField(
        "two people release withdrawals", default=False, db_default=False,
        help_text="One person proposes to archive what left the registry, a second one confirms.",
    )  # fmt: skip
    archive_fault = models.TextField(
        blank=True, help_text="Why Benchling refused the last archive. Empty: it did not."
    )
    scope = models.JSONField(
        default=list, blank=True, help_text="The scope that its runs use, as last read."
    )

    class FieldKeys(models.TextChoices):
        NAME = "name"
        ID = "id"

    field_keys = models.CharField(
        max_length=4,
        choices=FieldKeys.choices,
        blank=True,
        help_text="How this tenant identifies fields in an upsert. Empty: not known yet.",
    )
    kept = models.JSONField(
        default=list, blank=True,
        help_text="What this tenant keeps when an update leaves it out, as observed.",
    )  # fmt: skip
    cleared = models.JSONField(
        default=list, blank=True,
        help_text="What this tenant clears when an update leaves it out, so updates send it.",
    )  # fmt: skip
    trial = models.JSONField(
        null=True, blank=True, help_text="The first update, and its entity's values before it."
    )
    looked_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When Benchling's entities were last compared with the ledger.",
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
    source_state = models.JSONField(
        default=dict, blank=True,
        help_text="What was learned from the registry's answers, such as where its records are.",
    )  # fmt: skip
    created_at = models.DateTimeField(auto_now_add=True)

    objects = models.Manager.from_queryset(AppQuerySet)()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["tenant", "app_id", "registry_id", "schema_id", "collection"],
                # A lane whose list is not known yet, as its configuration is faulty, has no key.
                condition=~models.Q(collection=""),
                name="lane_key",
            ),
        )

    def __str__(self) -> str:
        return f"{self.collection or self.element} → {self.schema_name or self.schema_id}"

    @property
    def entity_type(self) -> type[EntityType]:
        """Return the type of its entities, as its schema was last read."""
        return ENTITY_TYPES.get(str(self.schema_snapshot.get("type") or ""), CustomEntity)

    @property
    def mark(self) -> str:
        """Return the key as 12 hex characters, for the closing message of its sessions."""
        key = (self.tenant, self.app_id, self.registry_id, self.schema_id, self.collection)
        return hashlib.sha256("\n".join(key).encode()).hexdigest()[:12]
