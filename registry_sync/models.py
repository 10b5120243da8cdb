"""The rows behind every sync: Lane 1-n SyncRun 1-n Batch, Lane 1-n LedgerEntry 1-n Change.

The database holds the truth; RQ is only the wake-up. Rows are written by `runs` and `ledger`
alone, under a lease with a fencing number.
"""

from __future__ import annotations

import hashlib
from typing import Any

from django.db import models
from django.db.models import Q


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
    created_at = models.DateTimeField(auto_now_add=True)

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


class SyncRun(models.Model):
    """One attempt to bring a lane up to date.

    Status words are Benchling's own, so mirroring them to App Status needs no table.
    """

    class Status(models.TextChoices):
        QUEUED = "QUEUED"
        RUNNING = "RUNNING"
        SUCCEEDED = "SUCCEEDED"
        COMPLETED_WITH_WARNINGS = "COMPLETED_WITH_WARNINGS"
        FAILED = "FAILED"
        CANCELLED = "CANCELLED"

    ACTIVE = (Status.QUEUED, Status.RUNNING)
    GOOD = (Status.SUCCEEDED, Status.COMPLETED_WITH_WARNINGS)

    class Kind(models.TextChoices):
        INCREMENTAL = "incremental"
        FULL = "full"
        RETRY = "retry"
        DRY_RUN = "dry run"

    class Trigger(models.TextChoices):
        COMMAND = "command"
        SCHEDULE = "schedule"
        ADMIN = "admin"
        CANVAS = "canvas"

    class Phase(models.TextChoices):
        CONFIGURE = "configure"
        REBUILD = "rebuild"
        DRIFT = "drift"
        PULL = "pull"
        RETRY = "retry"
        REPORT = "report"

    tenant = models.CharField(max_length=255)
    app_id = models.CharField(max_length=64)
    lane = models.ForeignKey(
        Lane, null=True, blank=True, on_delete=models.PROTECT, related_name="runs"
    )
    kind = models.CharField(max_length=16, choices=Kind.choices, default=Kind.INCREMENTAL)
    reads_all = models.BooleanField(default=False, help_text="No `since` was asked of the source.")
    full_reason = models.CharField(max_length=300, blank=True)
    trigger = models.CharField(max_length=16, choices=Trigger.choices)
    actor = models.CharField(max_length=150, blank=True, help_text="Person, or empty: schedule.")
    only = models.JSONField(default=list, blank=True, help_text="External ids of a pilot.")
    since_asked = models.DateTimeField(null=True, blank=True)
    rerun_of = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT)

    status = models.CharField(max_length=24, choices=Status.choices, default=Status.QUEUED)
    phase = models.CharField(max_length=16, choices=Phase.choices, default=Phase.CONFIGURE)
    mapping = models.JSONField(default=dict, blank=True)
    fingerprint = models.CharField(max_length=64, blank=True)
    service_version = models.CharField(max_length=32, blank=True)
    since = models.DateTimeField(null=True, blank=True)
    watermark = models.DateTimeField(null=True, blank=True)
    watermark_record = models.CharField(max_length=255, blank=True)
    expected_record = models.CharField(
        max_length=255, blank=True, help_text="Set the last watermark; has not come back yet."
    )
    server_date = models.DateTimeField(null=True, blank=True, help_text="Date of the first page.")
    position = models.JSONField(null=True, blank=True, help_text="The page to read next.")
    source_total = models.BigIntegerField(null=True, blank=True)
    warnings = models.JSONField(default=list, blank=True)

    read = models.BigIntegerField(default=0)
    unchanged = models.BigIntegerField(default=0)
    created = models.BigIntegerField(default=0)
    updated = models.BigIntegerField(default=0)
    failed = models.BigIntegerField(default=0)
    repeated = models.BigIntegerField(default=0, help_text="Records that came more than once.")
    retried = models.BigIntegerField(default=0, help_text="Of those read: tried from our copy.")
    coerced = models.BigIntegerField(default=0)
    older = models.BigIntegerField(default=0, help_text="Records older than was asked for.")
    phase_seconds = models.JSONField(default=dict, blank=True)

    error = models.TextField(blank=True)
    error_code = models.CharField(max_length=64, blank=True)
    error_kind = models.CharField(max_length=16, blank=True)
    remedy = models.TextField(blank=True)
    session_id = models.CharField(max_length=64, blank=True)
    session_open = models.BooleanField(default=False, help_text="Benchling still shows it running.")
    last_full_at = models.DateTimeField(null=True, blank=True)

    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    heartbeat = models.DateTimeField(null=True, blank=True)
    waiting_until = models.DateTimeField(null=True, blank=True)
    limited_at = models.DateTimeField(
        null=True, blank=True, help_text="When Benchling's hourly object limit was first met."
    )
    limited_written = models.BigIntegerField(default=0, help_text="Objects written by then.")
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_by = models.CharField(max_length=150, blank=True)
    paused_reason = models.TextField(blank=True)
    fence = models.BigIntegerField(default=0, help_text="Fencing number of the newest lease.")
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_holder = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ("-id",)
        constraints = (
            # A lane is known only once the tenant's configuration is read, and an app feeds one
            # lane at a time: the lock is taken on the app, before anything is asked of Benchling.
            models.UniqueConstraint(
                fields=["tenant", "app_id"],
                condition=Q(status__in=["QUEUED", "RUNNING"]),
                name="one_active_run",
                violation_error_message="Another run is active.",
            ),
        )
        indexes = (
            models.Index(fields=["lane", "status", "-id"], name="run_lane_status"),
            models.Index(fields=["status", "lease_until"], name="run_lease"),
            models.Index(fields=["-created_at"], name="run_created"),
        )

    def __str__(self) -> str:
        return f"Run {self.pk} ({self.kind}, {self.status})"

    def mapping_by(self, fingerprint: str) -> dict[str, Any]:
        """Give the mapping that this run used under a fingerprint: it may change during a run."""
        earlier: dict[str, dict[str, Any]] = self.mapping.get("earlier", {})
        return earlier.get(fingerprint, self.mapping)

    @property
    def is_active(self) -> bool:
        return self.status in self.ACTIVE

    @property
    def dry_run(self) -> bool:
        return self.kind == self.Kind.DRY_RUN

    @property
    def moves_watermark(self) -> bool:
        """Say whether the next run may start from where this one ends."""
        return (
            self.kind in (self.Kind.INCREMENTAL, self.Kind.FULL)
            and not self.only
            and self.since_asked is None
        )


