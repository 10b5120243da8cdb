"""Which errors a run tries again, and which ones it leaves alone."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from registry_sync.benchling.entity_types import ENTITY_TYPES
from registry_sync.ledger import hash_record
from registry_sync.models import Adoption, Allowance, EntityError, Substance, SyncRun, TakenName
from registry_sync.sync import link_circles, retry_choice
from registry_sync.sync.gates.substances import LEARNED
from registry_sync.sync.link_circles import joined_circles
from registry_sync.sync.pacing import Terms
from registry_sync.sync.records import SourceRecord
from tests.support.contexts import context
from tests.support.factories import (
    AdoptionFactory,
    AllowanceFactory,
    EntityErrorFactory,
    LaneFactory,
    LedgerEntryFactory,
    MergeFactory,
    SyncRunFactory,
)
from tests.support.mapping import mapping_of, schema_of

pytestmark = [pytest.mark.once, pytest.mark.django_db]
Kind = SyncRun.Kind
LINKED = schema_of({"type": "entity_link", "schemaId": "ts_1"}, {"type": "text"})
MANY_LINKS = schema_of({"type": "entity_link", "schemaId": "ts_1", "isMulti": True})


class Benchling:
    """A client whose Benchling has these entities, and which notes what it is asked for."""

    app_id = "app_test"
    entity_type = ENTITY_TYPES["custom_entity"]

    def __init__(self, *entities: dict[str, Any]) -> None:
        self.entities, self.names = entities, []

    def entities_by_id(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        return [raw for raw in self.entities if raw["id"] in ids]

    def entities_with_ids(self, ids: Sequence[str], *, registry_id: str) -> list[dict[str, Any]]:
        return [raw for raw in self.entities if raw["entityRegistryId"] in ids]

    entities_registered = entities_with_ids

    def entities_named(self, names: Sequence[str], **how: Any) -> list[dict[str, Any]]:
        self.names.append(list(names))
        return []


def entity(id_: str, registry_id: str, **values: Any) -> dict[str, Any]:
    schema = {"id": "ts_1", "name": "Compound"}
    return {"id": id_, "entityRegistryId": registry_id, "name": registry_id, "schema": schema,
            "fields": {}, **values}  # fmt: skip


def running(**values: Any) -> Any:
    values = {"client": Benchling(), "fingerprint": "now", "schema": LINKED, **values}
    return context(mapping_of(values["schema"]), **values)


def refused(ctx: Any, id_: str, waits_for: str = "", key: str = "", **values: Any) -> EntityError:
    raw = {"id": id_, "name": f"Compound {id_}"}
    values = {"raw": raw, "fingerprint": "now", "run": SyncRunFactory(lane=ctx.lane), **values}
    return EntityErrorFactory(
        lane=ctx.lane, external_id=id_, waits_for=waits_for, waits_key=key, **values
    )


def due(ctx: Any) -> set[str]:
    return {error.external_id for some in retry_choice.due(ctx) for error in some}


def test_a_lane_without_open_errors_is_asked_once_for_each_question(
    django_assert_num_queries: Any,
) -> None:
    ctx = running()
    refused(ctx, "closed", kind="transient", closed_at=datetime.now(UTC))
    with django_assert_num_queries(1):
        assert due(ctx) == set()
    with django_assert_num_queries(1):
        assert list(joined_circles(ctx)) == []


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A run, and errors for which nothing has come, of which some are tried in every run."""
    monkeypatch.setattr(retry_choice, "CHUNK", 2)
    ctx = running()
    waits = ("allowance", "merge", "unarchived", "link", "option")
    for n, waits_for in enumerate(("", *waits)):
        refused(ctx, f"C-{n}", waits_for, "x-7")
    refused(ctx, "transient", kind="transient")
    for waits_for in ("permission", "detail", "other lane", "folder"):
        refused(ctx, waits_for, waits_for)
    refused(ctx, "mapped otherwise", "option", fingerprint="before")
    refused(ctx, "seen by this run", kind="transient", run=ctx.run)
    refused(ctx, "no id", kind="transient", code="no_id")
    refused(ctx, "no record", kind="transient", code="not_a_record")
    refused(ctx, "bad id", kind="transient", code="unusable_id")
    refused(ctx, "twin", kind="transient", code="id_twice")
    refused(ctx, "no copy", kind="transient", raw=None)
    refused(ctx, "source", "source", kind="transient")
    refused(ctx, "dismissed", kind="transient", dismissed_at=datetime.now(UTC))
    refused(ctx, "closed", kind="transient", closed_at=datetime.now(UTC))
    return ctx


