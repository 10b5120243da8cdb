"""Updates of withdrawals by a run: under its lease, and never over a decision."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from registry_sync import runs
from registry_sync.models import Withdrawal
from registry_sync.sync.context import RunContext


class WithdrawalRows:
    """Moves withdrawals from the state in which the run knows them. Raises LeaseLost.

    A row that someone decided about since it was read is left alone.
    """

    def __init__(self, ctx: RunContext) -> None:
        self.ctx = ctx

    def set(self, row: Withdrawal, state: Withdrawal.State, note: str, kept_for: str = "") -> None:
        """Keep what a look at one entity showed, with its count of containers.

        `kept_for` is the record for which it stays in use.
        """
        values = {"state": state, "note": note, "kept_for": kept_for}
        self.move([row], containers=row.containers, **values)

    def move(self, rows: Sequence[Withdrawal], **values: object) -> list[Withdrawal]:
        """Update rows; return those that were still as the run knows them."""
        with transaction.atomic():
            runs.renew(self.ctx.lease)
            found = Withdrawal.objects.filter(pk__in=[row.pk for row in rows], closed_at=None)
            states = dict(found.order_by("pk").select_for_update().values_list("pk", "state"))
            same = [row for row in rows if states.get(row.pk) == row.state]
            found.filter(pk__in=[row.pk for row in same]).update(**values)
        for row in same:
            for name, value in values.items():
                setattr(row, name, value)
        return same

    def save_containers(self, rows: Sequence[Withdrawal]) -> None:
        """Save how many containers hold these entities, which a killed run would forget."""
        with transaction.atomic():
            runs.renew(self.ctx.lease)
            Withdrawal.objects.bulk_update(rows, ["containers"])
