"""What a lane learns about its registry's answers."""

from __future__ import annotations

import pytest

from registry_sync import runs
from registry_sync.models import Lane
from tests.support.factories import LaneFactory, SyncRunFactory


@pytest.mark.django_db
def test_facts_are_kept_by_name_and_removed_by_none(django_assert_num_queries):
    lane, run = LaneFactory(), SyncRunFactory(status="QUEUED", finished_at=None)
    lease = runs.claim(run.pk)
    runs.learn_source_facts(lane, lease, records_at="items")
    runs.learn_source_facts(lane, lease, order="id")
    assert Lane.objects.get().source_state == {"records_at": "items", "order": "id"}
    with django_assert_num_queries(0):
        runs.learn_source_facts(lane, lease, order="id")
    runs.learn_source_facts(lane, lease, order=None)
    assert Lane.objects.get().source_state == {"records_at": "items"}


@pytest.mark.django_db
def test_a_stale_holder_learns_nothing():
    lane, run = LaneFactory(), SyncRunFactory(status="QUEUED", finished_at=None)
    lease = runs.claim(run.pk)
    runs.cancel(run, actor="ada", reason="A test.")
    with pytest.raises(runs.LeaseLost):
        runs.learn_source_facts(lane, lease, records_at="items")
    assert Lane.objects.get().source_state == {}
