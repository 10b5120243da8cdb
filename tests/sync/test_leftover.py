"""What an ended run left on its way: each value written is told, under the run that wrote it."""

from __future__ import annotations

import pytest

from registry_sync import runs
from registry_sync.benchling.bulk_upsert import Upserter
from registry_sync.benchling.client import Client
from registry_sync.jobs import control
from registry_sync.jobs import runner as jobs
from registry_sync.ledger import audit, chain_check
from registry_sync.models import Batch, Change, Drift, Lane, SyncRun
from registry_sync.sync.delivery import batch_delivery
from registry_sync.sync.delivery.batch_log import BatchLog
from sandbox.tenant.entities import edit_by_hand
from tests.support.factories import DriftFactory
from tests.support.registry import compound
from tests.support.worlds import INCREMENTAL, ROWS

Status, Kind = SyncRun.Status, SyncRun.Kind


def killed(*args: object, **more: object) -> None:
    raise SystemExit("killed")


@pytest.fixture
def left(world, monkeypatch):
    """Six compounds synced, two edited, and Ann's run that died with the edits on their way."""

    def make(*, dies: tuple[type, str] = (Upserter, "land"), **more):
        w = world([compound(n) for n in range(6)], **more)
        w.sync()
        w.registry.edit("C-000000", approval=2001)
        w.sync()  # what the lane's first update shows of the tenant is known
        for n in (2, 3):
            w.registry.edit(f"C-{n:06d}", approval=2001)
        run, _ = runs.request_run(kind=Kind.INCREMENTAL, trigger=SyncRun.Trigger.ADMIN, actor="Ann")
        with monkeypatch.context() as patched:
            patched.setattr(*dies, killed)
            with pytest.raises(SystemExit):
                jobs.work_to_end(run.pk)
        w.settle()
        assert w.values()["C-000002"]["Approval"] == 2001
        assert not Change.objects.filter(run=run).exists()
        return w, run

    return make


def cancel(run: SyncRun) -> None:
    assert control.cancel_run(run, actor="Bo", reason="Lunch")


def told(external_id: str, field: str = "Approval") -> list[tuple]:
    rows = Change.objects.filter(external_id=external_id, field=field, created=False)
    return list(rows.order_by("id").values_list("before", "after", "run", "actor"))


def whole() -> None:
    lane = Lane.objects.get()
    assert chain_check.verify_chain(lane).broken == ""
    assert not Batch.objects.filter(done_at=None).exists() and not Drift.objects.exists()


@pytest.mark.parametrize("task", ["remembered", "forgotten", "unknown"])
@pytest.mark.parametrize("kind", [Kind.INCREMENTAL, Kind.FULL])
def test_what_a_cancelled_run_wrote_is_told_as_its_own(left, task, kind):
    w, run = left(dies=(BatchLog, "sent") if task == "unknown" else (Upserter, "land"))
    cancel(run)
    w.tenant.clock.advance(3600 if task == "forgotten" else 0)
    w.registry.edit("C-000003", approval=2002)
    after, before = w.sync(kind=kind), w.written()
    assert after.status == Status.SUCCEEDED and not after.warnings
    assert told("C-000002") == [(1952, 2001, run.pk, "Ann")]
    assert told("C-000003") == [(1953, 2001, run.pk, "Ann"), (2001, 2002, after.pk, "")]
    run.refresh_from_db()
    assert (run.status, run.updated, after.updated) == (Status.CANCELLED, 2, 1)
    assert "on their way are in Benchling" in run.log.last().text
    assert w.sync().status == Status.SUCCEEDED and w.written() == before
    whole()


@pytest.mark.parametrize("ended", [False, True])
@pytest.mark.once
def test_another_mapping_drops_nothing_that_was_written(left, ended):
    """Whether the run goes on or the next one takes over: values of the mapping before are told."""
    w, run = left()
    first = run.fingerprint or SyncRun.objects.get(pk=run.pk).fingerprint
    if ended:
        cancel(run)
    SyncRun.objects.update(lease_until=None)
    rows = [row for row in ROWS if row[0] != "Approval"]
    w.configure(**{"Field Configurations": [*rows, ("Approval", "clinical")]})
    for n in range(6):
        w.registry.record(f"C-{n:06d}")["clinical"] = n
    after = w.sync() if ended else jobs.work_to_end(run.pk)
    assert after.status == Status.SUCCEEDED, after.error
    assert told("C-000002") == [
        (1952, 2001, run.pk, "Ann"), (2001, 2, after.pk, after.actor),
    ]  # fmt: skip
    change = Change.objects.get(external_id="C-000002", after=2001)
    run.refresh_from_db()
    assert change.fingerprint == first and audit.value_origin(change, run).path == "approval"
    assert w.values()["C-000002"]["Approval"] == 2 and after.read == 6
    whole()


