"""Which links hold a record back, and in which order what goes is sent."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from registry_sync.mapping.model import Entity
from registry_sync.models import SyncRun, TakenName
from registry_sync.sync.gates.claims import NameClaims
from registry_sync.sync.gates.links import LinkGate, held_by_links, parents_first
from registry_sync.sync.records import Candidate, SourceRecord
from tests.support.contexts import context
from tests.support.factories import (
    LaneFactory,
    LedgerEntryFactory,
    MergeFactory,
    SyncRunFactory,
)
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


def asked_about(*there: str) -> SimpleNamespace:
    """Return a client whose Benchling has these registry ids."""

    def registered(ids, *, registry_id):
        return [{"entityRegistryId": i} for i in ids if i in there and registry_id == "src_1"]

    return SimpleNamespace(entities_registered=registered, registries=lambda: [{"id": "src_1"}])


def passed(ctx, *candidates: Candidate, claims=None, underway=None):
    """Return the ids of what goes, in its order, and the problem of each that waits."""
    gate = LinkGate(ctx, claims or NameClaims(), underway or {})
    going, waiting = gate.check(candidates)
    assert all((o.outcome, len(o.problems)) == ("failed", 1) for o in waiting)
    return [c.entity.registry_id for c in going], {o.external_id: o.problems[0] for o in waiting}


def test_who_waits_is_refused_and_gives_its_names_back():
    ctx, claims = context(schema=SCHEMA, client=asked_about()), NameClaims()
    some = [candidate("D", "C"), candidate("A", "B"), candidate("C")]
    claims.add(one.entity for one in some)
    going, waiting = passed(ctx, *some, claims=claims)
    assert going == ["C", "D"] and set(waiting) == {"A"}
    assert waiting["A"].waits_for == ("link", "B")
    assert claims.holders("a") == [] and claims.holders("c") and claims.holders("d")
    assert passed(ctx, *some, underway={"x-B": "B"}) == (["C", "D", "A"], {})


def test_without_another_lane_links_to_its_schema_are_left_to_benchling():
    assert passed(context(schema=SCHEMA), candidate("A", elsewhere="L-1")) == (["A"], {})


@pytest.mark.parametrize("synced", [False, True])
@pytest.mark.parametrize("kind", [SyncRun.Kind.FULL, SyncRun.Kind.DRY_RUN])
def test_a_link_to_another_lane_waits_for_it(kind, synced):
    lot = LaneFactory(schema_id="ts_other", schema_name="Lot")
    LedgerEntryFactory(lane=lot, entity_registry_id="L-1", id_key="l-1", entity_hash="written")
    failed = SyncRunFactory(lane=lot, status=SyncRun.Status.FAILED)
    MergeFactory(lane=lot, entity_registry_id="L-4", found_run=failed)
    if synced:
        SyncRunFactory(lane=lot)
    ctx = context(schema=SCHEMA, client=asked_about("L-3"), kind=kind)
    going, waiting = passed(
        ctx, candidate("A", elsewhere="L-1"), candidate("B", elsewhere="L-2"),
        candidate("C", "B"), candidate("D", elsewhere="L-3"), candidate("E", elsewhere="L-4"),
    )  # fmt: skip
    assert going == ["A", "D"] and set(waiting) == {"B", "C", "E"}
    assert waiting["C"].waits_for == ("link", "B") and waiting["C"].code == "link_missing"
    assert (waiting["E"].code, waiting["E"].kind) == ("link_missing", "mapping"), "it was merged"
    assert "points at L-4 of Lot, which is not in Benchling (it was merged" in waiting["E"].message
    told = waiting["B"]
    dry = kind == SyncRun.Kind.DRY_RUN
    code_and_kind = ("link_waits", "transient") if dry else ("link_missing", "source")
    assert (told.code, told.kind) == code_and_kind
    never = "which has never been synced" in told.message
    assert "points at L-2 of Lot, which " in told.message and never == (dry and not synced)


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
    alone = schema_of({"type": "entity_link", "schemaId": "ts_1"})
    assert ordered(candidate("A", "B"), candidate("B"), schema=alone) == "BA"
