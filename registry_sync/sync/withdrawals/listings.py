"""Complete listings of the registry, and the records that are missing from them."""

from __future__ import annotations

import sqlite3
from collections.abc import Container, Iterable, Iterator
from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from registry_sync import runs
from registry_sync.core.text import number_of
from registry_sync.models import LedgerEntry, Withdrawal
from registry_sync.reporting.catalogue.warnings import INCOMPLETE
from registry_sync.sync import run_verdict
from registry_sync.sync.context import RunContext
from registry_sync.sync.withdrawals.archives import Archives
from registry_sync.sync.withdrawals.departures import (
    keep_withdrawals,
    open_withdrawals_of,
    withdrawal_of,
)
from registry_sync.sync.withdrawals.second_list import SecondList

How, State = Withdrawal.How, Withdrawal.State
APART = timedelta(hours=1)
"""How far apart two complete listings are, at least, on the registry's clock."""
CHUNK = 1000
UNNAMED = ("no_id", "unusable_id", "not_a_record")
"""Errors of items that may be any record: a listing that has one shows of none that it left."""
COUNTED = (State.ABSENT, State.GONE, State.HELD)
"""States of missing records that no one decided about."""


class Listings:
    """Compares the ledger with a complete listing, if this run has one."""

    def __init__(self, ctx: RunContext) -> None:
        self.ctx, self.deletes = ctx, ctx.setup.connector.deletes

    def compare(self) -> None:
        """Keep which records are missing. Raise LeaseLost, SourceError."""
        if self.deletes.mode == "absence" and self.deletes.ids_endpoint:
            self._compare_ids()
        elif run_verdict.read_whole(self.ctx.run, self.ctx.lane) and self._stood_still():
            if unnamed := run_verdict.errors_seen(self.ctx.run, self.ctx.lane, *UNNAMED):
                self._log_unnamed(unnamed)
            else:
                self._judge(self._unseen(), self._began())

    def _log_unnamed(self, count: int) -> None:
        text = f"{number_of(count, 'record')} came without a usable id, and may be those that are "
        text += "missing. No record counts as withdrawn by this listing."
        runs.log(self.ctx.run, "WARNING", text)

    def predict(self, met: Container[str]) -> tuple[datetime | None, Container[str]]:
        """Return when the listing of a dry run began, None if it does not count, and what it has.

        `met` are the records with an open withdrawal that the dry run read.
        """
        if self.deletes.ids_endpoint:
            ids = IdFile()
            return self._read(ids), ids
        run, lane = self.ctx.run, self.ctx.lane
        whole = run.reads_all and not run_verdict.is_incomplete(run) and self._stood_still()
        short = run_verdict.came_short(run, lane, run.read)
        unnamed = run.refusals.filter(code__in=UNNAMED).exists()
        return (self._began() if whole and not short and not unnamed else None), met

    # -- a full run ----------------------------------------------------------------------------

    def _stood_still(self) -> bool:
        codes = {warning["code"] for warning in self.ctx.run.warnings}
        return not codes & {"list_moved", "ids_repeat"}

    def _began(self) -> datetime:
        """Return when the listing began: by the registry's `Date`, else the database's clock."""
        reading = self.ctx.run.reading
        began = parse_datetime(str(reading.get("began") or "")) if reading.get("dated") else None
        return began or self.ctx.run.started_at or runs.database_now()

    def _unseen(self) -> Iterator[list[LedgerEntry]]:
        rows = self.ctx.lane.ledger.exclude(entity_hash="").exclude(seen_run_id=self.ctx.run.pk)
        return _chunks(rows)

    # -- a list of ids -------------------------------------------------------------------------

    def _compare_ids(self) -> None:
        """Read every id of the registry into a temporary file, and look each entity up there."""
        ids = IdFile()
        began = self._read(ids)
        if began is None:
            return
        self._return_listed(ids)
        in_benchling = self.ctx.lane.ledger.exclude(entity_hash="")
        if in_benchling.exists() and not any(
            e.external_id in ids for chunk in _chunks(in_benchling) for e in chunk
        ):
            self._warn_of_others(ids)
            return
        entries = _chunks(in_benchling)
        self._judge(([e for e in chunk if e.external_id not in ids] for chunk in entries), began)

    def _read(self, ids: IdFile) -> datetime | None:
        """Read the list of ids; return when it began, or None if it is not complete."""
        began: datetime | None = None
        total, moved, unnamed = 0, False, 0
        setting = "endpoint.deletes.ids_endpoint"
        listed = SecondList(
            self.ctx, self.deletes.ids_endpoint, setting=setting, name="The list of ids"
        )
        for page in listed.pages(None):
            began = began or page.server_date or runs.database_now()
            moved = moved or page.slid or any(s.code in INCOMPLETE for s in page.signs)
            total = max(total, page.total or 0)
            found = [id_ for id_ in map(listed.identify, page.records) if id_]
            unnamed += len(page.records) - len(found) + len(page.strays)
            ids.add(found)
        if moved or not len(ids) or len(ids) < total or ids.repeated:
            self._warn_of_cut(ids, total)
            return None
        if unnamed:
            self._log_unnamed(unnamed)
            return None
        return began

    def _warn_of_cut(self, ids: IdFile, total: int) -> None:
        counted = f", and it counts {total:,}" if total else ""
        text = (
            f"The list of ids is not complete: {number_of(len(ids), 'id')} came, {ids.repeated:,} "
        )
        text += f"repeatedly{counted}. No record counts as withdrawn by it. The integration owner "
        text += "checks endpoint.deletes and endpoint.paginator in Connector Settings."
        runs.warn(self.ctx.run, self.ctx.lease, "ids_cut", text)

    def _warn_of_others(self, ids: IdFile) -> None:
        text = f"The list of ids has {number_of(len(ids), 'id')}, such as {ids.first}, but none "
        text += "of a record "
        text += "that is in Benchling. No record counts as withdrawn by it. The integration owner "
        text += "corrects endpoint.deletes in Connector Settings."
        runs.warn(self.ctx.run, self.ctx.lease, "ids_cut", text)

    def _return_listed(self, ids: IdFile) -> None:
        """Close the withdrawals of records that are listed again."""
        rows = open_withdrawals_of(self.ctx).filter(how=How.ABSENCE)
        back = [row for row in rows.order_by("pk").iterator() if row.external_id in ids]
        if back:
            Archives(self.ctx).bring_back(back)

    # -- what is missing -----------------------------------------------------------------------

    def _judge(self, missing: Iterable[list[LedgerEntry]], began: datetime) -> None:
        for chunk in missing:
            ids = [entry.external_id for entry in chunk]
            rows = (
                open_withdrawals_of(self.ctx)
                .filter(external_id__among=ids)
                .select_related("found_run")
            )
            open_by_id = {row.external_id: row for row in rows}
            for row in open_by_id.values():
                if row.how == How.ABSENCE and row.state in COUNTED:
                    self._miss_again(row, began)
            keep_withdrawals(
                self.ctx, [self._missed(e, began) for e in chunk if e.external_id not in open_by_id]
            )

    def _missed(self, entry: LedgerEntry, began: datetime) -> Withdrawal:
        row = withdrawal_of(self.ctx, entry, How.ABSENCE)
        row.state, row.listed_at = State.ABSENT, began
        return row

    def _miss_again(self, row: Withdrawal, began: datetime) -> None:
        """Count a record that is missing again, if both listings are after the policy was set."""
        since = self.ctx.lane.withdrawn_set_at
        earlier = since is not None and row.found_run.created_at < since
        if earlier or row.listed_at is None or began < row.listed_at:
            row.state, row.listed_at = State.ABSENT, began
            row.found_run, row.found_at = self.ctx.run, timezone.now()
        elif row.state == State.ABSENT and began - row.listed_at >= APART:
            row.state = State.GONE
        else:
            return
        runs.renew(self.ctx.lease)
        row.save(update_fields=["state", "listed_at", "found_run", "found_at"])


