"""The signed CSV tells who planned, who signed and what was applied, and verifies it."""

from __future__ import annotations

import pytest

from registry_sync.models import Plan, SyncRun
from registry_sync.sync.plans import lifecycle
from tests.support.commands import command, exported
from tests.support.plans import apply
from tests.support.registry import compound
from tests.support.worlds import PRIVATE

pytestmark = pytest.mark.once


def test_a_signed_and_applied_plan_is_two_rows_that_are_verified(world, settings, tmp_path):
    settings.BENCHLING_PRIVATE_KEY = PRIVATE
    w = world([compound(1)])
    planned = w.sync(kind=SyncRun.Kind.PLAN, actor="ann")
    plan = Plan.objects.get()
    assert exported(tmp_path / "before.csv") == []
    lifecycle.sign_plan(plan, actor="bea", reason="Checked with the lab")
    run = apply(plan)
    *changes, signed, applied = exported(path := tmp_path / "all.csv")
    assert changes and {row["run_id"] for row in changes} == {str(run.pk)}
    assert (signed["kind"], signed["actor"], signed["run_id"]) == (
        "plan signed", "bea", str(planned.pk),
    )  # fmt: skip
    assert (applied["kind"], applied["run_id"]) == ("plan applied", str(run.pk))
    assert signed["after"] == applied["after"] == f'"{plan.digest}"'
    for row in (signed, applied):
        assert "planned by ann" in row["reason"]
        assert "signed by bea" in row["reason"] and "Checked with the lab" in row["reason"]
    assert command("--verify", str(path), name="audit")[0] == 0
    Plan.objects.update(planned_by="carl")
    status, said = command("--verify", str(path), name="audit")
    assert status == 1 and f"Row signed-plan-{plan.pk} of all.csv has been changed since" in said
