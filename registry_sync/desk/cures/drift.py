"""Restore the registry's values over what people changed in Benchling, or accept theirs."""

from __future__ import annotations

from registry_sync.core.text import number_of
from registry_sync.desk.cures.base import CureCase, record_cell
from registry_sync.desk.cures.press import (
    CannotCure,
    CureOrder,
    CureRow,
    Done,
    Group,
    Press,
    Prospect,
)
from registry_sync.desk.drift import differences_of, drift_mark, open_drift
from registry_sync.desk.times import time_html
from registry_sync.desk.values import as_html
from registry_sync.ledger import pins
from registry_sync.ledger.pins import UNREADABLE, FieldDifference
from registry_sync.models import Drift
from registry_sync.runs import SchemaView, schema_view

MOST = 500
COLUMNS = ("Record", "Field", "In Benchling", "In the registry", "Changed", "By")
EXPLANATION = (
    "Restore: a run writes the registry's values over what people entered in Benchling; the "
    "history keeps both. Accept: Benchling keeps its values until the registry's values change, or "
    "until someone takes the acceptance back under Accepted differences."
)


class DecideDrift(Press):
    """Decide about values that differ: the registry's or Benchling's."""

    name, label = "drift", "Restore or accept"
    permissions = ("registry_sync.change_lane", "registry_sync.add_syncrun")
    codes = ("drift",)
    typed_over = 20

    def applies(self, case: CureCase) -> bool:
        """Return whether something differs that can be decided."""
        return open_drift(case.lane, case.ids).exists()

    def prospect(self, case: CureCase) -> Prospect:
        """Return the values that differ, both sides."""
        schema, rows = schema_view(case.lane), open_drift(case.lane, case.ids)
        found = differences_of(case.lane, rows[:MOST])
        shown = tuple(_row(row, each, schema) for row, each in found.items())
        if not shown:
            return Prospect("Nothing differs now that can be decided.")
        count = rows.count()
        facts = [f"{count:,} values differ. The newest {MOST:,} are shown."] if count > MOST else []
        presses = {"restore": "Restore the registry's", "accept": "Accept Benchling's"}
        groups = [Group("Values that differ", COLUMNS, shown)]
        return Prospect(EXPLANATION, facts=facts, groups=groups, presses=presses)

    def do(self, case: CureCase, order: CureOrder) -> Done:
        """Restore or accept the chosen values."""
        rows = open_drift(case.lane, case.ids).filter(pk__in=order.keys())
        found = differences_of(case.lane, rows)
        if not found:
            raise CannotCure("Tick at least one value that still differs. Nothing was done.")
        order.check(drift_mark(each) for each in found.values())
        act = _accept if order.press == "accept" else _restore
        return act(case, order, found)


def _restore(case: CureCase, order: CureOrder, found: dict[Drift, FieldDifference]) -> Done:
    differences = list(found.values())
    restored = pins.restore(case.lane, differences, actor=order.actor, reason=order.reason)
    noted = _decided(found, {(each.external_id, each.field_id) for each in restored})
    done = Done(
        "The registry's values restored.", noted=noted, check=pins.records_that_differ(restored)
    )
    return _with_left(done, len(differences) - len(restored))


def _accept(case: CureCase, order: CureOrder, found: dict[Drift, FieldDifference]) -> Done:
    differences = list(found.values())
    accepted = pins.accept(case.lane, differences, actor=order.actor, reason=order.reason)
    noted = _decided(found, {(pin.external_id, pin.field_id) for pin in accepted})
    done = Done("Benchling's values accepted.", noted=noted)
    done.sentences.append(f"{number_of(len(accepted), 'difference')} accepted.")
    return _with_left(done, len(differences) - len(accepted))


def _decided(found: dict[Drift, FieldDifference], keys: set[tuple[str, str]]) -> list[Drift]:
    """Return the drift of these records and fields."""
    return [row for row, each in found.items() if (each.external_id, each.field_id) in keys]


def _with_left(done: Done, undecided: int) -> Done:
    if undecided:
        why = "decided in the meantime, or their values or records are not known here."
        done.warnings.append(f"{number_of(undecided, 'difference')} could not be decided: {why}")
    return done


def _row(row: Drift, each: FieldDifference, schema: SchemaView) -> CureRow:
    current = "cannot be read back" if each.theirs == UNREADABLE else row.theirs
    return CureRow(
        str(row.pk),
        (
            record_cell(row.external_id, row.lane),
            row.field,
            as_html(current, row.field_id, schema),
            as_html(each.source, row.field_id, schema),
            time_html(row.changed_at or row.modified_at) or "–",
            row.changed_by or "not known",
        ),
        mark=drift_mark(each),
    )
