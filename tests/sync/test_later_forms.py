"""A record that changes while an earlier form of it is on its way."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from registry_sync.jobs import runner as jobs
from registry_sync.models import Change, SyncRun
from registry_sync.sync.delivery.batch_delivery import BatchDelivery
from tests.support.killing import killed_in
from tests.support.registry import compound

Status, Kind = SyncRun.Status, SyncRun.Kind


@pytest.fixture
def moved(world, serve):
    """25 records in three pages; one is edited while they are read, and comes again on the second.

    The list goes on after a record, so that this is no sign that it must be read again.
    """
    records = [compound(n) for n in range(25)]
    places = ["", "ten", "twenty"]

    def answer(asked):
        page = places.index(asked.query.get("after", ""))
        found = records[page * 10 : page * 10 + 10]
        if page == 1:
            now = datetime.now(UTC).isoformat()
            found = [*found, compound(1, approval=2001, modified_at=now)]
        return {"items": found, "next": f"?after={places[page + 1]}" if page < 2 else None}

    w = world([], page_size=10)
    w.configure(**{"API URL": serve(answer).url + "/list"})
    return w


def values_written() -> list[tuple[object, object]]:
    rows = Change.objects.filter(external_id="C-000001", field="Approval").order_by("pk")
    return list(rows.values_list("before", "after"))


@pytest.mark.invariant(1)
def test_the_later_form_arrives_by_the_same_run(moved):
    run = moved.sync()
    assert moved.values()["C-000001"]["Approval"] == 2001
    assert values_written() == [(None, 1951), (1951, 2001)]
    assert (run.read, run.created, run.updated) == (25, 25, 0)
    assert moved.tenant.writes["C-000001"] == 2 and not run.warnings


@pytest.mark.invariant(1, 4)
def test_a_process_that_dies_before_the_later_form_was_handled_loses_it_not(moved, settings):
    settings.BATCH_SIZE = 10  # a page: nothing waits to be sent, which would keep the place

    run = killed_in(BatchDelivery, "flush")  # first called for the later form
    assert jobs.work_to_end(run.pk).read == 25
    assert moved.values()["C-000001"]["Approval"] == 2001
