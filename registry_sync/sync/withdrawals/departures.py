"""Which known records leave, and which come back, followed page by page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from registry_sync import runs
from registry_sync.ledger.record_outcome import Outcome
from registry_sync.mapping.departures import Departure, departure
from registry_sync.models import Lane, LedgerEntry, Withdrawal
from registry_sync.sync.context import RunContext
from registry_sync.sync.gates.moved import left_behind, neighbours
from registry_sync.sync.records import Compared, SourceRecord, record_outcome
from registry_sync.sync.withdrawals.archives import Archives

How, State = Withdrawal.How, Withdrawal.State


class Departures:
    """Keeps a Withdrawal for each record that leaves, and closes it when the record is back.

    A dry run keeps nothing: `seen_leaving` has what it saw leave, `returned` the ids of all
    withdrawals that it would close, and `met` those of all open withdrawals that it saw.
    """

    def __init__(self, ctx: RunContext) -> None:
        self.ctx = ctx
        self.seen_leaving: dict[str, Departure] = {}
        self.met: set[str] = set()
        self.returned: set[str] = set()
        self._any_open = open_withdrawals_of(ctx).exists()

    @cached_property
    def _neighbours(self) -> list[Lane]:
        return neighbours(self.ctx.lane)

    def follow(self, records: Sequence[SourceRecord], out: Compared) -> None:
        """Follow one page before its candidates are sent. Raise LeaseLost, Wait, SyncError."""
        withdrawals = self._open_of(records)
        fresh = {id_: how for id_, how in out.departures.items() if id_ not in withdrawals}
        if self.ctx.run.dry_run:
            self.seen_leaving |= fresh
        elif fresh:
            keep_new(self.ctx, fresh)
            self._any_open = True
        if withdrawals:
            self._judge(records, out, withdrawals)

    def _open_of(self, records: Sequence[SourceRecord]) -> dict[str, Withdrawal]:
        if not self._any_open:
            return {}
        ids = [record.external_id for record in records]
        return {
            row.external_id: row
            for row in open_withdrawals_of(self.ctx).filter(external_id__among=ids)
        }

    def _judge(
        self, records: Sequence[SourceRecord], out: Compared, withdrawals: dict[str, Withdrawal]
    ) -> None:
        """Tell records that are still gone from those that are back."""
        back: dict[str, Withdrawal] = {}
        still: list[str] = []
        waited = self._waited(records, withdrawals)
        for record in records:
            row = withdrawals.get(record.external_id)
            kept = record.retried and record.external_id not in waited
            if row is None or kept or record.problem is not None:
                continue
            how = departure(record.raw, self.ctx.setup.mapping)
            if how is None and self._is_back(record, row, out):
                back[row.external_id] = row
                if row.how == How.FEED and not self._has_changed(record, out):
                    still.append(row.external_id)
            elif how is not None and was_missed(row) and not self.ctx.run.dry_run:
                row.state, row.how, row.said = State.GONE, How(how.how), how.reason
                row.save(update_fields=["state", "how", "said"])
        self._hold(records, out, back)
        if still:
            self._warn_of_listed(still)
        if self.ctx.run.dry_run:
            self.met |= withdrawals.keys()
            self.returned |= back.keys()
        elif back:
            times = {r.external_id: r.modified_at for r in records if r.external_id in back}
            Archives(self.ctx).bring_back(list(back.values()), times)

    def _waited(
        self, records: Sequence[SourceRecord], withdrawals: Mapping[str, Withdrawal]
    ) -> set[str]:
        """Return which kept copies came back and waited for their entity in another lane."""
        ids = [r.external_id for r in records if r.retried and r.external_id in withdrawals]
        if not ids:
            return set()
        errors = runs.open_errors(self.ctx.lane).filter(external_id__among=ids, code="moved")
        return set(errors.values_list("external_id", flat=True))

    def _hold(
        self, records: Sequence[SourceRecord], out: Compared, back: dict[str, Withdrawal]
    ) -> None:
        """Let archived entities wait whose records have another in use in the lane they left."""
        archived = {id_ for id_, row in back.items() if row.state in Withdrawal.ARCHIVED_HERE}
        raws = {r.external_id: r for r in records if r.external_id in archived}
        problems = left_behind(self._neighbours, {id_: r.raw for id_, r in raws.items()})
        if not problems:
            return
        out.candidates = [c for c in out.candidates if c.record.external_id not in problems]
        out.settled = [done for done in out.settled if done.external_id not in problems]
        out.same = {id_: row for id_, row in out.same.items() if id_ not in problems}
        for external_id, problem in problems.items():
            del back[external_id]
            failed = record_outcome(raws[external_id], Outcome.FAILED, problems=(problem,))
            out.settled.append(failed)

    def _is_back(self, record: SourceRecord, row: Withdrawal, out: Compared) -> bool:
        """Return whether a record that was in the feed came back: it changed, or all was read."""
        if row.how != How.FEED or self.ctx.run.reads_all:
            return True
        return self._has_changed(record, out)

    def _has_changed(self, record: SourceRecord, out: Compared) -> bool:
        before = out.views.get(record.external_id)
        return before is None or before.raw_hash != record.raw_hash

    def _warn_of_listed(self, ids: Sequence[str]) -> None:
        """Warn that the two lists of the registry contradict each other. Raise LeaseLost."""
        # A run records the warning once, for its first page with such records.
        text = "The registry's list has records unchanged that the list of deletions has as well, "
        text += f"such as {', '.join(ids[:3])}. They count as back. If the registry's list keeps "
        text += "deleted records, the integration owner corrects endpoint.deletes or scope in "
        text += "Connector Settings. After a restore in the registry, nothing has to be done."
        runs.warn(self.ctx.run, self.ctx.lease, "feed_listed", text)


def was_missed(row: Withdrawal) -> bool:
    """Return whether a record is only missing from listings, so that the registry may say more."""
    return row.how == How.ABSENCE and row.state in (State.ABSENT, State.GONE)


def open_withdrawals_of(ctx: RunContext) -> QuerySet[Withdrawal]:
    """Return the lane's open withdrawals."""
    return Withdrawal.objects.filter(lane=ctx.lane, closed_at__isnull=True)


def keep_new(ctx: RunContext, departures: Mapping[str, Departure]) -> None:
    """Keep that these records left, as far as they are in Benchling. Raise LeaseLost."""
    rows = ctx.lane.ledger.filter(external_id__among=list(departures)).exclude(entity_hash="")
    found = [
        withdrawal_of(
            ctx, entry, How(departures[entry.external_id].how), departures[entry.external_id].reason
        )
        for entry in rows
    ]
    keep_withdrawals(ctx, found)


def keep_withdrawals(ctx: RunContext, rows: Iterable[Withdrawal]) -> None:
    """Keep new withdrawals; records that have an open one keep it. Raise LeaseLost."""
    with transaction.atomic():
        runs.renew(ctx.lease)
        Withdrawal.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)


def withdrawal_of(
    ctx: RunContext, entry: LedgerEntry, how: Withdrawal.How, reason: str = ""
) -> Withdrawal:
    """Return a new withdrawal of a record, not saved."""
    return Withdrawal(
        lane=ctx.lane,
        external_id=entry.external_id,
        entity_id=entry.entity_id,
        entity_registry_id=entry.entity_registry_id,
        name=entry.name,
        how=how,
        said=reason,
        state=State.GONE,
        found_run=ctx.run,
        found_at=timezone.now(),
    )
