"""The registry's list of deletions, read since its own last read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from registry_sync import ledger, runs
from registry_sync.core.text import number_of
from registry_sync.ledger import digests
from registry_sync.models import FeedReading, LedgerEntry, Withdrawal
from registry_sync.reporting.catalogue.warnings import INCOMPLETE
from registry_sync.source.connector import Incremental
from registry_sync.source.pages import Page
from registry_sync.source.watermark import BLIND_LAG
from registry_sync.sync import run_verdict
from registry_sync.sync.context import RunContext
from registry_sync.sync.withdrawals.departures import (
    keep_withdrawals,
    open_withdrawals_of,
    was_missed,
    withdrawal_of,
)
from registry_sync.sync.withdrawals.entry_ids import EntryIds
from registry_sync.sync.withdrawals.second_list import SecondList

How, State = Withdrawal.How, Withdrawal.State
DOUBT = "?"


class Feed:
    """Reads the list of deletions, and keeps which known records it has.

    Each read begins before the end of the last one, so entries come again: those of the last read
    are no news. A record that this run saw in the registry is deleted only if the entry is later.
    Entries without a time that may be older than the record stay in doubt until a full run, as
    `?` and the id among the reading's entries.
    """

    def __init__(self, ctx: RunContext) -> None:
        self.ctx = ctx
        self.last = FeedReading.objects.filter(lane=ctx.lane).first()
        self._last_entries = frozenset(self.last.entries if self.last else ())
        self._entries: set[str] = set()
        self._whole = run_verdict.read_whole(ctx.run, ctx.lane)
        self._cut = ""
        self._ids = EntryIds(ctx)
        self._predicted: list[str] = []
        self._closed = 0

    def predict(self) -> list[str]:
        """Return the records of the ledger that a run now would take as deleted; keep nothing.

        Doubts are left out. A dry run keeps no record as seen, so entries without a time are
        believed as in a run that saw none of them. Raise LeaseLost, SourceError.
        """
        self.read()
        return self._predicted

    def read(self) -> None:
        """Read what is new. Raise LeaseLost, SourceError."""
        ctx = self.ctx
        path = ctx.setup.connector.deletes.path
        name = "The list of deletions"
        listed = SecondList(ctx, path, setting="endpoint.deletes.path", name=name)
        terms = listed.connector.incremental or Incremental()
        lag = max(terms.lag, BLIND_LAG) if not terms.lag_is_set else terms.lag
        since = self.last.read_at - lag if self.last and listed.connector.sends_since else None
        began: datetime | None = None
        for page in listed.pages(since):
            began = began or page.server_date or runs.database_now()
            self._ids.follow(page, listed)
            self._follow(page, listed)
        self._settle_doubts()
        self._ids.warn()
        if ctx.run.dry_run:
            return
        if self._closed:
            errors = number_of(self._closed, "error")
            text = f"Closed {errors}: the list of deletions has the records."
            runs.log(ctx.run, "INFO", text)
        if self._cut:
            self._warn_of_cut()
            began = self.last.read_at if self.last else None
            self._entries |= self._last_entries
        if began is not None:
            with transaction.atomic():
                runs.renew(ctx.lease)
                values = {"read_at": began, "entries": sorted(self._entries)}
                FeedReading.objects.update_or_create(lane=ctx.lane, defaults=values)

    def _warn_of_cut(self) -> None:
        text = f"The list of deletions is not complete: {self._cut} The next run reads it from the "
        text += "same time again. The integration owner corrects endpoint.paginator or "
        text += "endpoint.deletes in Connector Settings."
        runs.warn(self.ctx.run, self.ctx.lease, "feed_cut", text)

    def _follow(self, page: Page, listed: SecondList) -> None:
        signs = [sign.text for sign in page.signs if sign.code in INCOMPLETE]
        self._cut = self._cut or next(iter(signs), "")
        news: dict[str, datetime | None] = {}
        for external_id, when, mark in _entries(page, listed):
            self._entries.add(mark)
            if mark not in self._last_entries:
                news[external_id] = when
        deleted = []
        for entry in self._entries_of(news):
            when = news[entry.external_id]
            if self._is_doubtful(entry, when):
                self._entries.add(f"{DOUBT}{entry.external_id}")
            elif self._is_deleted(entry, when):
                deleted.append(withdrawal_of(self.ctx, entry, How.FEED, _deleted_at_text(when)))
        self._keep(deleted)
        if not self.ctx.run.dry_run:
            self._close_errors(news)

    def _close_errors(self, news: Mapping[str, datetime | None]) -> None:
        """Close the errors of what is deleted, never written or not. Doubts are a full run's."""
        times = [(entry, news[entry.external_id]) for entry in self._rows_of(news)]
        deleted = [
            entry.external_id
            for entry, when in times
            if not self._is_doubtful(entry, when) and self._is_deleted(entry, when)
        ]
        if deleted:
            self._closed += ledger.close_deleted(self.ctx.run, self.ctx.lease, deleted)

    def _rows_of(self, ids: Iterable[str]) -> QuerySet[LedgerEntry]:
        return self.ctx.lane.ledger.filter(external_id__among=list(ids))

    def _entries_of(self, ids: Iterable[str]) -> QuerySet[LedgerEntry]:
        return self._rows_of(ids).exclude(entity_hash="")

    def _is_doubtful(self, entry: LedgerEntry, when: datetime | None) -> bool:
        """Return whether a record may have been created again after an entry without a time."""
        if when is not None and entry.modified_at is not None:
            return False
        return self._is_seen(entry) or (self.last is None and not self._whole)

    def _is_deleted(self, entry: LedgerEntry, when: datetime | None) -> bool:
        if when is None or entry.modified_at is None:
            return True
        return when > entry.modified_at or (when == entry.modified_at and not self._is_seen(entry))

    def _is_seen(self, entry: LedgerEntry) -> bool:
        return entry.seen_run_id == self.ctx.run.pk and entry.gone_run_id is None

    def _settle_doubts(self) -> None:
        """Decide by a full run about earlier entries: what it did not see is deleted."""
        doubts = {mark for mark in self._last_entries if mark.startswith(DOUBT)} - self._entries
        if not self._whole:
            self._entries |= doubts
            return
        rows = self._entries_of(mark.removeprefix(DOUBT) for mark in doubts)
        unseen = [entry for entry in rows if not self._is_seen(entry)]
        self._keep([withdrawal_of(self.ctx, entry, How.FEED) for entry in unseen])

    def _keep(self, found: Sequence[Withdrawal]) -> None:
        """Keep withdrawals; those of records that were only missing become these."""
        reasons = {row.external_id: row.said for row in found}
        if self.ctx.run.dry_run:
            open_now = open_withdrawals_of(self.ctx).filter(external_id__among=list(reasons))
            open_ids = {row.external_id for row in open_now if not was_missed(row)}
            self._predicted += [
                external_id for external_id in reasons if external_id not in open_ids
            ]
            return
        rows = open_withdrawals_of(self.ctx).filter(
            external_id__among=list(reasons), how=How.ABSENCE
        )
        for row in filter(was_missed, rows):
            row.state, row.how, row.said = State.GONE, How.FEED, reasons[row.external_id]
            row.save(update_fields=["state", "how", "said"])
        keep_withdrawals(self.ctx, found)


def _entries(page: Page, listed: SecondList) -> Iterator[tuple[str, datetime | None, str]]:
    """Yield the id, the time and the digest of each entry of a page."""
    for record in page.records:
        external_id = listed.identify(record)
        if external_id:
            yield external_id, listed.cursor_of(record), _mark(record)


def _mark(entry: Any) -> str:
    return hashlib.blake2b(digests.encode(entry), digest_size=8).hexdigest()


def _deleted_at_text(when: datetime | None) -> str:
    return f"deleted at {when:%Y-%m-%d %H:%M} UTC" if when else ""
