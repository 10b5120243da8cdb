"""CSV for spreadsheets, row by row: nothing is kept in memory, and no cell is a formula."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from registry_sync.core.readable import readable
from registry_sync.core.spreadsheet import spreadsheet_text
from registry_sync.desk.values import as_text
from registry_sync.runs import SchemaView


class _Echo:
    """A file that returns what is written to it."""

    def write(self, text: str) -> str:
        return text


def csv_lines(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """Yield the lines of a CSV, one for each row as it comes."""
    writer = csv.writer(_Echo())
    yield "\ufeff" + str(writer.writerow(header))  # by this mark spreadsheets know that it is UTF-8
    for row in rows:
        yield str(writer.writerow([cell(value) for value in row]))


def field_value(value: Any, field_id: str, schema: SchemaView) -> Any:
    """Return a field's value for a cell: a number as it is, anything else in words."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    return as_text(value, field_id, schema, empty="")


def cell(value: Any) -> str:
    """Return a cell's text. An apostrophe stands before what a spreadsheet would compute."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    return spreadsheet_text(readable(value, empty=""))
