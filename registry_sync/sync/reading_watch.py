"""Whether the list stood still while a run read it; if not, it is read again, a few times."""

from __future__ import annotations

import json
from collections.abc import Sequence

from django.utils import timezone

from registry_sync import runs
from registry_sync.core.dates import stamp
from registry_sync.core.text import number_of
from registry_sync.source.completeness.reading import READINGS, Reading, is_settled
from registry_sync.source.loop_detection import position_mark
from registry_sync.source.pages import Page
from registry_sync.source.watermark import CLOCK_SLACK
from registry_sync.sync import run_verdict
from registry_sync.sync.context import RunContext
from registry_sync.sync.records import Compared, SourceRecord
from registry_sync.sync.withdrawals.missing import withdrawn_entities

MOST_SEEN = 200_000
"""Records that a dry run remembers, to know one that comes again."""


class ReadingWatch:
    """Follows one run's readings of the list, in a state that goes with the run's row."""

    def __init__(self, ctx: RunContext) -> None:
        self.ctx, self.run = ctx, ctx.run
        self.reading = Reading.of(ctx.run.reading)
        self._last_twice = ""
        self._before: tuple[int, list[str]] = (0, [])
        self._seen: set[int] = set()  # by a dry run, which marks nothing in the ledger

    def resume(self) -> bool:
        """Return whether pages come a second time, because a process was killed in one."""
        position = self.run.position  # None: of the first page, also where part of it is recorded
        if self.reading.paused or (position is None and not self.reading.began):
            return False
        if not self.reading.is_next(position):
            self.reading.interrupt()
        self._last_twice = self.reading.place
        return True

    def is_last_twice(self, page: Page) -> bool:
        """Return whether a page is the last that comes a second time, after a kill."""
        return position_mark(page.position) == self._last_twice

    def begin(self, page: Page) -> None:
        """Note when the first page was requested, on the registry's own clock."""
        self.reading.dated = page.server_date is not None
        self.reading.began = (page.server_date or page.asked_at or timezone.now()).isoformat()

    def follow(self, page: Page, records: Sequence[SourceRecord], *, chosen: bool) -> None:
        """Follow a page of the list. `chosen`: not all of its records are synced."""
        self._before = self.reading.again, list(self.reading.examples)
        self.reading.follow(page.next_position, (record.external_id for record in records))
        self.reading.slid += page.slid
        if chosen:
            rows = len({record.external_id for record in records})
            self.reading.count_rows(rows, page.total)
        latest = (page.server_date or timezone.now()) + CLOCK_SLACK
        times = ((record.external_id, record.modified_at) for record in records)
        self.reading.follow_times(times, latest)

    def note(self, records: Sequence[SourceRecord], out: Compared, *, twice: bool) -> None:
        """Note which records of a page came on an earlier one, and which for the first time.

        `twice`: the page itself comes a second time, so which ones is not known.
        """
        came_again = [] if twice else out.came_again
        if self.run.dry_run:
            came_again = self._seen_before(records)
        for record, changed in came_again:
            self.reading.come_again(record.external_id, record.modified_at, changed=changed)
        others = {record.external_id for record, _ in came_again}
        others |= {record.external_id for record in out.later}
        first = {r.external_id: r.raw_hash for r in records if r.external_id not in others}
        self.reading.add(first.values())

    def _seen_before(self, records: Sequence[SourceRecord]) -> list[tuple[SourceRecord, bool]]:
        """Return the records that a dry run saw on an earlier page."""
        named = {hash(r.external_id): r for r in records if r.problem is None and not r.retried}
        repeated = [(record, False) for mark, record in named.items() if mark in self._seen]
        if len(self._seen) < MOST_SEEN:
            self._seen |= named.keys()
        return repeated

    def forget_page(self) -> None:
        """Forget what came again on the last page: there, a list that is complete starts over."""
        self.reading.again, self.reading.examples = self._before

    def moved(self) -> bool:
        """Judge a reading at its end; return whether the list must be read again.

        If it moves each time, the reading is held: the watermark does not pass it.
        """
        run, reading = self.run, self.reading
        stable = self.ctx.setup.connector.paginator.stable_order
        if run.only:
            return False
        if run.dry_run:
            if signs := reading.moved(stable_order=stable):
                text = f"The list changed while it was read: {'; '.join(signs)}. A dry run reads "
                text += "it once, so it may not show every record; a run reads it again. "
                runs.warn(run, self.ctx.lease, "list_moved", text + self._remedy())
            return False
        moved, missing = reading.moved(stable_order=stable), self._missing()
        absent = self._absent()
        reading.blind &= run.source_total is None and stable is not True and not reading.agrees
        settled = is_settled(
            signs=bool(moved or missing or absent),
            attempt=reading.attempt,
            agrees=reading.agrees,
            complete=run.source_total is not None and not missing,
            twice=stable is False or self._may_hide(),
        )
        reading.signs = reading.signs or moved + missing + absent
        reading.has_moved = reading.has_moved or bool(moved)
        if not settled and reading.attempt < READINGS:
            self._read_again()
            return True
        reading.held = not settled
        runs.save_columns(run, self.ctx.lease, reading=reading.kept())
        # Two readings that agree on fewer records than the registry counts: the list did not move.
        if reading.has_moved or not (settled or missing) or (missing and not reading.agrees):
            self._warn(settled)
        return False

    def _may_hide(self) -> bool:
        """Return whether a record that was deleted during this read may have hidden one from it.

        Of changes, no later run but a full one would bring it. A second reading does.
        """
        return self.reading.blind and self.reading.attempt == 1 and self.run.since is not None

    def _read_again(self) -> None:
        """Begin the next reading of the same window. The records keep their outcomes."""
        reason, level = "; ".join(self.reading.signs), "WARNING"
        if not reason and self._may_hide():
            reason = "on numbered pages without a total, a deleted record may have hidden another"
            level = "INFO"
        reason = reason or "endpoint.paginator.stable_order is false"
        runs.log(self.run, level, f"The list is read again: {reason}.")
        self.reading = self.reading.once_more()
        runs.save_columns(
            self.run,
            self.ctx.lease,
            reading=self.reading.kept(),
            position=None,
            older=0,
            repeated=0,
            source_total=None,
        )

    def _missing(self) -> list[str]:
        """Return that fewer records came than the registry counts, as a list of one."""
        run, reading = self.run, self.reading
        if reading.rows < reading.total:
            return [f"it counts {number_of(reading.total, 'record')}, but {reading.rows:,} came"]
        if not run_verdict.came_short(run, self.ctx.lane, run.read) or run_verdict.counts_more(run):
            return []
        return [
            f"it counts {number_of(run.source_total or 0, 'record')}, but "
            f"{number_of(run.read, 'distinct one')} came"
        ]

    def _absent(self) -> list[str]:
        """Return that known records did not come, where nothing else tells a deletion's effect.

        A record that is deleted while numbered pages are read moves all after it: the first of the
        next page is passed over.
        """
        run, reading = self.run, self.reading
        counts = reading.counted and reading.pages > 1 and run.source_total is None
        if not (counts and run.reads_all):
            return []
        missing = withdrawn_entities(run, self.ctx.lane).filter(gone_run_id__isnull=True).count()
        return [f"{number_of(missing, 'known record')} did not come"] if missing else []

    def _warn(self, settled: bool) -> None:
        reading = self.reading
        if reading.agrees and reading.again:
            text = "The registry lists the same records on several pages, each time the list is "
            text += f"read: {reading.signs[0]}. The registry's owner removes the duplicates, or "
            text += f"gives every record a unique id. If pages overlap instead: {self._remedy()}"
            runs.warn(self.run, self.ctx.lease, "ids_repeat", text)
            return
        reason = "; ".join(reading.signs) or "no two readings brought the same records"
        text = f"The list changed while it was read: {reason}. {self._end(settled)} "
        runs.warn(self.run, self.ctx.lease, "list_moved", text + self._remedy())

    def _end(self, settled: bool) -> str:
        if settled:
            return f"Reading {self.reading.attempt} of it was complete."
        what_is_read = (
            f"what changed since {stamp(self.run.since)}" if self.run.since else "everything"
        )
        return f"So it did in each of {READINGS} readings: records may be missing, and the next " \
            f"run reads {what_is_read} again."  # fmt: skip

    def _remedy(self) -> str:
        kind = self.ctx.setup.connector.paginator.type
        stable = json.dumps({"endpoint": {"paginator": {"type": kind, "stable_order": True}}})
        return (
            "The integration owner adds a parameter to endpoint.params of Connector Settings that "
            "sorts the list by something that does not change, such as the id. If it is sorted "
            f"so already: {stable}."
        )
