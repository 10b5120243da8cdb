"""The registry's list of deletions, read since its own last read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db import transaction

from registry_sync import runs
from registry_sync.ledger import digests
from registry_sync.models import FeedReading, LedgerEntry, Withdrawal
from registry_sync.source.client import Source
from registry_sync.source.connector import Incremental
from registry_sync.source.pages import Page
from registry_sync.source.watermark import BLIND_LAG
from registry_sync.sync.clients import entries_of
from registry_sync.sync.context import RunContext
from registry_sync.sync.withdrawals.departures import keep, withdrawal_of
from registry_sync.sync.withdrawals.listings import list_connector

How = Withdrawal.How


class Feed:
    """Reads the list of deletions, and keeps which known records it has.

    Each read begins before the end of the last one, so entries come again: those of the last read
    are no news. A record that this run saw in the registry is deleted only if the entry is later.
    """

    def __init__(self, ctx: RunContext) -> None:
        self.ctx = ctx
        self.last = FeedReading.objects.filter(lane=ctx.lane).first()
        self._known = frozenset(self.last.entries if self.last else ())
        self._entries: set[str] = set()

    def read(self) -> None:
        """Read what is new. Raise LeaseLost, SourceError."""
        ctx = self.ctx
        connector = list_connector(ctx.setup.connector, ctx.setup.connector.deletes.path)
        source = entries_of(ctx.setup, connector, ctx.pacer.pause, ctx.pacer.keep_alive)
        terms = connector.incremental or Incremental()
        lag = max(terms.lag, BLIND_LAG) if not terms.lag_is_set else terms.lag
        since = self.last.read_at - lag if self.last and connector.sends_since else None
        began: datetime | None = None
        try:
            for page in source.pages(since):
                began = began or page.server_date or runs.database_now()
                self._follow(page, source)
        finally:
            source.close()
        with transaction.atomic():
            runs.renew(ctx.lease)
            values = {"read_at": began, "entries": sorted(self._entries)}
            FeedReading.objects.update_or_create(lane=ctx.lane, defaults=values)

    def _follow(self, page: Page, source: Source) -> None:
        news: dict[str, datetime | None] = {}
        for external_id, when, mark in _entries(page, source):
            self._entries.add(mark)
            if mark not in self._known:
                news[external_id] = when
        rows = self.ctx.lane.ledger.filter(external_id__among=list(news)).exclude(entity_hash="")
        found = [
            withdrawal_of(self.ctx, entry, How.FEED, _said(news[entry.external_id]))
            for entry in rows
            if self._is_deleted(entry, news[entry.external_id])
        ]
        keep(self.ctx, found)

    def _is_deleted(self, entry: LedgerEntry, when: datetime | None) -> bool:
        seen = entry.seen_run_id == self.ctx.run.pk and entry.gone_run_id is None
        if when is None or entry.modified_at is None:
            return not seen
        return when > entry.modified_at or (when == entry.modified_at and not seen)


def _entries(page: Page, source: Source) -> Iterator[tuple[str, datetime | None, str]]:
    """Yield the id, the time and the digest of each entry of a page."""
    for record in page.records:
        external_id = source.identify(record)
        if external_id:
            yield external_id, source.cursor_of(record), _mark(record)


def _mark(entry: Any) -> str:
    return hashlib.blake2b(digests.encode(entry), digest_size=8).hexdigest()


def _said(when: datetime | None) -> str:
    return f"deleted at {when:%Y-%m-%d %H:%M} UTC" if when else ""
