"""Two records with one id: neither wins by chance."""

from __future__ import annotations

import pytest

from registry_sync.models import SyncRun
from tests.support.registry import compound

pytestmark = pytest.mark.once

Status, Kind = SyncRun.Status, SyncRun.Kind


@pytest.mark.invariant(2)
def test_twins_on_two_pages_are_not_written_by_turns(world):
    records = [compound(n) for n in range(300)]
    records.append({**compound(2), "name": "Twin", "smiles": "N"})
    w = world(records)
    w.sync()
    before = w.written()
    w.sync(kind=Kind.FULL)
    w.sync(kind=Kind.FULL)
    assert w.written() == before


@pytest.mark.invariant(5)
def test_two_records_of_one_id_are_no_short_read(world):
    w = world([compound(n) for n in range(20)])
    twin = compound(3, name="Twin", smiles="N")
    w.registry.records.append(twin)
    run = w.sync()
    assert w.open_errors()["C-000003"].code == "id_twice"
    assert (run.status, run.warnings) == (Status.COMPLETED_WITH_WARNINGS, [])
    assert w.sync().kind == Kind.INCREMENTAL
    w.registry.records.remove(twin)
    assert w.sync(kind=Kind.FULL).status == Status.SUCCEEDED


def test_a_list_that_has_a_record_twice_is_not_told_to_change_its_order_alone(world):
    w = world([compound(n) for n in range(20)])
    w.registry.records.append(dict(w.registry.records[3]))
    run = w.sync()
    assert (
        "1 was repeated" in run.warnings[0]["text"] and "records twice" in run.warnings[0]["text"]
    )


@pytest.mark.parametrize("other", ["2026-03-01T00:00:00Z", "2025-03-01T00:00:00Z", None])
@pytest.mark.invariant(5)
def test_two_records_of_one_id_on_one_page_are_refused_whatever_their_times(world, other):
    """One answer has both, so neither is a later form of the other."""
    records = [compound(n) for n in range(5)]
    records.append(compound(2, name="Other", modified_at=other))
    w = world(records)
    run = w.sync()
    assert (run.status, run.read, run.failed) == (Status.COMPLETED_WITH_WARNINGS, 5, 1)
    for _ in range(2):  # then only the newer one comes, alone: the other is still there
        assert w.open_errors()["C-000002"].code == "id_twice"
        assert "C-000002" not in w.values()
        assert w.sync().kind == Kind.INCREMENTAL


def test_three_records_of_one_id_are_one_error(world):
    records = [compound(n) for n in range(4)] + [compound(1, name=name) for name in "BC"]
    w = world(records, page_size=4)
    run = w.sync()
    assert (run.status, run.read, run.failed) == (Status.COMPLETED_WITH_WARNINGS, 4, 1), run.error
    assert w.open_errors()["C-000001"].code == "id_twice"
    assert w.values()["C-000001"]["name"] == "Compound 1"


@pytest.mark.parametrize("left", [0, 1])
@pytest.mark.parametrize("size", [3, 200])
def test_the_twin_that_is_left_arrives(world, left, size):
    twins = [compound(1), compound(1, name="Second", approval=2000)]
    w = world([compound(0), twins[0], compound(2), compound(3), twins[1]], page_size=size)
    w.sync()
    assert set(w.open_errors()) == {"C-000001"}
    w.registry.records.remove(twins[1 - left])
    assert w.sync(kind=Kind.FULL).status == Status.SUCCEEDED and not w.open_errors()
    assert w.values()["C-000001"]["Approval"] == twins[left]["approval"]


@pytest.mark.invariant(2)
def test_twins_of_different_times_do_not_take_turns_for_ever(world):
    records = [compound(n) for n in range(5)]
    records.append(compound(2, name="Twin", smiles="N", modified_at="2026-02-01T00:00:00Z"))
    w = world(records)
    w.sync()
    seen = []
    for _ in range(3):
        before = w.written()
        run = w.sync()
        seen.append(
            (
                run.kind,
                run.updated,
                w.written() - before,
                [x["code"] for x in run.warnings],
                sorted(w.open_errors()),
            )
        )
    assert all(s[2] == 0 for s in seen), seen


def test_three_records_of_one_id_are_no_short_read(world):
    records = [compound(n) for n in range(5)]
    records += [compound(2, name="Twin", smiles="N"), compound(2, name="Third", smiles="O")]
    w = world(records)
    run = w.sync()
    again = w.sync()
    assert [x["code"] for x in run.warnings] == [] and again.kind == Kind.INCREMENTAL, (
        run.warnings,
        again.kind,
    )
