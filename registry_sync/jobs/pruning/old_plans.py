"""Plans that no one signed: they had nothing to write, or a newer plan took their place."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from registry_sync.jobs.pruning.kind import Pruned, runs_ended_before
from registry_sync.jobs.pruning.old_runs import is_passed
from registry_sync.models import Lane, Plan, PlanRow, SyncRun

State = Plan.State


class Plans(Pruned):
    """Empty plans, and plans that became void before anyone signed them. Signed ones stay.

    All of their runs come before the last good one of the lane, so that no run needs them.
    """

    name, setting = "plans", "KEEP_RUNS_DAYS"

    def rows(self, before: datetime) -> QuerySet[Plan]:
        passed = runs_ended_before(before).filter(is_passed())
        needed = SyncRun.objects.exclude(pk__in=passed.values("pk"))
        over = Plan.objects.filter(
            lane__in=Lane.objects.of_app().values("pk"), run__in=passed.values("pk"),
            state__in=(State.EMPTY, State.VOID), signed_by="",
        )  # fmt: skip
        return over.filter(~Exists(needed.filter(plan=OuterRef("pk")))).order_by("pk")

    def parts(self, pks: Sequence[int]) -> list[QuerySet[Any]]:
        return [PlanRow.objects.filter(plan__in=pks)]

    def delete(self, pks: Sequence[int], before: datetime) -> int:
        """Delete some of them. Their runs no longer name them, and may go as well."""
        plan_ids = list(self.rows(before).filter(pk__in=pks).values_list("pk", flat=True))
        SyncRun.objects.filter(plan__in=plan_ids).update(plan=None)
        Plan.objects.filter(pk__in=plan_ids).delete()
        return len(plan_ids)
