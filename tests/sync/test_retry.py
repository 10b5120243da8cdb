"""What was refused is tried again when it can go, and only then."""

from __future__ import annotations

import pytest
from django.utils import timezone

from registry_sync.benchling import bad_rows
from registry_sync.models import EntityError, RunLog, SyncRun
from sandbox.tenant.entities import add_by_hand
from tests.support.registry import compound

Status, Kind = SyncRun.Status, SyncRun.Kind


def test_a_retry_sends_no_record_without_id(world):
    records = [compound(n) for n in range(5)]
    del records[2]["id"]
    w = world(records)
    w.sync()
    assert len(w.values()) == 4
    w.sync(kind=Kind.RETRY)
    assert len(w.values()) == 4, [k for k in w.values() if not k.startswith("C-")]


def test_a_retry_sends_none_of_two_twins(world):
    records = [compound(n) for n in range(5)]
    records.append(compound(2, name="Twin", smiles="N"))
    w = world(records)
    w.sync()
    assert "C-000002" not in w.values()
    w.sync(kind=Kind.RETRY)
    assert "C-000002" not in w.values()


@pytest.mark.parametrize("kind", [Kind.FULL, Kind.INCREMENTAL])
@pytest.mark.invariant(3)
@pytest.mark.once
def test_a_refusal_for_want_of_permission_is_tried_again(world, kind):
    w = world([compound(n) for n in range(20)], config={"Connector Settings": None})
    w.tenant.refuse["C-000003"] = "You do not have permission to do this."
    w.sync()
    assert w.open_errors()["C-000003"].waits_for == "permission"
    w.tenant.refuse.clear()
    for _ in range(3):
        w.sync(kind=kind)
    assert not w.open_errors()


@pytest.mark.once
def test_the_error_of_a_record_that_got_its_id_closes(world):
    records = [compound(n) for n in range(5)]
    del records[2]["id"]
    w = world(records)
    w.sync()
    records[2]["id"] = "C-000002"
    run = w.sync(kind=Kind.FULL)
    assert len(w.values()) == 5
    assert not w.open_errors() and run.status == Status.SUCCEEDED


@pytest.mark.once
def test_a_withdrawn_record_is_not_created_later(world):
    records = [compound(n) for n in range(5)]
    records[4]["name"] = "Compound 1"
    w = world(records)
    w.sync()
    w.registry.records.pop(4)
    w.registry.edit("C-000001", name="Other")
    w.sync(kind=Kind.FULL)
    assert "C-000004" not in w.values(), "created though the registry no longer has it"


@pytest.mark.once
def test_the_error_of_a_withdrawn_record_closes(world):
    records = [compound(n) for n in range(5)]
    records[4]["approval"] = "x"
    w = world(records)
    w.sync()
    w.registry.records.pop(4)
    run = w.sync(kind=Kind.FULL)
    assert not w.open_errors() and run.status == Status.SUCCEEDED
    closed = "1 error closed: the registry no longer lists its record."
    assert RunLog.objects.filter(text=closed).exists()


@pytest.mark.invariant(3)
@pytest.mark.once
def test_a_name_given_up_by_an_entity_of_others(world):
    w = world([compound(0), compound(1)])
    w.sync()
    other = w.tenant.add_schema("Other", w.benchling_registry, fields=[])
    entity = add_by_hand(
        w.tenant,
        {
            "entityRegistryId": "X1",
            "name": "Compound 2",
            "schemaId": other,
            "registryId": w.benchling_registry,
        },
    )
    for n in (2, 3, 4):
        w.registry.records.append(compound(n))
        w.registry.edit(f"C-{n:06d}")
    w.sync()
    assert w.open_errors()["C-000002"].code == "name_taken"
    add_by_hand(
        w.tenant,
        {
            "entityRegistryId": "X1",
            "name": "Free",
            "schemaId": other,
            "registryId": w.benchling_registry,
        },
    )
    assert entity.name == "Free"
    w.sync(kind=Kind.FULL)
    w.sync()
    assert not w.open_errors()


