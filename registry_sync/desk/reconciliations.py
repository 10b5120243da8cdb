"""A comparison of both sides as the desk and the command show it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from registry_sync.core.text import number_of
from registry_sync.core.types import Json
from registry_sync.desk.csv_export import field_value
from registry_sync.desk.values import as_text
from registry_sync.models import ReconciledRecord, Reconciliation
from registry_sync.runs import SchemaView, schema_view
from registry_sync.sync.reconcile.record import is_equal, is_unequal, statement

CSV_HEADER = (
    "external id", "registry id", "Benchling id", "name", "state", "field", "value in Benchling",
    "value in the registry", "last written by", "modified in Benchling", "note",
)  # fmt: skip
WORDS = {
    "registry": "records in the registry",
    "benchling": "entities in Benchling, archived ones not counted",
    "equal": "equal",
    "differing": "differing",
    "accepted": "differing as accepted",
    "missing": "missing in Benchling",
    "extra": "only in Benchling",
    "archived": "archived in Benchling",
    "refused": "refused: the record cannot be written as it is",
    "left": "marked as deleted or outside the scope, so not expected in Benchling",
    "merged": "merged into another entity, which they follow",
    "repeated": "listed more than once",
    "registry_total": "records that the registry says it has",
}


FOUND = (
    "equal",
    "differing",
    "accepted",
    "missing",
    "extra",
    "archived",
    "refused",
    "left",
    "merged",
)


def labelled_counts(row: Reconciliation) -> list[tuple[str, int]]:
    """Return the counts with their words, in the order in which they are shown."""
    return [(word, row.counts[name]) for name, word in WORDS.items() if name in row.counts]


def comparison_verdict(row: Reconciliation) -> str:
    """Return in words whether both sides are equal."""
    if is_unequal(row):
        return "not equal"
    return "equal" if is_equal(row) else "equal as far as it was read"


def comparison_summary(row: Reconciliation) -> str:
    """Return the counts in one line: both sides, and what was found."""
    found = [f"{row.counts[name]:,} {name}" for name in FOUND if row.counts.get(name)]
    records, entities = (row.counts.get(name, 0) for name in ("registry", "benchling"))
    sides = f"{number_of(records, 'record')}, {number_of(entities, 'entity', 'entities')}"
    return f"{sides}; {', '.join(found) or 'nothing to compare'}"


def mismatch_rows(row: Reconciliation) -> Iterator[tuple[Any, ...]]:
    """Yield a row for each field that differs, and for each record with another fault."""
    schema = schema_view(row.lane)
    for record in row.records.order_by("pk").iterator(500):
        head = (record.external_id, record.registry_id, record.entity_id, record.name)
        state, tail = record.get_state_display(), (record.modified_at, record.note)
        for field_id, field, current, source, last in record.differences or [[""] * 5]:
            values = (field_value(value, field_id, schema) for value in (current, source))
            yield (*head, state, field, *values, last, *tail)


def json_parts(row: Reconciliation) -> Iterator[str]:
    """Yield the parts of a JSON object: the statement, and every record that is not equal."""
    head = json.dumps(statement(row), indent=2, ensure_ascii=False)
    yield head.rstrip("}\n ") + ',\n  "records": ['
    between = "\n    "
    for record in row.records.order_by("pk").iterator(500):
        yield between + json.dumps(_as_json(record), ensure_ascii=False)
        between = ",\n    "
    yield "\n  ]\n}\n"


def mismatch_lines(record: ReconciledRecord, schema: SchemaView) -> Iterator[str]:
    """Yield in words what is not equal, a line for each field."""
    for field_id, field, current, source, last in record.differences:
        values = [as_text(value, field_id, schema) for value in (current, source)]
        by = f" (last written by {last})" if last else ""
        yield f"{field}: “{values[0]}” in Benchling, “{values[1]}” in the registry{by}"
    if record.note:
        yield record.note


def _as_json(record: ReconciledRecord) -> Json:
    names = ("field_id", "field", "benchling", "registry", "last_written_by")
    return {
        "external_id": record.external_id,
        "registry_id": record.registry_id,
        "benchling_id": record.entity_id,
        "name": record.name,
        "state": record.state,
        "note": record.note,
        "differences": [dict(zip(names, each, strict=True)) for each in record.differences],
    }
