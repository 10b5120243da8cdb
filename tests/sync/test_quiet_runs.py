"""A run that finds nothing new asks for no rows that an earlier answer has excluded."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from registry_sync.canvas import watch
from tests.support.registry import compound

MOST = 75
"""Statements of such a run, with the beginnings and ends of transactions."""
ASKED = {
    "registry_sync_withdrawal": 4, "registry_sync_merge": 3, "registry_sync_canvas": 3,
    "registry_sync_lane": 5,
}  # fmt: skip
"""How often a run asks for rows that say nothing new, by their table."""


WHOLE_ROW = '"registry_sync_syncrun"."phase_seconds"'
"""Stands in each statement that reads all 60 columns of a run, which costs three times as much."""
WHOLE_ROWS = 3


@pytest.mark.once
def test_a_run_without_news_asks_few_questions(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "CANVAS_EVERY", 3600)  # a slow machine would draw more often
    w = world([compound(n) for n in range(3)])
    w.sync()
    with CaptureQueriesContext(connection) as asked:
        run = w.sync()
    assert run.status == "SUCCEEDED" and run.unchanged == 1
    statements = [query["sql"] for query in asked]
    assert len(statements) <= MOST
    found = Counter(
        table
        for statement in statements
        for table in ASKED
        if statement.startswith("SELECT") and f'FROM "{table}"' in statement
    )
    assert all(found[table] <= most for table, most in ASKED.items()), found
    assert sum(s.startswith("SELECT") and WHOLE_ROW in s for s in statements) <= WHOLE_ROWS


@pytest.mark.once
def test_what_is_refused_again_is_written_row_by_row(world: Any) -> None:
    """A `WHEN` for each row and column, as `bulk_update` writes them, took most of such a run."""
    w = world([compound(n, kind="Unknown") for n in range(20)])
    w.sync()
    with CaptureQueriesContext(connection) as asked:
        run = w.sync(kind="full")
    assert run.failed == 20
    writes = [sql for sql in (query["sql"] for query in asked) if not sql.startswith("SELECT")]
    assert sum("registry_sync_entityerror" in sql for sql in writes) in range(1, 4)
    assert not any(" WHEN " in sql for sql in writes)
