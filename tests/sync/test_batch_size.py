"""Batches grow while they pass; what goes wrong in a large one costs no more than in a small."""

from __future__ import annotations

from typing import Any

import pytest

from registry_sync.benchling import bad_rows, bulk_upsert, upsert_rows
from registry_sync.benchling.client import Client
from registry_sync.jobs import runner as jobs
from registry_sync.models import Batch, SyncRun
from registry_sync.sync.delivery import batch_size
from sandbox.tenant.state import Fault
from tests.support.killing import Killed, killed_in
from tests.support.registry import compound

pytestmark = pytest.mark.once
Status, Kind = SyncRun.Status, SyncRun.Kind


@pytest.fixture
def tenth(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """Begin with 10 rows instead of 500, and end with 50 instead of 2,500."""
    for module in (upsert_rows, bulk_upsert, bad_rows, batch_size):
        monkeypatch.setattr(module, "FEW", 10)
    settings.BATCH_SIZE = 50


def sizes() -> list[int]:
    return list(Batch.objects.order_by("number").values_list("size", flat=True))


def test_batches_grow_from_few_to_the_most(world: Any, tenth: None) -> None:
    w = world([compound(n) for n in range(260)])
    assert w.sync().created == 260 == w.written()
    # One flies while the next is made, so that each size comes twice.
    assert sizes() == [10, 10, 20, 20, 40, 40, 50, 50, 20]


def test_the_last_rows_are_shared_among_the_batches_that_fly(
    world: Any, tenth: None, settings: Any
) -> None:
    settings.IN_FLIGHT = 4
    w = world([compound(n) for n in range(260)], granular_locking=True)
    assert w.sync().created == 260 == w.written()
    found = sizes()
    # They grow while much is left, and then no batch is more than a quarter of the rest.
    assert max(found) > 20 and max(found[-4:]) <= 15, found
    assert all(size <= max(10, -(-sum(found[n:]) // 4)) for n, size in enumerate(found)), found


def test_without_a_setting_the_most_is_the_limit_of_the_type(settings: Any) -> None:
    assert settings.BATCH_SIZE == 2500


def test_an_operators_size_stays(world: Any, tenth: None, settings: Any) -> None:
    settings.BATCH_SIZE = 7
    w = world([compound(n) for n in range(20)])
    assert w.sync().created == 20 and sizes() == [7, 7, 6]


def test_an_earlier_slices_size_is_kept(world: Any, tenth: None, settings: Any) -> None:
    settings.SLICE_SECONDS = 0  # a page a slice
    w = world([compound(n) for n in range(120)], page_size=60)
    assert w.sync().created == 120
    assert sizes()[:3] == [10, 10, 20] and 40 in sizes()


@pytest.mark.parametrize(
    ("circles", "counts"), [([3] * 40, (120, 0)), ([25, 3], (28, 0)), ([3, 60], (3, 60))]
)
def test_a_circle_goes_whole_or_waits_if_it_is_more_than_the_most(
    world: Any, tenth: None, settings: Any, circles: list[int], counts: tuple[int, int]
) -> None:
    """They come on several pages. None is tried one by one, and a dry run says the same."""
    settings.IN_FLIGHT = 4
    rings = [[n * 100 + k for k in range(size)] for n, size in enumerate(circles)]
    records = [
        (k, compound(n, parent=f"C-{ring[(k + 1) % len(ring)]:06d}"))
        for ring in rings
        for k, n in enumerate(ring)
    ]
    records.sort(key=lambda placed: placed[0])
    w = world([record for _, record in records], page_size=10, granular_locking=True)
    dry, run = w.sync(kind=Kind.DRY_RUN), w.sync()
    assert (dry.created, dry.failed) == (run.created, run.failed) == counts
    assert w.written() == counts[0] and not w.tenant.counters["single_upserts"]
    assert max(sizes()) <= 50


def fifth_lost(w: Any) -> Any:
    """Lose the answer of the fifth upsert, which the tenant works on."""
    start, sent = Client.start_upsert, []

    def send(self: Client, rows: Any) -> str:
        sent.append(len(rows))
        if len(sent) == 5:
            w.tenant.faults.append(Fault("POST .*bulk-upsert", "apply_then_drop"))
        return start(self, rows)

    return send


@pytest.mark.parametrize("fault", ["refused", "lost"])
def test_back_at_the_first_failure(
    world: Any, tenth: None, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    w = world([compound(n) for n in range(200)])
    if fault == "refused":
        w.tenant.refuse["C-000070"] = "No."
    else:
        monkeypatch.setattr(Client, "start_upsert", fifth_lost(w))
    w.sync()
    assert len(w.values()) == w.written() == (199 if fault == "refused" else 200)
    grown = sizes()
    assert max(grown[:6]) == 40 and 10 in grown[5:7], grown


@pytest.mark.parametrize(("errors", "calls"), [("list_all", 9), ("first_object", 9), ("none", 15)])
def test_one_bad_row_in_a_large_batch(
    world: Any, tenth: None, monkeypatch: pytest.MonkeyPatch, errors: str, calls: int
) -> None:
    """One call for the batch, one for each part of what is left, and few within the bad part.

    Two more ask, as no upsert of this lane ever passed, whether fields go by id.
    """
    monkeypatch.setattr(batch_size, "FEW", 50)
    w = world([compound(n) for n in range(50)], task_errors=errors)
    w.tenant.refuse["C-000033"] = "No."
    run = w.sync()
    assert (run.created, run.failed, sizes()) == (49, 1, [50])
    assert w.written() == 49 == len(w.values())
    counted = w.tenant.counters["bulk_calls"] + w.tenant.counters["single_upserts"]
    assert counted <= calls


@pytest.mark.slow
@pytest.mark.parametrize(("errors", "calls"), [("first_object", 9), ("none", 28)])
def test_one_bad_row_in_2500(
    world: Any, monkeypatch: pytest.MonkeyPatch, errors: str, calls: int
) -> None:
    monkeypatch.setattr(batch_size, "FEW", 2500)
    records = [compound(n) for n in range(2500)]
    w = world(records, page_size=2500, task_errors=errors, contract="off")
    w.tenant.refuse["C-001777"] = "No."
    run = w.sync()
    assert (run.created, run.failed, sizes()) == (2499, 1, [2500])
    assert w.written() == 2499
    counted = w.tenant.counters["bulk_calls"] + w.tenant.counters["single_upserts"]
    assert counted <= calls


@pytest.mark.invariant(2, 4)
@pytest.mark.parametrize("granular", [False, True])
def test_a_kill_with_a_large_batch_on_its_way_repeats_nothing(
    world: Any, tenth: None, monkeypatch: pytest.MonkeyPatch, granular: bool
) -> None:
    monkeypatch.setattr(batch_size, "FEW", 50)
    w = world([compound(n) for n in range(50)], task_base=0.5, granular_locking=granular)
    start = Client.start_upsert

    def killed(self: Client, rows: Any) -> str:
        start(self, rows)
        raise Killed

    run = killed_in(Client, "start_upsert", killed)
    assert jobs.work_to_end(run.pk).created == 50 and w.written() == 50


@pytest.mark.invariant(2, 4)
def test_a_kill_whose_batch_is_written_late_repeats_a_few(
    world: Any, tenth: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The killed process's task ends when the first few rows were sent again."""
    monkeypatch.setattr(batch_size, "FEW", 50)
    monkeypatch.setattr(bulk_upsert, "paced_lookups", lambda until, pause: iter([None]))
    w = world([compound(n) for n in range(50)], task_base=3600.0, granular_locking=True)
    start, sent = Client.start_upsert, []

    def killed(self: Client, rows: Any) -> str:
        start(self, rows)
        raise Killed

    run = killed_in(Client, "start_upsert", killed)
    (late,) = w.tenant.tasks.values()
    w.tenant.switches.task_base = 0.0

    def send(self: Client, rows: Any) -> str:
        sent.append(len(rows))
        task_id = start(self, rows)
        late["ready"] = 0.0
        return task_id

    monkeypatch.setattr(Client, "start_upsert", send)
    assert jobs.work_to_end(run.pk).created == 50 == len(w.values())
    assert sent == [10] and w.written() == 50 + 10


def test_a_tenant_that_takes_few_objects_at_a_time_gets_few(
    world: Any, tenth: None, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its limit refuses a large batch for good: the next slice sends it in parts."""
    settings.SLICE_SECONDS = 1
    monkeypatch.setattr(batch_size, "FEW", 50)
    monkeypatch.setattr("random.uniform", lambda *_: 0.3)
    w = world([compound(n) for n in range(50)], objects_per_hour=360_000, object_burst=20)
    assert w.sync().created == 50 == w.written()
    assert w.tenant.counters["throughput_429"]
