"""What people change in Benchling after us is reported, restored or left, as the lane says."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from registry_sync.core.problems import SyncError
from registry_sync.jobs.control import cancel_run
from registry_sync.models import Change, Drift, Lane, LedgerEntry, SyncRun
from registry_sync.sync import run_verdict
from tests.support.people import by_hand
from tests.support.registry import compound

Status = SyncRun.Status
FULL = SyncRun.Kind.FULL


@pytest.fixture
def edited(world):
    """Thirty compounds: one edited, one renamed and one archived by people."""
    w = world([compound(n) for n in range(30)])
    w.sync()
    w.tenant.clock.advance(3600)
    by_hand(w, "C-000003", Approval=1900)
    by_hand(w, "C-000004", name="Aspirin")
    by_hand(w, "C-000005", archived="Retired")
    return w


def drift(**filters) -> set[tuple[str, str]]:
    rows = Drift.objects.filter(**filters)
    return set(rows.values_list("external_id", "field"))


@pytest.mark.invariant(13)
def test_drift_is_reported_with_both_values_and_nothing_is_written(edited):
    w, before = edited, edited.written()
    run = w.sync(kind=FULL)
    assert run.status == Status.COMPLETED_WITH_WARNINGS and w.written() == before
    assert (
        "3 entities in Benchling that now differ from the registry (C-000003, "
        in run.warnings[0]["text"]
    )
    assert drift(closed_at=None) == {
        ("C-000003", "Approval"), ("C-000004", "name"), ("C-000005", "archived"),
    }  # fmt: skip
    row = Drift.objects.get(external_id="C-000003")
    assert (row.ours, row.theirs) == (1953, 1900)
    assert row.modified_at.isoformat() == w.tenant.entity("C-000003").modified_at
    w.sync(kind=FULL)
    assert Drift.objects.count() == 3


def test_the_warning_names_an_entity_once(edited):
    by_hand(edited, "C-000003", name="Other")
    (warning,) = edited.sync(kind=FULL).warnings
    assert "(C-000003, C-000004, C-000005)" in warning["text"]


@pytest.mark.invariant(13)
def test_what_people_put_right_closes_by_itself(edited):
    w = edited
    w.sync(kind=FULL)
    by_hand(w, "C-000003", Approval=1953)
    by_hand(w, "C-000004", name="Compound 4")
    by_hand(w, "C-000005", archived=None)
    run = w.sync(kind=FULL)
    assert run.status == Status.SUCCEEDED and not drift(closed_at=None)
    assert set(Drift.objects.values_list("ended", flat=True)) == {"put right"}


@pytest.mark.invariant(13)
def test_restore_writes_the_registrys_values_and_unarchives_nothing(edited):
    w, before = edited, edited.written()
    Lane.objects.update(drift_policy="restore")
    run = w.sync(kind=FULL)
    assert run.updated == w.written() - before == 2
    values = w.values()
    assert values["C-000003"]["Approval"] == 1953 and values["C-000004"]["name"] == "Compound 4"
    assert w.tenant.entity("C-000005").archived == "Retired"
    assert drift(closed_at=None) == {("C-000005", "archived")}
    change = Change.objects.get(external_id="C-000003", created=False)
    assert (change.before, change.after) == (1900, 1953)


@pytest.mark.invariant(13)
@pytest.mark.once
def test_leave_leaves_until_the_source_changes(edited):
    w, before = edited, edited.written()
    Lane.objects.update(drift_policy="leave")
    run = w.sync(kind=FULL)
    assert run.status == Status.SUCCEEDED and w.written() == before
    assert drift(ended="left") == drift() and len(drift()) == 3
    w.registry.edit("C-000003", approval=2001)
    w.sync()
    assert w.values()["C-000003"]["Approval"] == 2001


@pytest.mark.once
@pytest.mark.parametrize("policy", ["report", "restore", "report before"])
def test_drift_that_its_run_overwrites_is_reported_by_that_run_only(edited, policy):
    w = edited
    for id_ in ("C-000004", "C-000005"):
        by_hand(w, id_, name=f"Compound {int(id_[2:])}", archived=None)
    Lane.objects.update(drift_policy=policy.split()[0])
    if before := policy == "report before":
        assert w.sync(kind=FULL).warnings
    w.registry.edit("C-000003", approval=1960)
    with CaptureQueriesContext(connection) as queries:
        run = w.sync(kind=SyncRun.Kind.INCREMENTAL if before else FULL)
    assert w.values()["C-000003"]["Approval"] == 1960 and not drift(closed_at=None)
    assert ("drift" in {warning["code"] for warning in run.warnings}) == (policy == "report")
    assert w.sync().status == Status.SUCCEEDED
    assert not _locked_before_the_ledger(queries.captured_queries)


@pytest.mark.once
@pytest.mark.parametrize("end", [Status.FAILED, Status.CANCELLED])
def test_drift_is_over_that_a_run_overwrote_before_it_ended_early(edited, end, monkeypatch):
    w = edited
    w.registry.edit("C-000003", approval=1960)

    def ends(run, lane):
        assert end == Status.FAILED or cancel_run(run, actor="Ann", reason="Lunch")
        raise SyncError("No", remedy="", kind="transient", code="counts")

    with monkeypatch.context() as patched:
        patched.setattr(run_verdict, "warnings", ends)
        assert w.sync(kind=FULL).status == end
    assert w.values()["C-000003"]["Approval"] == 1960
    assert drift(closed_at=None) == {("C-000004", "name"), ("C-000005", "archived")}


def _locked_before_the_ledger(queries) -> list[str]:
    """Return the transactions that write rows of Drift before rows of LedgerEntry."""
    found, drifted = [], ""
    for sql in (query["sql"] for query in queries):
        if sql.startswith(("BEGIN", "SAVEPOINT", "RELEASE", "COMMIT")):
            drifted = ""
        elif re.search(r'(UPDATE|INTO) "registry_sync_drift"', sql):
            drifted = sql
        elif drifted and re.search(r'(UPDATE|INTO) "registry_sync_ledgerentry"', sql):
            found.append(drifted)
    return found


@pytest.mark.once
def test_an_incremental_run_does_not_look(edited):
    before = edited.tenant.endpoints["GET custom-entities"]
    assert edited.sync().status == Status.SUCCEEDED
    assert edited.tenant.endpoints["GET custom-entities"] == before and not drift()


@pytest.mark.invariant(12)
@pytest.mark.once
def test_withdrawn_records_are_listed_and_nothing_is_archived(world):
    w = world([compound(n) for n in range(30)])
    w.sync()
    w.registry.records = w.registry.records[:-2]
    run = w.sync(kind=FULL)
    assert run.status == Status.COMPLETED_WITH_WARNINGS
    text = run.warnings[0]["text"]
    assert "2 records" in text and "C-000028, C-000029" in text and "Nothing was archived" in text
    assert all(entity.archived is None for entity in w.tenant.entities.values())


@pytest.mark.once
def test_a_value_that_cannot_be_told_stops_nothing_and_is_written_again(world):
    """People linked a compound to an entity that the app cannot see."""
    w = world([compound(0), *(compound(n, parent="C-000000") for n in range(1, 6))], contract="off")
    w.sync()
    w.tenant.clock.advance(3600)
    by_hand(w, "C-000003", Parent="bfi_elsewhere")
    assert w.sync(kind=FULL).status == Status.COMPLETED_WITH_WARNINGS
    assert Drift.objects.get().theirs == "?"
    Lane.objects.update(drift_policy="restore")
    by_hand(w, "C-000003", Approval=1953)
    assert w.sync(kind=FULL).status == Status.SUCCEEDED
    assert w.values()["C-000003"]["Parent"] == "C-000000"
    by_hand(w, "C-000004", Parent="bfi_elsewhere")
    LedgerEntry.objects.all().delete()
    Lane.objects.update(rebuilt_at=None)
    run = w.sync(kind=FULL)
    assert (run.status, run.updated, run.unchanged) == (Status.SUCCEEDED, 1, 5), run.error
    assert w.values()["C-000004"]["Parent"] == "C-000000"


@pytest.mark.invariant(12, 13)
@pytest.mark.once
def test_restore_writes_no_value_of_an_archived_entity(edited):
    w = edited
    by_hand(w, "C-000005", Approval=1900, name="Retired one")
    w.tenant.switches.archived_match = "unarchive"  # a tenant that would write to it
    Lane.objects.update(drift_policy="restore")
    w.sync(kind=FULL)
    entity, held = w.tenant.entity("C-000005"), w.values()["C-000005"]
    assert (entity.archived, held["Approval"], held["name"]) == ("Retired", 1900, "Retired one")
    kept = {("C-000005", "archived"), ("C-000005", "Approval"), ("C-000005", "name")}
    assert drift(closed_at=None) == kept and w.tenant.writes["C-000005"] == 1
    assert not w.open_errors()


@pytest.mark.invariant(13)
@pytest.mark.once
def test_an_edit_is_found_though_benchlings_clock_is_behind(world):
    w = world([compound(n) for n in range(5)])
    w.sync()
    w.sync(kind=FULL)
    w.tenant.clock.advance(-300)
    by_hand(w, "C-000003", Approval=1900)
    w.sync(kind=FULL)
    assert drift(closed_at=None) == {("C-000003", "Approval")}


@pytest.mark.once
def test_records_without_a_value_are_compared_in_as_few_queries_as_others(edited):
    """None of them has a parent, so each has another digest than what Benchling lists."""
    with CaptureQueriesContext(connection) as asked:
        edited.sync(kind=FULL)
    assert len(drift(closed_at=None)) == 3
    alone = 'FROM "registry_sync_ledgerentry" WHERE "registry_sync_ledgerentry"."id" = '
    assert [query["sql"] for query in asked if alone in query["sql"]] == []
