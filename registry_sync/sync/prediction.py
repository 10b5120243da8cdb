"""What a dry run looks at once it has read, in the place of the phase of withdrawals."""

from __future__ import annotations

from registry_sync.source.client import Source
from registry_sync.sync.carry import Carrier
from registry_sync.sync.context import RunContext
from registry_sync.sync.delivery.dry_run import DryRunDelivery
from registry_sync.sync.plans.plan_recorder import NoPlan
from registry_sync.sync.plans.retries import plan_retries
from registry_sync.sync.withdrawals.forecast import WithdrawalForecast


class Prediction:
    """Retries, for a plan, and withdrawals: what a sync would do about them."""

    def __init__(
        self,
        ctx: RunContext,
        source: Source,
        carrier: Carrier,
        delivery: DryRunDelivery,
        plan: NoPlan,
    ) -> None:
        self.ctx, self.source, self.carrier = ctx, source, carrier
        self.delivery, self.plan = delivery, plan

    def work(self) -> bool:
        """Report it, and end the plan; return True. Raise LeaseLost, Wait, SyncError."""
        if self.ctx.run.kind == self.ctx.run.Kind.PLAN:
            plan_retries(self.ctx, self.source, self.carrier, self.delivery)
        WithdrawalForecast(self.ctx, self.carrier.departures, self.plan).report()
        self.plan.close(self.ctx.terms.plan_days)
        return True
