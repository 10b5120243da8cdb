"""The values of one record as a canvas lists them."""

from __future__ import annotations

from registry_sync.canvas.markdown import escaped
from registry_sync.ledger import audit
from registry_sync.models import Change, LedgerEntry, SyncRun
from registry_sync.runs import schema_view

MOST = 20
"""Fields that are listed."""
LONGEST = 100
"""Characters of a value."""


def value_lines(entry: LedgerEntry) -> list[str]:
    """Return a list item for each field that this app wrote to Benchling and is not empty."""
    schema = schema_view(entry.lane)
    shown = {
        schema.field_name(field_id): schema.text(field_id, value, empty="")
        for field_id, value in entry.fields.items()
    }
    lines = [f"- {escaped(name)}: {_short(value)}" for name, value in shown.items() if value]
    return _first(lines, "fields")


def changed_lines(run: SyncRun, entry: LedgerEntry) -> list[str]:
    """Return a list item for each value of a record that a run changed: before → after."""
    schema, lines = schema_view(entry.lane), []
    rows = Change.objects.filter(lane=entry.lane, run=run, external_id=entry.external_id)
    for change in rows.order_by("pk"):
        before, after = audit.labels(change, schema)
        was = "" if change.created else f"{_short(before)} → "
        lines.append(f"- {escaped(change.field)}: {was}{_short(after)}")
    return _first(lines, "changes")


def _first(lines: list[str], noun: str) -> list[str]:
    more = len(lines) - MOST
    return lines if more <= 0 else [*lines[:MOST], f"- And {more:,} more {noun}."]


def _short(value: str) -> str:
    return escaped(value if len(value) <= LONGEST else f"{value[: LONGEST - 1]}…")
