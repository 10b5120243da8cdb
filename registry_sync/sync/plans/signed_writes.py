"""What a run that applies a plan may write: what was signed, if neither side has changed since."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from registry_sync.core.types import Json
from registry_sync.models import EntityError, Plan, PlanRow, Withdrawal
from registry_sync.sync.context import RunContext
from registry_sync.sync.plans.plan_digests import (
    benchling_digest,
    matches_plan,
    renamed_digest,
    row_digest,
)
from registry_sync.sync.plans.write_access import WriteAccess
from registry_sync.sync.records import Candidate

Action, Fate = PlanRow.Action, PlanRow.Fate
RECORDS = (Action.CREATE, Action.CHANGE)
SENT = (Withdrawal.State.SENT, Withdrawal.State.UNDO)
"""States of withdrawals that a killed process may have archived, or unarchived."""


class SignedWrites(WriteAccess):
    """Allows the rows of a signed plan. A row that has changed since is marked with its fate."""

    def __init__(self, ctx: RunContext, plan: Plan) -> None:
        self.ctx, self.plan = ctx, plan

    def allowed(self, candidates: Sequence[Candidate]) -> Collection[str]:
        """Return the candidates that are signed, and whose records are as they were."""
        rows = self._rows([c.entity.external_id for c in candidates], RECORDS)
        by_fate: dict[PlanRow.Fate | None, list[PlanRow]] = {}
        for candidate in candidates:
            if (row := rows.get(candidate.entity.external_id)) is not None:
                by_fate.setdefault(_fate(row, candidate), []).append(row)
        fit = {row.external_id for row in by_fate.pop(None, ())}
        for fate, moved in by_fate.items():
            assert fate is not None
            self._leave(moved, fate)
        return fit

    def still_allowed(self, external_ids: Collection[str]) -> Collection[str]:
        rows = self._rows(external_ids, RECORDS)
        changes = [row for row in rows.values() if row.action == Action.CHANGE]
        stopped = self._leave(self._moved(changes, self._entities(changes)), Fate.BENCHLING)
        return {id_ for id_ in external_ids if id_ in rows.keys() - stopped}

    def allowed_withdrawals(
        self, rows: Sequence[Withdrawal], action: PlanRow.Action
    ) -> list[Withdrawal]:
        signed = self._rows([row.external_id for row in rows], (action,))
        raws = self._entities(signed.values())
        sent = {row.external_id for row in rows if row.state in SENT}
        done = {id_ for id_ in sent & signed.keys() if _is_done(signed[id_], raws)}
        ask = [row for id_, row in signed.items() if id_ not in done]
        fit = signed.keys() - self._leave(self._moved(ask, raws), Fate.BENCHLING)
        self._leave([signed[id_] for id_ in fit], Fate.BEGUN)
        return [row for row in rows if row.external_id in fit]

    def may_change(self, external_ids: Collection[str]) -> bool:
        rows = self._rows(external_ids, RECORDS)
        changes = [row for row in rows.values() if row.action == Action.CHANGE]
        stopped = self._leave(self._moved(changes, self._entities(changes)), Fate.BENCHLING)
        stopped |= self._leave(self._source_moved(rows), Fate.SOURCE)
        return not stopped and not set(external_ids) - rows.keys()

    def note_rename(self, external_id: str, temporary: Json) -> None:
        for row in self._rows([external_id], (Action.CHANGE,)).values():
            row.touched_digest = renamed_digest(self._entities([row]).get(row.entity_id), temporary)
            row.save(update_fields=["touched_digest"])

    def note_changed(self, external_ids: Collection[str]) -> None:
        rows = list(self._rows(external_ids, (Action.CHANGE,)).values())
        raws = self._entities(rows)
        for row in rows:
            row.touched_digest = benchling_digest(raws.get(row.entity_id))
        PlanRow.objects.bulk_update(rows, ["touched_digest"])

    def _rows(
        self, external_ids: Collection[str], actions: Iterable[PlanRow.Action]
    ) -> dict[str, PlanRow]:
        """Return the rows of records, but for those that are not as they were signed."""
        found = self.plan.rows.filter(external_id__among=external_ids, action__in=list(actions))
        return {row.external_id: row for row in found if row_digest(row) == row.digest}

    def _entities(self, rows: Iterable[PlanRow]) -> dict[str, Json]:
        ids = [row.entity_id for row in rows if row.entity_id]
        found = self.ctx.client.entities_by_id(ids) if ids else []
        return {str(raw["id"]): raw for raw in found}

    def _moved(self, rows: Iterable[PlanRow], raws: dict[str, Json]) -> list[PlanRow]:
        """Return the rows whose entities are neither as they were planned nor as this app left."""
        return [row for row in rows if not matches_plan(raws.get(row.entity_id), row)]

    def _source_moved(self, rows: dict[str, PlanRow]) -> list[PlanRow]:
        """Return the rows whose refused records are, or came, in another form than planned."""
        errors = EntityError.objects.filter(
            lane=self.ctx.lane, closed_at__isnull=True, external_id__among=list(rows)
        )
        kept = errors.values_list("external_id", "raw_hash")
        changed = {id_ for id_, row in rows.items() if row.fate == Fate.SOURCE}
        changed |= {id_ for id_, digest in kept if digest != rows[id_].source_digest}
        return [rows[id_] for id_ in changed]

    def _leave(self, rows: Iterable[PlanRow], fate: PlanRow.Fate) -> set[str]:
        """Note a fate at rows, but for those that are written; return their external ids."""
        ids = {row.pk: row.external_id for row in rows}
        PlanRow.objects.filter(pk__among=list(ids)).exclude(fate=Fate.WRITTEN).update(fate=fate)
        return set(ids.values())


def _is_done(row: PlanRow, raws: dict[str, Json]) -> bool:
    """Return whether an entity is archived, or unarchived, as a killed process was about to."""
    raw = raws.get(row.entity_id)
    return (
        row.fate == Fate.BEGUN
        and raw is not None
        and bool(raw.get("archiveRecord")) == (row.action == Action.ARCHIVE)
    )


def _fate(row: PlanRow, candidate: Candidate) -> PlanRow.Fate | None:
    """Return why a signed row does not fit a candidate; None if it does."""
    record = candidate.record
    # What is kept of a refused record is not what the registry has, once it came in another form.
    if row.source_digest != record.raw_hash or (record.retried and row.fate == Fate.SOURCE):
        return Fate.SOURCE
    is_new = row.action == Action.CREATE
    if is_new != candidate.is_new or row.entity_digest != candidate.entity.digest():
        return Fate.BENCHLING
    return None
