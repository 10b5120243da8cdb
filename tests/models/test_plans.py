"""How SQLite finds rows: no lookup of a list may read a whole lane, however large it is."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from registry_sync.models import Lane, SyncRun
from tests.support.registry import compound

pytestmark = pytest.mark.once


def plan(sql: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql.replace('%', '%%')}")
        return [row[3] for row in cursor.fetchall()]


@pytest.mark.once  # asks SQLite for its plans
def test_what_is_looked_up_by_a_list_is_found_by_an_index(world):
    w = world([compound(n) for n in range(40)], page_size=20)
    w.registry.record("C-000003")["kind"] = "Peptide"
    w.registry.record("C-000004")["parent"] = "C-000999"
    w.registry.record("C-000005")["name"] = "Compound 6"
    with CaptureQueriesContext(connection) as caught:
        w.sync()
        w.registry.edit("C-000001", name="Another")
        w.sync()
        Lane.objects.update(looked_at=None)
        w.registry.edit("C-000002", smiles="N")
        w.sync(kind=SyncRun.Kind.FULL)
        w.sync(kind=SyncRun.Kind.RETRY)
    lookups = {q["sql"] for q in caught if "json_each" in q["sql"]}
    assert len(lookups) > 20
    wide = {
        (step, sql)
        for sql in lookups
        for step in plan(sql)
        if re.search(r"^SCAN registry_sync|\(lane_id=\?\)$", step)
    }
    assert not wide, "\n\n".join(f"{step}\n{sql[:600]}" for step, sql in wide)
