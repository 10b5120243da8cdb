"""Override a guard once: what stopped a run, or what keeps another substance from a known id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from registry_sync import runs
from registry_sync.core.text import number_of
from registry_sync.desk.cures.base import CureCase, page, record_cell
from registry_sync.desk.cures.press import (
    CannotCure,
    CureOrder,
    CureRow,
    Done,
    Group,
    Press,
    Prospect,
)
from registry_sync.desk.marks import mark_of_parts
from registry_sync.models import Allowance, EntityError, Lane, LedgerEntry, SyncRun
from registry_sync.sync.gates import allowances
from registry_sync.sync.plans.proposals import SecondPerson

What = Allowance.What
OF_RUN = {code: what for what, code in allowances.STOPS.items()}
"""The override of each failure of a run."""
OF_RECORD = {"another_substance": What.IDENTITY, "drawings_lost": What.DRAWINGS}
"""The override of each error of a record."""
WOULD = {
    What.GREAT_CHANGE: "The next run writes these changes to Benchling, however many there are.",
    What.PATH_GONE: "The next run reads on without the value. What Benchling has in the field "
    "stays, or is cleared if endpoint.absent in Connector Settings is “clear”.",
}
RECORD_WOULD = {
    What.IDENTITY: "The entity in Benchling becomes the substance that the registry has now. Its "
    "id, its links and what people wrote about it stay.",
    What.DRAWINGS: "The entity gets the registry's new sequence. What people drew on it and no "
    "longer fits is lost.",
}
MOST = 500
PERMISSIONS = ("registry_sync.add_allowance", "registry_sync.add_syncrun")


class AllowRun(Press):
    """Override the guard that stopped a run."""

    name, label = "allow", "Allow once"
    permissions = PERMISSIONS
    codes = tuple(OF_RUN)

    def applies(self, case: CureCase) -> bool:
        """Return whether the stop stands and was not overridden."""
        return not allowances.nothing_to_allow(case.lane, OF_RUN[case.code], "")

    def prospect(self, case: CureCase) -> Prospect:
        """Return what stopped the run, and what the next one would do."""
        what = OF_RUN[case.code]
        if fault := allowances.nothing_to_allow(case.lane, what, ""):
            raise CannotCure(fault)
        run = allowances.stopped_run(case.lane, what)
        assert run is not None
        return Prospect(
            f"{WOULD[what]} This holds for one run. A later stop asks again.",
            facts=[f"Run {run.pk} was stopped. {run.error}", run.remedy],
            presses={"sync": "Allow once and sync now", "allow": "Allow for the next run"},
            mark=mark_of_stop(case.lane, what),
        )

    def do(self, case: CureCase, order: CureOrder) -> Done:
        """Override it, and start the run that uses the override."""
        what = OF_RUN[case.code]
        run = allowances.stopped_run(case.lane, what)
        fault = allowances.nothing_to_allow(case.lane, what, "")
        if fault or run is None:
            raise CannotCure(fault)
        order.check([mark_of_stop(case.lane, what)])
        try:
            row = allowances.allow(case.lane, what, "", by=order.by, reason=order.reason)
        except SecondPerson as proposed:
            raise CannotCure(f"{proposed} {proposed.remedy}") from proposed
        done = Done(f"Overridden once: {what.label}.", noted=[row, case.lane])
        done.whole, done.kind = order.press == "sync", SyncRun.Kind(run.kind)
        done.sentences.append("The next run uses the override.")
        done.address = page("allowance_changelist")
        return done


class AllowRecord(Press):
    """Override what keeps single records from being written."""

    name, label = "allow-record", "Allow once"
    permissions = PERMISSIONS
    codes = tuple(OF_RECORD)
    typed_over = 20

    def prospect(self, case: CureCase) -> Prospect:
        """Return what each record would become. More than one starts unticked."""
        errors = list(case.errors().defer("raw")[:MOST])
        ids = [error.external_id for error in errors]
        entries = LedgerEntry.objects.filter(lane=case.lane, external_id__among=ids)
        by_external_id = {entry.external_id: entry for entry in entries}
        rows = [
            CureRow(
                error.external_id,
                (
                    record_cell(error.external_id, case.lane),
                    _before(by_external_id.get(error.external_id)),
                    error.value,
                    error.message,
                ),
                len(errors) == 1,
                _mark_of(error),
            )
            for error in errors
        ]
        columns = ("Record", "In Benchling", "In the registry", "Why it was stopped")
        groups = [Group("Records", columns, tuple(rows))] if rows else []
        presses = {"allow": self.label} if rows else {}
        return Prospect(RECORD_WOULD[OF_RECORD[case.code]], groups=groups, presses=presses)

    def do(self, case: CureCase, order: CureOrder) -> Done:
        """Override it for the chosen records, and check them again."""
        what = OF_RECORD[case.code]
        rows = list(case.errors().defer("raw").filter(external_id__among=order.chosen))
        if not rows:
            raise CannotCure("Tick at least one record. Nothing was done.")
        order.check(_mark_of(error) for error in rows)
        ids = [error.external_id for error in rows]
        done = allowances.allow_records(case.lane, what, ids, by=order.by, reason=order.reason)
        return _report(what, [row for row in rows if row.external_id in done], len(ids) - len(done))


def _report(what: What, allowed: Sequence[EntityError], proposed: int) -> Done:
    """Tell which records are overridden, and for how many that is only proposed."""
    done = Done("", noted=allowed, check=[error.external_id for error in allowed])
    if allowed:
        done.note = f"Overridden once for {number_of(len(allowed), 'record')}: {what.label}."
        done.sentences.append(done.note)
    if proposed:
        done.warnings.append(
            "This lane requires a second person: the override for "
            f"{number_of(proposed, 'record')} is proposed, and nothing was done yet. Someone else "
            "confirms it under Proposals in the desk, or does the same."
        )
        done.address = page("proposal_changelist")
    return done


@dataclass(frozen=True, slots=True)
class Stop:
    """A guard's stop of a lane that stands, and the run that it stopped last."""

    lane: Lane
    run: SyncRun
    mark: str


def standing_stops() -> list[Stop]:
    """Return the stops of the lanes that are synced now."""
    return [
        Stop(lane, run, mark_of_stop(lane, what))
        for lane in runs.current_lanes()
        for what in allowances.STOPS
        if (run := allowances.stopped_run(lane, what)) is not None
    ]


def mark_of_stop(lane: Lane, what: What) -> str:
    """Return the mark of a stop: what an override would be about."""
    return mark_of_parts(lane.pk, allowances.subject(lane, what, ""))


def _mark_of(error: EntityError) -> str:
    """Return the mark of a record as it was refused."""
    return mark_of_parts(error.external_id, error.raw_hash)


def _before(entry: LedgerEntry | None) -> str:
    return "–" if entry is None else entry.identity[:200] or entry.name
