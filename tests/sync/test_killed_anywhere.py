"""A process that dies at any statement or request, again and again, while answers are lost.

Each rehearsal is one world, by its seed: first load, edits meanwhile, and several deaths.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection

from registry_sync import runs
from registry_sync.benchling import bad_rows, bulk_upsert, upsert_rows
from registry_sync.benchling.transport import Transport
from registry_sync.jobs import runner as jobs
from registry_sync.ledger.chain_check import verify_chain
from registry_sync.models import Batch, Drift, Lane, LedgerEntry, SyncRun
from registry_sync.sync.delivery import batch_size
from tests.support.environment import FULL, SEED
from tests.support.killing import Killed
from tests.support.lossy import LossyProxy
from tests.support.registry import compound

pytestmark = pytest.mark.usefixtures("soon")
BATCH, FEW, COUNT, DEATHS = 10, 3, 40, 4
Status, Kind = SyncRun.Status, SyncRun.Kind


class Process:
    """A process that dies at its n-th statement or request to Benchling, before or after it.

    From then on nothing that it asks for reaches the database or Benchling, whatever still runs.
    """

    def __init__(self, dies_at: int, *, after: bool) -> None:
        self.left, self.after, self.dead = dies_at, after, False

    def __call__(self, do: Any, *given: Any) -> Any:
        if self.dead:
            raise Killed
        if given[0] == "BEGIN IMMEDIATE":  # SQLite: it would begin without Django's knowledge
            return do(*given)
        self.left -= 1
        self.dead = self.left <= 0
        if not self.dead:
            return do(*given)
        if self.after:
            do(*given)
        raise Killed

    @contextmanager
    def lives(self) -> Iterator[None]:
        """Count what is asked of the database and of Benchling."""
        send = Transport._send
        with pytest.MonkeyPatch.context() as patched, connection.execute_wrapper(self):
            patched.setattr(Transport, "_send", lambda *given: self(send, *given))
            yield


class Rehearsal:
    """One world, killed and cut off by chance."""

    def __init__(self, w: Any, proxy: LossyProxy, seed: str) -> None:
        self.w, self.proxy, self.chance = w, proxy, random.Random(seed)
        self.edits = self.deaths = self.number = 0
        self.told: list[str] = []

    def edit(self, *_: object) -> None:
        """Change some records, and add one now and then."""
        registry = self.w.registry
        for record in self.chance.sample(registry.records, self.chance.randrange(4)):
            self.number += 1
            registry.edit(record["id"], smiles="N" * self.number)
            self.edits += 1
        if self.chance.random() < 0.3:
            number = len(registry.records)
            registry.records.append(compound(number))
            registry.edit(f"C-{number:06d}")
            self.edits += 1

    def live(self, most: int) -> int:
        """Work in a process that dies within some statements and requests; return how many."""
        at, after = self.chance.randint(1, most), self.chance.random() < 0.5
        process = Process(at, after=after)
        kind = Kind.FULL if self.chance.random() < 0.3 else Kind.INCREMENTAL
        try:
            with process.lives():
                run, _ = runs.request_run(kind=kind, trigger=SyncRun.Trigger.SCHEDULE)
                jobs.work_to_end(run.pk)
        except Killed:
            self.deaths += 1
        self.told.append(f"{'died' if process.dead else 'lived'} at {at}, after={after}")
        SyncRun.objects.update(lease_until=None)
        return at - process.left

    def rest(self) -> SyncRun:
        """Work on what is left, and what has changed since."""
        while (active := SyncRun.objects.filter(status__in=SyncRun.ACTIVE).first()) is not None:
            jobs.work_to_end(active.pk)
        return self.w.sync()


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """Begin with 3 rows instead of 500, and end with 10 instead of 2,500."""
    for module in (upsert_rows, bulk_upsert, bad_rows, batch_size):
        monkeypatch.setattr(module, "FEW", FEW)
    settings.BATCH_SIZE = BATCH


@pytest.mark.invariant(1, 2, 4)
@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("number", range(100 if FULL else 1))
def test_a_rehearsal_of_faults(world: Any, lossy: Any, settings: Any, number: int) -> None:
    seed = f"{SEED} rehearsal {number}"
    chance = random.Random(seed)
    w = world(
        [compound(n) for n in range(COUNT)],
        page_size=15,
        granular_locking=chance.random() < 0.5,
        task_base=chance.choice((0.0, 0.2)),
        task_errors=chance.choice(("list_all", "none")),
    )
    settings.IN_FLIGHT = chance.choice((1, 3))
    proxy = lossy(w, seed, share=0.08)
    drill = Rehearsal(w, proxy, seed)
    w.registry.on_page = lambda _: drill.edit() if drill.chance.random() < 0.3 else None
    for _ in range(3 * DEATHS):
        drill.live(300)
        drill.edit()
        if drill.deaths == DEATHS:
            break
    w.registry.on_page = lambda _: None
    proxy.share = 0.0
    run = drill.rest()
    said = f"seed {seed!r}: {drill.told}, lost {dict(proxy.lost)}"
    print(said)
    assert run.status == Status.SUCCEEDED, f"{said}: {run.error}"
    is_right(w, said)
    assert w.written() <= COUNT + drill.edits + drill.deaths * FEW, said
    before = w.written()
    run = w.sync(kind=Kind.FULL)
    assert (run.status, w.written()) == (Status.SUCCEEDED, before), said


def is_right(w: Any, said: str) -> None:
    """Benchling, the ledger and the chain of changes have what the registry has, and no more."""
    wanted = {r["id"]: (r["name"], r["smiles"], r["approval"]) for r in w.registry.records}
    there = {id_: (v["name"], v["SMILES"], v["Approval"]) for id_, v in w.values().items()}
    assert there == wanted, said
    assert len(w.tenant.entities) == len(wanted), said
    held = LedgerEntry.objects.exclude(entity_hash="").values_list("external_id", flat=True)
    assert sorted(held) == sorted(wanted), said
    assert not w.open_errors() and not Drift.objects.exists() and not runs.active(), said
    assert not Batch.objects.filter(done_at=None).exists(), said
    assert verify_chain(Lane.objects.get()).broken == "", said
