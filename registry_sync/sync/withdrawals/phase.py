"""The end of a run's work: find what left, and archive, stage or unarchive by policy."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.db.models import Q

from registry_sync import runs
from registry_sync.core.text import number_of
from registry_sync.models import LedgerEntry, SyncRun, Withdrawal
from registry_sync.sync.context import RunContext
from registry_sync.sync.survivors import survivors_in_use
from registry_sync.sync.withdrawals import policy
from registry_sync.sync.withdrawals.archivable import FOLLOWS
from registry_sync.sync.withdrawals.archives import Archives, ids_in_words
from registry_sync.sync.withdrawals.departures import (
    keep_withdrawals,
    open_withdrawals_of,
    withdrawal_of,
)
from registry_sync.sync.withdrawals.feed import Feed
from registry_sync.sync.withdrawals.incoming_links import note_links
from registry_sync.sync.withdrawals.listings import Listings

How, State = Withdrawal.How, Withdrawal.State


class Withdrawals:
    """Works on the lane's withdrawals. A repeated call does what is still to do."""

    def __init__(self, ctx: RunContext) -> None:
        self.ctx = ctx
        self.archives = Archives(ctx)

    def work(self) -> bool:
        """Find, decide and act; return False when the slice's time is up.

        A pilot does nothing, and a retry only what was decided about its records. Raise LeaseLost,
        Wait, SyncError.
        """
        run = self.ctx.run
        if (run.only and run.kind != SyncRun.Kind.RETRY) or run.only_cause:
            return True
        if run.kind != SyncRun.Kind.RETRY:
            self._find()
        if not open_withdrawals_of(
            self.ctx
        ).exists():  # as in most runs, and each step asks for some of them
            return True
        if run.kind != SyncRun.Kind.RETRY:
            self._release_survivors()
            self._settle_merged()
        self._undo(run.only)
        if not run.only:
            self._stage()
        return self._archive(run.only)

    def _find(self) -> None:
        """Keep what left without a record that says so."""
        ctx = self.ctx
        if ctx.run.reads_all:
            self._keep_tombstones()
        if ctx.setup.connector.deletes.mode == "feed":
            with ctx.timed("pull"):
                Feed(ctx).read()
        with ctx.timed("pull"):
            Listings(ctx).compare()

    def _release_survivors(self) -> None:
        """Withdraw the entities that a run kept for another record, once that has left as well.

        What someone decided to keep stays in use.
        """
        rows = open_withdrawals_of(self.ctx).filter(state=State.KEPT, decided_at__isnull=True)
        # Earlier versions had no column and wrote it into the note.
        kept = list(rows.filter(~Q(kept_for="") | Q(note__endswith=FOLLOWS)))
        in_use = survivors_in_use(self.ctx.lane, [row.entity_id for row in kept]) if kept else ()
        for row in kept:
            if row.entity_id not in in_use:
                self.archives.rows.set(row, State.GONE, "")

    def _settle_merged(self) -> None:
        """Leave the entities that were merged into others: nothing of them is to be decided."""
        merges = self.ctx.lane.merges.filter(closed_at__isnull=True)
        survivors = dict(merges.values_list("external_id", "survivor_registry_id"))
        undecided = open_withdrawals_of(self.ctx).filter(
            state__in=[State.GONE, State.STAGED, State.HELD]
        )
        for row in undecided.filter(external_id__among=list(survivors)) if survivors else ():
            note = f"It was merged into {survivors[row.external_id]} in Benchling."
            self.archives.rows.set(row, State.THEIRS, note)

    def _keep_tombstones(self) -> None:
        """Keep withdrawals that versions without these rows only marked in the ledger."""
        open_ids = open_withdrawals_of(self.ctx).values("external_id")
        merged = self.ctx.lane.merges.filter(closed_at__isnull=True).values("external_id")
        marked = self.ctx.lane.ledger.exclude(entity_hash="").exclude(gone_run_id=None)
        marked = marked.exclude(external_id__in=open_ids).exclude(external_id__in=merged)
        fresh: list[LedgerEntry] = list(marked[:1000])
        keep_withdrawals(
            self.ctx, [withdrawal_of(self.ctx, entry, How.TOMBSTONE) for entry in fresh]
        )

    def _undo(self, only: Sequence[str]) -> None:
        rows = open_withdrawals_of(self.ctx).filter(state=State.UNDO)
        if to_undo := list(rows.filter(external_id__among=only) if only else rows):
            self.archives.unarchive(to_undo)

    def _stage(self) -> None:
        """Let someone decide about more withdrawals than the guard allows at once."""
        decision = policy.decide(self.ctx)
        if not decision.guarded:
            return
        with transaction.atomic():
            runs.renew(self.ctx.lease)
            policy.new_rows(self.ctx).update(state=State.STAGED)
        text = (
            f"{number_of(decision.new, 'record')} left the registry at once, more than the "
            f"{decision.most:,} that this lane may lose without a decision."
        )
        runs.log(self.ctx.run, "WARNING", text)

    def _archive(self, only: Sequence[str]) -> bool:
        rows = policy.to_archive(self.ctx, only)
        if not rows:
            return True
        before = self.ctx.run.archived
        with self.ctx.timed("upsert"):
            done = self.archives.archive(rows)
        if self.ctx.run.archived > before:
            archived = [row for row in rows if row.state == State.ARCHIVED]
            note_links(self.ctx, archived)
            text = f"Archived as “{self.ctx.lane.withdrawn_reason}”: {ids_in_words(archived)}."
            runs.log(self.ctx.run, "INFO", text)
            if linked := [row for row in archived if row.links]:
                text = f"Other entities still link to archived ones: {ids_in_words(linked)}."
                runs.log(self.ctx.run, "WARNING", text)
        return done
