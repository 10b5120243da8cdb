"""A lane's policy for withdrawals. To archive more takes two people where releasing them does."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from django.db import transaction
from django.utils import timezone

from registry_sync.models import Lane, Proposal
from registry_sync.sync.plans import proposals
from registry_sync.sync.plans.proposals import Consent, Person

Policy = Lane.WithdrawnPolicy


@dataclass(frozen=True, slots=True)
class Wish:
    """The policy that someone wants: what is done, the archive reason, and what is held too."""

    policy: str
    reason: str
    held: bool

    def archives_more(self, lane: Lane) -> bool:
        """Return whether it would archive what the lane's policy now leaves in use."""
        now = Lane.objects.get(pk=lane.pk)  # a form has filled in the lane already
        if self.policy != Policy.ARCHIVE:
            return False
        return now.withdrawn_policy != Policy.ARCHIVE or (self.held and not now.withdrawn_held)

    def __str__(self) -> str:
        if self.policy == Policy.TELL:
            return "reported only"
        exception = "" if self.held else ", unless a container holds it"
        return f"archived as “{self.reason}”{exception}"


def policy_for(lane: Lane) -> Wish:
    """Return a lane's policy."""
    return Wish(lane.withdrawn_policy, lane.withdrawn_reason, lane.withdrawn_held)


def proposed(row: Proposal) -> Wish:
    """Return the policy that is proposed."""
    return Wish(**row.subject)


def policy_consent(lane: Lane, wish: Wish, *, by: Person, reason: str) -> Consent:
    """Return the consent with which this person may set a policy now. Raise SecondPerson."""
    text = f"From now on, let what leaves the registry be {wish}."
    text += " What containers hold is archived too." if wish.held else ""
    action = proposals.ProposedAction(lane, proposals.What.POLICY, asdict(wish), text)
    return proposals.request_consent(
        [action] if wish.archives_more(lane) else [], by=by, reason=reason
    )


def set_policy(lane: Lane, wish: Wish, *, by: Person, reason: str) -> None:
    """Set what is done about a lane's withdrawals. Listings count from now on.

    Raise SecondPerson where the lane requires two people: then nothing is set.
    """
    consent = policy_consent(lane, wish, by=by, reason=reason)
    with transaction.atomic():
        consent.use()
        Lane.objects.filter(pk=lane.pk).update(
            withdrawn_policy=wish.policy, withdrawn_reason=wish.reason, withdrawn_held=wish.held,
            withdrawn_set_at=timezone.now(), archive_fault="",
        )  # fmt: skip
