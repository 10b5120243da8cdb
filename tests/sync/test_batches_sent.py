"""In which batches candidates are sent, what may fly together, and what is not sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import timezone

from registry_sync import ledger, runs
from registry_sync.benchling.errors import AnswerLost, Refused, Wait
from registry_sync.benchling.upsert_rows import Flight, UpsertRow
from registry_sync.core.problems import SyncError
from registry_sync.ledger import Outcome, RecordOutcome
from registry_sync.mapping.model import Entity
from registry_sync.models import Batch, SyncRun
from registry_sync.sync.delivery.batch_delivery import BatchDelivery
from registry_sync.sync.gates.claims import NameClaims
from registry_sync.sync.pacing import Terms
from registry_sync.sync.records import Candidate, SourceRecord
from tests.support.contexts import context
from tests.support.factories import BatchFactory, EntityErrorFactory, LedgerEntryFactory
from tests.support.mapping import schema_of

pytestmark = [pytest.mark.once, pytest.mark.django_db]
FIELDS = ({"type": "text"}, {"type": "entity_link", "schemaId": "ts_1"})
SCHEMA, DNA = schema_of(*FIELDS), schema_of(*FIELDS, type="dna_sequence")


def candidate(n: int, *, is_new: bool = True, link: str = "", page: int = 0) -> Candidate:
    fields = {"f1": {"entityRegistryId": link}} if link else {}
    entity = Entity(f"C-{n}", f"R-{n}", f"Compound {n}", fields)
    record = SourceRecord(entity.external_id, {}, "hash", None)
    return Candidate(record, entity, is_new, position={"page": page})


class Books:
    """The log of a delivery and its upserter: what was done, one word after the other."""

    def __init__(self, underway: dict[str, str]) -> None:
        self.underway, self.said = underway, list[str]()
        self.upserter = SimpleNamespace(start=self.start, land=self.land, calls=1)
        self.turns = SimpleNamespace(turn=self.turn)
        self.batch: Batch | None = None
        self.refusals: list[Refused] = []
        self.spent, self.lost = 1, None
        self.waits = set[str]()

    def say(self, word: str, rows: Sequence[UpsertRow]) -> None:
        assert self.batch is not None and {r.external_id for r in rows} <= set(self.batch.packed)
        self.said.append(f"{word} {','.join(row.external_id[2:] for row in rows)}")

    def open(self, batch: Batch) -> None:
        self.batch = batch

    def start(self, rows: Sequence[UpsertRow], **spent: int) -> Flight:
        if "start" in self.waits:
            raise Wait(timezone.now(), "the limit")
        self.say("start", rows)
        return Flight(tuple(rows), "task", 0.0, calls=self.spent, lost=self.lost)

    def land(self, flight: Flight) -> None:
        if flight.rows[0].external_id in self.waits:
            self.said.append("a part")
            raise Wait(timezone.now(), "its task")
        self.say("land", flight.rows)

    def record_landed(self) -> None:
        if self.said and self.said[-1] != "record":
            self.said.append("record")

    def refused(self, row: UpsertRow, refusal: Refused) -> None:
        self.say("refuse", [row])
        self.refusals.append(refusal)

    def hold(self, rows: Sequence[UpsertRow]) -> None:
        if rows:
            self.say("hold", rows)

    @contextmanager
    def turn(self) -> Iterator[None]:
        self.said.append("turn")
        yield


class Unmapped:
    """What is known of values that are not mapped: the entity on trial, and archived ones."""

    def __init__(self, books: Books) -> None:
        self.books, self.chosen, self.archived = books, "", set[str]()
        self.tried: list[list[str]] = []

    def trial(self, bodies: Any) -> str:
        self.tried.append([body["entityRegistryId"] for body in bodies])
        chosen = self.chosen if self.chosen in self.tried[-1] else ""
        self.chosen = "" if chosen else self.chosen
        return chosen

    def fill(self, bodies: Sequence[dict[str, Any]]) -> None:
        for body in bodies:
            body["fields"]["left out"] = {"value": "kept"}

    def conclude(self) -> None:
        self.books.said.append("conclude")


def delivery(*, rows: int = 2, in_flight: int = 1, **values: Any) -> Any:
    """Return a delivery with batches of so many rows, and its books."""
    terms = Terms("key", batch_size=rows, in_flight=in_flight)
    made = BatchDelivery(context(**{"terms": terms, "schema": SCHEMA, **values}), NameClaims())
    made.log = Books(made.underway)  # type: ignore[assignment]
    made.unmapped = Unmapped(made.log)  # type: ignore[arg-type, assignment]
    return made


def sent(made: Any) -> list[str]:
    """Return what was said, without the recordings."""
    return [word for word in made.log.said if word != "record"]


def test_a_batch_is_sent_once_it_is_full_and_the_rest_at_the_end():
    made = delivery()
    made.add([candidate(1, page=1)])
    made.send_full_batches()
    assert sent(made) == [] and made.oldest_position() == {"page": 1}
    made.add([candidate(2, page=2), candidate(3, page=3)])
    made.send_full_batches()
    assert sent(made) == ["start 1,2"] and made.oldest_position() == {"page": 3}
    assert made.underway == {"C-1": "R-1", "C-2": "R-2", "C-3": "R-3"}
    made.add([candidate(4), candidate(5)])
    made.send_full_batches()
    made.flush()
    assert sent(made) == ["start 1,2", "land 1,2", "start 3,4", "land 3,4", "start 5", "land 5"]
    assert made.oldest_position() is None and made.log.said[-1] == "record"
    kept = Batch.objects.order_by("number").values_list("number", "size")
    assert list(kept) == [(1, 2), (2, 2), (3, 1)]
    assert made.log.batch.items()[0]["external_id"] == "C-5"


def test_a_batch_and_its_task_are_traced_by_their_numbers(monkeypatch):
    made, spans = delivery(), []

    @contextmanager
    def span(name: str, **attributes: Any) -> Iterator[None]:
        spans.append((name, attributes))
        yield

    tracing = SimpleNamespace(span=span, here=lambda: "here")
    monkeypatch.setattr("registry_sync.sync.delivery.batch_delivery.tracing", tracing)
    made.add([candidate(1), candidate(2), candidate(3)])
    made.flush()
    assert spans == [
        ("batch", {"batch": 1, "entities": 2}),
        ("task", {"under": "here", "batch": 1, "task": "task"}),
        ("batch", {"batch": 2, "entities": 1}),
        ("task", {"under": "here", "batch": 2, "task": "task"}),
    ]


def test_a_full_batch_does_not_wait_for_one_more():
    made = delivery()
    made.add([candidate(1), candidate(2)])
    made.send_full_batches()
    assert sent(made) == ["start 1,2"]


def test_as_many_fly_as_may_and_the_last_ones_are_shared(monkeypatch):
    made = delivery(in_flight=2, source_total=9, read=3)
    asked = []
    made.size = SimpleNamespace(
        shared=lambda unsent: asked.append(unsent) or 2, rows=2, landed=lambda n, clean: None
    )
    made.add([candidate(n) for n in range(1, 7)])
    made.send_full_batches()
    assert sent(made) == ["start 1,2", "start 3,4", "land 1,2", "start 5,6"]
    assert asked[0] == 6 and made.ctx.run.source_total == 9
    made.flush()
    assert sent(made)[-2:] == ["land 3,4", "land 5,6"]


def test_a_run_that_has_another_holder_sends_nothing():
    made = delivery()
    SyncRun.objects.filter(pk=made.ctx.run.pk).update(fence=99)
    made.add([candidate(1), candidate(2)])
    with pytest.raises(runs.LeaseLost):
        made.send_full_batches()
    assert sent(made) == [] and not Batch.objects.exists()


@pytest.mark.parametrize(
    ("calls", "spent", "lost", "clean"),
    [(1, 1, None, True), (2, 1, None, False), (2, 2, None, False),
     (1, 1, SyncError("?", remedy="!"), False)],
)  # fmt: skip
def test_a_batch_that_passed_at_once_lets_the_next_one_grow(calls, spent, lost, clean):
    made, told = delivery(), []
    made.size.landed = lambda rows, clean: told.append((rows, clean))
    made.log.spent, made.log.lost = spent, lost
    made.add([candidate(1), candidate(2)])
    made.log.upserter.calls = calls
    made.flush()
    assert told == [(2, clean)]


def test_the_first_update_is_sent_alone_and_looked_at():
    made = delivery(rows=3, in_flight=2)
    made.add([candidate(0), candidate(8), candidate(9)])
    made.send_full_batches()
    made.unmapped.chosen = "R-2"
    made.add([candidate(1), candidate(2, is_new=False), candidate(3, is_new=False)])
    made.send_full_batches()
    assert made.unmapped.tried == [["R-2", "R-3"]]
    assert sent(made) == ["start 0,8,9", "land 0,8,9", "start 2", "land 2", "conclude"]
    made.flush()
    assert sent(made)[5:] == ["start 1,3", "land 1,3"]
    assert made.unmapped.tried[1:] == [["R-3"]]


def test_what_points_into_its_own_batch_is_not_sent_alone():
    made = delivery(rows=3)
    made.add([candidate(1), candidate(2, is_new=False, link="R-1"), candidate(3, is_new=False)])
    made.flush()
    assert made.unmapped.tried == [["R-3"]] and sent(made) == ["start 1,2,3", "land 1,2,3"]


@pytest.mark.parametrize("in_flight", [1, 2])
def test_of_types_that_are_updated_by_id_new_ones_go_first_and_have_landed(in_flight):
    made = delivery(schema=DNA, rows=3, in_flight=in_flight)
    for n in (1, 3):
        LedgerEntryFactory(lane=made.ctx.lane, entity_registry_id=f"R-{n}", id_key=f"r-{n}",
                           entity_id=f"seq_{n}", entity_hash="written")  # fmt: skip
    made.add([candidate(1, is_new=False), candidate(2), candidate(3, is_new=False)])
    made.flush()
    assert sent(made) == ["start 2", "land 2", "start 1,3", "land 1,3"]


def test_new_ones_do_not_wait_for_each_other():
    made = delivery(schema=DNA, rows=1, in_flight=2)
    made.add([candidate(1), candidate(2)])
    made.send_full_batches()
    assert sent(made) == ["start 1", "start 2"]


def test_what_a_killed_process_did_not_send_is_sent_first():
    made = delivery(rows=3)
    made.add([candidate(1), candidate(2)])
    lines = "\n".join(pending.text for pending in made._pending)
    BatchFactory(run=made.ctx.run, number=1, lines=lines, size=2)
    made.underway.clear()
    made.unmapped.archived = {"R-1"}
    made.recover()
    assert sent(made) == ["refuse 1", "start 2", "land 2", "conclude"]
    assert made.underway == {"C-1": "R-1", "C-2": "R-2"}


def test_what_is_settled_is_recorded_at_once():
    made = delivery()
    row = LedgerEntryFactory(lane=made.ctx.lane, external_id="C-1", raw_hash="hash")
    view = ledger.views_of(made.ctx.lane, ["C-1"])
    row.delete()
    made.record([RecordOutcome("C-1", "hash", Outcome.UNCHANGED)], view)
    assert made.ctx.run.read == made.ctx.run.unchanged == 1
    assert not made.ctx.lane.ledger.exists(), "the view was believed: it was only seen"
    made.record([], {}, position={"page": 2})
    assert SyncRun.objects.get(pk=made.ctx.run.pk).position == {"page": 2}
    SyncRun.objects.filter(pk=made.ctx.run.pk).update(fence=99)
    made.record([], {})  # nothing to record: the lease is not asked for


def test_known_ones_get_what_they_leave_out_and_new_ones_do_not():
    made = delivery(rows=3)
    packed = [candidate(1), candidate(2, is_new=False)]
    made.add(packed)
    rows = made._rows([pending.text for pending in made._pending])
    assert [row.external_id for row in rows] == ["C-1", "C-2"]
    assert [list(row.body["fields"]) for row in rows] == [[], ["left out"]]


def test_an_archived_entity_is_not_sent():
    """A tenant might unarchive what it is sent."""
    made = delivery(rows=3)
    made.add([candidate(n, is_new=False) for n in (1, 2, 3)])
    made.unmapped.archived = {"R-2"}
    made.flush()
    assert sent(made) == ["refuse 2", "start 1,3", "land 1,3"]
    (said,) = made.log.refusals
    assert (said.status, said.message) == (400, "Entity R-2 is archived.")


def test_what_a_plan_does_not_permit_any_more_is_held():
    made = delivery(rows=3)
    made.ctx.write_access = SimpleNamespace(
        still_allowed=lambda ids: [i for i in ids if i != "C-2"]
    )
    made.add([candidate(n) for n in (1, 2, 3)])
    made.flush()
    assert sent(made) == ["hold 2", "start 1,3", "land 1,3"]
    made.ctx.write_access = SimpleNamespace(still_allowed=lambda ids: [])
    made.add([candidate(4)])
    made.flush()
    assert sent(made)[3:] == ["hold 4"]


def test_where_one_has_to_wait_the_others_are_recorded_first():
    made = delivery(rows=1, in_flight=3)
    made.add([candidate(n) for n in (1, 2, 3)])
    made.send_full_batches()
    made.log.waits = {"C-2"}
    with pytest.raises(Wait):
        made.flush()
    landed = ["land 1", "record", "a part", "record", "land 3", "record"]
    assert made.log.said[-6:] == landed
    made.add([candidate(4)])
    made.log.waits = {"C-4"}
    with pytest.raises(Wait):
        made.flush()
    assert made.log.said[-2:] == ["a part", "record"], "also of the last one"


@pytest.mark.parametrize("in_flight", [1, 3])
def test_at_a_limit_what_flies_lands_first(in_flight):
    made = delivery(rows=1, in_flight=in_flight)
    made.add([candidate(1)])
    made.send_full_batches()
    made.log.waits = {"start"}
    made.add([candidate(2)])
    with pytest.raises(Wait):
        made.send_full_batches()
    assert made.log.said == ["start 1", "record", "land 1", "record"]
    assert Batch.objects.count() == 2, "it is written down: a later slice sends it"


class Benchling:
    """Takes names one by one; `lose` says which answers are lost, after or before they count."""

    def __init__(self, lose: Sequence[str] = ()) -> None:
        self.names: dict[str, str] = {}
        self.bodies: list[dict[str, Any]] = []
        self.lose = list(lose)

    def upsert_one(self, body: dict[str, Any]) -> None:
        self.bodies.append(body)
        if body["name"] == "no":
            raise Refused(400, "Not this one")
        lost = self.lose.pop(0) if self.lose else ""
        if lost != "before":
            self.names[body["entityRegistryId"]] = body["name"]
        if lost:
            raise AnswerLost(SyncError("It is down.", remedy="Wait."))

    def entities_with_ids(self, ids: Sequence[str], *, registry_id: str) -> list[dict[str, Any]]:
        held = {"R-1": "Compound 1", **self.names}
        return [{"entityRegistryId": i, "name": held[i]} for i in ids if registry_id == "src_1"]


def renamed(made: Any, *names: str) -> list[str]:
    """Rename entities; return their names in the ledger."""
    entities = []
    for n, name in enumerate(names, 1):
        entity = replace(candidate(n).entity, name=name)
        LedgerEntryFactory(lane=made.ctx.lane, external_id=f"C-{n}", entity_hash="written",
                           entity_registry_id=f"R-{n}")  # fmt: skip
        EntityErrorFactory(lane=made.ctx.lane, external_id=f"C-{n}", waits_for="name")
        entities.append(entity)
    made.rename(entities)
    rows = made.ctx.lane.ledger.order_by("external_id")
    return list(rows.values_list("name", flat=True))


def test_an_entity_gets_another_name_for_a_moment():
    made = delivery(client=Benchling())
    made.unmapped.archived, noted = {"R-1"}, []
    made.ctx.write_access = SimpleNamespace(
        note_rename=lambda *of: noted.append(of), note_changed=noted.append
    )
    assert renamed(made, "one", "two", "no") == ["Compound C-1", "two", "Compound C-3"]
    assert noted == [("C-2", {"name": "two"}), ["C-2"], ("C-3", {"name": "no"})]
    assert made.ctx.client.names == {"R-2": "two"}, "an archived one is left as it is"
    assert made.ctx.client.bodies[0]["fields"] == {"left out": {"value": "kept"}}
    assert made.unmapped.tried == [["R-1"], ["R-2"], ["R-3"]]
    assert made.ctx.lane.errors.filter(closed_at=None).count() == 3, "they wait for their names"
    assert sent(made) == ["turn", "conclude", "turn", "conclude"]
    assert "R-3 could not be renamed for a moment: Not this one" in made.ctx.run.log.get().text


def test_a_name_whose_answer_was_lost_is_looked_for_and_not_given_again():
    made = delivery(client=Benchling(["after"]))
    assert renamed(made, "one") == ["one"] and len(made.ctx.client.bodies) == 1


def test_a_run_with_another_holder_gives_no_name():
    made = delivery(client=Benchling())
    SyncRun.objects.filter(pk=made.ctx.run.pk).update(fence=99)
    with pytest.raises(runs.LeaseLost):
        renamed(made, "one")
    assert made.ctx.client.bodies == []
