"""Entities archived and unarchived in Benchling: only this app's own, each recorded in the audit.

An archive is this app's as long as its reason and the entity's time are those that Benchling gave
right after it. What anyone else archived, unarchived or archived again is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from registry_sync import ledger, runs
from registry_sync.benchling import archiving
from registry_sync.benchling.errors import Refused
from registry_sync.core.text import number_of
from registry_sync.core.types import Json
from registry_sync.models import Change, Lane, PlanRow, Withdrawal
from registry_sync.sync.context import RunContext
from registry_sync.sync.plans.plan_gate import hold_withdrawals
from registry_sync.sync.survivors import followed_by
from registry_sync.sync.withdrawals.archivable import (
    UNSEEN,
    containers_shown,
    follower_note,
    is_in_use,
    is_own_archive,
    modified_at,
    reason_of,
    why_left,
)
from registry_sync.sync.withdrawals.withdrawal_rows import WithdrawalRows

State, End, Kind = Withdrawal.State, Withdrawal.End, Change.Kind
UNDECIDED = (State.GONE, State.HELD)
Times = Mapping[str, datetime | None]
"""Records' own times, by external id."""
AT_ONCE = 50
"""Entities in one request."""
ENOUGH = 3
"""Refusals in a row after which the reason is taken to hold for all."""


