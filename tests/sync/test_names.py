"""Who may have a name or an id, who holds it, and what a record that may not is told."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from registry_sync.ledger.substances import substance_of
from registry_sync.mapping.model import Entity, Mapping
from registry_sync.models import HeldAlias, TakenName
from registry_sync.sync.gates import names
from registry_sync.sync.gates.claims import NameClaims, substance_claim
from registry_sync.sync.gates.name_circles import circles_of
from registry_sync.sync.records import Candidate, SourceRecord
from tests.support.factories import LaneFactory, LedgerEntryFactory, WithdrawalFactory

pytestmark = [pytest.mark.once, pytest.mark.django_db]


def candidate(registry_id: str, name: str, *aliases: str) -> Candidate:
    fields = {"aliases": list(aliases)} if aliases else {}
    entity = Entity(f"x-{registry_id}", registry_id, name, fields=fields)
    return Candidate(SourceRecord(entity.external_id, {}, "hash", None), entity, is_new=True)


@pytest.fixture
def lane():
    return LaneFactory()


def ours(lane, registry_id: str, name: str, **values):
    """An entity that this app wrote."""
    keys = {"id_key": registry_id.casefold(), "name_key": name.casefold()}
    return LedgerEntryFactory(
        lane=lane, external_id=f"x-{registry_id}", entity_registry_id=registry_id, name=name,
        **{"entity_hash": "written", **keys, **values},
    )  # fmt: skip


def theirs(lane, key: str, kind: str, registry_id: str = "R-9", **values) -> None:
    TakenName.objects.create(
        lane=lane, key=key, kind=kind, entity_id="bfi_9", entity_registry_id=registry_id, **values
    )


class Gate:
    def __init__(self, lane) -> None:
        self.claims = NameClaims()
        self.gate = names.NameGate(SimpleNamespace(lane=lane), self.claims)  # type: ignore[arg-type]

    def check(self, *candidates: Candidate):
        """Return the ids of those that go, and the problem of each that does not."""
        going, refused = self.gate.check(candidates)
        assert all(outcome.outcome == "failed" for outcome in refused)
        problems = {outcome.external_id: outcome.problems for outcome in refused}
        assert all(len(some) == 1 for some in problems.values())
        return [c.entity.registry_id for c in going], {id_: p[0] for id_, p in problems.items()}


def refusal(lane, registry_id: str, name: str):
    going, problems = Gate(lane).check(candidate(registry_id, name))
    assert going == []
    return problems[f"x-{registry_id}"]


def test_the_first_in_order_gets_a_name_until_it_is_released(lane):
    gate = Gate(lane)
    going, problems = gate.check(candidate("A", "Aspirin"), candidate("B", " ASPIRIN "),
                                 candidate("C", "Caffeine"))  # fmt: skip
    assert going == ["A", "C"] and set(problems) == {"x-B"}
    assert (problems["x-B"].code, problems["x-B"].waits_for) == ("name_taken", ("name", "aspirin"))
    assert gate.check(candidate("B", "Aspirin"))[0] == []
    assert gate.check(candidate("A", "Aspirin"))[0] == ["A"], "its own name"
    gate.claims.release(["x-A"])
    assert gate.check(candidate("B", "Aspirin"))[0] == ["B"]
    assert gate.check(candidate("D", "Caffeine"))[0] == []


def test_names_and_ids_are_one_namespace(lane):
    gate = Gate(lane)
    going, problems = gate.check(candidate("A", "B"), candidate("B", "Other"), candidate("C", "a"))
    assert going == ["A"]
    by_id, by_name = problems["x-B"], problems["x-C"]
    assert (by_id.field, by_id.value, by_id.waits_for) == ("registry id", "B", ("name", "b"))
    assert "The registry id “B” of B is already used by x-A, as its name." in by_id.message
    assert (by_name.field, by_name.value, by_name.waits_for) == ("name", "a", ("name", "a"))
    assert "The name “a” of C is already used by x-A, as its registry id." in by_name.message


def test_who_is_in_the_ledger_keeps_its_name(lane):
    ours(lane, "R-1", "Aspirin")
    ours(lane, "R-2", "Caffeine", entity_hash="")  # refused: it is not in Benchling
    ours(LaneFactory(), "R-3", "Codeine")
    problem = refusal(lane, "R-5", "aspirin")
    assert problem.kind == "source" and problem.field == "name" and problem.value == "aspirin"
    assert "is already used by R-1, as its name" in problem.message
    assert "Give R-5 or R-1 another name" in problem.remedy and "manage.py" not in problem.remedy
    going, _ = Gate(lane).check(*(candidate(f"N-{n}", name) for n, name in enumerate(
        ("Caffeine", "Codeine"))), candidate("R-1", "Aspirin"))  # fmt: skip
    assert going == ["N-0", "N-1", "R-1"]


def test_ids_that_are_one_to_benchling_are_the_matter_of_the_ids(lane):
    ours(lane, "abc", "Aspirin")
    problem = refusal(lane, "ABC", "Other")
    assert (problem.code, problem.field, problem.value) == ("name_taken", "registry id", "ABC")
    assert "ABC is the same as abc to Benchling" in problem.message
    assert "gives ABC or abc another id" in problem.remedy and problem.waits_for == ("name", "abc")


@pytest.mark.parametrize(
    ("values", "kind", "code", "said", "remedy"),
    [
        ({}, "mapping", "not_ours", "is already in Benchling and was not made", "adopt --id x-R-1"),
        ({"archived": True}, "benchling", "archived", "is archived in Benchling.", "unarchives it"),
        ({"schema_name": "Sample"}, "mapping", "not_ours", "Benchling, in the schema Sample and",
         "registry_id_template"),
    ],
)  # fmt: skip
def test_an_id_that_others_have(lane, values, kind, code, said, remedy):
    theirs(lane, "r-1", "id", "R-1", **values)
    theirs(LaneFactory(), "r-2", "id", "R-2")
    problem = refusal(lane, "R-1", "Aspirin")
    assert (problem.kind, problem.code, problem.field) == (kind, code, "registry id")
    assert said in problem.message and remedy in problem.remedy
    assert (problem.value, problem.waits_for) == ("R-1", ("name", "r-1"))
    assert Gate(lane).check(candidate("R-2", "Caffeine"))[0] == ["R-2"], "of another lane"


@pytest.mark.parametrize(
    ("kind", "values", "said", "acts", "adopted"),
    [
        ("name", {}, "R-9, an entity in Benchling that this app did not make, as its name",
         "A Benchling admin renames the entity R-9 in Benchling. Or give R-1 another", True),
        ("alias", {}, "did not make, as an alias",
         "A Benchling admin removes the alias from the entity R-9 in Benchling. Or give", True),
        ("id", {}, "did not make, as its registry id", "Give R-1 another name in the reg", True),
        ("name", {"archived": True}, "did not make, as its name", "A Benchling admin rena", False),
        ("name", {"schema_name": "Sample"}, "an entity of the schema Sample in Benchling",
         "A Benchling admin renames", False),
    ],
)  # fmt: skip
def test_a_name_that_others_have(lane, kind, values, said, acts, adopted):
    theirs(lane, "aspirin", kind, **values)
    problem = refusal(lane, "R-1", "Aspirin")
    assert problem.remedy.startswith(acts)
    assert problem.kind == ("source" if kind == "id" else "benchling")
    assert (problem.code, problem.field, problem.value) == ("name_taken", "name", "Aspirin")
    assert said in problem.message and problem.waits_for == ("name", "aspirin")
    assert ("manage.py adopt --id x-R-1" in problem.remedy) == adopted


def test_an_alias_that_another_record_has_is_named_as_it_is_written(lane):
    gate = Gate(lane)
    assert gate.check(candidate("R-1", "One", "ASA", "Aspro"))[0] == ["R-1"]
    problem = gate.check(candidate("R-2", "Two", "Other", "Aspro "))[1]["x-R-2"]
    assert (problem.field, problem.value) == ("aliases", "Aspro ")
    assert problem.waits_for == ("name", "aspro") and "The alias “Aspro ” of R-2" in problem.message


def test_a_name_that_an_entity_of_a_departed_record_keeps(lane):
    ours(lane, "abc", "Aspirin")
    WithdrawalFactory(lane=lane, external_id="x-abc")
    by_name, by_id = refusal(lane, "R-1", "Aspirin"), refusal(lane, "ABC", "Other")
    assert "its entity is still in use in Benchling" in by_name.message
    assert "renames the entity abc in Benchling" in by_name.remedy
    assert (by_name.kind, by_id.kind) == ("benchling", "source")
    assert "abc has left the registry" in by_id.message and "gives ABC another id" in by_id.remedy


@pytest.mark.parametrize(
    ("schema", "values", "said", "remedy"),
    [
        ({"id": "ts_own", "name": "Compound"}, {}, "R-9, an entity in Benchling that", "adopt"),
        ({"id": "ts_lot", "name": "Lot"}, {}, "R-9, an entity of the schema Lot in", ""),
        (None, {}, "by R-9, an entity in Benchling that this app did not make, as its name", ""),
        ({"id": "ts_lot", "name": "Lot"}, {"entityRegistryId": None}, "by bfi_9, an entity of", ""),
        ({"id": "ts_own"}, {"name": "Other"}, "did not make, as an alias", "adopt"),
    ],
)  # fmt: skip
def test_a_name_that_benchling_says_is_taken(schema, values, said, remedy):
    lane = LaneFactory(schema_id="ts_own")
    raw = {"id": "bfi_9", "name": "aspirin", "entityRegistryId": "R-9", "schema": schema, **values}
    entity = candidate("R-1", "Aspirin").entity
    problem = names.taken_in_benchling(entity, raw, lane, "aspirin")
    assert said in problem.message and (problem.field, problem.value) == ("name", "Aspirin")
    assert remedy in problem.remedy and problem.waits_for == ("name", "aspirin")
    LedgerEntryFactory(lane=LaneFactory(), entity_id="bfi_9", entity_hash="written")
    again = names.taken_in_benchling(entity, raw, lane, "aspirin").message
    assert ("that this app did not make" in again) == ("the schema Lot" not in again)


def test_an_alias_that_benchling_says_is_taken(lane):
    raw = {"id": "bfi_9", "name": "aspro"}
    entity = candidate("R-1", "Aspirin", "Aspro").entity
    assert names.taken_in_benchling(entity, raw, lane, "aspro").field == "aliases"
    without = candidate("R-1", "Aspirin").entity
    assert names.taken_in_benchling(without, raw, lane, "aspro").value == "aspro"


def test_an_entity_of_others_without_a_registry_id_is_named_by_its_own(lane):
    theirs(lane, "aspirin", "name", registry_id="")
    assert "already used by bfi_9, an entity" in refusal(lane, "R-1", "Aspirin").message


def test_a_long_name_is_cut_where_it_is_shown(lane):
    theirs(lane, "n" * 250, "name")
    theirs(lane, "r" * 250, "id", "r" * 250)
    assert refusal(lane, "R-1", "n" * 250).value == "n" * 200
    assert refusal(lane, "r" * 250, "x").value == "r" * 200
    ours(lane, "q" * 250, "q")
    assert refusal(lane, "Q" * 250, "x").value == "Q" * 200


def test_what_is_free(lane, monkeypatch):
    monkeypatch.setattr(names, "CHUNK", 2)
    ours(lane, "R-1", "Aspirin")
    ours(lane, "R-2", "Caffeine", entity_hash="")
    ours(LaneFactory(), "R-3", "Codeine")
    theirs(lane, "heroin", "alias")
    theirs(LaneFactory(), "morphine", "alias")
    free = ["caffeine", "codeine", "morphine", "r-2", "r-3"]
    assert names.free(lane, ["aspirin", "heroin", "r-1", *free]) == set(free)
    assert names.free(lane, []) == set()
    waiting = [("aspirin", "x-R-1"), ("heroin", "x-R-1"), ("aspirin", "x-R-2"), ("r-1", "x-R-2")]
    assert names.free(lane, ["aspirin", "heroin", "r-1"], waiting) == {"aspirin"}


def test_what_others_hold_is_found_by_name_and_id(lane):
    theirs(lane, "aspirin", "alias")
    theirs(lane, "r-2", "id", "R-2")
    theirs(lane, "heroin", "name")
    theirs(LaneFactory(), "aspirin", "name")
    wanted = [candidate("R-1", "Aspirin").entity, candidate("R-2", "Other").entity]
    found = {(row.lane_id, row.key) for row in names.held_by_others(lane, wanted)}
    assert found == {(lane.pk, "aspirin"), (lane.pk, "r-2")}
    assert names.held_by_others(lane, []) == []


def circles(lane, wants, mapped=(), wished=()) -> list[list[str]]:
    mapping = cast("Mapping", SimpleNamespace(field_ids=mapped))
    return circles_of(lane, mapping, wants, lambda id_: dict(wished).get(id_, ()))


def test_circles_of_names(lane):
    for n, name in enumerate("abcdef", 1):
        ours(lane, f"R-{n}", name)
    ours(lane, "R-7", "g", entity_hash="")
    ours(LaneFactory(), "R-8", "h")
    wants = {"x-R-1": "b", "x-R-2": "c", "x-R-3": "a",  # a circle of three
             "x-R-9": "a",  # who waits for it is not in it
             "x-R-4": "d",  # one that waits for itself
             "x-R-5": "f", "x-R-6": "z", "x-R-7": "g", "x-R-8": "h"}  # fmt: skip
    assert circles(lane, wants) == [["x-R-1", "x-R-2", "x-R-3"], ["x-R-4"]]
    first = {"x-R-9": "a", **wants}
    assert circles(lane, first) == [["x-R-1", "x-R-2", "x-R-3"], ["x-R-4"]]
    assert circles(lane, {}) == []
    keeps = {"x-R-2": {"other", "b"}, "x-R-1": {"b"}}.items()
    assert circles(lane, wants, wished=keeps) == [["x-R-4"]], "2 does not give up its name"


@pytest.mark.parametrize(
    ("mapped", "aliases", "found"),
    [(True, ["c"], [["x-R-1", "x-R-2"]]), (False, ["c"], []), (True, {"held": ["c"]}, [])],
)
def test_an_alias_that_this_app_may_not_take_away_is_in_no_circle(lane, mapped, aliases, found):
    ours(lane, "R-1", "a")
    ours(lane, "R-2", "b", fields={"aliases": aliases})
    HeldAlias.objects.create(lane=lane, external_id="x-R-2", key="c")
    wants = {"x-R-2": "a", "x-R-1": "c"}  # who has a name that is wanted comes first
    assert circles(lane, wants, ("aliases",) if mapped else ()) == found


def test_a_name_that_another_lane_has_is_of_an_entity_of_this_app(lane):
    theirs(lane, "aspirin", "name", schema_name="Lot")
    LedgerEntryFactory(lane=LaneFactory(), entity_id="bfi_9", entity_hash="written")
    said = refusal(lane, "R-1", "Aspirin").message
    assert "an entity of the schema Lot in Benchling, as its name" in said


def test_a_substance_is_claimed_beside_the_names():
    entity = Entity("x-A", "A", "Aspirin", fields={"structure": "CCO"})
    substance, claims = substance_of(entity), NameClaims()
    assert substance is not None
    claims.add([entity])
    for key, kind in ((substance_claim(substance.key), "substance"), ("aspirin", "name")):
        assert [(h.external_id, h.kind) for h in claims.holders(key)] == [("x-A", kind)]


def test_a_dry_runs_many_claims_are_looked_up_by_index():
    claims = NameClaims()
    for where in ("key = ''", "external_id = ''"):
        plan = claims._rows.execute(f"EXPLAIN QUERY PLAN SELECT * FROM claim WHERE {where}")
        assert "USING INDEX" in str(plan.fetchall())