EACH_RUN = {"transient", "permission", "detail", "other lane", "folder", "mapped otherwise"}


def test_what_nobody_must_act_for_is_tried_in_each_run(many):
    MergeFactory(lane=many.lane, external_id="C-2")
    assert due(many) == EACH_RUN


@pytest.mark.parametrize("values", [{"kind": Kind.RETRY}, {"retries_all": True}])
def test_on_demand_whatever_can_be_sent_is_tried(many, values):
    SyncRun.objects.filter(pk=many.run.pk).update(**values)
    many.run.refresh_from_db()
    assert due(many) == EACH_RUN | {f"C-{n}" for n in range(6)}


@pytest.mark.parametrize(
    ("values", "expected"),
    [({"only": ["C-0", "transient", "twin"]}, {"C-0", "transient"}),
     ({"only_cause": "structure"}, {"C-7"}),
     ({"only_cause": "structure", "only": ["C-0"]}, set())],
)  # fmt: skip
def test_a_run_of_some_records_tries_no_others(many, values, expected):
    refused(many, "C-7", code="structure")
    SyncRun.objects.filter(pk=many.run.pk).update(**values)
    many.run.refresh_from_db()
    assert due(many) == set(), "a pilot reads its own again"
    many.run.kind = Kind.RETRY
    assert due(many) == expected


def test_what_people_decided_is_tried():
    ctx = running()
    for n, waits_for in enumerate(("", "", "allowance", "allowance", "option", "merge", "merge")):
        refused(ctx, f"C-{n}", waits_for)
    AdoptionFactory(lane=ctx.lane, external_id="C-0", state=Adoption.State.APPROVED)
    AdoptionFactory(lane=ctx.lane, external_id="C-1")
    AdoptionFactory(external_id="C-1", state=Adoption.State.APPROVED)  # of another lane
    identity = Allowance.What.IDENTITY
    for id_ in ("C-2", "C-4"):
        AllowanceFactory(lane=ctx.lane, what=identity, external_id=id_)
    used = SyncRunFactory(lane=ctx.lane)
    AllowanceFactory(lane=ctx.lane, what=identity, external_id="C-3", used_by=used)
    AllowanceFactory(what=identity, external_id="C-3")
    MergeFactory(lane=ctx.lane, external_id="C-5", state="followed")
    MergeFactory(lane=ctx.lane, external_id="C-6")
    assert due(ctx) == {"C-0", "C-2", "C-5"}


def test_a_name_that_is_free_is_tried(monkeypatch):
    ctx = running()
    LedgerEntryFactory(lane=ctx.lane, external_id="holder", name_key="held", entity_hash="written")
    refused(ctx, "C-0", "name", "free", pk=1)  # the first error of all
    refused(ctx, "C-1", "name", "held")
    refused(ctx, "C-2", "option", "free")
    assert due(ctx) == {"C-0"}


def test_an_entity_that_is_unarchived_is_tried():
    """Its name is still not free: it has it."""
    archived = {"archiveRecord": {"reason": "Other"}}
    ctx = running(client=Benchling(entity("bfi_1", "R-1"), entity("bfi_2", "R-2", **archived)))
    other = LaneFactory()
    for n, lane in ((1, ctx.lane), (2, ctx.lane), (1, other)):
        TakenName.objects.create(lane=lane, key=f"r-{n}", kind="id", entity_id=f"bfi_{n}",
                                 entity_registry_id=f"R-{n}", archived=True)  # fmt: skip
    refused(ctx, "C-0", "name", "r-1", code="archived")
    refused(ctx, "C-1", "name", "r-2", code="archived")
    refused(ctx, "C-2", "name", "r-1", code="not_ours")
    assert due(ctx) == {"C-0"}


