"""Records that left the registry, and the list of deletions that says so."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from registry_sync.core.text import number_of
from registry_sync.models.lanes import Lane
from registry_sync.models.runs import SyncRun


class Withdrawal(models.Model):
    """A record that left the registry, or the lane's scope, and what became of its entity.

    It is open until the record comes back. What someone decided about it stays until then.
    """

    class How(models.TextChoices):
        SCOPE = "scope", "left the scope"
        FLAG = "flag", "marked in the registry"
        TOMBSTONE = "tombstone", "marked as deleted"
        FEED = "feed", "in the list of deletions"
        ABSENCE = "absence", "no longer listed"

    class State(models.TextChoices):
        ABSENT = "absent", "missing from one complete listing"
        GONE = "gone", "withdrawn"
        STAGED = "staged", "waits for a decision"
        HELD = "held", "left, because containers hold it"
        RELEASED = "released", "to be archived by the next run"
        SENT = "sent", "being archived"
        ARCHIVED = "archived", "archived by this app"
        UNDO = "undo", "to be unarchived by the next run"
        KEPT = "kept", "kept in use"
        THEIRS = "theirs", "archived by someone else"
        FOREIGN = "foreign", "left, because this app never wrote it"

    class End(models.TextChoices):
        RETURNED = "returned", "came back"
        UNARCHIVED = "unarchived", "came back and was unarchived"
        SETTLED = "settled", "no longer of this lane"

    WAITING = (State.STAGED,)
    RELEASABLE = (State.GONE, State.STAGED, State.HELD, State.KEPT)
    """States from which someone can let an entity be archived."""
    ARCHIVED_HERE = (State.ARCHIVED, State.SENT, State.UNDO)
    """States in which this app archived an entity, or may have before its process was killed."""
    KEEPABLE = (State.GONE, State.STAGED, State.HELD, State.RELEASED)
    """States from which someone can decide that an entity stays in use."""

    lane = models.ForeignKey(Lane, on_delete=models.PROTECT, related_name="withdrawals")
    external_id = models.CharField(max_length=255)
    entity_id = models.CharField("Benchling id", max_length=64, blank=True)
    entity_registry_id = models.CharField("registry id", max_length=255, blank=True)
    name = models.TextField(blank=True)
    how = models.CharField("how it left", max_length=12, choices=How.choices)
    said = models.TextField(blank=True, help_text="What showed it, such as a value.")
    state = models.CharField(max_length=12, choices=State.choices)
    found_run = models.ForeignKey(SyncRun, on_delete=models.PROTECT, related_name="withdrawals")
    found_at = models.DateTimeField()
    listed_at = models.DateTimeField(
        null=True, blank=True,
        help_text="When the first complete listing without it began, on the registry's clock.",
    )  # fmt: skip
    containers = models.IntegerField(
        null=True, blank=True, help_text="How many containers hold it. Empty: not counted yet."
    )
    links = models.JSONField(
        default=list, blank=True, help_text="Registry ids of some entities that link to it."
    )
    reason = models.CharField("archive reason", max_length=32, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    archived_at = models.DateTimeField(
        null=True, blank=True, help_text="Benchling's time of the entity after this app's archive."
    )
    archive_run = models.ForeignKey(
        SyncRun, null=True, blank=True, on_delete=models.PROTECT, related_name="archives"
    )
    note = models.TextField(blank=True)
    kept_for = models.CharField(
        max_length=255, blank=True, default="", db_default="",
        help_text="The record for which the entity stays in use, as it follows it (Merges).",
    )  # fmt: skip
    actor = models.CharField("decided by", max_length=150, blank=True)
    decision = models.TextField("reason of the decision", blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_run = models.ForeignKey(
        SyncRun, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    ended = models.CharField(max_length=12, choices=End.choices, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["lane", "external_id"],
                condition=Q(closed_at__isnull=True),
                name="one_open_withdrawal",
            ),
        )
        indexes = (
            models.Index(fields=["lane", "closed_at", "state"], name="withdrawal_state"),
            models.Index(fields=["archive_run"], name="withdrawal_archive_run"),
        )

    def __str__(self) -> str:
        held = f", held by {number_of(self.containers, 'container')}" if self.containers else ""
        links = f", linked from {', '.join(self.links)}" if self.links else ""
        return (
            f"{self.entity_registry_id or self.external_id} “{self.name}”: "
            f"{self.get_how_display()}, {self.get_state_display()}{held}{links}"
        )


class FeedReading(models.Model):
    """The last read of a lane's list of deletions: when, and which entries it had."""

    lane = models.OneToOneField(Lane, on_delete=models.CASCADE, related_name="feed")
    read_at = models.DateTimeField(help_text="When it was requested, on the registry's clock.")
    entries = models.JSONField(default=list, blank=True, help_text="Digests of its entries.")

    def __str__(self) -> str:
        return f"Deletions of {self.lane}, read at {self.read_at:%Y-%m-%d %H:%M} UTC"
