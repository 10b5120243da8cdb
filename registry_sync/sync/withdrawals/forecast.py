"""What a run would do about withdrawals, as a dry run shows it. Nothing is written."""

from __future__ import annotations

from registry_sync import runs
from registry_sync.benchling import archiving
from registry_sync.benchling.errors import Refused
from registry_sync.core.text import number_of
from registry_sync.models import LedgerEntry, Withdrawal
from registry_sync.sync.context import RunContext
from registry_sync.sync.withdrawals import policy
from registry_sync.sync.withdrawals.departures import Departures, open_rows
from registry_sync.sync.withdrawals.listings import APART
from registry_sync.sync.withdrawals.pointers import pointers_to

State = Withdrawal.State
COUNTED = 500
"""Entities whose containers are counted."""


class Forecast:
    """Tells the listener which entities would be archived, staged or unarchived."""

    def __init__(self, ctx: RunContext, departures: Departures) -> None:
        self.ctx, self.departures = ctx, departures

    def tell(self) -> None:
        """Tell it. Raise SyncError where Benchling cannot be asked."""
        for external_id in self.departures.back:
            said = "This app archived it, and its record is back."
            self.ctx.listener.finding(external_id, "unarchived", [said])
        if not policy.archives(self.ctx.lane):
            return
        fresh = self._fresh()
        decision = policy.decide(self.ctx, len(fresh))
        waiting = list(policy.new_rows(self.ctx).values_list("external_id", flat=True))
        ids = [*waiting, *fresh]
        if decision.guarded:
            text = (
                f"{number_of(len(ids), 'record')} left at once, more than {decision.most:,}: they "
                "would wait for a decision."
            )
            for external_id in ids:
                self.ctx.listener.finding(external_id, "staged", [text])
        else:
            self._tell_archived(ids)

    def _fresh(self) -> list[str]:
        """Return the records that a run now would count as withdrawn, and that are not kept yet."""
        mode = self.ctx.setup.connector.deletes.mode
        allowed = policy.BY_MODE[mode]
        found = [id_ for id_, left in self.departures.left.items() if left.how in allowed]
        if self.ctx.run.reads_all and mode == "absence":
            ripe = runs.database_now() - APART
            rows = open_rows(self.ctx).filter(state=State.ABSENT, listed_at__lte=ripe)
            missing = set(rows.values_list("external_id", flat=True)) - self.departures.met
            found += sorted(missing)
        return found

    def _tell_archived(self, ids: list[str]) -> None:
        entries = list(self.ctx.lane.ledger.filter(external_id__among=ids).order_by("pk"))
        held = self._containers(entries[:COUNTED])
        links = pointers_to([entry.entity_registry_id for entry in entries], self.ctx.lane)
        for entry in entries:
            said = [f"{entry.entity_registry_id} “{entry.name}”, as "
                    f"“{self.ctx.lane.withdrawn_reason}”."]  # fmt: skip
            if pointing := links.get(entry.entity_registry_id):
                said.append(f"Entities link to it: {', '.join(pointing)}.")
            count = held.get(entry.entity_id, 0)
            if count:
                said.append(f"{number_of(count, 'container')} hold it.")
            stays = count and not self.ctx.lane.withdrawn_held
            outcome = "left in use" if stays else "archived"
            self.ctx.listener.finding(entry.external_id, outcome, said)

    def _containers(self, entries: list[LedgerEntry]) -> dict[str, int]:
        try:
            ids = [entry.entity_id for entry in entries]
            return dict(archiving.containers_of(self.ctx.client, ids)) if ids else {}
        except Refused:  # a run says so, and leaves them
            return {}
