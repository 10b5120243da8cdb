"""Plans: what a dry run would write, kept for a second person to sign."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Cast, Concat, StrIndex
from django.db.models.lookups import Exact
from django.utils import timezone

from registry_sync.models.lanes import Lane

TEXT = models.TextField()
STANDS = {
    "open": "waits for a signature", "signed": "is signed and waits to be applied",
    "empty": "has nothing to write",
}  # fmt: skip
"""How a plan stands, where that is more than its state with “is”."""


def _place(field: str, edge: str, one: F | Cast) -> StrIndex:
    """Return where a list, each of its entries between edges, has one of them; 0: nowhere."""
    return StrIndex(F(field), Concat(Value(edge), one, Value(edge), output_field=TEXT))


class Plan(models.Model):
    """Every write that a dry run found, digested, until it is signed, applied, void or expired."""

    class State(models.TextChoices):
        MAKING = "making", "being made"
        OPEN = "open", "waits for a signature"
        SIGNED = "signed", "signed, waits to be applied"
        APPLIED = "applied", "applied"
        VOID = "void", "void"
        EMPTY = "empty", "nothing to write"

    lane = models.ForeignKey(Lane, on_delete=models.PROTECT, related_name="plans")
    run = models.ForeignKey(
        "registry_sync.SyncRun", on_delete=models.PROTECT, related_name="+",
        help_text="The dry run that made it.",
    )  # fmt: skip
    state = models.CharField(max_length=8, choices=State.choices, default=State.MAKING)
    planned_by = models.CharField(
        max_length=150, blank=True, help_text="User, or empty: the schedule."
    )
    planned_user = models.BigIntegerField(
        null=True, blank=True, help_text="Id of the desk's user, who may be renamed."
    )
    asked_by = models.TextField(
        "asked for by", blank=True, default="", db_default="",
        help_text="Who asked for something in it: each name on a line, between line breaks.",
    )  # fmt: skip
    asked_users = models.TextField(
        blank=True, default="", db_default="", help_text="Their ids, between commas."
    )
    made_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    digest = models.CharField(
        max_length=64, blank=True, help_text="SHA-256 over the digests of its rows, in order."
    )
    creates = models.BigIntegerField(default=0)
    changes = models.BigIntegerField(default=0)
    archives = models.BigIntegerField(default=0)
    unarchives = models.BigIntegerField(default=0)
    signed_by = models.CharField(max_length=150, blank=True)
    signed_user = models.BigIntegerField(null=True, blank=True, help_text="As above.")
    signed_at = models.DateTimeField(null=True, blank=True)
    sign_reason = models.TextField("reason of the signature", blank=True)
    applied_run = models.ForeignKey(
        "registry_sync.SyncRun", null=True, blank=True, on_delete=models.PROTECT, related_name="+",
    )  # fmt: skip
    void_reason = models.TextField(blank=True)

    class Meta:
        ordering = ("-id",)
        permissions = (("sign_plan", "May sign plans and confirm what others proposed"),)
        constraints = (
            models.CheckConstraint(
                condition=Q(signed_by="") | ~Q(signed_by=F("planned_by")),
                name="plan_signed_by_another",
                violation_error_message="Who planned cannot sign.",
            ),
            models.CheckConstraint(
                condition=Q(signed_user__isnull=True)
                | Q(planned_user__isnull=True)
                | ~Q(signed_user=F("planned_user")),
                name="plan_signed_by_another_user",
                violation_error_message="Who planned cannot sign.",
            ),
            models.CheckConstraint(
                condition=Q(signed_by="") | Q(Exact(_place("asked_by", "\n", F("signed_by")), 0)),
                name="plan_not_signed_by_asker",
                violation_error_message="Who asked for something in a plan cannot sign it.",
            ),
            models.CheckConstraint(
                condition=Q(signed_user__isnull=True)
                | Q(Exact(_place("asked_users", ",", Cast("signed_user", TEXT)), 0)),
                name="plan_not_signed_by_asking_user",
                violation_error_message="Who asked for something in a plan cannot sign it.",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["signed", "applied"])
                | (~Q(signed_by="") & Q(signed_at__isnull=False) & ~Q(sign_reason="")),
                name="plan_signed_whole",
            ),
            models.UniqueConstraint(
                fields=["lane", "state"],
                condition=Q(state__in=["open", "signed"]),
                name="plan_one_of_a_lane",
            ),
        )

    def __str__(self) -> str:
        return f"Plan {self.pk}"

    @property
    def state_phrase(self) -> str:
        """Return how it stands, as what follows its name in a sentence."""
        return STANDS.get(str(self.state), f"is {self.get_state_display()}")

    @property
    def requesters(self) -> list[str]:
        """Return the names of those who asked for something in it."""
        return self.asked_by.split("\n")[1:-1]

    def was_requested_by(self, name: str, user_id: int | None) -> bool:
        """Return whether someone asked for something in it, by name or as a user of the desk."""
        return name in self.requesters or f",{user_id}," in self.asked_users

    @property
    def writes(self) -> int:
        """Return how many entities it would write."""
        return self.creates + self.changes + self.archives + self.unarchives

    @property
    def is_expired(self) -> bool:
        """Return whether its time to be signed and applied is over."""
        waits = self.state in (self.State.OPEN, self.State.SIGNED)
        return waits and self.expires_at is not None and self.expires_at <= timezone.now()


class PlanRow(models.Model):
    """One write of a plan, with both sides as they were, and what became of it."""

    class Action(models.TextChoices):
        CREATE = "create"
        CHANGE = "change"
        ARCHIVE = "archive"
        UNARCHIVE = "unarchive"

    class Fate(models.TextChoices):
        WAITING = "", "waits"
        BEGUN = "begun", "begun"
        WRITTEN = "written", "written"
        SOURCE = "source", "left: the record changed in the registry"
        BENCHLING = "benchling", "left: the entity changed in Benchling"
        REFUSED = "refused", "refused"
        SAME = "same", "left: nothing to write any more"
        UNREAD = "unread", "left: the registry did not return the record"

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="rows")
    external_id = models.CharField(max_length=255)
    entity_registry_id = models.CharField("registry id", max_length=255, blank=True)
    entity_id = models.CharField("Benchling id", max_length=64, blank=True)
    name = models.TextField(blank=True)
    action = models.CharField(max_length=9, choices=Action.choices)
    values = models.JSONField(
        default=list, help_text="Field id, value before and value after, of each that changes."
    )
    source_digest = models.CharField(
        max_length=32, blank=True, help_text="Of the record and the mapping that reads it."
    )
    entity_digest = models.CharField(
        max_length=32, blank=True, help_text="Of the entity as it would be."
    )
    benchling_digest = models.CharField(
        max_length=64, blank=True, help_text="Of the entity as Benchling held it."
    )
    touched_digest = models.CharField(
        max_length=64, blank=True, default="", db_default="",
        help_text="Of the entity as this app left it, where it touched it before this write.",
    )  # fmt: skip
    digest = models.CharField(max_length=64, help_text="SHA-256 of this row.")
    fate = models.CharField(
        "what became of it", max_length=9, choices=Fate.choices, blank=True, default=Fate.WAITING
    )

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["plan", "external_id", "action"], name="plan_row_of_record"
            ),
        )
        indexes = (models.Index(fields=["plan", "fate"], name="plan_row_fate"),)

    def __str__(self) -> str:
        return f"{self.action} {self.external_id}"
