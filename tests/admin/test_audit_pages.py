"""The desk's pages of the audit say what `manage.py audit --verify` says."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from registry_sync.ledger import retention
from registry_sync.models import ChainHead, Lane, Retention, SyncRun
from tests.support import factories as made
from tests.support.desk import text
from tests.support.registry import compound

pytestmark = pytest.mark.once


def test_the_chain_and_its_deletions_are_shown_as_they_are(world, admin_client):
    w = world([compound(n) for n in range(3)])
    w.sync()
    w.registry.edit("C-000001", approval=2001)
    w.sync()
    cut = SyncRun.objects.earliest("pk").finished_at + timedelta(milliseconds=1)
    lane = Lane.objects.get()
    retention.forget(lane, before=cut, actor="mona", reason="old")
    heads, deleted = (f"/admin/registry_sync/{name}/" for name in ("chainhead", "retention"))
    assert "Intact. Single changes are verified by" in admin_client.get(heads).text
    assert "In the chain and in the admin’s log" in admin_client.get(deleted).text.replace(
        "&#x27;", "’"
    )
    Retention.objects.update(actor="lisa")
    assert "was edited" in admin_client.get(deleted).text
    assert "was edited" in admin_client.get(heads).text
    Retention.objects.update(actor="mona")
    ChainHead.objects.update(rows=1)
    page = f"{heads}{ChainHead.objects.get().pk}/change/"
    assert "The chain does not end after link 3" in admin_client.get(page).text


def test_changes_are_filtered_by_trigger_without_a_look_at_every_row(owner):
    lane = made.LaneFactory()
    for trigger in ("schedule", "canvas"):
        made.ChangeFactory(lane=lane, trigger=trigger, external_id=f"by-{trigger}")
    with CaptureQueriesContext(connection) as asked:
        page = text(owner.get("/admin/registry_sync/change/?trigger=canvas"))
    assert "by-canvas" in page and "by-schedule" not in page and "trigger=schedule" in page
    assert not [q["sql"] for q in asked.captured_queries if "DISTINCT" in q["sql"]]