class IdFile:
    """Ids in a temporary file, as they may be too many for memory."""

    def __init__(self) -> None:
        self.repeated = 0
        self._count = 0
        self._rows = sqlite3.connect("", check_same_thread=False)
        self._rows.execute("CREATE TABLE listed (id TEXT PRIMARY KEY) WITHOUT ROWID")

    def add(self, ids: Iterable[str]) -> None:
        """Add ids; those that are there already count as repeated."""
        for external_id in ids:
            done = self._rows.execute("INSERT OR IGNORE INTO listed VALUES (?)", (external_id,))
            self._count += done.rowcount
            self.repeated += 1 - done.rowcount

    def __len__(self) -> int:
        return self._count

    @property
    def first(self) -> str:
        """Return the id that comes first in their order, "" if there is none."""
        found = self._rows.execute("SELECT min(id) FROM listed").fetchone()
        return found[0] or ""

    def __contains__(self, external_id: object) -> bool:
        found = self._rows.execute("SELECT 1 FROM listed WHERE id = ?", (external_id,))
        return found.fetchone() is not None


def _chunks(rows: QuerySet[LedgerEntry]) -> Iterator[list[LedgerEntry]]:
    last = 0
    while chunk := list(rows.filter(pk__gt=last).order_by("pk")[:CHUNK]):
        last = chunk[-1].pk
        yield chunk
