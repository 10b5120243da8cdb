"""Two people, or a person and a run, decide about one plan in the same moment."""

from __future__ import annotations

import threading

import pytest
from django.db import connection, transaction

from registry_sync.models import Plan, SyncRun
from registry_sync.sync.plans import lifecycle
from tests.support.registry import compound

KEPT_OPEN = 0.4


@pytest.mark.postgres  # SQLite in memory has no two writers
def test_a_plan_that_is_being_signed_is_not_void(world, monkeypatch):
    w = world([compound(1)])
    w.sync(kind=SyncRun.Kind.PLAN, actor="ann")
    plan, begun = Plan.objects.get(), threading.Event()
    w.registry.records.append(compound(2))
    digest_of, main = lifecycle.plan_digest, threading.get_ident()

    def sign() -> None:
        """Sign, and commit a moment later."""
        with transaction.atomic():
            lifecycle.sign_plan(plan, actor="bea", reason="checked")
            begun.set()
            threading.Event().wait(KEPT_OPEN)
        connection.close()

    signer = threading.Thread(target=sign)

    def digest_while_signed(made: Plan) -> str:
        if threading.get_ident() == main:
            signer.start()
            assert begun.wait(60)
        return digest_of(made)

    monkeypatch.setattr(lifecycle, "plan_digest", digest_while_signed)
    newer = w.sync(kind=SyncRun.Kind.PLAN, actor="ann").plan
    signer.join()
    kept = Plan.objects.get(pk=plan.pk)
    assert (kept.state, kept.rows.count()) == (Plan.State.SIGNED, 1)
    assert (newer.state, newer.rows.count()) == (Plan.State.OPEN, 2)
