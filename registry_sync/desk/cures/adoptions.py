"""Adopt entities that were in Benchling before, many at once, with both sides shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from django.db.models import QuerySet
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

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
from registry_sync.desk.marks import mark_of_parts
from registry_sync.desk.values import as_text
from registry_sync.models import Adoption
from registry_sync.runs import SchemaView, schema_view
from registry_sync.sync.gates.adoption_approval import ApprovedTwice, approve

MOST = 500
BY_NAME = "name_taken"
"""The cause of records whose name an entity has that was there before, beside other ones."""
COLUMNS = ("Record", "Entity in Benchling", "Match", "What would change: Benchling → registry")
EXPLANATION = (
    "The entities become the records' own: the registry's values are written over Benchling's, and "
    "kept up to date from then on. Fields that are not mapped, aliases and folders stay as they "
    "are."
)
TWICE = (
    "An entity would be taken over for two records, or a record would take over two entities. Tick "
    "one of them."
)


class Adopt(Press):
    """Take over what waits for a decision."""

    name, label = "adopt", "Adopt these"
    permissions = ("registry_sync.change_adoption", "registry_sync.add_syncrun")
    codes = ("not_ours", "adoptions", BY_NAME)

    def applies(self, case: CureCase) -> bool:
        """Return whether an entity waits for the decision."""
        return waiting_adoptions(case).exists()

    def prospect(self, case: CureCase) -> Prospect:
        """Return both sides of what waits; what conflicts stands apart, unticked."""
        schema, rows = schema_view(case.lane), list(waiting_adoptions(case)[:MOST])
        clashing = _clashing(rows)
        groups = [
            Group(title, COLUMNS, tuple(_row(row, schema, ticked=ticked) for row in some), note)
            for title, some, ticked, note in (
                ("Same entity", [row for row in rows if row.pk not in clashing], True, ""),
                ("Choose one", [row for row in rows if row.pk in clashing], False, TWICE),
            )
            if some
        ]
        if not groups:
            return Prospect("No adoption waits for a decision.")
        count = waiting_adoptions(case).count()
        facts = [f"{count:,} wait. The first {MOST:,} are shown."] if count > MOST else []
        return Prospect(EXPLANATION, facts=facts, groups=groups, presses={"adopt": self.label})

    def do(self, case: CureCase, order: CureOrder) -> Done:
        """Approve the chosen ones, and check their records again."""
        chosen = list(waiting_adoptions(case).filter(pk__in=order.keys()))
        if not chosen:
            raise CannotCure("Tick at least one that still waits. Nothing was done.")
        order.check(adoption_mark(row) for row in chosen)
        try:
            count = approve(chosen, actor=order.actor, reason=order.reason)
        except ApprovedTwice as conflict:
            raise CannotCure(f"{conflict} Nothing was done.") from None
        summary = f"{number_of(count, 'entity', 'entities')} approved for adoption."
        return Done(
            summary, sentences=[summary], noted=chosen, check=[row.external_id for row in chosen]
        )


def waiting_adoptions(case: CureCase) -> QuerySet[Adoption]:
    """Return what waits for a decision and can be adopted, as far as a case is about it."""
    rows = Adoption.objects.filter(lane=case.lane, state=Adoption.State.OPEN)
    rows = rows.filter(how__in=Adoption.ADOPTABLE).select_related("lane").order_by("pk")
    if case.code == BY_NAME:
        return rows.filter(external_id__in=case.errors().values("external_id"))
    return rows.filter(external_id__in=case.ids) if case.ids else rows


def adoption_mark(row: Adoption) -> str:
    """Return the mark of an entity and of what taking it over would change."""
    return mark_of_parts(row.pk, row.how, row.differences)


def _clashing(rows: Iterable[Adoption]) -> set[int]:
    """Return the primary keys of rows whose record or entity another row has."""
    rows = list(rows)
    records = Counter(row.external_id for row in rows)
    entities = Counter(row.entity_id for row in rows)
    return {row.pk for row in rows if records[row.external_id] > 1 or entities[row.entity_id] > 1}


def _row(row: Adoption, schema: SchemaView, *, ticked: bool) -> CureRow:
    entity = f"{row.entity_registry_id or row.entity_id} “{row.name}”"
    record = record_cell(row.external_id, row.lane)
    return CureRow(
        str(row.pk),
        (record, entity, row.how, _differences(row, schema)),
        ticked,
        adoption_mark(row),
    )


def _differences(row: Adoption, schema: SchemaView) -> SafeString:
    """Return what taking the entity over would change, a line for each field."""
    lines = format_html_join(
        "",
        "<div>{}: {} → {}</div>",
        (
            (field, as_text(current, field, schema), as_text(value, field, schema))
            for field, current, value in row.differences
        ),
    )
    note = format_html("<div>{}</div>", row.note) if row.note else ""
    return format_html("{}{}", lines or "No mapped values differ.", note)
