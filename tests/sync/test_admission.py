"""Which links hold a record back, and in which order what goes is sent."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from registry_sync.mapping.model import Entity
from registry_sync.models import TakenName
from registry_sync.sync.gates.admission import held_by_links, parents_first
from registry_sync.sync.records import Candidate, SourceRecord
from tests.support.factories import LaneFactory, LedgerEntryFactory
from tests.support.mapping import schema_of

pytestmark = [pytest.mark.once, pytest.mark.django_db]
SCHEMA = schema_of(
    {"type": "entity_link", "schemaId": "ts_1", "isMulti": True},
    {"type": "entity_link", "schemaId": "ts_other"},
)


def candidate(name: str, *parents: str, elsewhere: str = "") -> Candidate:
    fields = {"f0": [{"entityRegistryId": parent} for parent in parents]}
    if elsewhere:
        fields["f1"] = {"entityRegistryId": elsewhere}
    record = SourceRecord(name, {}, "hash", datetime(2026, 1, 5, tzinfo=UTC))
    entity = Entity(external_id=f"x-{name}", registry_id=name, name=name, fields=fields)
    return Candidate(record, entity, is_new=True)


def held(*candidates: Candidate, underway=()) -> dict[str, str]:
    """Return, by external id, what each record that is held back waits for."""
    found = held_by_links(LaneFactory(), SCHEMA, candidates, underway=underway)
    assert {problem.code for problem in found.values()} <= {"link_missing"}
    return {external_id: problem.waits_for[1] for external_id, problem in found.items()}


def test_what_comes_along_or_is_underway_holds_nothing_back():
    a, b, c = candidate("A", "B"), candidate("B"), candidate("C", "D")
    assert held(a, b) == held(c, underway=["D"]) == held() == {}
    assert held(a, c) == {"x-A": "B", "x-C": "D"}
    assert held(candidate("A", elsewhere="GONE")) == {}, "of another schema: Benchling says it"


def test_who_waits_holds_back_who_points_at_it():
    chain = [candidate("A", "B"), candidate("B", "C"), candidate("C", "Z", "Y"), candidate("D")]
    assert held(*chain) == {"x-A": "B", "x-B": "C", "x-C": "Y"}
    assert held(*chain, underway=["Y"])["x-C"] == "Z"
    assert held(*chain, underway=["Y", "Z"]) == {}
    assert held(candidate("A", "B"), candidate("B", "A")) == {}, "a circle goes together"


@pytest.mark.parametrize(
    ("values", "may"),
    [
        ({}, True), ({"kind": "name"}, False), ({"kind": "alias"}, False),
        ({"archived": True}, False), ({"schema_name": "Other"}, False),
    ],
)  # fmt: skip
def test_an_entity_of_others_may_be_pointed_at_while_it_is_in_use(values, may):
    lane = LaneFactory()
    TakenName.objects.create(
        lane=lane, key="b", entity_id="bfi_1", entity_registry_id="B", **{"kind": "id", **values}
    )
    found = held_by_links(lane, SCHEMA, [candidate("A", "B")], underway=())
    assert (found == {}) == may
    assert held(candidate("A", "B")) == {"x-A": "B"}, "it is of another lane"


@pytest.mark.parametrize(("entity_hash", "may"), [("written", True), ("", False)])
def test_a_record_of_the_ledger_may_be_pointed_at_once_it_is_in_benchling(entity_hash, may):
    entry = LedgerEntryFactory(entity_registry_id="B", id_key="b", entity_hash=entity_hash)
    found = held_by_links(entry.lane, SCHEMA, [candidate("A", "B")], underway=())
    assert (found == {}) == may
    assert held(candidate("A", "B")) == {"x-A": "B"}, "it is of another lane"


def ordered(*candidates: Candidate, schema=SCHEMA) -> str:
    return "".join(c.entity.registry_id for c in parents_first(candidates, schema))


def test_parents_go_first_and_the_rest_keeps_its_order():
    assert ordered(candidate("C"), candidate("A"), candidate("B")) == "CAB"
    assert ordered(candidate("A", "C"), candidate("B"), candidate("C")) == "CAB"
    assert ordered(candidate("A", "B"), candidate("B", "C"), candidate("C")) == "CBA"
    assert ordered(candidate("A", "D", "C"), candidate("B"), candidate("C"), candidate("D")) in (
        "CDAB", "DCAB"
    )  # fmt: skip
    assert ordered(candidate("A", "GONE"), candidate("B", "A")) == "AB"
    assert sorted(ordered(candidate("A", "B"), candidate("B", "A"))) == ["A", "B"]
    assert ordered(candidate("A", "A")) == "A"


def test_a_long_chain_is_no_deep_recursion():
    chain = [candidate(f"{n:04}", f"{n + 1:04}") for n in range(3000)]
    found = parents_first(chain, SCHEMA)
    assert [c.entity.registry_id for c in found] == [f"{n:04}" for n in reversed(range(3000))]


def test_without_links_within_the_schema_the_order_is_the_sources():
    schema = schema_of({"type": "text"})
    assert ordered(candidate("A", "B"), candidate("B"), schema=schema) == "AB"