def test_who_has_a_name_that_benchling_refused_is_asked_for_by_name():
    ctx = running()
    refused(ctx, "C-0", "benchling name", "aspirin")
    refused(ctx, "C-1", "benchling name", "asa")
    refused(ctx, "C-2", "option", "other")
    assert due(ctx) == {"C-0", "C-1"}
    assert ctx.client.names[0] == ["asa", "aspirin"]


def test_a_name_that_nobody_seems_to_have_is_asked_for_less_and_less_often():
    ctx = running()
    for times in range(1, 9):
        refused(ctx, f"C-{times}", "benchling name", f"n-{times}", times_seen=times)
    for n in (1, 2):
        EntityError.objects.filter(external_id=f"C-{n}").update(run=ctx.run)
    TakenName.objects.create(lane=ctx.lane, key="n-2", kind="name", entity_id="bfi_1")
    TakenName.objects.create(lane=LaneFactory(), key="n-1", kind="name", entity_id="bfi_1")
    assert due(ctx) == {f"C-{n}" for n in range(2, 9)}, "once a run where none is known"
    assert ctx.client.names[0] == ["n-1", "n-2", "n-4", "n-8"]


def test_what_waits_for_an_archived_entity_waits_for_its_own():
    archived = {"archiveRecord": {"reason": "Other"}}
    ctx = running(client=Benchling(entity("bfi_1", "R-1"), entity("bfi_2", "R-2", **archived)))
    for n in (1, 2, 3):
        refused(ctx, f"C-{n}", "unarchived", f"R-{n}")
    refused(ctx, "C-4", "option", "R-1")
    assert due(ctx) == {"C-1"}


@pytest.mark.parametrize("unique", [True, False])
def test_a_structure_that_nobody_has_any_more_is_tried(unique):
    ctx = running()
    ctx.lane.source_state = {LEARNED: unique}
    LedgerEntryFactory(lane=ctx.lane, external_id="holder", entity_hash="written")
    Substance.objects.create(lane=ctx.lane, external_id="holder", key="CCO")
    refused(ctx, "C-0", "substance", "CCO")
    refused(ctx, "C-1", "substance", "CCN")
    refused(ctx, "C-2", "option", "CCN")
    assert due(ctx) == ({"C-1"} if unique else {"C-0", "C-1"})


def test_a_link_is_tried_once_its_target_is_there():
    """Whoever wrote it. One of the same schema may then be pointed at."""
    ctx = running(client=Benchling(entity("bfi_1", "R-1"), entity("bfi_2", "R-2", schema=None)))
    LedgerEntryFactory(
        lane=ctx.lane,
        external_id="holder",
        entity_registry_id="r-7",
        id_key="r-7",
        entity_hash="written",
    )
    for n, target in enumerate(("r-7", "R-1", "R-2", "R-3")):
        refused(ctx, f"C-{n}", "link", target)
    refused(ctx, "C-4", "name", "r-7")
    assert due(ctx) == {"C-0", "C-1", "C-2"}
    taken = TakenName.objects.filter(lane=ctx.lane, kind="id", schema_name="")
    assert list(taken.values_list("entity_registry_id", flat=True)) == ["R-1"]


def test_the_registry_is_asked_for_what_has_an_id(many):
    asked = retry_choice.fetchable(EntityError.objects.filter(kind="transient"))
    ids = {"transient", "seen by this run", "no copy", "source", "dismissed", "closed"}
    assert set(asked.values_list("external_id", flat=True)) == ids


