"""Comparisons that no worker works on any more: queued again, within limits."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from registry_sync.jobs.reconciler import reconcile
from registry_sync.sync.reconcile import comparison_queue
from tests.support.factories import ReconciledRecordFactory, ReconciliationFactory

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
MOST = comparison_queue.ATTEMPTS


@pytest.mark.parametrize(
    ("attempts", "age", "queued", "trouble"),
    [
        (0, HOUR, 1, ""),
        (1, 2 * MINUTE, 1, ""),
        (1, timedelta(), 0, ""),  # a worker has just begun it
        (MOST, 10 * MINUTE, 0, ""),  # the last worker may still be at it
        (MOST, HOUR, 0, comparison_queue.GIVEN_UP),
        (None, HOUR, 0, ""),  # that of a command, which may take hours
    ],
)
def test_a_lost_comparison_is_begun_again(db, monkeypatch, attempts, age, queued, trouble):
    begun = timezone.now() - age
    row = ReconciliationFactory(attempts=attempts, started_at=begun, finished_at=None)
    ReconciledRecordFactory(reconciliation=row)
    ReconciliationFactory(lane=row.lane, attempts=0, started_at=timezone.now() - HOUR)  # ended
    pushed = list[int]()
    monkeypatch.setattr(
        comparison_queue, "enqueue_comparison", lambda row: pushed.append(row.pk) or True
    )
    assert reconcile(alert=False) == queued and pushed == [row.pk] * queued
    row.refresh_from_db()
    assert row.trouble == trouble and bool(row.finished_at) == bool(trouble)
    assert row.records.exists() != bool(trouble)


def test_without_redis_it_waits(db, settings):
    settings.REDIS_URL = ""
    assert not comparison_queue.enqueue_comparison(ReconciliationFactory(finished_at=None))
