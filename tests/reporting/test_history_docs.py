"""docs/history.md: its fields are those of a run's row, and its queries run over such rows."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from registry_sync.reporting.history_row import TYPES
from tests.support import ROOT

PAGE = (ROOT / "docs" / "history.md").read_text("utf-8")
COLUMNS = {"text": "text", "integer": "bigint", "datetime": "timestamptz"}
NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=2)


@pytest.mark.once
def test_the_page_has_the_fields_of_a_row() -> None:
    assert dict(re.findall(r"^ *\| `(\w+)` \| (\w+) \|", PAGE, re.MULTILINE)) == TYPES


@pytest.mark.postgres
@pytest.mark.django_db
def test_its_queries_run_over_rows_as_they_stand() -> None:
    """Benchling's warehouse is PostgreSQL too, and gives a view of raw rows as `NAME$raw`."""
    daily, last = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
    with connection.cursor() as cursor:
        columns = ", ".join(f"{name} {COLUMNS[kind]}" for name, kind in TYPES.items())
        cursor.execute(f"CREATE TEMP TABLE registry_sync_runs$raw ({columns}, archived$ boolean)")
        for lane, outcome, minutes, archived in (
            ("Compound", "SUCCEEDED", 0, False),
            ("Compound", "FAILED", 30, False),
            ("Compound", "SUCCEEDED", 60, True),
            ("Lot", "SUCCEEDED", 0, False),
        ):
            start = NOON + timedelta(minutes=minutes)
            cursor.execute(
                "INSERT INTO registry_sync_runs$raw (lane, outcome, started_at, ended_at, created,"
                " updated, archived, failed, archived$) VALUES (%s, %s, %s, %s, 5, 2, 1, 3, %s)",
                [lane, outcome, start, start + timedelta(minutes=6), archived],
            )
        cursor.execute(daily)
        said = [dict(zip([c.name for c in cursor.description], row, strict=True)) for row in cursor]
        assert {row["lane"]: (row["runs"], row["failed_runs"], row["created"], row["minutes"])
                for row in said} == {"Compound": (2, 1, 10, 6), "Lot": (1, 0, 5, 6)}  # fmt: skip
        cursor.execute(last)
        assert [row[:2] for row in cursor] == [("Compound", "FAILED"), ("Lot", "SUCCEEDED")]
