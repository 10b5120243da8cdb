"""Apply a plan, as its page and its command do."""

from __future__ import annotations

from registry_sync import runs
from registry_sync.jobs import runner as jobs
from registry_sync.models import Plan, SyncRun


def apply(plan: Plan) -> SyncRun:
    """Run a run that applies the plan to its end, and return it."""
    how = {"trigger": SyncRun.Trigger.ADMIN, "lane": plan.lane, "actor": "bea"}
    run, ours = runs.request(kind=SyncRun.Kind.APPLY, plan=plan, **how)
    assert ours
    run = jobs.work_to_end(run.pk)
    plan.refresh_from_db()
    return run
