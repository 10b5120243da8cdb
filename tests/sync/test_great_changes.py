"""How many updates the guard of great changes counts, against which limit, and when it rests."""

from __future__ import annotations

from typing import Any

import pytest

from registry_sync.core.problems import SourceError
from registry_sync.mapping.model import Entity
from registry_sync.models import SyncRun
from registry_sync.sync.gates import guards
from registry_sync.sync.gates.guards import UpdateGuard
from registry_sync.sync.pacing import Terms
from registry_sync.sync.records import Candidate, SourceRecord
from tests.support.contexts import context
from tests.support.factories import (
    AllowanceFactory,
    ChangeFactory,
    LaneFactory,
    LedgerEntryFactory,
    SyncRunFactory,
)

pytestmark = [pytest.mark.once, pytest.mark.django_db]
Kind = SyncRun.Kind
HELD = 9
"""Entities in Benchling, of which half may change, rounded down."""


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guards, "LEAST", 2)


@pytest.fixture
def lane():
    """A lane with nine entities in Benchling, and a record that was refused."""
    lane = LaneFactory()
    for n in range(HELD):
        LedgerEntryFactory(lane=lane, external_id=f"C-{n}", entity_hash="written")
    LedgerEntryFactory(lane=lane, external_id="C-refused", entity_hash="")
    LedgerEntryFactory(entity_hash="written")  # of another lane
    return lane


def updates(*numbers: int, is_new: bool = False) -> list[Candidate]:
    entities = [Entity(f"C-{n}", f"C-{n}", f"Compound {n}", {}) for n in numbers]
    return [Candidate(SourceRecord(e.external_id, {}, "", None), e, is_new) for e in entities]


def guard(lane: Any, *, good: str | None = "same", **values: Any) -> UpdateGuard:
    """Return the guard of a run whose mapping is that of the last good run, unless it is not."""
    if good is not None:
        SyncRunFactory(lane=lane, fingerprint=good)
    percent = values.pop("percent", 50)
    terms = Terms("key", great_change_percent=percent)
    return UpdateGuard(context(lane=lane, fingerprint="same", terms=terms, **values))


def stops(whole: UpdateGuard, *numbers: int) -> bool:
    try:
        going, settled = whole.check(some := updates(*numbers))
    except SourceError as stopped:
        assert stopped.code == "great_change"
        return True
    assert (going, settled) == (some, ())
    return False


def test_a_run_may_change_its_share_and_no_more(lane):
    whole = guard(lane)
    assert not stops(whole, 0, 1) and not stops(whole, 2, 3) and not stops(whole)
    with pytest.raises(SourceError) as stopped:
        whole.check(updates(4, 5, 6, 7))
    assert "More than 4 of the 9 entities" in stopped.value.message
    assert "(including C-4, C-5, C-6)" in stopped.value.message
    assert whole.check(new := updates(20, 21, 22, is_new=True)) == (new, ())
    assert stops(whole, 4)


def test_a_small_ledger_has_room_for_some(lane):
    whole = guard(lane, percent=1)
    assert not stops(whole, 0, 1) and stops(whole, 2)


def test_the_share_is_of_a_hundred(lane):
    for n in range(HELD, 100):
        LedgerEntryFactory(lane=lane, external_id=f"C-{n}", entity_hash="written")
    whole = guard(lane, percent=50)
    assert not stops(whole, *range(50)) and stops(whole, 50)


def test_what_changed_since_the_last_good_run_counts_once(lane):
    ChangeFactory(lane=lane, external_id="C-8", created=False)  # before it
    SyncRunFactory(lane=lane, fingerprint="same")
    failed = SyncRunFactory(lane=lane, status="FAILED", fingerprint="same")
    for n, created in ((0, False), (1, False), (1, False), (2, True)):
        ChangeFactory(lane=lane, run=failed, external_id=f"C-{n}", created=created)
    for n in (6, 7):
        ChangeFactory(external_id=f"C-{n}", created=False)  # of another lane
    signed = SyncRunFactory(lane=lane, status="FAILED", kind=Kind.APPLY)
    ChangeFactory(lane=lane, run=signed, external_id="C-3", created=False)
    whole = guard(lane, good=None)
    assert not stops(whole, 0, 1) and not stops(whole, 4, 5), "two counted, and two more"
    assert stops(whole, 6)


@pytest.mark.parametrize(
    ("good", "values"),
    [
        (None, {}),
        ("another", {}),
        ("same", {"kind": Kind.APPLY}),
        ("same", {"kind": Kind.PLAN}),
    ],
    ids=["the first run", "another mapping", "what was signed", "what is planned"],
)
def test_the_guard_rests(lane, good, values):
    whole = guard(lane, good=good, **values)
    assert not stops(whole, *range(8)) and not stops(whole, *range(8))


def test_an_override_lets_one_run_pass(lane):
    override = AllowanceFactory(lane=lane, what="great-change")
    whole = guard(lane)
    assert not stops(whole, 0)
    override.refresh_from_db()
    assert override.used_by is None, "nothing needed it yet"
    assert not stops(whole, *range(8)) and not stops(whole, *range(8))
    override.refresh_from_db()
    assert override.used_by == whole.run


@pytest.mark.parametrize("kind", [Kind.FULL, Kind.DRY_RUN])
def test_a_lane_with_plans_holds_what_is_too_much(lane, kind, monkeypatch):
    """A dry run says that the sync would stop for a plan."""
    monkeypatch.setattr(
        guards, "hold_unplanned", lambda ctx, some: [c.entity.external_id for c in some]
    )
    lane.plans_for = lane.PlansFor.GREAT_CHANGES
    lane.save()
    whole = guard(lane, kind=kind)
    assert not stops(whole, 0)
    if kind == Kind.DRY_RUN:
        assert stops(whole, *range(8))
        return
    assert whole.check(updates(*range(8))) == ((), [f"C-{n}" for n in range(8)])
    assert whole.check(updates(20, is_new=True)) == ((), ["C-20"])
    assert whole.check([]) == ([], ())
