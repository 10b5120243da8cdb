"""What the records of a page come to: unchanged, refused, to be sent, or looked at later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from registry_sync.core.problems import Problem
from registry_sync.ledger import hash_record
from registry_sync.source.scope import Scope, ScopeCondition
from registry_sync.sync.compare import compare
from registry_sync.sync.records import Compared, SourceRecord
from tests.support.contexts import SCHEMA, context, in_ledger
from tests.support.factories import EntityErrorFactory, MergeFactory, PinFactory
from tests.support.mapping import mapping_of, schema_of

pytestmark = [pytest.mark.once, pytest.mark.django_db]
NOON = datetime(2025, 1, 6, 12, tzinfo=UTC)
EARLIER, LATER = NOON - timedelta(hours=1), NOON + timedelta(hours=1)


def record(id_: str = "C-1", value: str = "a", when: Any = NOON, **more: Any) -> SourceRecord:
    raw = {"id": id_, "name": f"Compound {id_}", "f0": value}
    return SourceRecord(id_, raw, hash_record(raw, ""), when, **more)


def problem(code: str) -> Problem:
    return Problem(kind="source", code=code, message="It is wrong.", remedy="Correct it.")


def page(ctx: Any, *records: SourceRecord, underway: tuple[str, ...] = (), **how: Any) -> Compared:
    return compare(ctx, records, underway=underway, **how)


def settled(out: Compared) -> dict[str, str]:
    """Return what was settled by external id: the outcome, or the code of what is wrong."""
    ids = [*out.same, *(one.external_id for one in out.settled)]
    assert len(ids) == len(set(ids))
    return dict.fromkeys(out.same, "unchanged") | {
        one.external_id: one.problems[0].code if one.problems else str(one.outcome)
        for one in out.settled
    }


def sent(out: Compared) -> dict[str, bool]:
    """Return what is to be sent by external id: whether it is new."""
    return {c.entity.external_id: c.is_new for c in out.candidates}


def test_what_is_as_it_was_is_unchanged_and_the_rest_goes():
    ctx = context()
    in_ledger(ctx, record("C-1"))
    in_ledger(ctx, record("C-2"))
    in_ledger(ctx, record("C-4"), entity_hash="", raw_hash="other")
    out = page(ctx, record("C-1"), record("C-2", "b"), record("C-3"), record("C-4"))
    assert settled(out) == {"C-1": "unchanged"}
    assert out.same == {"C-1": ctx.lane.ledger.get(external_id="C-1").pk}
    assert sent(out) == {"C-2": False, "C-3": True, "C-4": True}
    assert out.candidates[0].entity.fields == {"f0": "b"}
    assert (out.repeated, out.came_again, out.later) == (0, [], [])


def test_a_page_that_is_as_it_was_asks_the_ledger_alone(django_assert_num_queries):
    """So are most pages of a full read."""
    ctx = context()
    some = [record(f"C-{number}") for number in range(3)]
    for one in some:
        in_ledger(ctx, one)
    with django_assert_num_queries(1):
        out = page(ctx, *some)
    assert list(out.same) == ["C-0", "C-1", "C-2"] and settled(out).keys() == out.same.keys()


@pytest.mark.parametrize("many", [False, True])
def test_another_record_with_the_same_values_is_unchanged(many):
    """Of several records on a page, and where one of them is on it twice."""
    ctx = context()
    in_ledger(ctx, record(), raw_hash="before the mapping changed")
    in_ledger(ctx, record("C-2"))
    out = page(ctx, record(), record("C-2"), *[record("C-2")] * many)
    assert settled(out) == {"C-1": "unchanged", "C-2": "unchanged"} and sent(out) == {}
    assert out.repeated == many


def test_what_is_on_its_way_is_looked_at_after_it():
    ctx = context()
    in_ledger(ctx, record("C-1"))
    some = [record("C-1"), record("C-2"), record("C-3")]
    out = page(ctx, *some, underway=("C-1", "C-2"))
    assert out.later == some[:2] and sent(out) == {"C-3": True} and settled(out) == {}
    assert out.repeated == 2


def test_with_force_what_is_refused_is_tried_again():
    ctx = context()
    in_ledger(ctx, record(), outcome="failed", entity_hash="")
    EntityErrorFactory(lane=ctx.lane, external_id="C-1")
    assert settled(page(ctx, record())) == {"C-1": "failed"}
    assert sent(page(ctx, record(), force=True)) == {"C-1": True}


@pytest.mark.parametrize(
    ("code", "reads_all", "tried"),
    [(None, False, True), ("refused", True, False), ("id_twice", False, False),
     ("id_twice", True, True)],
)  # fmt: skip
def test_a_refusal_that_nothing_explains_is_looked_at_again(code, reads_all, tried):
    """Only a reading of everything shows that an id is no longer shared."""
    ctx = context(reads_all=reads_all)
    in_ledger(ctx, record(), outcome="failed", entity_hash="")
    if code:
        EntityErrorFactory(lane=ctx.lane, external_id="C-1", code=code)
    out = page(ctx, record())
    assert (sent(out), settled(out)) == (({"C-1": True}, {}) if tried else ({}, {"C-1": "failed"}))
    ctx.lane.ledger.update(seen_run_id=ctx.run.pk)
    assert sent(page(ctx, record())) == {}, "once a run"


def test_what_comes_again_as_it_was_counts_once():
    ctx = context()
    for id_ in ("C-1", "C-2"):
        in_ledger(ctx, record(id_), earlier=False)
    some = [record("C-1"), record("C-2")]
    out = page(ctx, *some, record("C-3"))
    assert (settled(out), sent(out), out.repeated) == ({}, {"C-3": True}, 2)
    assert out.came_again == [(some[0], False), (some[1], False)]


def test_copies_on_one_page_count_once():
    out = page(context(), *[record("C-1")] * 3, record("C-2"), record("C-2"))
    assert (sent(out), settled(out), out.repeated) == ({"C-1": True, "C-2": True}, {}, 3)


@pytest.mark.parametrize("second", [LATER, EARLIER, None])
def test_twins_on_one_page_are_refused_by_the_newer_form(second):
    ctx = context()
    in_ledger(ctx, record("C-2"))
    twins = [record(), record(value="b", when=second)]
    out = page(ctx, twins[0], record("C-2"), twins[1])
    assert settled(out) == {"C-1": "id_twice", "C-2": "unchanged"} and sent(out) == {}
    told = next(one for one in out.settled if one.external_id == "C-1")
    newer = twins[second == LATER]
    assert (told.raw_hash, told.modified_at) == (newer.raw_hash, newer.modified_at)
    assert "neither was written" in told.problems[0].message and out.repeated == 1


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [(NOON, LATER, "newer"), (NOON, EARLIER, "older"), (NOON, NOON, "twin"),
     (NOON, None, "unknown"), (None, None, "twin, again"), (None, LATER, "newer")],
)  # fmt: skip
def test_another_form_in_the_same_reading(before, now, expected):
    """The newer one counts; where no time tells them apart, they are two records of one id."""
    ctx = context()
    in_ledger(ctx, record(when=before), earlier=False)
    again = record(value="b", when=now)
    out = page(ctx, again)
    assert sent(out) == ({"C-1": False} if expected == "newer" else {})
    twins = {"C-1": "id_twice"} if "twin" in expected else {}
    assert settled(out) == twins and out.repeated == (expected != "newer")
    moved = {"newer": [(again, True)], "older": [(again, False)], "twin": []}
    assert out.came_again == moved.get(expected, [(again, True)])
    twice = page(ctx, again, again)
    assert settled(twice) == twins, "of many copies, one error"


@pytest.mark.parametrize(
    ("before", "now", "counts"),
    [(NOON, LATER, True), (NOON, EARLIER, False), (NOON, NOON, True), (NOON, None, True),
     (None, NOON, True)],
)  # fmt: skip
def test_another_form_in_the_next_reading_counts_unless_it_is_older(before, now, counts):
    """A form without a time may have been edited between two readings of the list."""
    ctx = context(reading={"number": 2})
    in_ledger(ctx, record(when=before), earlier=False, seen_reading=1)
    out = page(ctx, record(value="b", when=now))
    assert (sent(out), settled(out), out.came_again) == ({"C-1": False} if counts else {}, {}, [])


def test_what_an_earlier_reading_saw_is_seen_again():
    ctx = context(reading={"number": 2})
    in_ledger(ctx, record(), earlier=False, seen_reading=1)
    out = page(ctx, record())
    assert (settled(out), out.repeated, out.came_again) == ({"C-1": "unchanged"}, 0, [])


def test_a_kept_record_is_no_sign_that_the_list_moved():
    ctx = context()
    in_ledger(ctx, record(), earlier=False)
    assert page(ctx, record(value="b", when=EARLIER, retried=True)).came_again == []
    assert sent(page(ctx, record(value="b", when=EARLIER, retried=True))) == {"C-1": False}


def test_a_record_that_could_not_be_read_in_full_comes_again_as_others_do():
    ctx = context()
    for id_ in ("C-1", "(no usable id 1)"):
        in_ledger(ctx, record(id_), earlier=False, raw_hash="", outcome="failed")
    partly = record()._replace(raw_hash="", problem=problem("no_detail"))
    unnamed = record("(no usable id 1)")._replace(problem=problem("no_id"))
    out = page(ctx, partly, unnamed)
    assert settled(out) == {"C-1": "no_detail", "(no usable id 1)": "no_id"}
    assert out.came_again == [(partly, False)], "what has no id may be on several pages"


@pytest.mark.parametrize(
    ("code", "value", "expected"),
    [("no_id", "b", "unchanged"), ("unusable_id", "b", "unchanged"), ("no_id", "a", "no_id"),
     ("no_detail", "b", "no_detail"), (None, "b", "unchanged")],
)  # fmt: skip
def test_nobody_needs_the_id_of_a_record_outside_the_scope(code, value, expected):
    ctx = context(mapping_of(SCHEMA, scope=Scope((ScopeCondition("f0", "is", "a"),))))
    known = in_ledger(ctx, record(), raw_hash="before")
    faulty = record(value=value, problem=problem(code) if code else None)
    out = page(ctx, faulty)
    assert settled(out) == {"C-1": expected} and sent(out) == {}
    left = expected == "unchanged"
    assert (out.settled[0].how == "scope") == left == ("C-1" in out.departures)
    known.delete()
    assert page(ctx, faulty).departures == {}, "it was never in Benchling"


def test_another_substance_under_a_known_id_is_refused():
    ctx = context(mapping_of(SCHEMA, identity=("f0",)))
    in_ledger(ctx, record("C-1"))
    in_ledger(ctx, record("C-2"), identity="")
    out = page(ctx, record("C-1", "b"), record("C-2", "b"))
    assert settled(out) == {"C-1": "another_substance"} and sent(out) == {"C-2": False}
    assert out.candidates[0].identity == "b"


def test_a_record_that_fits_no_field_is_refused_with_its_raw_form():
    ctx = context()
    bad = record(value={"not": "text"})  # type: ignore[arg-type]
    out = page(ctx, bad)
    assert settled(out) == {"C-1": "wrong_type"} and out.settled[0].raw == bad.raw


def with_path(id_: str, path: str, **more: Any) -> SourceRecord:
    """Return a record of two paths that has one of them."""
    raw = {"id": id_, "name": f"Compound {id_}", path: "a", **more}
    return record(id_)._replace(raw=raw, raw_hash=path)


def test_a_path_that_a_known_record_no_longer_has_is_told_and_clears_nothing():
    ctx = context(mapping_of(schema_of({"type": "text"}, {"type": "text"})))
    for id_ in ("C-1", "C-2"):
        in_ledger(ctx, with_path(id_, "f0", f1="a"))
    out = page(ctx, with_path("C-2", "f1", deleted=True), with_path("C-3", "f1"))
    assert out.marked == ["C-2"] and [w["code"] for w in ctx.run.warnings] == ["marked_deleted"]
    assert settled(out) == {"C-2": "unchanged"} and sent(out) == {"C-3": True}
    out = page(ctx, with_path("C-1", "f1"))
    assert settled(out) == {"C-1": "unchanged"} and sent(out) == {}
    assert ctx.run.warnings[1]["code"] == "path_vanished:f0"
    assert "is now missing from C-1;" in ctx.run.warnings[1]["text"]


def test_values_that_are_fitted_to_their_fields_are_counted():
    out = page(context(), record("C-1", 5), record("C-2", 7), record("C-3"))  # type: ignore[arg-type]
    assert out.coerced == 2 and out.candidates[0].entity.fields == {"f0": "5"}


def test_what_a_pin_or_a_merge_decided_stands():
    ctx = context()
    in_ledger(ctx, record("C-1", "theirs"))
    for id_ in ("C-2", "C-3"):
        in_ledger(ctx, record(id_))
    pin = PinFactory(lane=ctx.lane, external_id="C-1", field_id="f0", theirs="theirs", source="a")
    MergeFactory(lane=ctx.lane, external_id="C-2")
    MergeFactory(lane=ctx.lane, external_id="C-3", state="followed")
    out = page(ctx, record("C-1"), record("C-2", "b"), record("C-3", "b"))
    assert settled(out) == {"C-1": "unchanged", "C-2": "merged_away", "C-3": "unchanged"}
    out = page(ctx, record("C-1", "b"))
    pin.refresh_from_db()
    assert pin.ended == "changed" and out.candidates[0].entity.fields == {"f0": "b"}


def test_the_page_of_a_candidate_goes_with_it():
    out = page(context(), record(), position={"page": 2})
    assert (out.candidates[0].position, out.candidates[0].record) == ({"page": 2}, record())
