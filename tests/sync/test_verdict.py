"""What a run's numbers must satisfy before it is called good."""

from __future__ import annotations

import pytest

from registry_sync.models import LedgerEntry, SyncRun
from registry_sync.sync.carry import Carrier
from tests.support.registry import compound

pytestmark = pytest.mark.once
Status, Kind = SyncRun.Status, SyncRun.Kind


@pytest.mark.invariant(5)
@pytest.mark.parametrize("count", ["read", "unchanged", "created", "updated", "failed"])
def test_a_run_whose_counts_do_not_add_up_fails(world, monkeypatch, count):
    w = world([compound(n) for n in range(3)])
    carry = Carrier.carry

    def miscounted(self, records, **more):
        done = carry(self, records, **more)
        setattr(self.ctx.run, count, getattr(self.ctx.run, count) + 1)
        return done

    with monkeypatch.context() as patched:
        patched.setattr(Carrier, "carry", miscounted)
        run = w.sync()
    assert (run.status, run.error_code) == (Status.FAILED, "counts")
    assert "The counts do not add up" in run.error and w.session()["status"] == "FAILED"
    assert w.sync().status == Status.SUCCEEDED and w.written() == LedgerEntry.objects.count() == 3
