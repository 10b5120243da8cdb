"""Cards for what waits for a second person: plans and proposals."""

from __future__ import annotations

from collections.abc import Iterable

from registry_sync.desk import plans
from registry_sync.desk.worklist.base import CardKind, Gravity, Overview, WorkCard, link, press
from registry_sync.models import Plan, Proposal
from registry_sync.sync.plans import outcome

State = Plan.State


class PlansWaiting(CardKind):
    """A plan that waits to be signed, or to be applied."""

    name = "plans"

    def cards(self, overview: Overview) -> Iterable[WorkCard]:
        """Return a card for each lane's plan that waits: one query."""
        by_lane = {lane.pk: lane for lane in overview.lanes}
        rows = Plan.objects.filter(lane__in=list(by_lane), state__in=(State.OPEN, State.SIGNED))
        for plan in rows.order_by("pk"):
            signed = plan.state == State.SIGNED
            until = f"{plan.expires_at:%Y-%m-%d %H:%M} UTC" if plan.expires_at else "any time"
            text = f"Records: {outcome.plan_sentence(plan)}. "
            if plan.is_expired:
                text += f"It expired at {until}: make a new one."
            elif signed:
                text += f"{plan.signed_by} signed it. Apply it before {until}."
            else:
                others = plans.not_signers(plan)
                who = f"Someone other than {others}," if others else "A second person"
                text += f"{who} must sign it before {until}."
            yield WorkCard(
                title=f"{plan} waits" + (" to be applied" if signed else " for a signature"),
                gravity=Gravity.WAITING,
                actors=("mapping",),
                text=text,
                lane=by_lane[plan.lane_id],
                since=plan.signed_at if signed else plan.made_at,
                address=(address := link("plan_change", plan.pk)),
                presses=(press("Read the plan", address, "view_plan"),),
            )


class ProposalsWaiting(CardKind):
    """What one person proposed and a second one has not decided."""

    name = "proposals"

    def cards(self, overview: Overview) -> Iterable[WorkCard]:
        """Return a card for each open proposal of the lanes: one query."""
        by_lane = {lane.pk: lane for lane in overview.lanes}
        rows = Proposal.objects.filter(lane__in=list(by_lane), state=Proposal.State.OPEN)
        for row in rows.order_by("pk")[:50]:
            yield WorkCard(
                title=f"{row.proposed_by} proposes to {row.get_what_display()}",
                gravity=Gravity.WAITING,
                actors=("mapping",),
                text=f"{row.text} Reason: {row.reason}",
                lane=by_lane[row.lane_id],
                since=row.proposed_at,
                address=(address := link("proposal_change", row.pk)),
                presses=(press("Confirm or decline", address, "view_proposal"),),
            )