class LedgerEntry(models.Model):
    """What we last wrote for one external id, and when we last saw it at the source.

    `raw_hash` is of the raw record and the mapping's fingerprint: equal means skip the transform.
    `entity_hash` is of the entity as sent: equal means skip the write; empty means never written.
    """

    class Outcome(models.TextChoices):
        UNCHANGED = "unchanged"
        CREATED = "created"
        UPDATED = "updated"
        FAILED = "failed"

    lane = models.ForeignKey(Lane, on_delete=models.PROTECT, related_name="ledger")
    external_id = models.CharField(max_length=255)
    entity_registry_id = models.CharField(max_length=255, blank=True)
    entity_id = models.CharField("Benchling id", max_length=64, blank=True)
    id_key = models.CharField(max_length=255, blank=True)
    name = models.TextField(blank=True)
    name_key = models.TextField(blank=True)
    fields = models.JSONField(default=dict, blank=True)
    raw_hash = models.CharField(max_length=32, blank=True)
    entity_hash = models.CharField(max_length=32, blank=True)
    modified_at = models.DateTimeField(
        null=True, blank=True, help_text="When it changed at the source, by the form seen last."
    )
    identity = models.TextField(blank=True, help_text="Which substance it is, where that is told.")
    written_run_id = models.BigIntegerField(null=True, blank=True)
    seen_run_id = models.BigIntegerField(null=True, blank=True)
    outcome = models.CharField(max_length=12, choices=Outcome.choices, blank=True)

    class Meta:
        verbose_name_plural = "ledger"
        constraints = (
            models.UniqueConstraint(fields=["lane", "external_id"], name="ledger_external_id"),
        )
        indexes = (
            models.Index(fields=["lane", "name_key"], name="ledger_name"),
            models.Index(fields=["lane", "id_key"], name="ledger_id"),
            models.Index(fields=["lane", "entity_id"], name="ledger_entity"),
        )

    def __str__(self) -> str:
        return self.external_id


