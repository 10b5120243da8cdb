"""Sign and apply a plan, as its page and its command do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from registry_sync import runs
from registry_sync.jobs import runner as jobs
from registry_sync.models import Lane, Plan, SyncRun
from registry_sync.sync.plans import lifecycle
from tests.support.registry import compound
from tests.support.worlds import INCREMENTAL


def apply(plan: Plan) -> SyncRun:
    """Run a run that applies the plan to its end, and return it."""
    how = {"trigger": SyncRun.Trigger.ADMIN, "lane": plan.lane, "actor": "bea"}
    run, ours = runs.request_run(kind=SyncRun.Kind.APPLY, plan=plan, **how)
    assert ours
    run = jobs.work_to_end(run.pk)
    plan.refresh_from_db()
    return run


def signed(w, **asked) -> Plan:
    """Make the lane's plan, have it signed, and return it."""
    run = w.sync(kind=SyncRun.Kind.PLAN, **asked)
    lifecycle.sign_plan(run.plan, actor="bea", reason="checked")
    return Plan.objects.get(pk=run.plan_id)


def fates(plan: Plan) -> dict[str, str]:
    return dict(plan.rows.values_list("external_id", "fate"))


@pytest.fixture
def leaving(world):
    """A synced lane that archives what the registry marks as retired."""
    deletes = {"mode": "flag", "path": "retired", "guard_percent": 100}
    endpoint = {**INCREMENTAL["endpoint"], "deletes": deletes}
    w = world(
        [compound(n) for n in range(8)], config={"Connector Settings": {"endpoint": endpoint}}
    )
    w.registry.date = datetime.now(UTC) - timedelta(hours=10)
    w.sync()
    Lane.objects.update(withdrawn_policy="archive", withdrawn_set_at=timezone.now())
    return w


def in_use(w) -> set[str]:
    return {e.entity_registry_id for e in w.tenant.entities.values() if not e.archived}
