"""What recording leaves of each outcome: the ledger's row, the run's counts, and the change."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from registry_sync import ledger, runs
from registry_sync.core.problems import Problem
from registry_sync.ledger import COUNTS, Outcome, RecordOutcome
from registry_sync.ledger.record_outcome import CHUNK, in_chunks
from registry_sync.ledger.recording import reread_linking, to_reread
from registry_sync.mapping.model import Entity
from registry_sync.models import ChainLink, Change, EntityError, LedgerEntry, Substance, SyncRun
from tests.support.contexts import columns_of, context
from tests.support.factories import DriftFactory, EntityErrorFactory, LedgerEntryFactory

pytestmark = [pytest.mark.once, pytest.mark.django_db]
NOON = datetime(2025, 1, 6, 12, tzinfo=UTC)
PROBLEM = Problem("source", "refused", "It is wrong.", "Correct it.")


def entity(id_: str = "C-1", value: Any = "a", **more: Any) -> Entity:
    return Entity(id_, f"R-{id_}", f"Compound {id_}", {"f0": value, **more})


def row(ctx: Any, id_: str = "C-1", **values: Any) -> LedgerEntry:
    """Enter a record that an earlier run wrote."""
    kept = {"raw_hash": "same", "outcome": "created", "seen_run_id": ctx.run.pk - 1,
            "identity": "x", "modified_at": NOON, **columns_of(entity(id_))}  # fmt: skip
    return LedgerEntryFactory(lane=ctx.lane, external_id=id_, **{**kept, **values})


def outcome(what: str, id_: str = "C-1", **values: Any) -> RecordOutcome:
    return RecordOutcome(id_, **{"raw_hash": "same", "outcome": Outcome(what), **values})


def record(ctx: Any, *outcomes: RecordOutcome, **how: Any) -> None:
    ledger.record(ctx.run, ctx.lease, outcomes, **how)


def counts(ctx: Any) -> dict[str, int]:
    """Return the run's counts that are not 0, as its row has them."""
    kept = SyncRun.objects.get(pk=ctx.run.pk)
    assert all(getattr(kept, name) == getattr(ctx.run, name) for name in COUNTS)
    return {name: n for name in COUNTS if (n := getattr(kept, name))}


def seen(ctx: Any) -> dict[str, tuple[str, bool, int]]:
    """Return by external id the last outcome, whether this run saw it, and in which reading."""
    rows = ctx.lane.ledger.order_by("external_id")
    return {e.external_id: (e.outcome, e.seen_run_id == ctx.run.pk, e.seen_reading) for e in rows}


def test_what_is_as_it_was_is_only_seen():
    ctx = context(reading={"number": 2})
    for id_ in ("C-1", "C-2", "C-3"):
        row(ctx, id_)
    other = LedgerEntryFactory(external_id="C-1", raw_hash="same", outcome="created")
    record(ctx, outcome("unchanged"), outcome("unchanged", "C-2", retried=True), position={"n": 1})
    assert counts(ctx) == {"read": 2, "unchanged": 2, "retried": 1}
    assert seen(ctx) == {
        "C-1": ("unchanged", True, 2), "C-2": ("unchanged", True, 2), "C-3": ("created", False, 1)
    }  # fmt: skip
    other.refresh_from_db()
    assert (other.outcome, other.seen_run_id) == ("created", None)
    assert not Change.objects.exists() and not ChainLink.objects.exists()
    record(ctx, outcome("unchanged", "C-3"))
    assert counts(ctx) == {"read": 3, "unchanged": 3, "retried": 1}
    assert ctx.run.position == SyncRun.objects.get(pk=ctx.run.pk).position == {"n": 1}


def test_rows_that_are_as_the_ledger_has_them_are_only_seen():
    ctx = context(reading={"number": 2})
    rows = [row(ctx, id_) for id_ in ("C-1", "C-2", "C-3")]
    same = [rows[0].pk, rows[2].pk]
    record(ctx, outcome("unchanged", "C-2", retried=True), same=same, position={"n": 1})
    assert counts(ctx) == {"read": 3, "unchanged": 3, "retried": 1}
    assert set(seen(ctx).values()) == {("unchanged", True, 2)}
    assert ctx.run.position == {"n": 1} and not Change.objects.exists()


