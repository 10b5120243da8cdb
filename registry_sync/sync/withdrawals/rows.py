"""Writes to withdrawals by a run: under its lease, and never over what someone decided."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from registry_sync import runs
from registry_sync.models import Withdrawal
from registry_sync.sync.context import RunContext


class Rows:
    """Moves withdrawals from the state in which the run knows them. Raises LeaseLost.

    A row that someone decided about since it was read is left alone.
    """

    def __init__(self, ctx: RunContext) -> None:
        self.ctx = ctx

    def set(self, row: Withdrawal, state: Withdrawal.State, note: str) -> None:
        """Keep what a look at one entity showed, with its count of containers."""
        self.move([row], state=state, note=note, containers=row.containers)

    def move(self, rows: Sequence[Withdrawal], **values: object) -> list[Withdrawal]:
        """Give rows these values; return those that were still as the run knows them."""
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

    def keep_containers(self, rows: Sequence[Withdrawal]) -> None:
        """Keep how many containers hold these entities, as a killed run would forget it."""
        with transaction.atomic():
            runs.renew(self.ctx.lease)
            Withdrawal.objects.bulk_update(rows, ["containers"])
