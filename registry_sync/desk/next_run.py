"""What the next run of a lane does beside reading: what was decided for it, and what plans hold."""

from __future__ import annotations

from django.conf import settings

from registry_sync.core.text import number_of
from registry_sync.models import Adoption, Allowance, Lane, Withdrawal
from registry_sync.sync.plans import lifecycle, outcome

For = Lane.PlansFor
NO_WRITES = "Nothing is written to Benchling: the lane needs a signed plan for everything."
WRITES = "Writes what differs from the ledger."


def describe_writes(lane: Lane) -> list[str]:
    """Return what a sync of a lane writes: everything, what a plan has, or a plan alone."""
    if lane.plans_for == For.NOTHING:
        return [WRITES]
    if (signed := lifecycle.signed_plan(lane)) is not None:
        counts = outcome.plan_sentence(signed)
        return [f"Applies {signed} first, which {signed.signed_by} signed: {counts}.", *_rest(lane)]
    return _rest(lane)


def _rest(lane: Lane) -> list[str]:
    if lane.plans_for == For.EVERYTHING:
        return ["Makes a plan of what differs from the ledger, for someone to sign.", NO_WRITES]
    if lane.plans_for == For.NEW_MAPPINGS:
        return [
            f"{WRITES} If the mapping is new, it makes a plan of it instead, for someone to sign."
        ]
    most = settings.GREAT_CHANGE_PERCENT
    return [f"{WRITES} If that is more than {most} % of the lane, the rest is left for a plan."]


def decided(lane: Lane) -> list[str]:
    """Return what people decided and the next run carries out, each as a sentence."""
    open_ = lane.withdrawals.filter(closed_at__isnull=True)
    released = open_.filter(state=Withdrawal.State.RELEASED).count()
    undone = open_.filter(state=Withdrawal.State.UNDO).count()
    approved = lane.adoptions.filter(state=Adoption.State.APPROVED).count()
    sentences = [
        f"{act} {number_of(count, 'entity', 'entities')}, as was decided."
        for act, count in (
            ("Archives", released), ("Unarchives", undone), ("Takes over", approved),
        )
        if count
    ]  # fmt: skip
    unused = Allowance.objects.filter(lane=lane, used_by=None).order_by("pk")
    return sentences + [f"Uses {row.actor}'s override: {row}." for row in unused[:10]]
