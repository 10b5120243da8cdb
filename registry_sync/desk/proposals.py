"""What confirming a proposal does, and who may."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from registry_sync.core.text import number_of
from registry_sync.desk import plans, withdrawal_policy, withdrawals
from registry_sync.models import Allowance, Proposal, Withdrawal
from registry_sync.sync.gates import allowances
from registry_sync.sync.plans import proposals
from registry_sync.sync.plans.proposals import Person

What = Proposal.What
NEEDED = {
    What.PUBLISH: "registry_sync.publish_mappingdraft",
    What.ALLOW: "registry_sync.add_allowance",
    What.RELEASE: "registry_sync.change_lane",
    What.POLICY: "registry_sync.change_lane",
}
"""The permission to do what is proposed, beside that to sign."""


def hindrance(user: Any, row: Proposal) -> str:
    """Return why a user cannot confirm a proposal; "" if they can."""
    if row.state != Proposal.State.OPEN:
        return f"It is {row.get_state_display()}."
    if Person.of(user).proposed(row):
        return "You proposed it. A second person must confirm it; you can take it back."
    if not (user.has_perm(proposals.SIGN) and user.has_perm(NEEDED[What(row.what)])):
        title = plans.SIGN_TITLE
        return f"Confirming needs the permission “{title}” and the one to do it yourself."
    if row.what == What.ALLOW:
        return allowances.why_outdated(row)
    if row.what == What.RELEASE and not proposals.current_subject(row)["withdrawals"]:
        return "None of these entities can be archived any more. Decline it."
    if row.what == What.POLICY and not withdrawal_policy.proposed(row).archives_more(row.lane):
        return "The lane's policy archives as much already. Decline it."
    if row.what == What.PUBLISH:
        return "Confirm it on the draft's page: publish the draft there with your reason."
    return ""


def address_of(row: Proposal) -> str:
    """Return the address of what a proposal is about; "" if it has no page of its own."""
    if row.what == What.PUBLISH:
        return reverse("admin:registry_sync_mappingdraft_publish", args=[row.subject["draft"]])
    if row.what == What.RELEASE:
        return reverse("admin:registry_sync_withdrawal_changelist")
    if row.what == What.POLICY:
        return reverse("admin:registry_sync_lane_change", args=[row.lane_id])
    stop = allowances.stop_of(row)
    return "" if stop is None else reverse("admin:registry_sync_syncrun_change", args=[stop])


def carry_out(row: Proposal, *, by: Person, reason: str) -> str:
    """Do what was proposed, as the second person; return what was done. Raise SyncError."""
    if row.what == What.ALLOW:
        what, id_ = Allowance.What(row.subject["what"]), row.subject["external_id"]
        allowances.allow(row.lane, what, id_, by=by, reason=reason)
        return f"Confirmed. Overridden for the next run: {what.label}."
    if row.what == What.POLICY:
        wish = withdrawal_policy.proposed(row)
        withdrawal_policy.set_policy(row.lane, wish, by=by, reason=reason)
        return f"Confirmed. From now on, what leaves the registry is {wish}."
    rows = Withdrawal.objects.filter(pk__in=row.subject["withdrawals"])
    done = withdrawals.release_withdrawals(rows, by=by, reason=reason)
    return f"Confirmed. The next run archives {number_of(len(done), 'entity', 'entities')}."