def test_the_record_of_an_error_is_as_it_was_kept():
    when = datetime(2026, 1, 5, tzinfo=UTC)
    ctx = running()
    raw = {"id": "C-1", "name": "Compound C-1"}
    kept = retry_choice.kept_records([refused(ctx, "C-1", source_modified_at=when)], "now")
    assert kept == [SourceRecord("C-1", raw, hash_record(raw, "now"), when, retried=True)]
    bare = retry_choice.kept_records([refused(ctx, "C-2", raw=None)], "now")
    assert (bare[0].raw, bare[0].modified_at) == ({}, None)


def points_at(id_: str, *targets: str) -> dict[str, Any]:
    return {"raw": {"id": id_, "name": f"Compound {id_}", "f0": targets[0], "f1": id_}}


def test_records_that_wait_for_each_other_go_together():
    ctx = running()
    ctx.setup.mapping = mapping_of(LINKED, identity=("f1",))
    for id_, target in (("A", "B"), ("B", "C"), ("C", "A"), ("D", "A"), ("E", "Z"), ("F", "E"),
                        ("G", "Y")):  # fmt: skip
        refused(ctx, id_, "link", target, **points_at(id_, target))
    refused(ctx, "H", "name", "A", **points_at("H", "A"))
    refused(ctx, "I", "link", "A", raw=None)
    refused(ctx, "J", "link", "A", raw={"id": "J"})  # no entity: it has no name
    LedgerEntryFactory(
        lane=ctx.lane,
        external_id="holder",
        entity_registry_id="Y",
        id_key="y",
        entity_hash="written",
    )
    LedgerEntryFactory(lane=ctx.lane, external_id="A", entity_hash="")
    LedgerEntryFactory(lane=ctx.lane, external_id="B", entity_hash="written")
    found = {c.entity.external_id: c for some in joined_circles(ctx) for c in some}
    assert set(found) == {"A", "B", "C", "D"}
    assert {id_: c.is_new for id_, c in found.items()} == {
        "A": True, "B": False, "C": True, "D": True
    }  # fmt: skip
    assert found["A"].identity == "A" and found["A"].record.retried
    ctx.run.only = ["A", "B"]
    assert list(joined_circles(ctx)) == [], "C is not theirs to send"


def test_circles_behind_others_that_cannot_go_are_found_and_stay_together(monkeypatch):
    """However many come before them, and also where one is larger than a list, or than its rest."""
    monkeypatch.setattr(link_circles, "CHUNK", 3)
    ctx = running()
    chains = {f"E-{n}": "Z" for n in range(3)} | {f"F-{n}": f"E-{n}" for n in range(3)}
    large = {f"L-{n}": f"L-{(n + 1) % 5}" for n in range(5)}
    for id_, target in (chains | {"A": "B", "B": "A"} | large | {"C": "D", "D": "C"}).items():
        refused(ctx, id_, "link", target, **points_at(id_, target))
    found = [[c.entity.external_id for c in some] for some in joined_circles(ctx)]
    assert found == [["A", "B"], ["L-0", "L-1", "L-2", "L-3", "L-4"], ["C", "D"]]


def test_what_a_circle_links_to_beside_it_goes_before_it(monkeypatch):
    """A record waits for one of those that it links to, and needs them all."""
    monkeypatch.setattr(link_circles, "CHUNK", 1)
    ctx = running(schema=MANY_LINKS)
    links = {"A": ["B", "C"], "B": ["A"], "C": ["D"], "D": ["C"], "E": ["F", "Z"], "F": ["E"]}
    for id_, targets in links.items():
        raw = {"id": id_, "name": id_, "f0": targets}
        refused(ctx, id_, "link", min(targets), raw=raw)
    found = [[c.entity.external_id for c in some] for some in joined_circles(ctx)]
    assert found == [["C", "D"], ["A", "B"]], "Z is not there"


