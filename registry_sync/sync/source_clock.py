"""The times in one run's reading: the registry's clock, ours, and those of its records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from operator import attrgetter

from django.utils import timezone

from registry_sync import runs
from registry_sync.core.dates import duration, stamp
from registry_sync.core.text import are, number_of
from registry_sync.source.pages import Page
from registry_sync.source.timestamps import read_time
from registry_sync.source.watermark import CLOCK_SLACK, advance, asked_at, ignores_filter
from registry_sync.sync.context import RunContext
from registry_sync.sync.records import SourceRecord

MODIFIED_AT = attrgetter("modified_at")
FEW = 10
"""So many older records may be half of a small registry that honors the filter."""
LEAST_LAG = timedelta(seconds=10)
"""A `Date` header has whole seconds, and is written by another host than a record's time."""


class SourceClock:
    """Follows the times of one run's pages, and moves its watermark.

    `asked_from(since)` is from when the registry returns what changed since a time, given how
    precise the text is that it is asked with.
    """

    def __init__(self, ctx: RunContext, asked_from: Callable[[datetime], datetime]) -> None:
        self.ctx, self.run, self.asked_from = ctx, ctx.run, asked_from
        self._collection = -1
        self._older: tuple[str, datetime] | None = None

    @property
    def _start(self) -> datetime | None:
        terms, run = self.ctx.setup.connector.incremental, self.run
        if terms is None or not terms.client_side:
            return None
        if run.since is not None and not run.reads_all:
            return self.asked_from(run.since)
        return read_time(terms.initial_value, terms) if terms.initial_value else None

    def begin(self, page: Page) -> None:
        """Note when the first page was requested, by the earlier of the registry's clock and ours.

        Warn where the registry's is ahead.
        """
        requested_at = page.asked_at or timezone.now()
        runs.save_columns(
            self.run, self.ctx.lease, server_date=asked_at(page.server_date, requested_at)
        )
        if page.server_date is None:
            self._say_dateless()
        elif abs(page.server_date - requested_at) > CLOCK_SLACK:
            self._say_apart(page.server_date, requested_at)

    def went_back(self, page: Page) -> str:
        """Return that the registry's clock went back since the last good run, or ""."""
        last = self.ctx.last_good
        now, then = page.server_date, last.server_date if last else None
        if now is None or then is None or now >= then - CLOCK_SLACK:
            return ""
        return f"the registry's clock went back, from {then:%Y-%m-%d %H:%M} to {stamp(now)}"

    def follow(self, page: Page, records: Sequence[SourceRecord]) -> None:
        """Note the newest time seen, whose record it is, and what is older than was asked."""
        run = self.run
        since = self.asked_from(run.since) if run.since is not None else None
        assert run.server_date is not None
        expected = run.expected_record
        if expected and any(record.external_id == expected for record in records):
            run.expected_record = ""
        if since is not None and not run.reads_all:
            for record in records:
                if record.modified_at is not None and record.modified_at < since:
                    run.older += 1
                    self._older = self._older or (record.external_id, record.modified_at)
        timed = [record for record in records if record.modified_at is not None]
        if not timed:
            return
        newest = max(timed, key=MODIFIED_AT)  # the first of several
        # Of records that are dated later than the clock, the last one stands for all.
        future = newest.modified_at is not None and newest.modified_at > run.server_date
        for record in timed if future else [newest]:
            when = record.modified_at
            if when is not None and (run.watermark is None or when > run.watermark):
                run.watermark = advance(run.watermark, when, run.server_date)
                run.watermark_record = record.external_id
        self._name_future(page, newest)

    @property
    def chooses(self) -> bool:
        """Return whether records are chosen here by their time: the registry has no filter."""
        return self._start is not None

    def since_start(self, records: Sequence[SourceRecord]) -> list[SourceRecord]:
        """Return those that changed since this run's start, or have no time to tell."""
        start = self._start
        return [
            record
            for record in records
            if record.modified_at is None or start is None or record.modified_at >= start
        ]

    def ignored_filter(self, page: Page) -> str:
        """Return that the registry ignores the filter, as far as it was read, or ""."""
        run = self.run
        if run.older < 2 or self.chooses:
            return ""
        if self._collection < 0:
            self._collection = self.ctx.lane.ledger.count()
        more = page.next_position is not None
        total = page.total if more else None
        few = run.older < FEW and not more and len(page.records) < self._collection
        if few or not ignores_filter(run.older, len(page.records), self._collection, total):
            return ""
        text = f"{number_of(run.older, 'record')} were older than asked for: the registry seems to "
        text += "ignore the modified-since parameter"
        remedy = "The integration owner checks its name in the app's configuration."
        warning = f"{text}, so everything is read each time. {remedy}"
        runs.warn(run, self.ctx.lease, "older_than_asked", warning)
        return text

    def note_older(self) -> None:
        """Log, at the end, what came although it is older than was asked for: it costs nothing."""
        if self._older is None or self.run.reads_all or self.chooses:
            return
        external_id, when = self._older
        text = f"{number_of(self.run.older, 'record')} came that {are(self.run.older)} older than "
        text += f"asked for, such as {external_id} of {when:%Y-%m-%d %H:%M} UTC. The registry's "
        text += "filter goes by another time than endpoint.incremental.cursor_path. Nothing is "
        runs.log(self.run, "INFO", text + "lost.")

    def _name_future(self, page: Page, record: SourceRecord) -> None:
        """Warn of a record that is dated later than both clocks. It does not move the watermark."""
        terms = self.ctx.setup.connector.incremental
        server_now = timezone.now()
        now = max(page.server_date or server_now, server_now)
        lag = max(terms.overlap if terms else LEAST_LAG, LEAST_LAG)
        if record.modified_at is None or record.modified_at <= now + lag:
            return
        text = f"{record.external_id} is dated {record.modified_at:%Y-%m-%d %H:%M} UTC, which is "
        text += f"{duration(record.modified_at - now)} ahead. It was synced, and the next run asks "
        text += "for changes from before now all the same. The registry's owner corrects the date. "
        text += "If the registry writes local times, the integration owner sets their zone, such "
        text += 'as {"endpoint": {"incremental": {"timezone": "Europe/Berlin"}}}, in Connector '
        runs.warn(self.run, self.ctx.lease, "future_dated", text + "Settings.")

    def _say_dateless(self) -> None:
        terms = self.ctx.setup.connector.incremental
        if terms is None or terms.cursor_path or not self.run.moves_watermark:
            return
        text = "The registry's answers have no Date header, so the next run asks for changes since "
        text += f"this one by this server's clock, less {duration(terms.overlap)}. Changes "
        text += "are missed if the registry's clock is further behind than that. "
        text += "endpoint.incremental.cursor_path avoids this."
        runs.log(self.run, "INFO", text)

    def _say_apart(self, registry_clock: datetime, own_clock: datetime) -> None:
        """Say that the clocks differ: in a warning if the registry's is ahead."""
        ahead = registry_clock > own_clock
        side = "ahead of" if ahead else "behind"
        apart = duration(abs(registry_clock - own_clock))
        text = f"The registry's clock is {apart} {side} this server's "
        text += f"({registry_clock:%Y-%m-%d %H:%M} and {own_clock:%Y-%m-%d %H:%M} UTC). The "
        text += "earlier one counts, so no change is missed. "
        if not ahead:
            runs.log(self.run, "INFO", text)
        elif self._benchling_agrees(own_clock):
            text += "Benchling's clock agrees with this server's: the registry's owner corrects it."
            runs.warn(self.run, self.ctx.lease, "clock_ahead", text)
        else:
            text += "The operator checks this server's clock, and the registry's owner theirs."
            runs.warn(self.run, self.ctx.lease, "clock_ahead", text)

    def _benchling_agrees(self, own_clock: datetime) -> bool:
        """Return whether Benchling's clock, at its last answer, was not far from ours."""
        try:
            benchling_clock = parsedate_to_datetime(self.ctx.client.server_date)
        except (TypeError, ValueError):
            return False
        return (
            benchling_clock.tzinfo is not None
            and abs(benchling_clock - own_clock) <= 2 * CLOCK_SLACK
        )