class TakenName(models.Model):
    """A name, alias or registry id that an entity not in the ledger holds in Benchling."""

    lane = models.ForeignKey(Lane, on_delete=models.CASCADE, related_name="taken_names")
    key = models.TextField()
    kind = models.CharField(max_length=8, choices=[(k, k) for k in ("name", "alias", "id")])
    entity_id = models.CharField(max_length=64)
    entity_registry_id = models.CharField(max_length=255, blank=True)
    schema_name = models.CharField(max_length=255, blank=True, help_text="Where it is another one.")
    archived = models.BooleanField(default=False)

    class Meta:
        indexes = (
            models.Index(fields=["lane", "key"], name="taken_key"),
            models.Index(fields=["lane", "entity_id"], name="taken_entity"),
        )

    def __str__(self) -> str:
        return f"{self.key} ({self.kind} of {self.entity_registry_id or self.entity_id})"


class Batch(models.Model):
    """Entities on their way: recorded before they are sent, gone once they are accounted for."""

    run = models.ForeignKey(SyncRun, on_delete=models.CASCADE, related_name="batches")
    number = models.IntegerField()
    items = models.JSONField(default=list)
    size = models.IntegerField()
    task_id = models.CharField(max_length=64, blank=True)
    task_ids = models.JSONField(default=list, blank=True, help_text="External ids in the task.")
    sent_at = models.DateTimeField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)
    calls = models.IntegerField(default=0, help_text="Upserts sent for this batch.")

    class Meta:
        ordering = ("run_id", "number")
        verbose_name_plural = "batches"
        constraints = (models.UniqueConstraint(fields=["run", "number"], name="batch_number"),)
        indexes = (models.Index(fields=["run", "done_at"], name="batch_open"),)

    def __str__(self) -> str:
        return f"Batch {self.number} of run {self.run_id}"


class Change(models.Model):
    """One value written to Benchling. Nobody edits or deletes these rows in the admin."""

    lane = models.ForeignKey(Lane, on_delete=models.PROTECT)
    run = models.ForeignKey(SyncRun, on_delete=models.PROTECT, related_name="changes")
    external_id = models.CharField(max_length=255)
    entity_id = models.CharField(max_length=64, blank=True)
    field_id = models.CharField(max_length=64, help_text="Field id, or `name`, `registry id`.")
    field = models.CharField(max_length=255)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    source = models.JSONField(
        null=True,
        help_text="What the record had at the mapped path, as a list: one value; none where a "
        "constant, a default or we gave it. Null: the very value in `after`.",
    )
    created = models.BooleanField(help_text="The entity itself was new.")
    actor = models.CharField(max_length=150, blank=True)
    trigger = models.CharField(max_length=16)
    fingerprint = models.CharField(max_length=64)
    service_version = models.CharField(max_length=32)
    source_modified_at = models.DateTimeField(null=True, blank=True)
    at = models.DateTimeField()
    digest = models.CharField(
        max_length=64, help_text="Of this row and the digest of the lane's row before it."
    )

    class Meta:
        indexes = (
            models.Index(fields=["lane", "external_id"], name="change_external_id"),
            models.Index(fields=["lane", "-id"], name="change_chain"),
        )

    def __str__(self) -> str:
        return f"{self.external_id} {self.field}"


