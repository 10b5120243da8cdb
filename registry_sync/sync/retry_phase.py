"""The retry phase: try open errors again whose cause may be gone."""

from __future__ import annotations

from collections.abc import Sequence

from registry_sync import ledger, runs
from registry_sync.core.problems import SourceError
from registry_sync.core.text import number_of
from registry_sync.models import EntityError
from registry_sync.source.client import Source
from registry_sync.sync import lane_circles, merges, retry_choice, run_verdict
from registry_sync.sync.carry import Carrier
from registry_sync.sync.context import RunContext
from registry_sync.sync.link_circles import joined_circles
from registry_sync.sync.plans.requested_records import read_requested
from registry_sync.sync.records import Candidate, SourceRecord, source_records


class Retry:
    """Carries the kept copies of refused records again."""

    def __init__(self, ctx: RunContext, source: Source, carrier: Carrier) -> None:
        self.ctx, self.source, self.carrier = ctx, source, carrier
        self.delivery = carrier.delivery

    def work(self) -> bool:
        """Try again until a round brings nothing more; return False if the run was paused.

        What was tried before a pause is not tried again by this run.
        """
        ctx = self.ctx
        ctx.session.open()
        if ctx.run.kind == ctx.run.Kind.APPLY:
            read_requested(ctx, self.source, self.carrier)
        merges.apply_decisions(ctx)
        if run_verdict.read_whole(ctx.run, ctx.lane):
            self._close_withdrawn()
        if not self._try_errors():
            return False
        if aside := retry_choice.stand_aside(ctx):
            self.delivery.rename(aside)
            if not self._try_errors():
                return False
        return all(map(self._deliver, joined_circles(ctx))) and self._part_circles()

    def _part_circles(self) -> bool:
        """Create one of each circle of records in several lanes without its links into it.

        Return False if the run was paused.
        """
        if self.ctx.run.dry_run:
            return True
        for parted in lane_circles.parted_circles(self.ctx):
            text = (
                f"{len(parted):,} records link to records of other lanes that link back. They are "
            )
            if len(parted) == 1:
                text = "1 record links to records of other lanes that link back. It is "
            runs.log(self.ctx.run, "INFO", text + "created without these links, which follow.")
            if not self._deliver(parted):
                return False
        return True

    def _deliver(self, candidates: Sequence[Candidate]) -> bool:
        """Send what passes the gates, and record the rest; return False if the run was paused."""
        ledger.record(self.ctx.run, self.ctx.lease, self.carrier.admit(candidates))
        self.delivery.flush(together=True)
        self.ctx.pacer.show_progress()
        return not runs.is_paused(self.ctx.run)

    def _close_withdrawn(self) -> None:
        closed = ledger.close_withdrawn(self.ctx.run, self.ctx.lease)
        if closed:
            whose = "its record" if closed == 1 else "their records"
            text = f"{number_of(closed, 'error')} closed: the registry no longer lists {whose}."
            runs.log(self.ctx.run, "INFO", text)

    def _try_errors(self) -> bool:
        while True:
            before = self._handled()
            for errors in retry_choice.due(self.ctx):
                self.carrier.carry(self._records(errors), force=True)
                self.delivery.flush()
                self.ctx.pacer.show_progress()
                if runs.is_paused(self.ctx.run):
                    return False
            if before == self._handled():
                return True

    def _handled(self) -> int:
        run = self.ctx.run
        return run.created + run.updated + run.unchanged

    def _records(self, errors: Sequence[EntityError]) -> list[SourceRecord]:
        """Return the kept copies of refused records; those read in part are asked for again."""
        run = self.ctx.run
        kept = [error for error in errors if error.waits_for != "detail"]
        # Those asked for longest ago come first: a few that stay broken must not stop the others.
        partly = sorted(
            (error for error in errors if error.waits_for == "detail"), key=lambda e: e.last_seen
        )
        try:
            whole, unread = self.source.read_whole([error.raw or {} for error in partly])
        except SourceError as error:  # all else was read: the run must not fail for these
            runs.log(run, "WARNING", error.with_remedy)
            whole, unread = [], []
        reread = source_records(whole, self.source, run.fingerprint, unread)
        again = [record._replace(retried=True) for record in reread]
        return retry_choice.kept_records(kept, run.fingerprint) + again
