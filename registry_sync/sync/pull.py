"""The pull phase: read the source page by page and carry each page's records."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import closing
from itertools import count

from django.utils import timezone

from registry_sync import ledger, runs
from registry_sync.core import tracing
from registry_sync.models import SyncRun
from registry_sync.source.client import Source
from registry_sync.source.loop_detection import repeats
from registry_sync.source.pages import Page
from registry_sync.sync.carry import Carrier
from registry_sync.sync.context import Phase, RunContext
from registry_sync.sync.filter_check import FilterCheck
from registry_sync.sync.gates.guards import check_named
from registry_sync.sync.page_0_check import check_page_0
from registry_sync.sync.records import source_records, stray_records


class Pull:
    """Reads what changed, or everything, and sees it carried."""

    def __init__(self, ctx: RunContext, source: Source, carrier: Carrier) -> None:
        self.ctx, self.source, self.carrier = ctx, source, carrier
        self.filter = FilterCheck(ctx, source)
        self.tracker, self.delivery = carrier.tracker, carrier.delivery

    def work(self) -> bool:
        """Carry page after page; return False if the slice's time is up before the last one."""
        ctx = self.ctx
        if ctx.run.only:
            self._carry_named()
            return self._done()
        again, reason = self.tracker.watch.resume(), ""
        with closing(self._pages()) as pages:  # no one reads on where they are read anew
            for page in pages:
                ctx.session.open(quiet=ctx.run.created + ctx.run.updated == 0)
                records = source_records(
                    page.records, self.source, ctx.run.fingerprint, page.unread
                )
                records += stray_records(page.strays, ctx.run.fingerprint)
                if reason := self.tracker.follow(page, records):
                    break
                records = self.tracker.changed(records)
                with ctx.timed("compare"):
                    # Pages come a second time up to the one in which a process was killed.
                    seen = self.carrier.carry(records, page=page, again=again)
                over = not again and self._starts_over(page, len(records), seen)
                again = again and bool(seen) and not self.tracker.watch.is_last_twice(page)
                self._warn_of_times()
                ctx.pacer.show_progress()
                if over:
                    self.tracker.watch.forget_page()
                    break
                last = page.next_position is None
                if not last and ctx.pacer.out_of_time() and not ctx.run.dry_run:
                    self._flush()
                    self.tracker.watch.reading.paused = True
                    self.delivery.record((), {}, **self.carrier.place(page))
                    return False
        if reason:
            return self._read_everything(reason)
        self._flush()
        if self.tracker.moved():
            return self.work()
        if reason := self.tracker.lost() or self.filter.broken():
            return self._read_everything(reason)
        check_page_0(ctx, self.source)
        return self._done()

    def _starts_over(self, page: Page, count: int, seen: int) -> bool:
        """Return whether a counted list gives only what came before, and its total came.

        Raise SourceError if it gives only what came before, and no total says that this is all.
        """
        counted = self.source.connector.paginator.counted
        if not counted or not count or seen < count or page.next_position is None:
            return False
        self._flush()
        run = self.ctx.run
        if page.total is not None and page.total == run.read:
            return True
        if self.source.has_moved(page, None if run.reads_all else run.since):
            return False
        raise repeats("a page has only records that were on earlier pages")

    def _pages(self) -> Generator[Page, None, None]:
        run = self.ctx.run
        since = None if run.reads_all else run.since
        with closing(self.source.pages_ahead(since, position=run.position)) as pages:
            for number in count(1):
                began = time.time_ns()
                with self.ctx.timed("pull"):
                    page = next(pages, None)
                if page is None:
                    return
                with tracing.span("page", began=began, page=number, records=len(page.records)):
                    yield page

    def _carry_named(self) -> None:
        """Read and carry the records that the run was asked for, and no others."""
        ctx = self.ctx
        with ctx.timed("pull"):
            found, unread = self.source.fetch_all(ctx.run.only)
        records = source_records(list(found.values()), self.source, ctx.run.fingerprint, unread)
        read_ids = {record.external_id for record in records}
        for external_id in ctx.run.only:
            if external_id not in read_ids | found.keys():
                runs.warn(
                    ctx.run,
                    ctx.lease,
                    f"not_at_source:{external_id}",
                    f"{external_id} is not in the registry, or API Key cannot see it. Ask "
                    "the registry's owner.",
                )
        check_named(ctx, records)
        ctx.session.open()
        self.carrier.carry(records, force=True)
        self.delivery.flush()

    def _warn_of_times(self) -> None:
        unread, example = self.source.bad_cursors
        terms = self.ctx.setup.connector.incremental
        if unread and terms is not None:
            runs.warn(
                self.ctx.run,
                self.ctx.lease,
                "no_time",
                f"Some records have no readable modification time: “{terms.cursor_path}” of "
                f"{self.source.untimed or 'one of them'} is {example}. Changes to them are only "
                "found by full runs. The integration owner sets "
                "endpoint.incremental.datetime_format in Connector Settings if the registry writes "
                "times like this, or the registry's owner corrects the records.",
            )

    def _flush(self) -> None:
        with self.ctx.timed("upsert"):
            self.delivery.flush()

    def _done(self) -> bool:
        self.delivery.conclude()
        if not self.ctx.run.dry_run:
            runs.save_columns(self.ctx.run, self.ctx.lease, phase=Phase.RETRY)
        return True

    def _read_everything(self, reason: str) -> bool:
        """Start reading again, from the beginning of everything."""
        run = self.ctx.run
        self.delivery.flush()  # what waits has a position in the reading that is given up
        runs.log(run, "WARNING", f"Everything is read: {reason}.")
        runs.save_columns(
            run,
            self.ctx.lease,
            kind=SyncRun.Kind.FULL if run.kind == SyncRun.Kind.INCREMENTAL else run.kind,
            reads_all=True,
            full_reason=reason[:300],
            since=None,
            expected_record="",
            watermark=None,
            watermark_record="",
            position=None,
            last_full_at=timezone.now(),
            server_date=None,
            source_total=None,
            reading=self.tracker.start_over().kept(),
            older=0,
            **(dict.fromkeys(ledger.COUNTS, 0) if run.dry_run else {}),
        )
        return self.work()
