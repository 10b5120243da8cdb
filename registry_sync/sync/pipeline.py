"""The line: what one slice of a run does, in order.

    configure → (rebuild, drift) → recover → pull → retry → withdrawals → finish

Every trigger takes this path. A slice begins by finishing what an earlier one left, works whole
batches until its time is up, and says whether there is more to do. docs/architecture.md has the
same picture.
"""

from __future__ import annotations

from collections.abc import Callable

from registry_sync import runs
from registry_sync.benchling.errors import Wait, retry_time
from registry_sync.core.problems import SourceError
from registry_sync.core.waits import NEW_API_KEY
from registry_sync.source.client import Source
from registry_sync.sync import starting_point
from registry_sync.sync.carry import Carrier
from registry_sync.sync.change_authors import name_authors
from registry_sync.sync.configure import configure_run
from registry_sync.sync.context import Phase, RunContext
from registry_sync.sync.delivery.batch_delivery import BatchDelivery
from registry_sync.sync.delivery.dry_run import DryRunDelivery
from registry_sync.sync.delivery.protocol import Delivery
from registry_sync.sync.drift import find_drift
from registry_sync.sync.finish import finish_run
from registry_sync.sync.gates.adoption import AdoptionGate
from registry_sync.sync.gates.claims import NameClaims
from registry_sync.sync.gates.drawings import DrawingsGate
from registry_sync.sync.gates.gate import Gate
from registry_sync.sync.gates.guards import UpdateGuard
from registry_sync.sync.gates.links import LinkGate
from registry_sync.sync.gates.moved import MovedGate
from registry_sync.sync.gates.names import NameGate
from registry_sync.sync.gates.substances import SubstanceGate
from registry_sync.sync.pacing import Pacer
from registry_sync.sync.plans.plan_gate import PlanGate
from registry_sync.sync.plans.plan_recorder import NoPlan, PlanRecorder
from registry_sync.sync.prediction import Prediction
from registry_sync.sync.pull import Pull
from registry_sync.sync.rebuild import rebuild_ledger
from registry_sync.sync.recheck import has_new_key
from registry_sync.sync.retry_phase import Retry
from registry_sync.sync.setup import Setup
from registry_sync.sync.source_tracking import SourceTracker
from registry_sync.sync.withdrawals.phase import Withdrawals

OpenSource = Callable[[Setup, Callable[[float], None], Callable[[], None]], Source]
"""Makes the registry's client from the setup, the way to wait and what keeps the lease alive."""


def work_run(pacer: Pacer, open_source: OpenSource) -> bool:
    """Work one slice of the pacer's run; return True when the run is finished.

    Raise LeaseLost, Wait or SyncError; the caller then ends the run or lets it wait.
    """
    try:
        with pacer.timed("configure"):
            ctx = configure_run(pacer)
        source = open_source(ctx.setup, pacer.pause, pacer.keep_alive)
        try:
            return _work_phases(ctx, source)
        except SourceError as error:
            if error.code == "registry_unauthorised" and has_new_key(ctx):
                raise Wait(retry_time(0), NEW_API_KEY) from error
            raise
        finally:
            source.close()
    finally:
        pacer.leave_lease()


def _work_phases(ctx: RunContext, source: Source) -> bool:
    """Work the phases that are left; return False when the slice's time is up first."""
    run = ctx.run
    if run.phase == Phase.REBUILD and not _rebuild(ctx):
        return False
    if run.phase == Phase.DRIFT and not _find_drift(ctx):
        return False
    carrier, withdrawals = _line(ctx, source)
    with ctx.timed("upsert"):
        carrier.delivery.recover()
    if run.phase == Phase.PULL and not Pull(ctx, source, carrier).work():
        return False
    if run.phase == Phase.RETRY and not _retry(ctx, source, carrier):
        return False
    if not withdrawals.work():
        return False
    with ctx.timed("report"):
        finish_run(ctx)
    return True


def _rebuild(ctx: RunContext) -> bool:
    with ctx.timed("rebuild"):
        done = rebuild_ledger(ctx)
    return done and _begin_reading(ctx)


def _find_drift(ctx: RunContext) -> bool:
    with ctx.timed("drift"):
        done = find_drift(ctx)
        if done:
            name_authors(ctx)
    return done and _begin_reading(ctx)


def _begin_reading(ctx: RunContext) -> bool:
    phase = starting_point.after_looking(ctx.run.kind)
    runs.save_columns(ctx.run, ctx.lease, position=None, phase=phase)
    return True


def _retry(ctx: RunContext, source: Source, carrier: Carrier) -> bool:
    with ctx.timed("retry"):
        return Retry(ctx, source, carrier).work()


def _line(ctx: RunContext, source: Source) -> tuple[Carrier, Withdrawals | Prediction]:
    """Return the way of a record, and the phase after all are read. A dry run only looks at it."""
    claims, run = NameClaims(), ctx.run
    if not run.dry_run:
        carrier = _carrier(ctx, source, claims, BatchDelivery(ctx, claims), NoPlan())
        return carrier, Withdrawals(ctx)
    plan = PlanRecorder(ctx) if run.kind == run.Kind.PLAN else NoPlan()
    delivery = DryRunDelivery(ctx, claims, plan)
    carrier = _carrier(ctx, source, claims, delivery, plan)
    return carrier, Prediction(ctx, source, carrier, delivery, plan)


def _carrier(
    ctx: RunContext, source: Source, claims: NameClaims, delivery: Delivery, plan: NoPlan
) -> Carrier:
    """Lay out the way of a record: compare, the gates in their order, the delivery."""
    gates: list[Gate] = [
        MovedGate(ctx),
        AdoptionGate(ctx, plan),
        SubstanceGate(ctx, claims),
        DrawingsGate(ctx),
        NameGate(ctx, claims),
        LinkGate(ctx, claims, delivery.underway),
        PlanGate(ctx),
        UpdateGuard(ctx),
    ]
    return Carrier(ctx, delivery, gates, SourceTracker(ctx, source.asked_from))
