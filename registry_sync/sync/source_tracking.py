"""What a registry's pages say about it as a whole: its clock, its past, and what they all lack."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

from registry_sync import runs
from registry_sync.core.text import number_of, were
from registry_sync.source.completeness.reading import Reading
from registry_sync.source.pages import Page, Sign
from registry_sync.sync import run_verdict
from registry_sync.sync.context import RunContext
from registry_sync.sync.gates import guards
from registry_sync.sync.known_pages import KnownPages
from registry_sync.sync.reading_watch import ReadingWatch
from registry_sync.sync.records import Compared, SourceRecord
from registry_sync.sync.source_clock import SourceClock


class SourceTracker:
    """Follows one run's pages on the registry's own clock.

    `asked_from(since)` is from when the registry gives what changed since a time, given how
    precise the text is that it is asked with.
    """

    def __init__(self, ctx: RunContext, asked_from: Callable[[datetime], datetime]) -> None:
        self.ctx, self.clock = ctx, SourceClock(ctx, asked_from)
        self.run, self.lease, self.lane = ctx.run, ctx.lease, ctx.lane
        self.watch = ReadingWatch(ctx)
        self.pages = KnownPages(ctx)
        self._first = False
        self._followed = False
        self._exceeded: tuple[Sign, int | None] | None = None

    def follow(self, page: Page, records: Sequence[SourceRecord]) -> str:
        """Take note of a page, and return why everything must be read instead, or "".

        Raise SyncError where the page shows one cause that would refuse every record.
        """
        if page.doubt:
            return page.doubt
        if page.learned and not self.run.dry_run:
            runs.learn_source_facts(self.lane, self.lease, **page.learned)
        # A page that a killed process had begun with is the first one again.
        first = self._first = not self._followed and self.run.position is None
        self._followed = True
        if first:
            self._begin(page)
            self._check_paths(records)
        self._warn_of(page)
        self.watch.follow(page, records, chosen=self.clock.chooses)
        self._count_total(page)
        self.clock.follow(page, records)
        if self.run.reads_all:
            return ""
        ignored = self.clock.ignored_filter(page)
        if self.run.since_asked is not None:
            return ""
        return ignored or (self.clock.went_back(page) if first else "")

    def changed(self, records: list[SourceRecord]) -> list[SourceRecord]:
        """Return the records to sync: where the registry has no filter, those that changed."""
        return self.clock.since_start(records) if self.clock.chooses else records

    def judge(self, records: Sequence[SourceRecord], out: Compared, *, again: bool) -> None:
        """Look at what the page just followed came to. Raise SyncError as `follow` does.

        `again`: the page comes a second time, because a process was killed.
        """
        self.watch.note(records, out, twice=again)
        if self._first and self.run.reads_all:
            guards.check_values(self.ctx, records, out.settled)

    def moved(self) -> bool:
        """Return, at the end, whether the list moved and must be read again from its start."""
        moved = self.watch.moved()
        self._followed = not moved
        if self._exceeded is not None:
            sign, total = self._exceeded
            if not moved and self.watch.reading.exceeds(total):
                self._warn(sign)
            self._exceeded = None
        return moved

    def start_over(self) -> Reading:
        """Return the first reading of everything, after another one was given up."""
        self._followed, self._exceeded = False, None
        self.watch.reading = self.watch.reading.afresh()
        return self.watch.reading

    def lost(self) -> str:
        """Say, at the end, that records of what changed did not come; "" where none is known of."""
        run = self.run
        self.clock.note_older()
        if run.reads_all:
            return ""
        if run.expected_record:
            return (
                f"{run.expected_record}, the newest record of the last run, did not come back: "
                "the registry was restored, its filter broke, or the key sees less than before"
            )
        if not run.dry_run and run_verdict.came_short(run, self.lane, run.read):
            if run_verdict.counts_more(run):
                text = (
                    f"The registry says that {number_of(run.source_total or 0, 'record')} changed, "
                )
                text += "but gave "
                text += f"{run.read:,}; the last full run found nothing more of such a difference."
                runs.log(run, "WARNING", text)
                return ""
            return (
                f"{run_verdict.SAYS_MORE} {number_of(run.source_total or 0, 'record')} changed, "
                f"but only {number_of(run.read, 'distinct record')} {were(run.read)} returned; the "
                "list order may be unstable"
            )
        return ""

    def place(self) -> dict[str, Any]:
        """Return the run's columns that another process needs to go on."""
        names = ("watermark", "watermark_record", "expected_record", "older", "source_total")
        columns = {name: getattr(self.run, name) for name in names}
        return {**columns, "reading": self.watch.reading.kept()}

    def _begin(self, page: Page) -> None:
        self.watch.begin(page)
        self.run.source_total = None
        self._count_total(page)
        # Kept before any of its records is: after a kill, those recorded are known as this page's.
        reading = self.watch.reading.kept()
        runs.save_columns(self.run, self.lease, source_total=self.run.source_total, reading=reading)
        if self.run.server_date is None:  # a reading of the same window goes by the first one
            self.clock.begin(page)

    def _count_total(self, page: Page) -> None:
        """Keep the greatest total that any page of this reading has."""
        if (total := self._total(page)) is not None:
            self.run.source_total = max(total, self.run.source_total or 0)

    def _total(self, page: Page) -> int | None:
        """Take the registry's own total of what is read, where it is one.

        Some count the whole collection, whatever was asked for: what is not far below that is
        taken for it.
        """
        if self.clock.chooses:
            return None  # it counts more than is synced
        if self.run.reads_all or page.total is None:
            return page.total
        whole = self._total_of_all
        far_below = whole and page.total <= whole // 2
        return page.total if far_below and self.run.since_asked is None else None

    @cached_property
    def _total_of_all(self) -> int | None:
        """Return the registry's total of the last good run that read all."""
        whole = runs.good_runs(self.lane).filter(reads_all=True)
        return whole.values_list("source_total", flat=True).first()

    def _check_paths(self, records: Sequence[SourceRecord]) -> None:
        missing = guards.check_paths(self.ctx, records)
        if missing and self.run.reads_all:
            named = ", ".join(f"“{path}”" for path in missing)
            # No warning that turns the run yellow: many registries leave empty keys out.
            text = f"None of the {number_of(len(records), 'record')} of the first page has "
            text += f"{named}. If it is misspelt, the integration owner corrects Field "
            text += "Configurations or Mapping Rules."
            runs.log(self.run, "WARNING", text)

    def _warn_of(self, page: Page) -> None:
        """Warn of each sign that the pages are not complete, once a run.

        Too many records are judged at the end: then it is known which came again.
        """
        for sign in page.signs:
            if sign.code == "total_exceeded":
                self._exceeded = sign, page.total
            elif not self.pages.explains(sign, page):
                self._warn(sign)
        self.pages.note(page)

    def _warn(self, sign: Sign) -> None:
        runs.warn(self.run, self.lease, sign.code, f"{sign.text} {sign.remedy}")
