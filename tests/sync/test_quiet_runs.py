"""A run that finds nothing new asks for no rows that an earlier answer has excluded."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from registry_sync.canvas import watch
from tests.support.registry import compound

MOST = 95
"""Statements of such a run, with the beginnings and ends of transactions."""
ASKED = {
    "registry_sync_withdrawal": 4, "registry_sync_merge": 4, "registry_sync_canvas": 3,
    "registry_sync_lane": 8,
}  # fmt: skip
"""How often a run asks for rows that say nothing new, by their table."""


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