def test_one_that_comes_again_is_counted_once_under_its_last_outcome():
    ctx = context()
    row(ctx)
    for _ in range(2):
        record(ctx, outcome("unchanged"))
    assert counts(ctx) == {"read": 1, "unchanged": 1}
    record(ctx, outcome("updated", raw_hash="b", entity=entity(value="b")))
    assert counts(ctx) == {"read": 1, "updated": 1}
    record(ctx, outcome("unchanged", raw_hash="b"))
    assert counts(ctx) == {"read": 1, "updated": 1} and seen(ctx)["C-1"][0] == "updated"
    record(ctx, outcome("failed", raw_hash="c", problems=(PROBLEM,), raw={}))
    assert counts(ctx) == {"read": 1, "failed": 1} and seen(ctx)["C-1"][0] == "failed"
    record(ctx, outcome("unchanged", raw_hash="c"))
    assert counts(ctx) == {"read": 1, "unchanged": 1} and seen(ctx)["C-1"][0] == "unchanged"


def test_what_a_run_made_and_changed_it_made():
    ctx = context()
    record(ctx, outcome("created", entity=entity(), entity_id="bfi_1", retried=True))
    record(ctx, outcome("updated", raw_hash="b", entity=entity(value="b")))
    assert counts(ctx) == {"read": 1, "created": 1, "retried": 1}
    kept = ctx.lane.ledger.get()
    assert (kept.outcome, kept.fields, kept.entity_id) == ("created", {"f0": "b"}, "bfi_1")
    values = Change.objects.filter(field_id="f0").order_by("pk").values_list("before", "after")
    assert list(values) == [(None, "a"), ("a", "b")]
    first, second = ChainLink.objects.order_by("pk")
    assert (first.created, first.updated, second.created, second.updated) == (1, 0, 0, 0)
    assert first.digest != second.digest and second.rows == 1


def test_many_outcomes_of_every_kind_are_recorded_together():
    ctx = context()
    row(ctx, "C-1")
    row(ctx, "C-2", raw_hash="before")
    row(ctx, "C-3", outcome="failed", entity_hash="")
    over = EntityErrorFactory(lane=ctx.lane, external_id="C-3")
    removed: list[str] = []
    record(
        ctx,
        outcome("unchanged", "C-1"),
        outcome("unchanged", "C-2", identity="y"),
        outcome("unchanged", "C-3"),
        outcome("failed", "C-4", problems=(PROBLEM,), raw={"id": "C-4"}, retried=True),
        outcome("created", "C-5", entity=entity("C-5"), identity="z", retried=True),
        batch=SimpleNamespace(remove=removed.extend),
    )
    assert removed == [f"C-{n}" for n in range(1, 6)]
    assert counts(ctx) == {"read": 5, "unchanged": 3, "failed": 1, "created": 1, "retried": 2}
    assert {id_: one[:2] for id_, one in seen(ctx).items()} == {
        "C-1": ("unchanged", True), "C-2": ("unchanged", True), "C-3": ("unchanged", True),
        "C-4": ("failed", True), "C-5": ("created", True),
    }  # fmt: skip
    over.refresh_from_db()
    assert over.closed_by_run == ctx.run
    error = EntityError.objects.get(closed_at=None)
    assert (error.external_id, error.code, error.raw) == ("C-4", "refused", {"id": "C-4"})
    known = ctx.lane.ledger.get(external_id="C-2")
    assert (known.raw_hash, known.identity, known.name) == ("same", "y", "Compound C-2")
    made = ctx.lane.ledger.get(external_id="C-5")
    assert (made.identity, made.written_run_id, made.name_key) == ("z", ctx.run.pk, "compound c-5")
    assert Change.objects.filter(external_id="C-5", created=True).exists()


def test_a_record_that_was_never_in_benchling_is_made():
    ctx = context()
    row(ctx, entity_hash="", outcome="failed", fields={"f9": "old"})
    LedgerEntryFactory(external_id="C-1", entity_hash="written", fields={"f8": "theirs"})
    record(ctx, outcome("created", raw_hash="b", entity=entity(), entity_id="bfi_1"))
    assert set(Change.objects.values_list("created", flat=True)) == {True}
    assert ctx.lane.ledger.get().fields == {"f0": "a"}


