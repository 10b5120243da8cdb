"""Upserts whose answers are lost: looked up before anything is sent again."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from typing import Any

import pytest

from registry_sync import runs
from registry_sync.benchling.bulk_upsert import Upserter
from registry_sync.benchling.client import Client
from registry_sync.benchling.errors import Refused
from registry_sync.jobs import runner as jobs
from registry_sync.models import Change, Drift, SyncRun
from registry_sync.sync.delivery.batch_log import BatchLog
from sandbox.tenant.entities import add_by_hand, edit_by_hand
from tests.support.environment import FULL, SEED
from tests.support.killing import Killed, killed_in
from tests.support.lossy import KINDS, LossyProxy
from tests.support.registry import compound

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("soon")]
Status, Kind = SyncRun.Status, SyncRun.Kind
BULK, ONE = re.compile(":bulk-upsert$"), re.compile("[^k]:upsert$|[0-9]:upsert$")
Lossy = Callable[..., LossyProxy]


@pytest.mark.invariant(2)
@pytest.mark.parametrize("granular", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_one_lost_answer_of_a_batch_doubles_nothing(
    world: Any, lossy: Lossy, kind: str, granular: bool
) -> None:
    w = world([compound(n) for n in range(6)], task_base=0.2, granular_locking=granular)
    proxy = lossy(w, lose=(kind,), paths=BULK)
    run = w.sync()
    assert (run.status, run.created) == (Status.SUCCEEDED, 6), run.error
    w.registry.edit("C-000003", approval=2003)
    proxy.lose = [kind]
    run = w.sync()
    assert (run.status, run.updated, proxy.lost[kind]) == (Status.SUCCEEDED, 1, 2), run.error
    assert w.values()["C-000003"]["Approval"] == 2003
    assert (len(w.values()), w.written()) == (6, 7)


@pytest.mark.invariant(2, 3)
@pytest.mark.parametrize("kind", KINDS)
def test_a_lost_answer_of_a_single_upsert_doubles_nothing(
    world: Any, lossy: Lossy, kind: str
) -> None:
    """Two rows, one bad, and no row is named: each is sent alone."""
    w = world([compound(1), compound(2)], task_errors="none")
    w.tenant.refuse["C-000002"] = "No."
    proxy = lossy(w, lose=(kind, kind), paths=ONE)
    run = w.sync()
    assert (run.created, run.failed, proxy.lost[kind]) == (1, 1, 2)
    assert (list(w.values()), w.written()) == (["C-000001"], 1)
    assert "No." in w.open_errors()["C-000002"].message


@pytest.mark.invariant(1, 2)
@pytest.mark.parametrize("number", range(40 if FULL else 2))
def test_one_answer_in_ten_is_lost(world: Any, lossy: Lossy, settings: Any, number: int) -> None:
    """First load, updates and a bad row in each batch, by seed."""
    settings.BATCH_SIZE, seed = 10, f"{SEED} {number}"
    w = world([compound(n) for n in range(60)], task_errors=["list_all", "none"][number % 2])
    for n in (7, 33):
        w.tenant.refuse[f"C-{n:06d}"] = "No."
    proxy = lossy(w, seed, share=0.1)
    assert w.sync().status == Status.COMPLETED_WITH_WARNINGS
    for n in range(0, 60, 2):
        w.registry.edit(f"C-{n:06d}", approval=2000 + n)
    assert w.sync().status == Status.COMPLETED_WITH_WARNINGS
    said = f"seed {seed!r}, lost: {dict(proxy.lost)}"
    print(said)
    assert len(w.values()) == 58 and w.written() == 58 + 30, said
    assert all(w.values()[f"C-{n:06d}"]["Approval"] == 2000 + n for n in range(0, 60, 2)), said
    assert Change.objects.filter(field="Approval", created=False).count() == 30


def at_the_first_look(monkeypatch: pytest.MonkeyPatch, w: Any, do: Callable[[], Any]) -> None:
    """Let a person do something between a lost answer and the look that follows."""
    look, done = BatchLog.find_written, []

    def watched(self: BatchLog, rows: Any) -> Any:
        if not done:
            w.settle()
            done.append(do())
        return look(self, rows)

    monkeypatch.setattr(BatchLog, "find_written", watched)


@pytest.mark.invariant(11, 13)
@pytest.mark.parametrize("field", ["Approval", "SMILES"])
def test_what_people_changed_after_a_lost_answer_stays(
    world: Any, lossy: Lossy, monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    """Whether in the field that was written or in another one."""
    w = world([compound(1)])
    w.sync()
    w.registry.edit("C-000001", approval=2001)
    lossy(w, lose=("reset",), paths=BULK)
    mine = {"Approval": 7, "SMILES": "N#N"}[field]
    entity = w.tenant.entity("C-000001")
    at_the_first_look(monkeypatch, w, lambda: edit_by_hand(w.tenant, entity, **{field: mine}))
    run = w.sync()
    assert (run.status, run.updated, w.written()) == (Status.SUCCEEDED, 1, 2)
    assert w.values()["C-000001"][field] == mine
    w.sync(kind=Kind.FULL)
    assert [(d.field, d.theirs) for d in Drift.objects.all()] == [(field, mine)]


@pytest.mark.invariant(1)
def test_an_update_that_never_arrived_is_sent_though_someone_edited_another_field(
    world: Any, lossy: Lossy, monkeypatch: pytest.MonkeyPatch
) -> None:
    w = world([compound(1)])
    w.sync()
    w.registry.edit("C-000001", approval=2001)
    lossy(w, lose=("reset before",), paths=BULK)
    entity = w.tenant.entity("C-000001")
    at_the_first_look(monkeypatch, w, lambda: edit_by_hand(w.tenant, entity, SMILES="N#N"))
    assert w.sync().updated == 1
    assert w.values()["C-000001"]["Approval"] == 2001


@pytest.mark.invariant(11)
def test_an_entity_that_someone_else_made_after_a_lost_request_is_left_alone(
    world: Any, lossy: Lossy, monkeypatch: pytest.MonkeyPatch
) -> None:
    w = world([compound(1), compound(2)])
    lossy(w, lose=("reset before",), paths=BULK)
    theirs = {"entityRegistryId": "C-000001", "name": "Mine", "schemaId": w.schema,
              "registryId": w.benchling_registry, "fields": {}}  # fmt: skip
    at_the_first_look(monkeypatch, w, lambda: add_by_hand(w.tenant, theirs))
    run = w.sync()
    assert (run.status, run.created, run.failed) == (Status.COMPLETED_WITH_WARNINGS, 1, 1)
    assert w.values()["C-000001"]["name"] == "Mine" and w.written() == 1
    assert w.open_errors()["C-000001"].code == "not_ours"


def killed_at(where: str, *, after: bool) -> SyncRun:
    """Return a run whose process ended where it first reached a call: before it or after it."""
    real = getattr(Client, where)

    def dies(self: Client, *given: Any) -> Any:
        if after:
            with contextlib.suppress(Refused):
                real(self, *given)
        raise Killed

    return killed_in(Client, where, dies)


@pytest.mark.invariant(2, 4)
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("granular", [False, True])
@pytest.mark.parametrize("where", ["start_upsert", "task", "upsert_one"])
def test_killed_around_an_upsert(world: Any, where: str, granular: bool, after: bool) -> None:
    w = world([compound(n) for n in range(5)], task_base=0.4, granular_locking=granular)
    w.tenant.refuse["C-000002"] = "No."
    run = jobs.work_to_end(killed_at(where, after=after).pk)
    assert (run.status, run.created, run.failed) == (Status.COMPLETED_WITH_WARNINGS, 4, 1)
    assert (len(w.values()), w.written()) == (4, 4)


@pytest.mark.invariant(2)
def test_a_task_that_was_forgotten_is_looked_up(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    w = world([compound(n) for n in range(5)])
    run, _ = runs.request_run(kind=Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    poll, asked = Upserter._poll, []

    def forgotten(self: Upserter, flight: Any) -> Any:
        if not asked:
            w.settle()
            w.tenant.clock.advance(3600)
            asked.append(flight)
        return poll(self, flight)

    monkeypatch.setattr(Upserter, "_poll", forgotten)
    assert jobs.work_to_end(run.pk).created == 5 and w.written() == 5


@pytest.mark.invariant(2)
def test_a_batch_that_was_never_sent_is_sent_without_a_look(world: Any) -> None:
    w = world([compound(n) for n in range(5)])
    run = killed_in(Upserter, "start")
    before = w.tenant.endpoints["GET custom-entities"]
    assert jobs.work_to_end(run.pk).created == 5
    assert w.tenant.endpoints["GET custom-entities"] == before and w.written() == 5
