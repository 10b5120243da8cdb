"""Renames, options, swaps and order: nothing is lost, and nothing is read twice for them."""

from __future__ import annotations

import pytest

from registry_sync.models import Lane, SyncRun
from tests.support.registry import compound

# How a tenant keys its fields is no matter of the database.
pytestmark = [pytest.mark.once, pytest.mark.usefixtures("soon")]

Status, Kind = SyncRun.Status, SyncRun.Kind
KEYED = pytest.mark.parametrize("keys", ["name", "id", "either"])


def rename(w, old: str, new: str) -> None:
    for definition in w.tenant.schemas[w.schema]["fieldDefinitions"]:
        if definition["name"] == old:
            definition["name"] = new


@KEYED
@pytest.mark.invariant(2, 13)
def test_a_field_renamed_between_runs_costs_nothing(world, keys):
    w = world([compound(n) for n in range(300)], field_keys=keys)
    assert w.sync().status == Status.SUCCEEDED and w.written() == 300
    assert Lane.objects.get().field_keys == ("id" if keys == "id" else "name")
    rename(w, "SMILES", "Structure")
    w.registry.edit("C-000007", smiles="c1ccccc1")
    run = w.sync()
    assert (run.kind, run.status, run.updated) == (Kind.INCREMENTAL, Status.SUCCEEDED, 1)
    assert w.values()["C-000007"]["Structure"] == "c1ccccc1" and w.written() == 301
    run = w.sync(kind=Kind.FULL)
    assert (run.status, run.unchanged) == (Status.SUCCEEDED, 300)


@KEYED
@pytest.mark.invariant(1)
@pytest.mark.usefixtures("page_by_page")
def test_a_field_renamed_during_a_run_loses_nothing(world, settings, keys):
    settings.BATCH_SIZE = 100
    w = world([compound(n) for n in range(1000)], page_size=100, field_keys=keys)
    w.registry.on_page = lambda n: rename(w, "SMILES", "Structure") if n == 5 else None
    run = w.sync()
    assert run.status == Status.SUCCEEDED and not w.open_errors(), run.error
    assert (run.read, run.created, w.written()) == (1000, 1000, 1000)
    values = w.values()
    assert all(values[f"C-{n:06d}"]["Structure"] == "C" * (n % 40 + 1) for n in range(1000))


@KEYED
def test_bad_rows_in_the_first_batch_are_found_however_fields_are_keyed(world, keys):
    w = world([compound(n) for n in range(100)], field_keys=keys)
    for n in (0, 50, 98):
        w.tenant.refuse[f"C-{n:06d}"] = "Not this one."
    run = w.sync()
    assert (run.created, run.failed, w.written()) == (97, 3, 97)
    assert set(w.open_errors()) == {"C-000000", "C-000050", "C-000098"}
    assert "Not this one" in w.open_errors()["C-000050"].message


@pytest.mark.parametrize("tenant", ["keep", "clear"])
@pytest.mark.invariant(12)
def test_what_is_not_mapped_stays_where_fields_go_by_id(world, tenant):
    from sandbox.tenant.entities import edit_by_hand
    from tests.support.worlds import FIELDS

    fields = [*FIELDS, {"name": "Notes", "type": "text"}]
    w = world(
        [compound(n) for n in range(9)], fields=fields, field_keys="id", omitted_fields=tenant
    )
    w.sync()
    edit_by_hand(w.tenant, w.tenant.entity("C-000003"), Notes="Mine")
    for year in (2020, 2021):
        w.registry.edit("C-000003", approval=year)
        assert w.sync().updated == 1
        assert w.values()["C-000003"]["Notes"] == "Mine"
        assert w.values()["C-000003"]["Approval"] == year


@pytest.mark.invariant(3)
def test_a_new_option_closes_the_errors_that_waited_for_it(world):
    records = [compound(n) for n in range(30)]
    for n in (3, 4, 5):
        records[n]["kind"] = "Peptide"
    w = world(records)
    assert w.sync().failed == 3
    assert w.open_errors()["C-000003"].waits_for == "option"
    w.tenant.add_option(w.kinds, "Peptide")
    run = w.sync()
    assert run.status == Status.SUCCEEDED and not w.open_errors()
    assert w.values()["C-000004"]["Kind"] == "Peptide" and w.written() == 30


@pytest.mark.parametrize("size", [1, 2, 500])
@pytest.mark.invariant(3)
def test_a_ring_of_names_goes_round(world, settings, size):
    settings.BATCH_SIZE = size
    w = world([compound(n) for n in range(6)])
    w.sync()
    for n in range(4):
        w.registry.edit(f"C-{n:06d}", name=f"Compound {(n + 1) % 4}")
    run = w.sync()
    assert run.status == Status.SUCCEEDED and not w.open_errors(), run.error
    assert [w.values()[f"C-{n:06d}"]["name"] for n in range(4)] == [
        "Compound 1", "Compound 2", "Compound 3", "Compound 0",
    ]  # fmt: skip


@pytest.mark.parametrize("size", [1, 3, 500])
@pytest.mark.invariant(3)
def test_a_child_before_its_parent_arrives_across_batches_and_runs(world, settings, size):
    settings.BATCH_SIZE = size
    records = [compound(n) for n in range(8)]
    records[0]["parent"], records[1]["parent"] = "C-000007", "C-000100"
    w = world(records, page_size=2)
    run = w.sync()
    assert run.failed == 1 and w.values()["C-000000"]["Parent"] == "C-000007"
    w.registry.records.append(compound(100))
    w.registry.edit("C-000100")
    run = w.sync()
    assert run.status == Status.SUCCEEDED and run.retried == 1
    assert w.values()["C-000001"]["Parent"] == "C-000100"


@pytest.mark.invariant(3)
def test_two_names_are_swapped(world):
    w = world([compound(n) for n in range(5)])
    w.sync()
    w.registry.edit("C-000001", name="Compound 2")
    w.registry.edit("C-000002", name="Compound 1")
    w.sync()
    w.sync(kind=Kind.FULL)
    w.sync(kind=Kind.RETRY)
    assert not w.open_errors()
