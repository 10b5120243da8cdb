"""The permit of a run that applies a plan: what was signed, where neither side has moved since."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from registry_sync.core.types import Json
from registry_sync.models import EntityError, Plan, PlanRow, Withdrawal
from registry_sync.sync.context import RunContext
from registry_sync.sync.plans.permit import Permit
from registry_sync.sync.plans.sides import benchling_side, row_digest
from registry_sync.sync.records import Candidate

Action, Fate = PlanRow.Action, PlanRow.Fate
RECORDS = (Action.CREATE, Action.CHANGE)


class Signed(Permit):
    """Permits the rows of a signed plan. What it finds moved, it notes at the row."""

    def __init__(self, ctx: RunContext, plan: Plan) -> None:
        self.ctx, self.plan = ctx, plan

    def fitting(self, candidates: Sequence[Candidate]) -> Collection[str]:
        """Return the candidates that are signed, and whose records are as they were."""
        rows = self._rows([c.entity.external_id for c in candidates], RECORDS)
        fit, moved = set[str](), dict[int, PlanRow.Fate]()
        for candidate in candidates:
            row = rows.get(candidate.entity.external_id)
            if row is None:
                continue
            fate = _fate(row, candidate)
            if fate is None:
                fit.add(row.external_id)
            else:
                moved[row.pk] = fate
        self._note(moved)
        return fit

    def unmoved(self, external_ids: Collection[str]) -> Collection[str]:
        rows = self._rows(external_ids, RECORDS)
        known = [r for r in rows.values() if r.action == Action.CHANGE and r.fate != Fate.BEGUN]
        moved = self._moved(known)
        self._note({row.pk: Fate.BENCHLING for row in moved})
        left = {row.external_id for row in moved}
        return {id_ for id_ in external_ids if id_ in rows and id_ not in left}

    def settled(self, rows: Sequence[Withdrawal], action: PlanRow.Action) -> list[Withdrawal]:
        signed = self._rows([row.external_id for row in rows], (action,))
        sent = {row.external_id for row in rows if row.state == Withdrawal.State.SENT}
        ask = [row for id_, row in signed.items() if id_ not in sent]
        moved = self._moved(ask)
        self._note({row.pk: Fate.BENCHLING for row in moved})
        left = {row.external_id for row in moved}
        fit = signed.keys() - left
        return [row for row in rows if row.external_id in fit]

    def begin(self, external_ids: Collection[str]) -> bool:
        """Return whether all of these are signed and unmoved, and note that they are begun."""
        rows = self._rows(external_ids, RECORDS)
        if set(external_ids) - rows.keys() or self._source_moved(rows):
            return False
        fresh = [row for row in rows.values() if row.fate != Fate.BEGUN]
        if self._moved([row for row in fresh if row.action == Action.CHANGE]):
            return False
        self._note({row.pk: Fate.BEGUN for row in fresh})
        return True

    def _rows(
        self, external_ids: Collection[str], actions: Iterable[PlanRow.Action]
    ) -> dict[str, PlanRow]:
        """Return the rows of records, but for those that are not as they were signed."""
        found = self.plan.rows.filter(external_id__among=external_ids, action__in=list(actions))
        return {row.external_id: row for row in found if row_digest(row) == row.digest}

    def _moved(self, rows: Sequence[PlanRow]) -> list[PlanRow]:
        """Return the rows whose entities Benchling no longer holds as they were planned."""
        raws: dict[str, Json] = {}
        if ids := [row.entity_id for row in rows if row.entity_id]:
            raws = {str(raw["id"]): raw for raw in self.ctx.client.entities_by_id(ids)}
        return [
            row for row in rows if benchling_side(raws.get(row.entity_id)) != row.benchling_digest
        ]

    def _source_moved(self, rows: dict[str, PlanRow]) -> bool:
        """Return whether a refused record is kept in another form than it was planned in."""
        errors = EntityError.objects.filter(
            lane=self.ctx.lane, closed_at__isnull=True, external_id__among=list(rows)
        )
        kept = errors.values_list("external_id", "raw_hash")
        return any(digest != rows[id_].source_digest for id_, digest in kept)

    def _note(self, fates: dict[int, PlanRow.Fate]) -> None:
        for fate in set(fates.values()):
            pks = [pk for pk, one in fates.items() if one == fate]
            PlanRow.objects.filter(pk__in=pks).exclude(fate=Fate.WRITTEN).update(fate=fate)


def _fate(row: PlanRow, candidate: Candidate) -> PlanRow.Fate | None:
    """Return why a signed row does not fit a candidate; None if it does."""
    if row.source_digest != candidate.record.raw_hash:
        return Fate.SOURCE
    is_new = row.action == Action.CREATE
    if is_new != candidate.is_new or row.entity_digest != candidate.entity.digest():
        return Fate.BENCHLING
    return None
