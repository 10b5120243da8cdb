"""Proposals: what one person proposes and a second one confirms."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from registry_sync.models.lanes import Lane


class Proposal(models.Model):
    """What one person proposes and a second one confirms, where a lane's settings ask for it."""

    class What(models.TextChoices):
        PUBLISH = "publish", "publish a mapping"
        ALLOW = "allow", "allow a stop once"
        RELEASE = "release", "archive what left the registry"
        POLICY = "policy", "archive what leaves the registry from now on"

    class State(models.TextChoices):
        OPEN = "open", "waits for a second person"
        CONFIRMED = "confirmed", "confirmed"
        DECLINED = "declined", "declined"
        VOID = "void", "void"

    lane = models.ForeignKey(Lane, on_delete=models.PROTECT, related_name="proposals")
    what = models.CharField(max_length=8, choices=What.choices)
    subject = models.JSONField(default=dict, help_text="What exactly would be done.")
    text = models.TextField(help_text="What would be done, in words.")
    state = models.CharField(max_length=9, choices=State.choices, default=State.OPEN)
    proposed_by = models.CharField(max_length=150)
    proposed_user = models.BigIntegerField(
        null=True, blank=True, help_text="Id of the desk's user. Empty: a command."
    )
    reason = models.TextField()
    proposed_at = models.DateTimeField(default=timezone.now)
    decided_by = models.CharField(max_length=150, blank=True)
    decided_user = models.BigIntegerField(null=True, blank=True, help_text="As above.")
    decision = models.TextField("reason of the decision", blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(
                condition=~Q(state="confirmed")
                | (~Q(decided_by="") & ~Q(decided_by=F("proposed_by")) & ~Q(decision="")),
                name="proposal_confirmed_by_another",
                violation_error_message="Who proposed cannot confirm.",
            ),
            models.CheckConstraint(
                condition=~Q(state="confirmed")
                | Q(decided_user__isnull=True)
                | Q(proposed_user__isnull=True)
                | ~Q(decided_user=F("proposed_user")),
                name="proposal_confirmed_by_another_user",
                violation_error_message="Who proposed cannot confirm.",
            ),
        )

    def __str__(self) -> str:
        return f"Proposal {self.pk}: {self.get_what_display()}"
