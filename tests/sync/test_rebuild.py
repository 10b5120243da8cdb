"""A ledger that was lost is rebuilt from Benchling."""

from __future__ import annotations

import pytest

from registry_sync.benchling.client import Client
from registry_sync.models import LedgerEntry, SyncRun
from tests.support.people import hand
from tests.support.registry import compound
from tests.support.worlds import forget

Status, Kind = SyncRun.Status, SyncRun.Kind


@pytest.mark.invariant(7)
def test_a_rebuild_that_broke_off_is_begun_again(world, monkeypatch):
    w = world([compound(n) for n in range(150)])
    w.sync()
    w.registry.records += [compound(200)]
    hand(w, "C-000200", "By hand")
    forget()
    # page 2 of the listing is refused: the run fails in the middle of the rebuild
    from registry_sync.benchling.errors import Refused

    whole = Client.entities

    def half(self, **more):
        yield next(whole(self, **more))
        raise Refused(400, "Invalid nextToken")

    monkeypatch.setattr(Client, "entities", half)
    run = w.sync()
    monkeypatch.undo()
    assert run.status == Status.FAILED and LedgerEntry.objects.count() == 100
    before = w.written()
    run = w.sync()
    assert w.tenant.entity("C-000200").name == "By hand"
    assert w.written() == before


@pytest.mark.invariant(11)
@pytest.mark.once
def test_what_was_made_by_hand_after_the_first_run_stays(world):
    w = world([compound(n) for n in range(5)])
    w.sync()
    hand(w, "C-000007", "By hand")
    w.registry.records.append(compound(7, modified_at="2026-03-01T00:00:00Z"))
    w.sync()
    assert w.tenant.entity("C-000007").name == "By hand"


@pytest.mark.invariant(7)
@pytest.mark.once
def test_an_entity_of_ours_is_unarchived_after_a_rebuild(world):
    w = world([compound(n) for n in range(5)])
    w.sync()
    entity = w.tenant.entity("C-000002")
    entity.archived = "Made in error"
    forget()
    w.sync(kind=Kind.FULL)
    assert w.open_errors()["C-000002"].code == "archived"
    entity.archived = None  # the remedy: a Benchling admin unarchives it
    w.sync(kind=Kind.FULL)
    w.sync(kind=Kind.RETRY)
    assert not w.open_errors(), w.open_errors()["C-000002"].remedy


@pytest.mark.invariant(7)
@pytest.mark.once
def test_a_short_read_is_known_without_the_database(world):
    w = world([compound(n) for n in range(300)])
    hidden = w.registry.records.pop(100)  # counted, and not on any page
    w.registry.total = lambda found: 300
    run = w.sync()
    assert any(x["code"] == "short_read" for x in run.warnings)
    w.registry.records.insert(100, hidden)
    missed = {r["id"] for r in w.registry.records} - set(w.values())
    assert missed
    forget()
    run = w.sync()
    assert not ({r["id"] for r in w.registry.records} - set(w.values())), run.kind


@pytest.mark.invariant(7)
def test_a_rebuild_in_slices_writes_nothing(world, settings):
    settings.SLICE_SECONDS = 0
    w = world([compound(n) for n in range(350)])
    w.sync()
    forget()
    before = w.written()
    run = w.sync(kind=Kind.FULL)
    assert (run.read, run.unchanged, w.written()) == (350, 350, before)