class EntityError(models.Model):
    """Why one record is not in Benchling; open until it is, or until a person dismisses it."""

    class Kind(models.TextChoices):
        SOURCE = "source"
        MAPPING = "mapping"
        BENCHLING = "benchling"
        TRANSIENT = "transient"

    lane = models.ForeignKey(Lane, on_delete=models.PROTECT, related_name="errors")
    run = models.ForeignKey(SyncRun, on_delete=models.PROTECT, related_name="errors")
    external_id = models.CharField(max_length=255)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    code = models.CharField(max_length=64)
    message = models.TextField()
    remedy = models.TextField()
    field = models.CharField(max_length=255, blank=True)
    value = models.TextField(blank=True)
    waits_for = models.CharField(max_length=16, blank=True)
    waits_key = models.TextField(blank=True)
    raw = models.JSONField(null=True)
    raw_hash = models.CharField(max_length=32, blank=True)
    fingerprint = models.CharField(max_length=64, blank=True)
    source_modified_at = models.DateTimeField(null=True, blank=True)
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()
    times_seen = models.IntegerField(default=1)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by_run = models.ForeignKey(
        SyncRun, null=True, blank=True, on_delete=models.PROTECT, related_name="closed_errors"
    )
    dismissed_at = models.DateTimeField(null=True, blank=True)
    dismissed_by = models.CharField(max_length=150, blank=True)
    dismissed_reason = models.TextField(blank=True)
    assigned = models.CharField(
        max_length=12, blank=True, choices=[("source", "source"), ("mapping", "mapping")],
        help_text="Who must act, where a person decided so; else the kind says it.",
    )  # fmt: skip
    assigned_by = models.CharField(max_length=150, blank=True)
    assigned_reason = models.TextField(blank=True)

    class Meta:
        indexes = (
            models.Index(fields=["lane", "closed_at", "waits_for"], name="error_open"),
            models.Index(fields=["run", "code"], name="error_cause"),
            # The desk counts and lists open errors among a million closed ones.
            models.Index(
                fields=["code", "kind", "lane"],
                condition=Q(closed_at__isnull=True, dismissed_at__isnull=True),
                name="error_open_cause",
            ),
            # The oldest open error is looked for each half minute.
            models.Index(
                fields=["lane", "first_seen"],
                condition=Q(closed_at__isnull=True, dismissed_at__isnull=True),
                name="error_oldest",
            ),
            models.Index(fields=["-last_seen"], name="error_last_seen"),
            models.Index(fields=["external_id"], name="error_external_id"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=["lane", "external_id"],
                condition=Q(closed_at__isnull=True),
                name="one_open_error",
            ),
        )

    def __str__(self) -> str:
        return f"{self.external_id}: {self.message}"


class Drift(models.Model):
    """A value that is not what we wrote: somebody changed, renamed or archived it in Benchling."""

    class End(models.TextChoices):
        PUT_RIGHT = "put right"
        RESTORED = "restored"
        LEFT = "left"

    lane = models.ForeignKey(Lane, on_delete=models.PROTECT, related_name="drift")
    run = models.ForeignKey(SyncRun, on_delete=models.PROTECT, related_name="drift")
    external_id = models.CharField(max_length=255)
    entity_id = models.CharField(max_length=64)
    field_id = models.CharField(max_length=64, help_text="Field id, or `name`, `archived`.")
    field = models.CharField(max_length=255)
    ours = models.JSONField(null=True)
    theirs = models.JSONField(null=True)
    modified_at = models.DateTimeField(help_text="When Benchling says the entity was modified.")
    found_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    ended = models.CharField(max_length=12, choices=End.choices, blank=True)

    class Meta:
        verbose_name_plural = "drift"
        constraints = (
            models.UniqueConstraint(
                fields=["lane", "external_id", "field_id"],
                condition=Q(closed_at__isnull=True),
                name="one_open_drift",
            ),
        )

    def __str__(self) -> str:
        return f"{self.external_id} {self.field}: {self.ours!r} → {self.theirs!r}"


