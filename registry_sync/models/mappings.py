"""Field mappings: drafts, and the versions that were published."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from registry_sync.models.app_scope import AppQuerySet


class MappingDraft(models.Model):
    """A field mapping being prepared: suggested, previewed on real records, published.

    `rows` are `{"path": …, "field_id": …, "rule": …}` in order; a row without a path is fed by its
    rule (constant). `base` is the live configuration that it was started from, with which
    a concurrent change is detected.
    """

    class State(models.TextChoices):
        OPEN = "open"
        WAITING = "waiting", "Waiting for manual steps"
        PUBLISHED = "published"
        DISCARDED = "discarded"

    class Preview(models.TextChoices):
        NONE = "none", "not previewed"
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    tenant = models.CharField(max_length=255)
    app_id = models.CharField(max_length=64)
    schema_id = models.CharField(
        max_length=64, blank=True, help_text="The Benchling schema that it maps to: its lane's."
    )  # fmt: skip
    title = models.CharField(max_length=200)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    version = models.IntegerField(default=1, help_text="Increased by each edit.")
    rows = models.JSONField(default=list, blank=True)
    name_field = models.CharField(max_length=500, blank=True)
    connector = models.JSONField(
        null=True, blank=True, help_text="Connector Settings, if the draft changes them."
    )  # fmt: skip
    schema = models.JSONField(default=dict, blank=True, help_text="The Benchling schema, as read.")
    base = models.JSONField(default=dict, blank=True, help_text="The live configuration, as read.")
    sample = models.JSONField(default=list, blank=True, help_text="Records of the registry.")
    suggestions = models.JSONField(default=list, blank=True)
    sampled_at = models.DateTimeField(null=True, blank=True)
    preview_state = models.CharField(
        max_length=8, choices=Preview.choices, default=Preview.NONE
    )  # fmt: skip
    preview_version = models.IntegerField(default=0, help_text="The version it was run on.")
    preview_scope = models.CharField(max_length=200, blank=True, help_text="sample, ids or all.")
    preview_position = models.JSONField(null=True, blank=True)
    preview_done = models.BigIntegerField(default=0)
    preview_total = models.BigIntegerField(null=True, blank=True)
    preview_heartbeat = models.DateTimeField(null=True, blank=True)
    preview_error = models.TextField(blank=True)
    preview = models.JSONField(default=dict, blank=True, help_text="Counts and examples.")
    back_to = models.IntegerField(null=True, blank=True, help_text="The version rolled back to.")
    publishing_at = models.DateTimeField(null=True, blank=True)
    publishing = models.JSONField(
        default=dict, blank=True,
        help_text="What was written so far, why, and what must be entered by hand.",
    )  # fmt: skip
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_by = models.CharField(max_length=150, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = models.Manager.from_queryset(AppQuerySet)()

    class Meta:
        ordering = ("-id",)
        permissions = (("publish_mappingdraft", "Can publish a mapping to Benchling"),)

    def __str__(self) -> str:
        return self.title


class PreviewNote(models.Model):
    """What a preview keeps of a record from one page to the next, and whom it would refuse.

    `key` is the name, registry id or alias that the record would have (name, id, alias), gives up
    (freed) or waits for (wait), as names are compared; of a refused record, the code of its cause.
    """

    class Kind(models.TextChoices):
        NAME = "name"
        ID = "id"
        ALIAS = "alias"
        FREED = "freed"
        WAIT = "wait"
        REFUSED = "refused"

    draft = models.ForeignKey(MappingDraft, on_delete=models.CASCADE, related_name="notes")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    key = models.TextField(blank=True)
    external_id = models.CharField(max_length=255)
    data = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["draft", "kind", "external_id"],
                condition=~Q(kind="alias"),
                name="one_preview_note",
            ),
            models.UniqueConstraint(
                fields=["draft", "external_id", "key"],
                condition=Q(kind="alias"),
                name="one_preview_alias",
            ),
        )
        indexes = (models.Index(fields=["draft", "key"], name="preview_key"),)

    def __str__(self) -> str:
        return f"{self.external_id} ({self.kind})"


class MappingVersion(models.Model):
    """A mapping that was published to the app's configuration: what, by whom, when and why."""

    tenant = models.CharField(max_length=255)
    app_id = models.CharField(max_length=64)
    schema_id = models.CharField(
        max_length=64, blank=True,
        help_text="The Benchling schema that it maps to. Empty, in earlier versions: unknown.",
    )  # fmt: skip
    number = models.IntegerField()
    rows = models.JSONField(default=list)
    name_field = models.CharField(max_length=500, blank=True)
    connector = models.JSONField(
        null=True, blank=True, help_text="Connector Settings; unknown in earlier versions."
    )  # fmt: skip
    before = models.JSONField(default=dict, help_text="The configuration that it replaced.")
    draft = models.ForeignKey(MappingDraft, null=True, blank=True, on_delete=models.PROTECT)
    back_to = models.IntegerField(null=True, blank=True, help_text="The version rolled back to.")
    actor = models.CharField(max_length=150)
    reason = models.TextField()
    at = models.DateTimeField()

    objects = models.Manager.from_queryset(AppQuerySet)()

    class Meta:
        ordering = ("-number",)
        constraints = (
            models.UniqueConstraint(fields=["tenant", "app_id", "number"], name="mapping_version"),
        )

    def __str__(self) -> str:
        return f"Version {self.number}"
