"""A run: one attempt to bring a lane up to date, its log, and its last progress."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q

from registry_sync.models.app_scope import AppQuerySet
from registry_sync.models.lanes import Lane


class SyncRun(models.Model):
    """One attempt to bring a lane up to date.

    The statuses are those of Benchling's App Status.
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
        PLAN = "plan"
        APPLY = "apply"

    DRY = (Kind.DRY_RUN, Kind.PLAN)
    """The kinds that write nothing to Benchling."""
    SYNC = (Kind.INCREMENTAL, Kind.FULL)
    """The kinds that read and write whatever changed."""
    WHOLE = (*SYNC, Kind.APPLY)
    """The kinds that write whatever changed, or of it what is signed."""

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
    reads_all = models.BooleanField(
        default=False, help_text="Reads everything: no `since` was sent to the registry."
    )
    full_reason = models.CharField(max_length=300, blank=True)
    trigger = models.CharField(max_length=16, choices=Trigger.choices)
    actor = models.CharField(max_length=150, blank=True, help_text="User, or empty: the schedule.")
    joined_by = models.JSONField(
        null=True, blank=True, help_text="Who else asked for what it does, and joined it."
    )
    only = models.JSONField(
        default=list, blank=True, help_text="External ids of a pilot, or of the records to retry."
    )
    only_cause = models.CharField(
        max_length=64, blank=True, help_text="For a retry of one cause: the code of its errors."
    )
    retries_all = models.BooleanField(
        default=False, help_text="Retries every open error as well: someone asked for it."
    )
    since_asked = models.DateTimeField(null=True, blank=True)
    rerun_of = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT)
    plan = models.ForeignKey(
        "registry_sync.Plan", null=True, blank=True, on_delete=models.PROTECT, related_name="runs",
        help_text="The plan that it makes or applies.",
    )  # fmt: skip

    status = models.CharField(max_length=24, choices=Status.choices, default=Status.QUEUED)
    phase = models.CharField(max_length=16, choices=Phase.choices, default=Phase.CONFIGURE)
    mapping = models.JSONField(default=dict, blank=True)
    fingerprint = models.CharField(max_length=64, blank=True)
    service_version = models.CharField(max_length=32, blank=True)
    since = models.DateTimeField(null=True, blank=True)
    watermark = models.DateTimeField(null=True, blank=True)
    watermark_record = models.CharField(max_length=255, blank=True)
    expected_record = models.CharField(
        max_length=255,
        blank=True,
        help_text="The record that set the last watermark, until it is read again.",
    )
    server_date = models.DateTimeField(
        null=True, blank=True, help_text="When the first page was requested."
    )
    reading = models.JSONField(
        default=dict, blank=True, help_text="What is known of the reading of the list so far."
    )
    position = models.JSONField(null=True, blank=True, help_text="The page to read next.")
    source_total = models.BigIntegerField(null=True, blank=True)
    warnings = models.JSONField(default=list, blank=True)

    read = models.BigIntegerField(default=0)
    unchanged = models.BigIntegerField(default=0)
    created = models.BigIntegerField(default=0)
    updated = models.BigIntegerField(default=0)
    failed = models.BigIntegerField(default=0)
    repeated = models.BigIntegerField(
        default=0, help_text="Records that were listed more than once."
    )
    retried = models.BigIntegerField(
        default=0, help_text="Of those read: retried from the stored copy."
    )
    coerced = models.BigIntegerField(default=0)
    archived = models.BigIntegerField(
        default=0,
        db_default=0,
        help_text="Entities archived because their records left the registry.",
    )
    held = models.BigIntegerField(
        default=0,
        db_default=0,
        help_text="Writes that were left for a plan, or because a signed plan does not fit them.",
    )
    older = models.BigIntegerField(default=0, help_text="Records older than requested.")
    phase_seconds = models.JSONField(default=dict, blank=True)
    waits = models.JSONField(
        null=True, blank=True, help_text="How often and for how many seconds it waited, by reason."
    )
    tallied = models.BooleanField(
        default=False, db_default=False, help_text="It has ended, and the tallies include it."
    )

    error = models.TextField(blank=True)
    error_code = models.CharField(max_length=64, blank=True)
    error_kind = models.CharField(max_length=16, blank=True)
    remedy = models.TextField(blank=True)
    lost_paths = models.JSONField(
        null=True, blank=True, help_text="Mapped paths that were missing and stopped it."
    )
    session_id = models.CharField(max_length=64, blank=True)
    session_open = models.BooleanField(
        default=False, help_text="Benchling still shows the session as running."
    )
    last_full_at = models.DateTimeField(null=True, blank=True)

    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    heartbeat = models.DateTimeField(null=True, blank=True)
    waiting_until = models.DateTimeField(null=True, blank=True)
    waiting_code = models.CharField(
        max_length=32, blank=True, help_text="Why it waits: a code of the catalogue."
    )
    waiting_for = models.TextField(blank=True, help_text="Completes “Waiting for …”.")
    turn_since = models.DateTimeField(
        null=True, blank=True, help_text="Since when it waits for its turn to write."
    )
    limited_at = models.DateTimeField(
        null=True, blank=True, help_text="When Benchling's hourly object limit was first reached."
    )
    limited_written = models.BigIntegerField(default=0, help_text="Objects written by that time.")
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_by = models.CharField(max_length=150, blank=True)
    paused_reason = models.TextField(blank=True)
    fence = models.BigIntegerField(default=0, help_text="Fencing number of the newest lease.")
    follow_up = models.JSONField(
        null=True, blank=True, help_text="The run that people asked for while this one was active."
    )
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_holder = models.CharField(max_length=150, blank=True)

    objects = models.Manager.from_queryset(AppQuerySet)()

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                fields=["lane"],
                condition=Q(status__in=["QUEUED", "RUNNING"]),
                name="one_active_run_a_lane",
                violation_error_message="Another run of this lane is active.",
            ),
            # Before the configuration is read for the first time, no lane is known.
            models.UniqueConstraint(
                fields=["tenant", "app_id"],
                condition=Q(status__in=["QUEUED", "RUNNING"], lane__isnull=True),
                name="one_active_run_without_lane",
                violation_error_message="Another run is active.",
            ),
        )
        indexes = (
            models.Index(fields=["lane", "status", "-id"], name="run_lane_status"),
            models.Index(fields=["status", "lease_until"], name="run_lease"),
            models.Index(fields=["-created_at"], name="run_created"),
            # The desk lists rare kinds and triggers among a hundred thousand scheduled runs.
            models.Index(fields=["kind", "-id"], name="run_kind"),
            models.Index(fields=["trigger", "-id"], name="run_trigger"),
            # Metrics count what the tallies do not include; retention deletes the oldest.
            models.Index(fields=["id"], condition=Q(tallied=False), name="run_untallied"),
            models.Index(fields=["finished_at"], name="run_finished"),
        )

    def __str__(self) -> str:
        status = self.status.replace("_", " ").lower()
        return f"Run {self.pk} ({self.kind}, {status})"

    def mapping_by(self, fingerprint: str) -> dict[str, Any]:
        """Return the mapping that this run used under a fingerprint: it may change during a run."""
        earlier: dict[str, dict[str, Any]] = self.mapping.get("earlier", {})
        return earlier.get(fingerprint, self.mapping)

    @property
    def is_active(self) -> bool:
        return self.status in self.ACTIVE

    @property
    def dry_run(self) -> bool:
        return self.kind in self.DRY

    @property
    def reading_number(self) -> int:
        """Return which reading of the list this is, from 1."""
        return int(self.reading.get("number", 1))

    @property
    def moves_watermark(self) -> bool:
        """Return whether the next run may start from where this one ends."""
        return (
            self.kind in self.WHOLE and not self.only and self.since_asked is None and not self.held
        )


class RunLog(models.Model):
    """One line of a run's log."""

    run = models.ForeignKey(SyncRun, on_delete=models.CASCADE, related_name="log")
    at = models.DateTimeField()
    level = models.CharField(max_length=8)
    text = models.TextField()

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return self.text


class Pulse(models.Model):
    """When an active run last made progress.

    It has its own row, because a process frozen in a transaction may lock the run's row.
    """

    tenant = models.CharField(max_length=255)
    app_id = models.CharField(max_length=64)
    run_id = models.BigIntegerField()
    pulse = models.CharField(max_length=32, help_text="A digest of its phase, position and counts.")
    moved_at = models.DateTimeField()

    objects = models.Manager.from_queryset(AppQuerySet)()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["tenant", "app_id", "run_id"], name="one_pulse"),
        )

    def __str__(self) -> str:
        return f"Run {self.run_id} moved at {self.moved_at:%Y-%m-%d %H:%M} UTC"
