"""A registry that answers slowly: the run's holder keeps its lease, and a drip ends the run."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.utils import timezone

from registry_sync.core import deadlines
from registry_sync.models import SyncRun
from registry_sync.runs import lease
from tests.support.odd import Reply
from tests.support.registry import compound

pytestmark = [pytest.mark.once]


@pytest.mark.invariant(4)
def test_a_slow_page_is_never_taken_over_and_a_drip_ends_the_run(
    world: Any, serve: Any, settings: Any, monkeypatch: Any
) -> None:
    settings.LEASE_SECONDS = 6
    monkeypatch.setattr(deadlines, "TICK", 0.1)
    records = [compound(number) for number in range(1, 22)]
    w = world(records)
    slow = serve(lambda asked: Reply(records, pace=(50, 0.1)))
    w.configure(**{"API URL": slow.url + "/list"})
    left: list[float] = []
    real = lease.renew

    def renew(held: Any) -> None:
        until = SyncRun.objects.values_list("lease_until", flat=True).latest("pk")
        left.append((until - timezone.now()).total_seconds())
        real(held)

    monkeypatch.setattr("registry_sync.runs.renew", renew)
    began = time.monotonic()
    run = w.sync()
    assert run.status == SyncRun.Status.SUCCEEDED, run.error
    assert time.monotonic() - began > 6  # longer than the lease
    assert len(left) > 5 and min(left) > 0
    assert len(w.values()) == 21

    slow.answer = lambda asked: Reply(records, pace=(1, 0.2))
    w.configure(**{"Connector Settings": {"client": {"timeout": 1}}})
    failed = w.sync()
    assert failed.status == SyncRun.Status.FAILED
    assert failed.error_code == "registry_unreachable" and "answers too slowly" in failed.error
    assert failed.lease_until is None or failed.lease_until <= timezone.now()