def test_one_that_is_as_it_was_may_be_refused_all_the_same():
    ctx = context()
    row(ctx)
    record(ctx, outcome("failed", problems=(PROBLEM,), raw={}))
    assert counts(ctx) == {"read": 1, "failed": 1} and seen(ctx)["C-1"] == ("failed", True, 1)


def test_what_this_run_took_in_is_read_for_the_first_time():
    ctx = context()
    row(ctx, outcome="", raw_hash="", seen_run_id=ctx.run.pk)
    record(ctx, outcome("unchanged"))
    assert counts(ctx) == {"read": 1, "unchanged": 1}


def test_a_view_that_was_read_before_is_believed():
    ctx = context()
    row(ctx)
    before = ledger.views_of(ctx.lane, ["C-1"])
    LedgerEntry.objects.update(raw_hash="another")
    record(ctx, outcome("unchanged"), before=before)
    assert counts(ctx) == {"read": 1, "unchanged": 1}
    assert ctx.lane.ledger.get().raw_hash == "another", "it was only seen"


def test_a_run_with_another_holder_records_nothing():
    ctx = context()
    SyncRun.objects.filter(pk=ctx.run.pk).update(fence=99)
    with pytest.raises(runs.LeaseLost):
        record(ctx, outcome("created", entity=entity()))
    with pytest.raises(runs.LeaseLost):
        ledger.import_entity(ctx.run, ctx.lease, entity(), entity_id="bfi_1")
    row(ctx, "C-2", seen_run_id=ctx.run.pk)
    with pytest.raises(runs.LeaseLost):
        ledger.forget_hashes(ctx.run, ctx.lease)
    assert list(ctx.lane.ledger.values_list("external_id", "raw_hash")) == [("C-2", "same")]


def test_what_a_run_saw_under_another_mapping_is_compared_again():
    ctx = context()
    row(ctx, "C-1", seen_run_id=ctx.run.pk)
    row(ctx, "C-2")
    LedgerEntryFactory(external_id="C-3", raw_hash="same", seen_run_id=ctx.run.pk)
    ledger.forget_hashes(ctx.run, ctx.lease)
    hashes = LedgerEntry.objects.order_by("external_id").values_list("raw_hash", flat=True)
    assert list(hashes) == ["", "same", "same"]


def test_a_temporary_name_leaves_the_error_and_what_is_known_of_the_record():
    ctx = context()
    LedgerEntryFactory(external_id="C-1")
    row(ctx)
    row(ctx, "C-2")
    aside = replace(entity(), name="Compound C-1, being renamed")
    renamed = ledger.temporary_name_outcome(ctx.lane, aside)
    expected = outcome("failed", entity=aside, modified_at=NOON, identity="x")
    assert renamed == expected and not renamed.problems


def test_a_hash_is_of_the_record_and_its_mapping_in_any_order_of_the_keys():
    """Numbers beyond 64 bits take another way to the same promises."""
    for big in (1, 2**70, [2**70, "\ud800"]):
        one, other = {"a": big, "b": {"c": 1, "d": 2}}, {"b": {"d": 2, "c": 1}, "a": big}
        found = ledger.hash_record(one, "m")
        assert found == ledger.hash_record(other, "m") and len(found) == 32
        assert found not in (ledger.hash_record(one, "n"), ledger.hash_record({"a": big}, "m"))


def test_chunks_have_every_item_once():
    some = list(range(2 * CHUNK + 1))
    parts = list(in_chunks(some))
    assert [n for part in parts for n in part] == some
    assert [len(part) for part in parts] == [CHUNK, CHUNK, 1]
    assert list(in_chunks([])) == []


MOLECULE = {"structure": {"original": "CCO"}}


def test_an_entity_of_benchlings_is_taken_in_as_if_it_had_been_written():
    ctx = context()
    LedgerEntryFactory(external_id="C-1")
    row(ctx, entity_hash="", name="Old", entity_id="")
    ledger.import_entity(ctx.run, ctx.lease, entity(**MOLECULE), entity_id="bfi_7")
    kept = ctx.lane.ledger.get()
    assert (kept.entity_id, kept.name, kept.raw_hash) == ("bfi_7", "Compound C-1", "same")
    assert kept.entity_hash == entity(**MOLECULE).digest() and counts(ctx) == {}
    assert Substance.objects.get().external_id == "C-1" and not Change.objects.exists()


