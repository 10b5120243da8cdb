"""The audited changes: a chain of rows that are never edited."""

from __future__ import annotations

from django.db import models

from registry_sync.core.text import number_of
from registry_sync.models.lanes import Lane
from registry_sync.models.runs import SyncRun


class Change(models.Model):
    """One value written to Benchling. These rows cannot be edited or deleted in the admin."""

    class Kind(models.TextChoices):
        WRITTEN = "written"
        ARCHIVED = "archived"
        UNARCHIVED = "unarchived"
        MERGED = "merged"

    lane = models.ForeignKey(Lane, on_delete=models.PROTECT, db_index=False)  # see the indexes
    run = models.ForeignKey(SyncRun, on_delete=models.PROTECT, related_name="changes")
    kind = models.CharField(
        max_length=12, choices=Kind.choices, default=Kind.WRITTEN, db_default=Kind.WRITTEN
    )
    external_id = models.CharField(max_length=255)
    entity_id = models.CharField(max_length=64, blank=True)
    field_id = models.CharField(max_length=64, help_text="Field id, or `name`, `registry id`.")
    field = models.CharField(max_length=255)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    source = models.JSONField(
        null=True,
        help_text="The record's value at the mapped path, in a list; empty where a constant, a "
        "default or this app supplied the value. Null: the same value as in `after`.",
    )
    created = models.BooleanField(help_text="The entity was created with it.")
    actor = models.CharField(max_length=150, blank=True)
    trigger = models.CharField(max_length=16)
    fingerprint = models.CharField(max_length=64)
    service_version = models.CharField(max_length=32)
    source_modified_at = models.DateTimeField(null=True, blank=True)
    at = models.DateTimeField()
    digest = models.CharField(
        max_length=64, help_text="Of this row and everything before it in the lane."
    )

    class Meta:
        indexes = (
            models.Index(fields=["lane", "external_id"], name="change_external_id"),
            models.Index(fields=["lane", "-id"], name="change_chain"),
        )

    def __str__(self) -> str:
        return f"{self.external_id} {self.field}"


class ChainLink(models.Model):
    """One link of a lane's chain: the changes that one transaction wrote, or a deletion of some.

    Links stay when retention deletes their changes.
    """

    class Form(models.IntegerChoices):
        DELETED = 0, "deleted before links existed"
        ROW_BY_ROW = 1, "written before links existed"
        WRITTEN = 2, "written"
        RETENTION = 3, "a deletion of old changes"

    lane = models.ForeignKey(Lane, on_delete=models.PROTECT, db_index=False)
    number = models.BigIntegerField(help_text="From 1, without gaps.")
    form = models.PositiveSmallIntegerField(choices=Form.choices)
    run = models.ForeignKey(SyncRun, null=True, on_delete=models.PROTECT)
    rows = models.BigIntegerField(help_text="Changes that were written.")
    created = models.BigIntegerField(help_text="By how much the run's count of created grew.")
    updated = models.BigIntegerField(help_text="By how much the run's count of updated grew.")
    last_id = models.BigIntegerField(help_text="Id of the lane's last change after this link.")
    rows_digest = models.CharField(
        max_length=64, blank=True, help_text="Of its last change; of a deletion, what it deleted."
    )
    digest = models.CharField(
        max_length=64, help_text="Of this link, its changes and everything before it."
    )
    at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["lane", "number"], name="chain_link_number"),
        )

    def __str__(self) -> str:
        return f"Link {self.number} of {self.lane}"


class ChainHead(models.Model):
    """The end of a lane's chain, updated and signed with every link."""

    lane = models.OneToOneField(Lane, on_delete=models.PROTECT)
    digest = models.CharField(max_length=64, help_text="Of the lane's last link.")
    links = models.BigIntegerField(default=0, db_default=0)
    rows = models.BigIntegerField(
        default=0, db_default=0, help_text="Changes ever written, deleted ones included."
    )
    signature = models.TextField(
        blank=True, default="", db_default="", help_text="JWS (PS256) by the app's private key."
    )
    migrated_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When a migration counted the changes that were there before links existed.",
    )

    def __str__(self) -> str:
        return f"{self.lane} ends at {self.digest[:12]}"


class Retention(models.Model):
    """A deletion of old Change rows: who, why, and up to where."""

    lane = models.ForeignKey(Lane, on_delete=models.PROTECT)
    before = models.DateTimeField(help_text="Changes older than this were deleted.")
    rows = models.BigIntegerField()
    digest = models.CharField(max_length=64)
    actor = models.CharField(max_length=150)
    reason = models.TextField()
    at = models.DateTimeField()
    up_to = models.BigIntegerField(
        default=0, db_default=0, help_text="The last link whose changes were deleted."
    )
    link = models.BigIntegerField(default=0, db_default=0, help_text="The link that records this.")

    def __str__(self) -> str:
        return f"{number_of(self.rows, 'change')} before {self.before:%Y-%m-%d}"
