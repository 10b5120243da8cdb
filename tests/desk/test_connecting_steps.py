"""What the steps of a connection have come to, from less than everything."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from registry_sync.benchling.syncs import Sync
from registry_sync.desk.connecting.facts import Facts, has_good_run
from registry_sync.desk.connecting.steps import Access, Records
from registry_sync.models import ConnectionTest, MappingDraft, SyncRun
from tests.support import factories as made

pytestmark = pytest.mark.once
PRUNED = datetime(2026, 3, 1, tzinfo=UTC)
"""When a sample was read that is no longer kept."""


@pytest.mark.parametrize(
    ("known", "mark"),
    [
        ({}, "open"),
        ({"tried": ConnectionTest(fault="API Key is missing.")}, "open"),
        ({"draft": MappingDraft()}, "open"),
        ({"draft": MappingDraft(sample=[{"id": "C-1"}])}, "done"),
        ({"draft": MappingDraft(sampled_at=PRUNED)}, "done"),
        ({"tried": ConnectionTest(asked=[{}])}, "done"),
        ({"good_run": SyncRun()}, "done"),
    ],
)
def test_what_was_used_was_filled_in(known, mark):
    assert Access().reached(Facts(Sync("", "ts_1"), **known)).mark == mark


def test_records_that_were_pruned_were_read():
    reached = Records().reached(Facts(Sync("", "ts_1"), draft=MappingDraft(sampled_at=PRUNED)))
    assert reached.mark == "done" and "2026-03-01" in reached.text


@pytest.mark.parametrize(
    ("run", "good"),
    [
        ({"kind": "retry"}, False),
        ({"kind": "incremental", "only": ["C-1"]}, False),
        ({"kind": "incremental", "status": "FAILED"}, False),
        ({"kind": "incremental"}, True),
    ],
)
def test_a_connection_is_good_once_all_records_were_synced(run, good, db):
    lane = made.LaneFactory()
    made.SyncRunFactory(lane=lane, **run)
    assert has_good_run(lane.schema_id) == good