class Adoption(models.Model):
    """An entity that was in Benchling before us and that a record matches: what becomes of it.

    One whose values equal the source's is taken over by itself; any other waits for a person.
    """

    class How(models.TextChoices):
        SAME_ID = "same id"
        SAME_NAME = "same name"
        SAME_ALIAS = "same alias"
        ARCHIVED = "archived"
        OTHER_SCHEMA = "another schema"

    ADOPTABLE = (How.SAME_ID, How.SAME_NAME, How.SAME_ALIAS)

    class State(models.TextChoices):
        OPEN = "open", "waits for a person"
        APPROVED = "approved", "approved, for the next run"
        ADOPTED = "adopted", "taken over"
        VOID = "void", "no longer needed"

    lane = models.ForeignKey(Lane, on_delete=models.PROTECT, related_name="adoptions")
    external_id = models.CharField(max_length=255)
    entity_id = models.CharField("Benchling id", max_length=64)
    entity_registry_id = models.CharField(max_length=255, blank=True)
    name = models.TextField(blank=True)
    schema_name = models.CharField(max_length=255, blank=True)
    how = models.CharField(max_length=16, choices=How.choices)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    differences = models.JSONField(
        default=list, help_text="Field, Benchling's value, the registry's value."
    )
    modified_at = models.DateTimeField(help_text="When Benchling says the entity was modified.")
    found_at = models.DateTimeField()
    note = models.TextField(blank=True, help_text="Why it could not be taken over as decided.")
    actor = models.CharField(max_length=150, blank=True)
    reason = models.TextField(blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    run = models.ForeignKey(
        SyncRun, null=True, blank=True, on_delete=models.PROTECT, related_name="adoptions",
        help_text="The run that took it over.",
    )  # fmt: skip

    class Meta:
        ordering = ("pk",)
        constraints = (
            models.UniqueConstraint(
                fields=["lane", "external_id", "entity_id"],
                condition=Q(state__in=["open", "approved"]),
                name="one_undecided_adoption",
            ),
        )
        indexes = (
            models.Index(fields=["lane", "state", "how"], name="adoption_state"),
            models.Index(fields=["lane", "entity_id"], name="adoption_entity"),
        )

    def __str__(self) -> str:
        return f"{self.external_id} ← {self.entity_registry_id or self.entity_id} ({self.how})"


class ChainHead(models.Model):
    """Where a lane's chain of changes ends: moved with every row, so that its end is known."""

    lane = models.OneToOneField(Lane, on_delete=models.PROTECT)
    digest = models.CharField(max_length=64, help_text="Of the lane's last change.")

    def __str__(self) -> str:
        return f"{self.lane} ends at {self.digest[:12]}"


class Retention(models.Model):
    """Old Change rows were deleted: by whom and why, and the digest that the rest builds on."""

    lane = models.ForeignKey(Lane, on_delete=models.PROTECT)
    before = models.DateTimeField(help_text="Changes older than this were deleted.")
    rows = models.BigIntegerField()
    digest = models.CharField(max_length=64)
    actor = models.CharField(max_length=150)
    reason = models.TextField()
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.rows} changes before {self.before:%Y-%m-%d}"


class Allowance(models.Model):
    """A person lets one stop pass, once, and says why."""

    class What(models.TextChoices):
        GREAT_CHANGE = "great-change", "more changes than the limit"
        PATH_GONE = "path-gone", "a mapped path gone from the records"
        IDENTITY = "identity", "another substance under a known id"

    lane = models.ForeignKey(Lane, on_delete=models.PROTECT, related_name="allowances")
    what = models.CharField(max_length=16, choices=What.choices)
    external_id = models.CharField(
        max_length=255, blank=True, help_text="Of the record, where one record was stopped."
    )
    actor = models.CharField(max_length=150)
    reason = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)
    used_by = models.ForeignKey(
        SyncRun, null=True, blank=True, editable=False, on_delete=models.PROTECT
    )

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.get_what_display()}{f' ({self.external_id})' if self.external_id else ''}"


class Installation(models.Model):
    """What Benchling told about this app in a tenant, beside its runs."""

    tenant = models.CharField(max_length=255)
    app_id = models.CharField(max_length=64)
    deactivated_at = models.DateTimeField(null=True, blank=True)
    config_fault = models.TextField(blank=True, help_text="What the last change broke.")
    config_checked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["tenant", "app_id"], name="one_installation"),
        )

    def __str__(self) -> str:
        return f"{self.app_id} in {self.tenant}"


