"""Edits on both sides between a plan and its application: written is what is signed and unmoved."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest

from registry_sync import runs
from registry_sync.core.problems import SourceError
from registry_sync.jobs import runner as jobs
from registry_sync.models import Lane, LedgerEntry, Plan, PlanRow, SyncRun
from registry_sync.sync.context import RunContext
from registry_sync.sync.plans import lifecycle, outcome
from tests.support.environment import FULL, SEED
from tests.support.people import by_hand, hand
from tests.support.plans import apply
from tests.support.registry import compound
from tests.support.worlds import ROWS

ROUNDS = 25 if FULL else 12
WORLDS = range(20 if FULL else 1)
FATE = PlanRow.Fate


class Rounds:
    """One lane over many rounds: edits, a plan, its signature, more edits, its application."""

    def __init__(self, w, seed: int) -> None:
        self.w, self.random = w, random.Random(seed)
        self.next, self.words = 12, 0
        self.archived: set[str] = set()
        self.rows = ROWS

    def word(self) -> str:
        self.words += 1
        return f"Word {self.words}"

    def edit_source(self, external_id: str) -> None:
        how = self.random.choice(("name", "smiles", "approval", "unmapped"))
        value = self.words if how == "approval" else self.word()
        self.w.registry.edit(external_id, **{how: value})

    def add_source(self) -> None:
        self.next += 1
        now = datetime.now(UTC).isoformat()
        name = self.word()
        self.w.registry.records.append(compound(self.next, name=name, modified_at=now))

    def some(self, most: int) -> list[str]:
        ids = [r["id"] for r in self.w.registry.records if r["id"] not in self.archived]
        return self.random.sample(ids, min(len(ids), self.random.randint(0, most)))

    def before_the_plan(self) -> None:
        for external_id in self.some(5):
            self.edit_source(external_id)
        for _ in range(self.random.randint(0, 2)):
            self.add_source()

    def after_the_signature(self, plan: Plan) -> set[str]:
        """Edit either side; return the signed records of which one side moved."""
        signed = {row.external_id: row for row in plan.rows.all()}
        moved = set()
        some = {*self.some(3), *self.random.sample(sorted(signed), len(signed) // 3)}
        for external_id in sorted(some):  # a set has another order in each process
            side = self.random.choice(("source", "benchling", "both", "gone", "archived"))
            known = external_id in self.w.values()
            listed = any(record["id"] == external_id for record in self.w.registry.records)
            if not listed and side not in ("benchling", "archived"):
                side = "benchling"  # the plan has a refused record's copy, and the record has left
            if side in ("source", "both"):
                self.edit_source(external_id)
            if side == "gone":
                self.w.registry.records.remove(self.w.registry.record(external_id))
            if side in ("benchling", "both", "archived") and known:
                self.edit_benchling(external_id, archive=side == "archived")
            elif side in ("benchling", "archived") and external_id in signed:
                hand(self.w, external_id, self.word())  # someone was first
                self.archived.add(external_id)
            elif side in ("benchling", "archived"):
                continue
            moved.add(external_id)
        if self.random.random() < 0.3:
            self.add_source()
        return moved & signed.keys()

    def edit_benchling(self, external_id: str, *, archive: bool) -> None:
        if archive:
            self.archived.add(external_id)
            by_hand(self.w, external_id, archived="Retired")
        elif self.random.random() < 0.5:
            by_hand(self.w, external_id, name=self.word())
        else:
            by_hand(self.w, external_id, SMILES=self.word())

    def publish(self) -> None:
        """Publish another mapping, which gives the same values."""
        self.rows = ROWS if self.rows != ROWS else ROWS[:3]
        self.w.configure(**{"Field Configurations": self.rows})

    def broken_off(self, plan: Plan) -> SyncRun:
        """Apply a plan in a run that fails at its end."""

        def broken(ctx: RunContext) -> None:
            raise SourceError("The registry broke off.", remedy="", code="unavailable")

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(outcome, "conclude", broken)
            return apply(plan)

    def nothing_is_lost(self) -> None:
        """Apply what is left, then find each record in the ledger as the registry has it."""
        for _ in range(3):
            plan = self.w.sync().plan
            if plan.state == Plan.State.EMPTY:
                jobs.work_to_end(runs.active(plan.lane).pk)
                break
            lifecycle.sign_plan(plan, actor="bea", reason="checked")
            apply(plan)
        held = dict(LedgerEntry.objects.values_list("external_id", "name"))
        theirs = {r["id"]: r["name"] for r in self.w.registry.records}
        left = {id_ for id_, name in theirs.items() if held.get(id_) != name}
        assert left <= self.archived

    def play(self) -> None:
        w = self.w
        self.before_the_plan()
        w.sync()
        plan = Plan.objects.filter(state=Plan.State.OPEN).first()
        if plan is None:
            jobs.work_to_end(runs.active(Lane.objects.get()).pk)  # which notes what was read
            return
        lifecycle.sign_plan(plan, actor="bea", reason="checked")
        signed = {row.external_id: row for row in plan.rows.all()}
        # Benchling takes nothing for an entity that people archived: that is refused.
        able = signed.keys() - self.archived
        moved = self.after_the_signature(plan)
        before, written = w.values(), w.written()
        if self.random.random() < 0.1:
            self.publish()
            assert apply(plan).error_code == "plan_unfit" and w.written() == written
            return  # the next run voids it
        tries = [self.broken_off(plan)] if self.random.random() < 0.2 else []
        tries.append(apply(plan))
        after = w.values()
        changed = {id_ for id_ in after if after[id_] != before.get(id_)}
        assert changed == able - moved
        assert w.written() - written == len(changed)
        assert len(changed) == sum(run.created + run.updated for run in tries)
        fates = {row.external_id: row.fate for row in plan.rows.all()}
        assert {id_ for id_, fate in fates.items() if fate == FATE.WRITTEN} == changed
        assert all(fates.values()), fates
        for external_id in changed:
            record = w.registry.record(external_id)
            assert after[external_id]["SMILES"] == record["smiles"]
            assert LedgerEntry.objects.get(external_id=external_id).name == record["name"]


@pytest.mark.once
@pytest.mark.invariant(8)
@pytest.mark.parametrize("number", WORLDS)
def test_what_is_written_is_what_is_signed_and_unmoved(world, number):
    w = world([compound(n) for n in range(12)], rate_limit=0)
    w.sync()
    Lane.objects.update(plans_for=Lane.PlansFor.EVERYTHING)
    rounds = Rounds(w, int(SEED) + number)
    for played in range(ROUNDS):
        try:
            rounds.play()
        except AssertionError as error:
            raise AssertionError(f"round {played}") from error
    rounds.nothing_is_lost()
