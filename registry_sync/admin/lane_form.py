"""The form of a lane's settings, and who may change them alone."""

from __future__ import annotations

from typing import Any

from django.forms import CharField, ModelForm

from registry_sync.desk import withdrawal_policy
from registry_sync.desk.plans import SIGN_TITLE
from registry_sync.models import Lane
from registry_sync.sync.plans import proposals
from registry_sync.sync.plans.proposals import Consent, Person, SecondPerson

POLICY = ("withdrawn_policy", "withdrawn_reason", "withdrawn_held")
TWO_PEOPLE = ("second_publish", "second_allow", "second_release")
OPEN = ("drift_policy", *POLICY, "plans_for", *TWO_PEOPLE)
"""What the form changes; what a request leaves out stays as it is."""
WHY = "why"
"""The form's reason, which is no setting."""
NO_REASON = "Enter a reason. A second person must confirm that more is archived."
MAY_NOT_LOOSEN = f"Taking this back also needs the permission “{SIGN_TITLE}”."


class LaneForm(ModelForm):
    """Both policies of a lane; a form without the second one leaves it as it is."""

    by: Person | None = None
    consent: Consent | None = None
    why = CharField(
        label="Reason for archiving more", required=False, max_length=500,
        help_text="Needed where two people release withdrawals. Visible to all users.",
    )  # fmt: skip

    def __init__(self, data: Any = None, *args: Any, **more: Any) -> None:
        for first, names in (("withdrawn_policy", POLICY), ("plans_for", OPEN[-4:])):
            if data is not None and first not in data:
                stored = {name: getattr(more["instance"], name) for name in names}
                data = {**dict(data.items()), **{n: v for n, v in stored.items() if v}}
        super().__init__(data, *args, **more)

    def clean(self) -> dict[str, Any]:
        """Reject that someone who may not sign lets one person do what takes two."""
        cleaned = super().clean() or {}
        if self.by is not None and not self.by.may_sign:
            for name in (n for n in self.changed_data if n in OPEN[-4:]):
                before, now = self.initial.get(name), cleaned.get(name)
                if is_looser(name, before, now):
                    self.add_error(name, MAY_NOT_LOOSEN)
        return cleaned

    def full_clean(self) -> None:
        """Reject, as a proposal, that more is archived where two people release withdrawals."""
        super().full_clean()
        if not self.is_bound or self.errors or self.by is None:
            return
        lane, reason = self.instance, self.cleaned_data[WHY]
        wish = withdrawal_policy.policy_for(lane)
        if (
            not reason
            and wish.archives_more(lane)
            and proposals.is_required(lane, proposals.What.POLICY)
        ):
            self.add_error(WHY, NO_REASON)
            return
        try:
            self.consent = withdrawal_policy.policy_consent(lane, wish, by=self.by, reason=reason)
        except SecondPerson as proposed:
            self.add_error(None, f"{proposed} {proposed.remedy}")


def is_looser(name: str, before: Any, now: Any) -> bool:
    """Return whether a lane's setting would let one person do what took two."""
    if name != "plans_for":
        return bool(before) and not now
    free, all_ = Lane.PlansFor.NOTHING, Lane.PlansFor.EVERYTHING
    return before not in (free, now) and now != all_
