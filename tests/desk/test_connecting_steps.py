"""What the steps of a connection have come to, from less than everything."""

from __future__ import annotations

import pytest

from registry_sync.benchling.syncs import Sync
from registry_sync.desk.connecting.facts import Facts, has_good_run
from registry_sync.desk.connecting.steps import Access
from registry_sync.models import ConnectionTest, MappingDraft, SyncRun
from tests.support import factories as made

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("known", "mark"),
    [
        ({}, "open"),
        ({"tried": ConnectionTest(fault="API Key is missing.")}, "open"),
        ({"draft": MappingDraft()}, "open"),
        ({"draft": MappingDraft(sample=[{"id": "C-1"}])}, "done"),
        ({"tried": ConnectionTest(asked=[{}])}, "done"),
        ({"good_run": SyncRun()}, "done"),
    ],
)
def test_what_was_used_was_filled_in(known, mark):
    assert Access().reached(Facts(Sync("", "ts_1"), **known)).mark == mark


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