class Canvas(models.Model):
    """A canvas in Benchling: what its people asked there, and what was drawn last."""

    tenant = models.CharField(max_length=255)
    app_id = models.CharField(max_length=64)
    canvas_id = models.CharField(max_length=64, unique=True)
    feature_id = models.CharField(max_length=64, blank=True)
    resource_id = models.CharField(max_length=64, blank=True)
    run = models.ForeignKey(
        SyncRun, null=True, blank=True, on_delete=models.SET_NULL, related_name="canvases",
        help_text="The run that its people started or joined.",
    )  # fmt: skip
    preview = models.ForeignKey(
        SyncRun, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    note = models.TextField(blank=True)
    asked = models.CharField(max_length=255, blank=True)
    standing = models.TextField(blank=True)
    chip = models.CharField(max_length=64, blank=True)
    used_at = models.DateTimeField()
    drawn_at = models.DateTimeField(null=True, blank=True)
    drawn_run = models.ForeignKey(
        SyncRun, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    drawn_status = models.CharField(max_length=24, blank=True)

    class Meta:
        verbose_name_plural = "canvases"
        indexes = (models.Index(fields=["tenant", "app_id", "-used_at"], name="canvas_used"),)

    def __str__(self) -> str:
        return self.canvas_id


class WebhookDelivery(models.Model):
    """One verified webhook. Benchling delivers at least once: its id makes it unique."""

    class State(models.TextChoices):
        RECEIVED = "received"
        WORKING = "working"
        DONE = "done"
        IGNORED = "ignored"
        FAILED = "failed"

    webhook_id = models.CharField(max_length=255, unique=True)
    type = models.CharField(max_length=100)
    message = models.JSONField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.RECEIVED)
    error = models.TextField(blank=True)
    attempts = models.IntegerField(default=0)
    received_at = models.DateTimeField()
    taken_at = models.DateTimeField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-id",)
        verbose_name_plural = "webhook deliveries"
        indexes = (models.Index(fields=["state", "received_at"], name="delivery_state"),)

    def __str__(self) -> str:
        return f"{self.type} ({self.webhook_id})"


class WebhookRefusal(models.Model):
    """How many deliveries were refused on a day, by reason; nothing of them is kept."""

    day = models.DateField()
    reason = models.CharField(max_length=40)
    count = models.BigIntegerField(default=0)

    class Meta:
        ordering = ("-day", "reason")
        constraints = (models.UniqueConstraint(fields=["day", "reason"], name="refusal_day"),)

    def __str__(self) -> str:
        return f"{self.day} {self.reason}: {self.count}"


class MappingDraft(models.Model):
    """A field mapping being prepared: suggested, previewed on real records, published.

    `rows` are `{"path": …, "field_id": …, "rule": …}` in order; a row without a path is fed by its
    rule alone (constant). `base` is the live configuration it was started from, by which a change
    that somebody made meanwhile is noticed.
    """

    class State(models.TextChoices):
        OPEN = "open"
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
    title = models.CharField(max_length=200)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    version = models.IntegerField(default=1, help_text="Raised with each edit.")
    rows = models.JSONField(default=list, blank=True)
    name_field = models.CharField(max_length=500, blank=True)
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
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_by = models.CharField(max_length=150, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("-id",)
        permissions = (("publish_mappingdraft", "Can publish a mapping to Benchling"),)

    def __str__(self) -> str:
        return self.title


class MappingVersion(models.Model):
    """A mapping as it was published to the app's configuration: what, who, when and why."""

    tenant = models.CharField(max_length=255)
    app_id = models.CharField(max_length=64)
    number = models.IntegerField()
    rows = models.JSONField(default=list)
    name_field = models.CharField(max_length=500, blank=True)
    before = models.JSONField(default=dict, help_text="The configuration that it replaced.")
    draft = models.ForeignKey(MappingDraft, null=True, blank=True, on_delete=models.PROTECT)
    back_to = models.IntegerField(null=True, blank=True, help_text="The version rolled back to.")
    actor = models.CharField(max_length=150)
    reason = models.TextField()
    at = models.DateTimeField()

    class Meta:
        ordering = ("-number",)
        constraints = (
            models.UniqueConstraint(fields=["tenant", "app_id", "number"], name="mapping_version"),
        )

    def __str__(self) -> str:
        return f"Version {self.number}"


class AlertSettings(models.Model):
    """Whom to tell of a change of state, and from when on. One row an app in a tenant."""

    tenant = models.CharField(max_length=255)
    app_id = models.CharField(max_length=64)
    emails = models.TextField(blank=True, help_text="Addresses, one a line.")
    webhook_url = models.URLField(
        blank=True, max_length=500, help_text="Gets a POST, signed by the app's own key."
    )
    no_good_run_hours = models.PositiveIntegerField(
        default=24, help_text="Tell when no run was good for this many hours."
    )
    refused_percent = models.PositiveIntegerField(
        default=5, help_text="Tell when more than this share of a run's records is refused."
    )
    error_days = models.PositiveIntegerField(
        default=7, help_text="Tell when an error is open for longer than this many days."
    )
    transient_runs = models.PositiveIntegerField(
        default=3, help_text="Tell of failures that may pass only after this many runs in a row."
    )

    class Meta:
        verbose_name = verbose_name_plural = "alert settings"
        constraints = (
            models.UniqueConstraint(fields=["tenant", "app_id"], name="one_alert_settings"),
        )

    def __str__(self) -> str:
        return "Alert settings"


class Alert(models.Model):
    """A state worth telling of, from its beginning to its end; told once at each."""

    class What(models.TextChoices):
        FAILING = "failing", "runs fail"
        STALE = "stale", "no good run"
        REFUSED = "refused", "many records refused"
        OLD_ERROR = "old error", "an error is open for long"

    tenant = models.CharField(max_length=255)
    app_id = models.CharField(max_length=64)
    what = models.CharField(max_length=12, choices=What.choices)
    text = models.TextField()
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_text = models.TextField(blank=True)

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                fields=["tenant", "app_id", "what"],
                condition=Q(ended_at__isnull=True),
                name="one_open_alert",
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_what_display()} since {self.began_at:%Y-%m-%d %H:%M} UTC"


class AlertMessage(models.Model):
    """One message to one receiver, kept until it is sent."""

    class Channel(models.TextChoices):
        EMAIL = "e-mail"
        WEBHOOK = "webhook"

    alert = models.ForeignKey(
        Alert, null=True, blank=True, on_delete=models.CASCADE, related_name="messages",
        help_text="Empty: a test.",
    )  # fmt: skip
    channel = models.CharField(max_length=8, choices=Channel.choices)
    receiver = models.CharField(max_length=500)
    subject = models.CharField(max_length=200)
    body = models.TextField()
    created_at = models.DateTimeField()
    attempts = models.IntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)

    class Meta:
        ordering = ("-id",)
        indexes = (models.Index(fields=["sent_at", "next_try_at"], name="alert_unsent"),)

    def __str__(self) -> str:
        return self.subject