@pytest.mark.once
def test_a_known_entity_is_unarchived(world):
    w = world([compound(n) for n in range(5)])
    w.sync()
    entity = w.tenant.entity("C-000002")
    entity.archived = "Made in error"
    w.registry.edit("C-000002", approval=2000)
    w.sync()
    assert w.open_errors()["C-000002"].code == "archived"
    entity.archived = None
    w.sync()
    w.sync(kind=Kind.FULL)
    assert not w.open_errors()


@pytest.mark.once
def test_a_pilot_tries_a_refused_record(world):
    w = world([compound(n) for n in range(5)])
    w.tenant.refuse["C-000003"] = "The tenant does not like it."
    w.sync()
    w.tenant.refuse.clear()
    w.sync(only=["C-000003"])
    assert not w.open_errors()


@pytest.mark.invariant(3)
def test_a_dismissed_error_rests_when_the_mapping_changes(world):
    records = [compound(n) for n in range(5)]
    records[2]["approval"] = "x"
    w = world(records)
    w.sync()
    EntityError.objects.update(dismissed_at=timezone.now())
    w.tenant.add_option(w.kinds, "Another")  # the record has not changed
    w.sync()
    assert EntityError.objects.get().dismissed_at is not None


@pytest.mark.once
def test_a_refused_record_that_left_and_came_back_stops_no_run(world):
    records = [compound(n) for n in range(10)]
    records[3]["approval"] = "x"
    w = world(records)
    assert w.sync().failed == 1
    gone = w.registry.records.pop(3)
    w.sync(kind=Kind.FULL)
    assert not w.open_errors()
    w.registry.records.append(gone)
    run = w.sync(kind=Kind.FULL)
    assert (run.status, run.failed) == (Status.COMPLETED_WITH_WARNINGS, 1), run.error
    assert w.open_errors()["C-000003"].code == "wrong_type"


@pytest.mark.invariant(3)
def test_what_was_not_resolved_is_tried_by_the_next_plain_run(world, monkeypatch):
    monkeypatch.setattr(bad_rows, "BUDGET", 2)
    w = world([compound(n) for n in range(8)], task_errors="none")
    w.tenant.refuse["C-000005"] = "Not this one."
    w.sync()
    left = w.open_errors()
    assert {error.kind for error in left.values()} == {"transient"} and len(left) >= 4
    w.tenant.refuse.clear()
    run = w.sync()
    assert (run.kind, run.status) == (Kind.INCREMENTAL, Status.SUCCEEDED)
    assert len(w.values()) == w.written() == 8 and not w.open_errors()


@pytest.mark.invariant(3)
def test_a_refusal_is_not_tried_again_until_its_record_changes(world):
    w = world([compound(n) for n in range(4)])
    w.tenant.refuse["C-000001"] = "Not this one."
    w.sync()
    w.tenant.refuse.clear()
    assert w.sync().retried == 0 and set(w.open_errors()) == {"C-000001"}
    assert w.sync(kind=Kind.RETRY).retried == 1 and not w.open_errors()


def test_of_a_circle_that_lacks_a_record_nothing_is_tried(world):
    """1 waits for 2, 2 for 3, and 3 for a record that never comes."""
    records = [compound(0), *(compound(n, parent=f"C-{n + 1:06d}") for n in (1, 2))]
    w = world([*records, compound(3, parent="GONE"), compound(4)])
    assert w.sync().failed == 3
    run = w.sync()
    assert (run.read, run.failed, run.retried) == (1, 0, 0), "the newest record alone is read"
    assert len(w.open_errors()) == 3 and w.tenant.counters["single_upserts"] == 0
    w.registry.edit("C-000003", parent="C-000001")
    w.sync()
    assert not w.open_errors() and w.values()["C-000003"]["Parent"] == "C-000001"


def test_a_retry_of_one_record_tries_no_other(world):
    w = world([compound(n) for n in range(6)])
    for n in (1, 2):
        w.tenant.refuse[f"C-{n:06d}"] = "Not this one."
    w.sync()
    w.tenant.refuse.clear()
    assert w.sync(kind=Kind.RETRY, only=["C-000001"]).retried == 1
    assert set(w.open_errors()) == {"C-000002"}
    assert w.sync(kind=Kind.RETRY, only_cause="name_taken").retried == 0
    assert w.sync(kind=Kind.RETRY, only_cause="refused").retried == 1 and not w.open_errors()