def test_a_circle_that_is_larger_than_a_batch_waits_with_what_links_to_it():
    """What is behind it in the list of errors, or links to smaller circles, is none the worse."""
    ctx = running(terms=Terms("key", batch_size=3))
    large = {f"L-{n}": f"L-{(n + 1) % 4}" for n in range(4)}
    chain = {f"D-{n}": f"D-{n + 1}" for n in range(4)} | {"D-4": "A"}
    for id_, target in (large | {"E": "L-2", **chain, "A": "B", "B": "A"}).items():
        refused(ctx, id_, "link", target, **points_at(id_, target))
    found = [[c.entity.external_id for c in some] for some in joined_circles(ctx)]
    assert found == [["A", "B", "D-4"], ["D-3", "D-2", "D-1"], ["D-0"]]


@pytest.mark.parametrize(
    ("waits", "found"),
    [
        ({}, []),
        ({"a": "a"}, ["a"]),
        ({"a": "b", "b": "z"}, []),
        ({"c": "a", "a": "b", "b": "a", "d": "c", "e": "f"}, ["c", "a", "b", "d"]),
    ],
)
def test_who_waits_for_one_another_to_no_end(waits, found):
    assert link_circles.circling(waits) == found


def test_which_ids_link_to_one_another_only():
    """As the definition says: what links to anything else is taken away until nothing does."""
    rng = random.Random(7)
    for _ in range(300):
        ids = rng.sample("abcdefgh", rng.randint(0, 8))
        links = {id_: set(rng.sample("abcdefghz", rng.choice([0, 1, 1, 1, 2]))) for id_ in ids}
        kept = dict(links)
        while lost := [id_ for id_, to in kept.items() if not to <= kept.keys()]:
            kept = {id_: to for id_, to in kept.items() if id_ not in lost}
        assert list(link_circles.closed(links).items()) == list(kept.items()), links
    ring = {str(n): {str((n + 1) % 30_000)} for n in range(30_000)}
    assert link_circles.closed(ring) == ring
    assert link_circles.closed(ring | {"0": {"1", "out"}}) == {}, "not one id a round"


def names_in_a_circle(ctx: Any, *, waits_for: str = "name") -> None:
    """Let A and B want each other's names."""
    for id_, other in (("A", "n-b"), ("B", "n-a")):
        LedgerEntryFactory(
            lane=ctx.lane, external_id=id_, entity_registry_id=f"R-{id_}", entity_hash="written",
            name=f"N-{id_}", name_key=f"n-{id_.lower()}", fields={"f1": id_},
        )  # fmt: skip
        refused(ctx, id_, waits_for if id_ == "B" else "name", other)


def test_one_of_a_circle_of_names_stands_aside():
    ctx = running()
    names_in_a_circle(ctx)
    LedgerEntryFactory(external_id="A", entity_hash="written")  # of another lane
    (aside,) = retry_choice.stand_aside(ctx)
    assert (aside.external_id, aside.registry_id) == ("A", "R-A")
    assert aside.name == "N-A (R-A, being renamed)" and aside.fields == {"f1": "A"}
    assert aside.sources == {"name": []}
    ctx.write_access = SimpleRefusal()
    assert retry_choice.stand_aside(ctx) == []


class SimpleRefusal:
    def may_change(self, external_ids: Sequence[str]) -> bool:
        return False


@pytest.mark.parametrize(
    ("values", "stands"),
    [({"only": ["A", "B"]}, False), ({"only": ["A", "B"], "kind": Kind.RETRY}, True),
     ({"only": ["A"], "kind": Kind.RETRY}, False), ({"kind": Kind.RETRY}, True)],
)  # fmt: skip
def test_a_pilot_renames_nothing_for_a_moment(values, stands):
    ctx = running(**values)
    names_in_a_circle(ctx)
    assert bool(retry_choice.stand_aside(ctx)) == stands


def test_who_waits_for_another_thing_is_in_no_circle_of_names():
    ctx = running()
    names_in_a_circle(ctx, waits_for="link")
    assert retry_choice.name_circles(ctx) == []
    EntityError.objects.update(waits_for="name")
    assert retry_choice.name_circles(ctx) == [["A", "B"]]
    EntityError.objects.filter(external_id="B").update(raw=None)
    assert retry_choice.name_circles(ctx) == [], "nothing could be sent for it"