class Pulse(models.Model):
    """When an app's active run was last seen to move.

    A row of its own: the run's may be locked by a process that was frozen in a transaction.
    """

    tenant = models.CharField(max_length=255)
    app_id = models.CharField(max_length=64)
    run_id = models.BigIntegerField()
    pulse = models.CharField(max_length=32, help_text="Of its phase, position and counts.")
    moved_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["tenant", "app_id"], name="one_pulse"),)

    def __str__(self) -> str:
        return f"Run {self.run_id} moved at {self.moved_at:%Y-%m-%d %H:%M} UTC"


class Checkup(models.Model):
    """What `doctor` found when it looked at the whole set-up, point by point."""

    tenant = models.CharField(max_length=255)
    app_id = models.CharField(max_length=64)
    points = models.JSONField(default=list, help_text="Name, state, finding, remedy.")
    actor = models.CharField(max_length=150, blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ("-id",)
        verbose_name = "check-up"

    def __str__(self) -> str:
        return f"Check-up of {self.at:%Y-%m-%d %H:%M} UTC"


class RunLog(models.Model):
    """What a run said, line by line, as it came."""

    run = models.ForeignKey(SyncRun, on_delete=models.CASCADE, related_name="log")
    at = models.DateTimeField()
    level = models.CharField(max_length=8)
    text = models.TextField()

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return self.text
