"""Odd answers of the lists beside the records': of deletions, and of all ids."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from registry_sync.models import Lane, SyncRun, Withdrawal
from tests.support.registry import compound
from tests.support.worlds import World

pytestmark = pytest.mark.once
Status = SyncRun.Status
NOW = datetime.now(UTC).isoformat().replace("+00:00", "Z")


def synced(world: Any, **deletes: Any) -> World:
    """Return a world of 12 records whose lane archives what leaves."""
    endpoint = {
        "params": {"since": "{incremental.start_value}"},
        "incremental": {"cursor_path": "modified_at", "lag": 0},
        "deletes": deletes,
    }
    config = {"Connector Settings": {"endpoint": endpoint}}
    made: World = world([compound(number) for number in range(12)], config=config)
    made.registry.date = datetime.now(UTC) - timedelta(hours=10)
    made.sync()
    Lane.objects.update(withdrawn_policy="archive", withdrawn_set_at=timezone.now())
    return made


def archived(w: World) -> list[str]:
    return sorted(e.entity_registry_id for e in w.tenant.entities.values() if e.archived)


def entry(number: int) -> dict[str, str]:
    return {"id": f"C-{number:06d}", "modified_at": NOW}


@pytest.mark.invariant(11)
def test_another_list_of_a_quiet_day_is_no_list_of_deletions(world: Any) -> None:
    w = synced(world, mode="feed", path="deleted")
    others = [entry(5), entry(6)]
    for quiet in (  # before anything was deleted, so that no place is known
        {"deletions": None, "restored": others},
        {"updated": others, "created": [entry(7)]},
    ):
        w.registry.instead = 200, quiet
        assert w.sync().status == Status.SUCCEEDED and archived(w) == [], quiet
    w.registry.instead = 200, {"deletions": None, "audit": others}
    run = w.sync()
    assert (run.status, archived(w)) == (Status.FAILED, [])
    assert "its entries may belong at deletions" in run.error
    w.registry.instead = 200, {"deletions": [entry(3)], "restored": others}
    assert w.sync().archived == 1 and archived(w) == ["C-000003"]
    for quiet in ({"deletions": None, "audit": others}, {"audit": others}, {"deletions": {}}):
        w.registry.instead = 200, quiet  # now it is known
        assert w.sync().status == Status.SUCCEEDED and archived(w) == ["C-000003"], quiet
    w.registry.instead = 200, {"deleted": others}
    run = w.sync()
    assert "were at deletions before" in run.error and archived(w) == ["C-000003"]


@pytest.mark.invariant(5)
def test_a_list_of_deletions_that_fails_is_not_passed_over(world: Any) -> None:
    w = synced(world, mode="feed", path="deleted?since={incremental.start_value}")
    for status, body, said, remedy in (
        (404, {"detail": "no such list"}, "answered 404", "checks endpoint.deletes.path."),
        (403, {"detail": "no scope"}, "no scope", "API Key"),
        (200, {"message": "Session expired"}, "Session expired", "API Key"),
        (200, {"status": "KO"}, "KO", "registry's owner"),
        (200, {"message": "Please wait"}, "Please wait", "registry's owner"),
    ):
        w.registry.instead = status, body
        run = w.sync()
        assert run.status == Status.FAILED and said in run.error, body
        assert run.error.startswith("The list of deletions could not be read"), run.error
        assert remedy in run.remedy, run.remedy
    w.registry.instead = None
    w.registry.deleted = [entry(3)]
    w.registry.records[:] = [r for r in w.registry.records if r["id"] != "C-000003"]
    assert w.sync().archived == 1 and archived(w) == ["C-000003"]


@pytest.mark.invariant(5)
def test_a_list_of_ids_that_is_not_whole_is_told(world: Any) -> None:
    w = synced(world, mode="absence", ids_endpoint="ids")
    for body, said in (
        ({"ids": None}, "0 ids came"),
        ({"ids": ["C-000001", "C-000002"], "total": 12}, "2 ids came, 0 repeatedly, and it counts"),
        ({"ids": ["C-000001"], "has_more": True}, "could not be read"),
        ({"ids": [f"c-{number:06d}" for number in range(12)]}, "such as c-000000"),
    ):
        w.registry.instead = 200, body
        run = w.sync()
        texts = [warning["text"] for warning in run.warnings if warning["code"] == "ids_cut"]
        assert run.status != Status.SUCCEEDED and said in " ".join([run.error, *texts]), body
    assert not Withdrawal.objects.exists()


@pytest.mark.invariant(5)
def test_entries_that_name_no_record_are_told(world: Any) -> None:
    w = synced(world, mode="feed", path="deleted")
    for entries, said in (
        ([{"uid": "C-000003"}], "1 entry of the list of deletions has no id"),
        ([{"id": "c-000003"}], "has the id c-000003, but the record has C-000003"),
    ):
        w.registry.instead = 200, {"deletions": entries}
        run = w.sync()
        texts = [warning["text"] for warning in run.warnings if warning["code"] == "feed_ids"]
        assert run.status == Status.COMPLETED_WITH_WARNINGS and said in "".join(texts), entries
    w.registry.instead = 200, {"deletions": [{"id": "X-1"}, {"id": "C-000077"}]}  # of another lane
    assert w.sync().status == Status.SUCCEEDED and archived(w) == []
