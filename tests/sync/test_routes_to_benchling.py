"""Where a lane needs plans for everything, no way of writing leads around a signature."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from registry_sync import runs
from registry_sync.desk import withdrawals
from registry_sync.desk.drift import differences_of
from registry_sync.jobs import runner as jobs
from registry_sync.ledger import pins
from registry_sync.models import (
    Adoption,
    Allowance,
    Drift,
    Lane,
    Plan,
    SyncRun,
    Withdrawal,
)
from registry_sync.sync.gates.adoption_approval import approve
from registry_sync.sync.gates.allowances import allow
from registry_sync.sync.plans import lifecycle
from registry_sync.sync.plans.proposals import Person
from tests.support.commands import command
from tests.support.people import by_hand, hand
from tests.support.plans import apply
from tests.support.registry import compound
from tests.support.worlds import INCREMENTAL

pytestmark = pytest.mark.once
Kind, Trigger, State = SyncRun.Kind, SyncRun.Trigger, Plan.State
ANN = {"by": Person("ann"), "reason": "asked for"}
RENAMED, DRIFTED, RETIRED, BACK, SWAPPED, OTHER, ADOPTED, NEW, SUBSTANCE = (
    f"C-00000{n}" for n in range(1, 10)
)
MINE = [RENAMED, DRIFTED, SWAPPED, ADOPTED, NEW, SUBSTANCE, RETIRED, BACK]


@pytest.fixture
def w(world):
    """A lane that needs plans for everything, with a write of each sort that waits."""
    deletes = {"mode": "flag", "path": "retired", "guard_percent": 100}
    settings = {
        **INCREMENTAL, "identity": ["smiles"],
        "endpoint": {**INCREMENTAL["endpoint"], "deletes": deletes},
    }  # fmt: skip
    w = world(
        [compound(n) for n in (1, 2, 3, 4, 5, 6, 7, 9)],
        config={"Connector Settings": settings},
        rate_limit=0,
    )
    hand(w, "CMP-7", "Compound 7")
    w.sync()
    Lane.objects.update(withdrawn_policy="archive", withdrawn_set_at=timezone.now())
    w.registry.edit(BACK, retired=True)
    w.sync()
    w.registry.edit(SUBSTANCE, smiles="c1ccccc1")
    by_hand(w, DRIFTED, SMILES="By hand")
    w.sync(kind=Kind.FULL)
    assert {e.code for e in w.open_errors().values()} >= {"another_substance"}
    Lane.objects.update(plans_for=Lane.PlansFor.EVERYTHING)
    w.registry.edit(RENAMED, name="New name")
    w.registry.edit(SWAPPED, name="Compound 6")
    w.registry.edit(OTHER, name="Compound 5")
    w.registry.edit(RETIRED, retired=True)
    w.registry.edit(BACK, retired=False)
    w.registry.records.append(compound(8))
    return w


def run(kind: SyncRun.Kind, **asked: Any) -> None:
    """Request a run as a button of the desk or the canvas does, and work it to its end."""
    how = {"trigger": Trigger.CANVAS, "actor": "ann", "asked_at": timezone.now(), **asked}
    found, _ = runs.request_or_follow(kind=kind, lane=Lane.objects.get(), **how)
    jobs.work_to_end(found.pk)


def restore(lane: Lane) -> None:
    rows = Drift.objects.filter(closed_at=None)
    done = pins.restore(lane, list(differences_of(lane, rows).values()), actor="ann", reason="x")
    run(Kind.INCREMENTAL, only=pins.records_that_differ(done))


def decide(what: Callable[..., Any], state: str, lane: Lane) -> None:
    rows = what(Withdrawal.objects.filter(state=state), **ANN)
    run(Kind.RETRY, only=[row.external_id for row in rows])


def unsigned(lane: Lane) -> None:
    for plan in Plan.objects.exclude(state=State.SIGNED):
        assert apply(plan).created == 0


def rows_by(plan: Plan) -> set[tuple[str, str]]:
    return set(plan.rows.values_list("external_id", "action"))


ROUTES: dict[str, Callable[[Lane], Any]] = {
    "cron": lambda _: command(),
    "cron, in full": lambda _: command("--full"),
    "cron, of some records": lambda _: command("--only", f"{RENAMED},{NEW},{BACK}"),
    "cron, from a time": lambda _: command("--since", "2020-01-01"),
    "cron, errors again": lambda _: command("--retry-failed"),
    "the canvas": lambda _: run(Kind.INCREMENTAL),
    "the canvas, in full": lambda _: run(Kind.FULL),
    "retry failed": lambda _: run(Kind.RETRY),
    "retry of a cause": lambda _: run(Kind.RETRY, only_cause="another_substance"),
    "just this one": lambda _: run(Kind.RETRY, only=MINE),
    "a pilot": lambda _: run(Kind.INCREMENTAL, only=MINE),
    "drift restored": restore,
    "an adoption": lambda _: (
        approve(Adoption.objects.filter(state="open"), actor="ann", reason="same"),
        run(Kind.RETRY, only=[ADOPTED]),
    ),
    "another substance allowed": lambda lane: (
        allow(lane, Allowance.What.IDENTITY, SUBSTANCE, **ANN),
        run(Kind.RETRY, only=[SUBSTANCE]),
    ),
    "an archive undone": lambda lane: decide(withdrawals.undo, "archived", lane),
    "withdrawals released": lambda lane: decide(withdrawals.release_withdrawals, "gone", lane),
    "an unsigned plan": unsigned,
}


@pytest.mark.invariant(8)
def test_each_route_writes_nothing_and_what_it_asked_for_is_in_the_next_plan(w):
    lane = Lane.objects.get()
    before, written = w.values(), w.written()
    used = {e.entity_registry_id: e.archived for e in w.tenant.entities.values()}
    for name, route in ROUTES.items():
        route(lane)
        while (left := runs.active()) is not None:
            jobs.work_to_end(left.pk)
        assert (w.values(), w.written()) == (before, written), name
        now = {e.entity_registry_id: e.archived for e in w.tenant.entities.values()}
        assert now == used, name
    plan = w.sync().plan
    assert rows_by(plan) == {
        (RENAMED, "change"), (DRIFTED, "change"), (SWAPPED, "change"), (OTHER, "change"),
        (ADOPTED, "change"), (SUBSTANCE, "change"), (NEW, "create"), (RETIRED, "archive"),
        (BACK, "unarchive"),
    }  # fmt: skip
    lifecycle.sign_plan(plan, actor="bea", reason="checked")
    apply(plan)
    fates = set(plan.rows.values_list("external_id", "fate"))
    assert {fate for _, fate in fates} == {"written"}, fates
