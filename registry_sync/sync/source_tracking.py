"""What a registry's pages say about it as a whole: its clock, its past, and what they all lack."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from registry_sync import runs
from registry_sync.ledger.record_outcome import RecordOutcome
from registry_sync.source.pages import Page, Sign
from registry_sync.sync import run_verdict
from registry_sync.sync.context import RunContext
from registry_sync.sync.gates import guards
from registry_sync.sync.records import SourceRecord
from registry_sync.sync.source_clock import SourceClock

SAYS_MORE = "the registry says that"


class SourceTracker:
    """Follows one run's pages on the registry's own clock.

    `asked_from(since)` is from when the registry gives what changed since a time, given how
    precise the text is that it is asked with.
    """

    def __init__(self, ctx: RunContext, asked_from: Callable[[datetime], datetime]) -> None:
        self.ctx, self.clock = ctx, SourceClock(ctx, asked_from)
        self.run, self.lease, self.lane = ctx.run, ctx.lease, ctx.lane
        self._first = False
        self._followed = False

    def follow(self, page: Page, records: Sequence[SourceRecord]) -> str:
        """Take note of a page; returns why everything must be read instead, or "".

        Raises SyncError where the page shows one cause that would refuse every record.
        """
        if self.run.server_date is None:  # also where everything is read again
            self._followed = False
        # A page that a killed process had begun with is the first one again.
        first = self._first = not self._followed and self.run.position is None
        self._followed = True
        if first:
            self._begin(page)
            self._check_paths(records)
        self._warn_of(page.signs)
        self.clock.follow(page, records)
        if self.run.reads_all:
            return ""
        ignored = self.clock.ignored_filter(page)
        if self.run.since_asked is not None:
            return ""
        return ignored or (self.clock.went_back(page) if first else "")

    def judge(self, records: Sequence[SourceRecord], settled: Sequence[RecordOutcome]) -> None:
        """Look at what the page just followed came to. Raises SyncError as `follow` does."""
        if self._first and self.run.reads_all:
            guards.check_values(self.ctx, records, settled)

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
        if not run.dry_run and run_verdict.is_short(run, self.lane, run.read):
            if self._counts_more():
                text = f"The registry says that {run.source_total:,} records changed, but gave "
                text += f"{run.read:,}; the last full run found nothing more of such a difference."
                runs.log(run, "WARNING", text)
                return ""
            return (
                f"{SAYS_MORE} {run.source_total:,} records changed, but only "
                f"{run.read:,} distinct records were returned; the list order may be unstable"
            )
        return ""

    def _counts_more(self) -> bool:
        """Return whether everything was read for this reason last time, and nothing was missing."""
        last = runs.good_runs(self.lane).filter(reads_all=True).exclude(pk=self.run.pk).first()
        return (
            last is not None
            and last.full_reason.startswith(SAYS_MORE)
            and not any(warning["code"] == "short_read" for warning in last.warnings)
            and last.created + last.updated == 0
        )

    def place(self) -> dict[str, Any]:
        """Return the run's columns that another process needs to go on."""
        names = ("watermark", "watermark_record", "expected_record", "older")
        return {name: getattr(self.run, name) for name in names}

    def _begin(self, page: Page) -> None:
        self.clock.begin(page)
        runs.save(self.run, self.lease, source_total=self._total(page))

    def _total(self, page: Page) -> int | None:
        """Take the registry's own total of what is read, where it is one.

        Some count the whole collection, whatever was asked for: what is not far below that is
        taken for it.
        """
        if self.run.reads_all or page.total is None:
            return page.total
        whole = runs.good_runs(self.lane).filter(reads_all=True).first()
        far_below = whole and whole.source_total and page.total <= whole.source_total // 2
        return page.total if far_below and self.run.since_asked is None else None

    def _check_paths(self, records: Sequence[SourceRecord]) -> None:
        missing = guards.check_paths(self.ctx, records)
        if missing and self.run.reads_all:
            named = ", ".join(f"“{path}”" for path in missing)
            # No warning that turns the run yellow: many registries leave empty keys out.
            text = f"None of the {len(records):,} records of the first page has {named}. If it is "
            text += "misspelt, the integration owner corrects Field Configurations."
            runs.log(self.run, "WARNING", text)

    def _warn_of(self, signs: Sequence[Sign]) -> None:
        """Warn of each sign that the pages are not complete, once a run."""
        for sign in signs:
            runs.warn(self.run, self.lease, sign.code, f"{sign.text} {sign.remedy}")