def test_what_is_found_in_benchling_replaces_nothing_that_was_written():
    ctx = context()
    row(ctx, "C-1", entity_id="bfi_1")
    row(ctx, "C-2", entity_hash="", entity_id="")
    LedgerEntryFactory(external_id="C-3", entity_hash="written")  # of another lane
    found = []
    for n, id_ in enumerate(("C-1", "C-2", "C-3"), 7):
        found.append(LedgerEntry(lane=ctx.lane, external_id=id_, entity_id=f"bfi_{n}"))
        ledger.describe_entity(found[-1], entity(id_, "theirs", **MOLECULE))
    ledger.import_found(ctx.lane, found)
    kept = ctx.lane.ledger.order_by("external_id").values_list("entity_id", "fields__f0")
    assert list(kept) == [("bfi_1", "a"), ("bfi_8", "theirs"), ("bfi_9", "theirs")]
    held = Substance.objects.order_by("external_id").values_list("external_id", flat=True)
    assert list(held) == ["C-2", "C-3"]
    ledger.import_found(ctx.lane, [])


def test_links_to_a_merged_entity_lead_to_the_one_that_is_left():
    ctx = context()
    link, other = {"entityRegistryId": "OLD"}, {"entityRegistryId": "OTHER"}
    row(ctx, "C-1", fields={"f0": link, "f1": "a"})
    row(ctx, "C-2", fields={"f0": other})
    row(ctx, "C-3", fields={"f0": link}, entity_hash="")
    LedgerEntryFactory(external_id="C-4", fields={"f0": link}, entity_hash="written")
    long_ago = NOON
    theirs = {"lane": ctx.lane, "field_id": "f0", "theirs": {"entityRegistryId": "NEW"}}
    drifts = [
        DriftFactory(external_id="C-1", **theirs),
        DriftFactory(external_id="C-2", **theirs),
        DriftFactory(external_id="C-1", **{**theirs, "field_id": "f1", "theirs": "b"}),
        DriftFactory(external_id="C-1", **theirs, closed_at=long_ago),
        DriftFactory(external_id="C-1", lane=ctx.lane),  # of its name
    ]
    ledger.redirect_ledger_links(ctx.lane, "OLD", "NEW")
    rows = LedgerEntry.objects.order_by("external_id").values_list("fields__f0", flat=True)
    assert list(rows) == [{"entityRegistryId": "NEW"}, other, link, link]
    led = ctx.lane.ledger.get(external_id="C-1")
    assert led.entity_hash == Entity("C-1", "R-C-1", "Compound C-1", led.fields).digest()
    for drift in drifts:
        drift.refresh_from_db()
    assert [drift.closed_at is None for drift in drifts] == [False, True, True, False, True]
    assert drifts[0].ended == "put right" and drifts[3].closed_at == long_ago


def test_what_links_to_an_entity_is_read_again():
    ctx = context()
    link, other = {"entityRegistryId": "OLD"}, {"entityRegistryId": "OTHER"}
    row(ctx, "C-1", fields={"f0": link})
    row(ctx, "C-2", fields={"f0": other})
    row(ctx, "C-3", fields={"f0": link}, entity_hash="")
    LedgerEntryFactory(external_id="C-4", fields={"f0": link}, entity_hash="x", raw_hash="same")
    reread_linking(ctx.lane, "OLD")
    hashes = LedgerEntry.objects.order_by("external_id").values_list("raw_hash", flat=True)
    assert list(hashes) == ["", "same", "same", "same"]
    row(ctx, "C-5", fields={"f0": link}, raw_hash="", gone_run_id=1)
    row(ctx, "C-6", fields={"f0": other}, raw_hash="")
    assert to_reread(ctx.lane, ["OLD", "ELSEWHERE"]) == ["C-1"]
    assert to_reread(ctx.lane, ["OLD", "OTHER"]) == ["C-1", "C-6"]