@pytest.mark.once
def test_a_batch_that_benchling_refused_is_not_told_as_written(left, monkeypatch):
    w, run = left()
    cancel(run)
    w.tenant.clock.advance(3600)
    for n in (2, 3):  # as it was before: nothing of the batch is in Benchling
        entity = w.tenant.entity(f"C-{n:06d}")
        entity.fields[w.tenant.field_id(w.schema, "Approval")] = 1950 + n
    after = w.sync()
    assert told("C-000002") == [(1952, 2001, after.pk, "")] and after.updated == 2
    whole()


@pytest.mark.parametrize("ended", [False, True])
def test_a_lane_left_behind_is_settled_too(left, ended):
    """Also where the run that left it goes on with the lane that took its place."""
    w, run = left()
    former = Lane.objects.get()
    if ended:
        cancel(run)
    SyncRun.objects.update(lease_until=None)
    other = w.tenant.add_schema(
        "Batch", w.benchling_registry, prefix="B", fields=[{"name": "Code", "type": "text"}]
    )
    w.configure(
        **{
            "Schema to Sync": other,
            "Field Configurations": [("Code", "smiles")],
            "Connector Settings": {**INCREMENTAL, "registry_id_template": "B-{id}"},
            "External Name Field": "B {name}",
        }
    )
    after = w.sync() if ended else jobs.work_to_end(run.pk)
    assert (after.status, after.created) == (Status.SUCCEEDED, 6), after.error
    assert told("C-000002") == [(1952, 2001, run.pk, "Ann")]
    assert Change.objects.get(external_id="C-000002", after=2001).lane == former
    assert not Batch.objects.filter(done_at=None).exists()


def test_the_task_of_a_run_that_a_person_ends_is_not_forgotten(world, monkeypatch):
    w = world([compound(n) for n in range(3)])
    start = Client.start_upsert

    def sent(self, rows):  # past the last look at the lease
        cancel(SyncRun.objects.get())
        return start(self, rows)

    monkeypatch.setattr(Client, "start_upsert", sent)
    run = w.sync()
    assert run.status == Status.CANCELLED
    batch = Batch.objects.get()
    assert batch.task_id in w.tenant.tasks and len(batch.task_ids) == 3 and batch.sent_at


@pytest.mark.parametrize("kind", [Kind.INCREMENTAL, Kind.FULL])
def test_a_batch_that_was_never_sent_is_not_told_as_written(world, monkeypatch, kind):
    """Though someone changed the value that it would have changed."""
    w = world([compound(n) for n in range(3)])
    w.sync()
    w.registry.edit("C-000002", approval=2001)
    run, _ = runs.request_run(kind=Kind.INCREMENTAL, trigger=SyncRun.Trigger.ADMIN, actor="Ann")
    with monkeypatch.context() as patched:
        patched.setattr(batch_delivery, "wait_for_room", killed)
        with pytest.raises(SystemExit):
            jobs.work_to_end(run.pk)
    batch = Batch.objects.get(done_at=None)
    assert (batch.asked_at, batch.task_id) == (None, "")
    edit_by_hand(w.tenant, w.tenant.entity("C-000002"), Approval=7)
    cancel(run)
    after = w.sync(kind=kind)
    run.refresh_from_db()
    assert not Change.objects.filter(run=run).exists()
    drifted = [(d.field, d.theirs) for d in Drift.objects.all()] == [("Approval", 7)]
    assert drifted or w.values()["C-000002"]["Approval"] == 2001, (after.status, after.warnings)
    assert run.updated == 0 and not Batch.objects.filter(done_at=None).exists()


@pytest.mark.once
def test_what_others_wrote_after_a_failed_task_is_not_told_as_written(left):
    w, run = left()
    cancel(run)
    w.tenant.tasks[Batch.objects.get(done_at=None).task_id]["status"] = "FAILED"
    for n in (2, 3):
        edit_by_hand(w.tenant, w.tenant.entity(f"C-{n:06d}"), Approval=7)
    w.sync()
    assert not Change.objects.filter(run=run).exists()


def test_drift_that_an_ended_run_had_found_and_overwritten_is_over(left):
    w, run = left()
    field_id = Change.objects.filter(field="Approval").values_list("field_id", flat=True)[0]
    drift = DriftFactory(lane=run.lane, run=run, external_id="C-000002", field_id=field_id)
    cancel(run)
    assert w.sync().status == Status.SUCCEEDED
    assert Drift.objects.get(pk=drift.pk).ended == "put right"
