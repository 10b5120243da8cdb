"""A second person: what a lane's settings let no one do alone is proposed, then confirmed."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from registry_sync.core.problems import SyncError
from registry_sync.core.types import Json
from registry_sync.ledger import admin_log
from registry_sync.models import Lane, Proposal

What, State = Proposal.What, Proposal.State
SETTINGS = {
    What.PUBLISH: "second_publish",
    What.ALLOW: "second_allow",
    What.RELEASE: "second_release",
}
"""The setting of a lane that asks for a second person."""


class SecondPerson(SyncError):
    """Nothing was done yet: it is proposed, and a second person must confirm it."""

    def __init__(self, proposal: Proposal) -> None:
        super().__init__(
            f"This lane asks for a second person. {proposal.proposed_by} proposed it; nothing was "
            "done yet.",
            remedy="Someone else confirms it under Proposals in the desk, or does the same.",
            kind="mapping",
            code="second_person",
        )
        self.proposal = proposal


def is_asked(lane: Lane | None, what: Proposal.What) -> bool:
    """Return whether a lane's settings ask for a second person, as they are now."""
    if lane is None:
        return False
    return bool(Lane.objects.filter(pk=lane.pk).values_list(SETTINGS[what], flat=True).first())


def require(
    lane: Lane | None, what: Proposal.What, subject: Json, text: str, *, actor: str, reason: str
) -> None:
    """Return if this may be done now: no second person is asked for, or this is the second.

    `subject` says what exactly is done; only the same thing is a confirmation. Raises SecondPerson
    where it is a proposal.
    """
    if lane is None or not is_asked(lane, what):
        return
    same = Proposal.objects.filter(lane=lane, what=what, subject=subject, state=State.OPEN)
    with transaction.atomic():
        mine = same.select_for_update().order_by("pk").first()
        if mine is not None and mine.proposed_by != actor:
            _decide(mine, State.CONFIRMED, actor, reason)
            return
        if mine is None:
            named = {"proposed_by": actor, "reason": reason}
            mine = Proposal.objects.create(
                lane=lane, what=what, subject=subject, text=text, **named
            )
            admin_log.note(mine, f"{actor} proposed: {text} {reason}", actor=actor)
    raise SecondPerson(mine)


def decline(proposal: Proposal, *, actor: str, reason: str) -> bool:
    """Decline a proposal; who made it may take it back so. Return whether it was still open."""
    with transaction.atomic():
        row = Proposal.objects.select_for_update().get(pk=proposal.pk)
        if row.state != State.OPEN:
            return False
        _decide(row, State.DECLINED, actor, reason)
    return True


def _decide(row: Proposal, state: Proposal.State, actor: str, reason: str) -> None:
    row.state, row.decided_by, row.decision = state, actor, reason.strip()
    row.decided_at = timezone.now()
    row.save()
    admin_log.note(row, f"{actor}: {row.get_state_display()}. {reason}", actor=actor)