class Archives:
    """Archives and unarchives a lane's entities under the run's lease. Raises LeaseLost, Wait."""

    def __init__(self, ctx: RunContext) -> None:
        self.ctx, self.rows = ctx, WithdrawalRows(ctx)

    # -- archiving ---------------------------------------------------------------------------

    def archive(self, rows: Sequence[Withdrawal]) -> bool:
        """Archive the entities of some withdrawals; return False when the slice's time is up."""
        refusals = 0
        for chunk in _chunks(self._allowed(rows, PlanRow.Action.ARCHIVE)):
            going = self._usable(chunk)
            if not going:
                continue
            refusals = 0 if self._send(going) else refusals + 1
            if refusals == ENOUGH:
                return True
            if self.ctx.pacer.out_of_time():
                return False
        return True

    def _usable(self, rows: Sequence[Withdrawal]) -> list[Withdrawal]:
        """Keep the rows whose entities are in use, this app's own, and held by no container."""
        entities = self._entities(rows)
        shared = followed_by(self.ctx.lane, list(entities))
        going = []
        for row in rows:
            raw = entities.get(row.entity_id)
            if row.state in UNDECIDED and (follows := shared.get(row.entity_id)):
                self.rows.set(row, State.KEPT, follower_note(follows), kept_for=follows)
                continue
            entry = self.ctx.lane.ledger.filter(external_id=row.external_id).first()
            left = why_left(raw, entry, row.entity_registry_id, self.ctx.client.app_id)
            if left is None:
                going.append(row)
            elif not (raw and row.state == State.SENT and self._is_sent(row, raw)):
                state, reason = left
                self.rows.set(row, state, reason)
        return self._without_containers(going)

    def _is_sent(self, row: Withdrawal, raw: Json) -> bool:
        """Take an archive that a killed process sent for this run's own; return whether it is."""
        when = modified_at(raw)
        own = reason_of(raw) == row.reason and row.sent_at is not None
        if own and when is not None and when >= row.sent_at:  # type: ignore[operator]
            self._record_archived([row], {row.entity_id: raw})
            return True
        return False

    def _without_containers(self, rows: list[Withdrawal]) -> list[Withdrawal]:
        """Keep the rows that may go although containers hold them, or that none holds."""
        if self.ctx.lane.withdrawn_held or not rows:
            return rows
        try:
            counts = archiving.containers_of(self.ctx.client, [row.entity_id for row in rows])
        except Refused as refused:
            text = f"Benchling does not show which containers hold it: {refused.message}"
            for row in rows:
                self.rows.set(row, State.HELD, text)
            self._warn_of_refusal(text, len(rows))
            return []
        going = []
        for row in rows:
            seen = containers_shown(row)
            row.containers = counts[row.entity_id]
            if row.containers > seen:
                self.rows.set(row, State.HELD, "")
            else:
                going.append(row)
        self.rows.save_containers(going)
        return going

    def _send(self, rows: list[Withdrawal]) -> bool:
        """Archive rows, one by one where Benchling refuses them together. Return whether any was.

        They are marked before: a killed process leaves the mark, and the next one looks.
        """
        client, reason = self.ctx.client, self.ctx.lane.withdrawn_reason
        before = {row.pk: row.state for row in rows}
        now = client.server_time() or timezone.now()
        sent = {"sent_at": now, "reason": reason, "archive_run": self.ctx.run}
        rows = self.rows.move(rows, state=State.SENT, **sent)
        if not rows:
            return True
        try:
            batches = archiving.archive(client, [row.entity_id for row in rows], reason)
        except Refused as refused:
            for row in rows:
                self.rows.move([row], state=before[row.pk], note=refused.message)
            if len(rows) > 1:
                return self._one_by_one(rows)
            self._refuse(rows[0], refused)
            return False
        if batches:
            text = f"Benchling archived {number_of(batches, 'batch', 'batches')} with them."
            runs.log(self.ctx.run, "INFO", text)
        self._record_archived(rows, self._entities(rows))
        return True

    def _one_by_one(self, rows: Sequence[Withdrawal]) -> bool:
        done = refusals = 0
        for row in rows:
            sent = self._send([row])
            done += sent
            refusals = 0 if sent else refusals + 1
            if refusals == ENOUGH and not done:
                break
        return bool(done)

    def _refuse(self, row: Withdrawal, refused: Refused) -> None:
        text = f"Benchling refused to archive {row.entity_registry_id}: {refused.message}"
        self._set_fault(text)
        self._warn_of_refusal(text, 1)

    def _warn_of_refusal(self, text: str, count: int) -> None:
        runs.warn(
            self.ctx.run,
            self.ctx.lease,
            "archive_refused",
            f"{text.rstrip('.')}. {number_of(count, 'entity', 'entities')} stayed in use. A "
            "Benchling admin gives the app the permission, or someone chooses another reason "
            "(manage.py lanes set, or the lane's page).",
        )

    def _record_archived(self, rows: Sequence[Withdrawal], entities: dict[str, Json]) -> None:
        """Record archives, with the time that the entities have now."""
        run, lane = self.ctx.run, self.ctx.lane
        with transaction.atomic():
            runs.renew(self.ctx.lease)
            ledger.record_archiving(
                run, lane, [(row, None, row.reason) for row in rows], Kind.ARCHIVED
            )
            for row in rows:
                raw = entities.get(row.entity_id)
                row.state, row.note = State.ARCHIVED, ""
                row.archived_at = modified_at(raw) if raw else None
                row.archive_run = run
                row.save(update_fields=["state", "note", "archived_at", "archive_run"])
            run.archived += len(rows)
            type(run).objects.filter(pk=run.pk).update(archived=run.archived)
        self._set_fault("")

    def _set_fault(self, text: str) -> None:
        if self.ctx.lane.archive_fault != text:
            self.ctx.lane.archive_fault = text
            Lane.objects.filter(pk=self.ctx.lane.pk).update(archive_fault=text)

    # -- unarchiving -------------------------------------------------------------------------

    def bring_back(self, rows: Sequence[Withdrawal], times: Times | None = None) -> None:
        """Unarchive what this app archived, as its records are back, and close the rows.

        `times` are those of the records, where this run has read them.
        """
        archived = [r for r in rows if r.state in Withdrawal.ARCHIVED_HERE]
        for row in self.unarchive(archived, times):
            self._close(row, End.UNARCHIVED)
        for row in rows:
            if row.closed_at is None and row.state not in Withdrawal.ARCHIVED_HERE:
                self._close(row, End.RETURNED)

    def unarchive(self, rows: Sequence[Withdrawal], times: Times | None = None) -> list[Withdrawal]:
        """Unarchive what is still archived as this app did it; return the rows in use now.

        Others are marked as archived by someone else. What is in use already takes no permit.
        """
        done: list[Withdrawal] = []
        for chunk in _chunks(rows):
            entities = self._entities(chunk)
            in_use = [row for row in chunk if is_in_use(entities.get(row.entity_id))]
            undone = [row for row in in_use if row.state == State.UNDO]
            if undone:  # by a process that was killed after it
                self._record_unarchived(undone)
            going = []
            archived = [row for row in chunk if row not in in_use]
            for row in self._allowed(archived, PlanRow.Action.UNARCHIVE, times):
                raw = entities.get(row.entity_id)
                if raw is not None and is_own_archive(row, raw):
                    going.append(row)
                else:
                    self.rows.set(row, State.THEIRS, _archived_by_others(raw))
            done += [*in_use, *self._restore(going)]
        return done

    def _restore(self, rows: list[Withdrawal]) -> list[Withdrawal]:
        if not rows:
            return []
        before = {row.pk: row.state for row in rows}
        rows = self.rows.move(rows, state=State.UNDO)
        try:
            archiving.unarchive(self.ctx.client, [row.entity_id for row in rows])
        except Refused as refused:
            for row in rows:
                self.rows.move([row], state=before[row.pk], note=refused.message)
            if len(rows) > 1:
                return [row for each in rows for row in self._restore([each])]
            text = f"Benchling refused to unarchive {rows[0].entity_registry_id}: {refused.message}"
            runs.warn(
                self.ctx.run, self.ctx.lease, "unarchive_refused",
                f"{text.rstrip('.')}. A Benchling admin unarchives it, or gives the app the "
                "permission; each run tries again.",
            )  # fmt: skip
            return []
        self.ctx.write_access.note_changed([row.external_id for row in rows])
        self._record_unarchived(rows)
        return rows

    def _record_unarchived(self, rows: Sequence[Withdrawal]) -> None:
        values = [(row, row.reason, None) for row in rows]
        with transaction.atomic():
            runs.renew(self.ctx.lease)
            ledger.record_archiving(self.ctx.run, self.ctx.lane, values, Kind.UNARCHIVED)
            self.rows.move(rows, state=State.KEPT, note="")
        runs.log(self.ctx.run, "INFO", f"Unarchived: {ids_in_words(rows)}.")

    def _allowed(
        self, rows: Sequence[Withdrawal], action: PlanRow.Action, times: Times | None = None
    ) -> list[Withdrawal]:
        going = self.ctx.write_access.allowed_withdrawals(rows, action)
        held_ids = {row.external_id for row in rows} - {row.external_id for row in going}
        hold_withdrawals(self.ctx, held_ids, times)
        return going

    # -- rows --------------------------------------------------------------------------------

    def _entities(self, rows: Sequence[Withdrawal]) -> dict[str, Json]:
        ids = [row.entity_id for row in rows if row.entity_id]
        return {str(raw["id"]): raw for raw in self.ctx.client.entities_by_id(ids)}

    def _close(self, row: Withdrawal, ended: Withdrawal.End) -> None:
        now = timezone.now()
        with transaction.atomic():
            runs.renew(self.ctx.lease)
            values = {"closed_at": now, "closed_run": self.ctx.run, "ended": ended}
            Withdrawal.objects.filter(pk=row.pk).update(**values)
        row.closed_at, row.closed_run, row.ended = now, self.ctx.run, ended


def ids_in_words(rows: Sequence[Withdrawal], most: int = 10) -> str:
    """Return the registry ids of some rows, in words."""
    named = ", ".join(row.entity_registry_id for row in rows[:most])
    return named + (f" and {len(rows) - most:,} more" if len(rows) > most else "")


def _archived_by_others(raw: Json | None) -> str:
    if raw is None:
        return UNSEEN
    return f"It was archived as “{reason_of(raw)}” or changed since, and not by this app."


def _chunks(rows: Sequence[Withdrawal]) -> list[Sequence[Withdrawal]]:
    return [rows[start : start + AT_ONCE] for start in range(0, len(rows), AT_ONCE)]
