"""The straight line, end to end: a registry and a tenant over HTTP, and what arrives."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from registry_sync import runs
from registry_sync.benchling import bad_rows, bulk_upsert, upsert_rows
from registry_sync.jobs import runner as jobs
from registry_sync.models import Batch, Change, EntityError, LedgerEntry, SyncRun
from sandbox.tenant.state import Fault
from tests.support.patience import skip_object_limit
from tests.support.registry import compound
from tests.support.worlds import forget

Status = SyncRun.Status


def test_everything_arrives_with_the_right_values(world):
    w = world([compound(n) for n in range(1200)])
    run = w.sync()
    assert run.status == Status.SUCCEEDED
    assert (run.read, run.created, run.updated, run.unchanged, run.failed) == (1200, 1200, 0, 0, 0)
    values = w.values()
    assert len(values) == 1200
    assert values["C-000007"] == {
        "name": "Compound 7", "SMILES": "CCCCCCCC", "Kind": "Protein", "Approval": 1957,
        "Parent": None,
    }  # fmt: skip
    assert w.tenant.entity("C-000007").folder_id == w.folder
    assert w.session()["status"] == "SUCCEEDED"
    assert Change.objects.filter(external_id="C-000007", field="Approval").get().after == 1957


@pytest.mark.invariant(2)
def test_nothing_changed_writes_nothing(world):
    w = world([compound(n) for n in range(300)])
    w.sync()
    before = w.written()
    for kind in (SyncRun.Kind.INCREMENTAL, SyncRun.Kind.FULL):
        run = w.sync(kind=kind)
        assert run.status == Status.SUCCEEDED
        assert w.written() == before
    assert run.unchanged == run.read == 300


@pytest.mark.invariant(2)
def test_three_edits_write_three_objects(world):
    w = world([compound(n) for n in range(300)])
    w.sync()
    w.registry.edit("C-000001", approval=2001)
    w.registry.edit("C-000002", name="Renamed")
    w.registry.edit("C-000003", smiles=None)
    before = w.written()
    run = w.sync()
    assert run.kind == SyncRun.Kind.INCREMENTAL
    assert w.written() - before == run.updated == 3
    values = w.values()
    assert values["C-000001"]["Approval"] == 2001
    assert values["C-000002"]["name"] == "Renamed"
    assert values["C-000003"]["SMILES"] is None
    change = Change.objects.get(external_id="C-000001", created=False)
    assert (change.before, change.after, change.field) == (1951, 2001, "Approval")


@pytest.mark.invariant(12)
@pytest.mark.once
def test_a_path_absent_from_a_record_leaves_the_field(world):
    w = world([compound(1)])
    w.sync()
    w.registry.edit("C-000001", name="Other")
    del w.registry.record("C-000001")["smiles"]
    w.sync()
    assert w.values()["C-000001"]["SMILES"] == "CC"
    assert LedgerEntry.objects.get().name == "Other"


def test_a_list_that_was_emptied_is_emptied(world):
    """`tags[*]` of an empty list is no absent path, which would leave the values for ever."""
    tags = [{"name": "Tags", "type": "text", "isMulti": True}]
    records = [compound(n, tags=["a", "b"]) for n in range(3)]
    w = world(records, fields=tags, rows=[("Tags", "tags[*]")])
    w.sync()
    w.registry.edit("C-000001", tags=[])
    w.registry.edit("C-000002", tags=None)
    w.sync()
    held = {registry_id: value["Tags"] for registry_id, value in w.values().items()}
    assert held == {"C-000000": ["a", "b"], "C-000001": [], "C-000002": []}


@pytest.mark.once
def test_ids_that_are_one_to_benchling_are_the_matter_of_the_ids(world):
    ids = ("abc", "ABC", "e\u0301", "\u00e9")
    w = world([compound(n, id=external_id) for n, external_id in enumerate(ids)])
    assert w.sync().created == 2
    error = w.open_errors()["ABC"]
    assert "another id" in error.remedy and "name in the" not in error.remedy
    assert set(w.open_errors()) == {"ABC", "\u00e9"}
    w.registry.edit("abc", approval=1999)
    w.registry.edit("ABC", approval=1998)
    w.sync()
    assert w.values()["abc"]["Approval"] == 1999


@pytest.mark.invariant(3)
def test_names_borne_twice_wait_for_each_other(world):
    records = [compound(n) for n in range(50)]
    for n in range(40, 47):
        records[n]["name"] = f" compound {n - 40} "
    w = world(records)
    run = w.sync()
    assert run.status == Status.COMPLETED_WITH_WARNINGS
    assert (run.created, run.failed, w.written()) == (43, 7, 43)
    errors = w.open_errors()
    assert set(errors) == {f"C-{n:06d}" for n in range(40, 47)}
    assert "C-000041" in errors["C-000041"].message and "C-000001" in errors["C-000041"].message
    again = w.sync(kind=SyncRun.Kind.FULL)
    assert set(w.open_errors()) == set(errors) and w.written() == 43
    assert again.failed == 7
    w.registry.edit("C-000001", name="Given up")
    w.sync()
    assert w.values()["C-000041"]["name"] == "compound 1"
    assert len(w.open_errors()) == 6
    assert w.session()["status"] == "COMPLETED_WITH_WARNINGS"
    said = str(w.session()["messages"])
    assert "6 × name already used in this Benchling registry, for the registry's owner: " in said


@pytest.mark.once
@pytest.mark.parametrize(
    "shape",
    ["list_all", "first_object", "none", "absent", "empty_object", "null", "words"],
)
@pytest.mark.invariant(3)
def test_seven_rows_that_only_the_tenant_refuses(world, shape):
    w = world([compound(n) for n in range(500)], task_errors=shape)
    bad = [3, 4, 120, 250, 251, 333, 499]
    for n in bad:
        w.tenant.refuse[f"C-{n:06d}"] = f"Field 'SMILES': structure {n} cannot be registered."
    run = w.sync()
    assert (run.created, run.failed) == (493, 7)
    errors = w.open_errors()
    assert set(errors) == {f"C-{n:06d}" for n in bad}
    error = errors["C-000120"]
    assert error.field == "SMILES" and "structure 120 cannot be registered" in error.message
    assert "C-000120" in error.remedy and error.value == "C"
    assert w.written() == 493
    assert w.tenant.counters["bulk_calls"] + w.tenant.counters["single_upserts"] <= 160
    for n in bad:
        w.tenant.refuse.clear()
        w.registry.edit(f"C-{n:06d}", smiles="CCO")
    run = w.sync()
    assert run.status == Status.SUCCEEDED
    assert not w.open_errors() and w.written() == 500
    assert EntityError.objects.filter(closed_by_run=run).count() == 7


@pytest.mark.invariant(10)
@pytest.mark.once
def test_no_batch_passes_our_limit_of_bytes(world, monkeypatch):
    monkeypatch.setattr(upsert_rows, "UPSERT_BYTES", 9_000)
    # Five rows of 1.7 KB fit; the last one alone is above the limit, and goes alone.
    records = [compound(n, smiles="C" * (1350 if n < 20 else 9_500)) for n in range(21)]
    w = world(records)
    run = w.sync()
    assert run.status == Status.SUCCEEDED and len(w.values()) == w.written() == 21
    assert list(run.batches.order_by("number").values_list("size", flat=True)) == [5, 5, 5, 5, 1]


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.invariant(3)
def test_what_the_budget_leaves_over_is_set_aside_and_tried_again(world):
    w = world([compound(n) for n in range(500)], task_errors="none")
    for n in range(0, 500, 3):
        w.tenant.refuse[f"C-{n:06d}"] = "The tenant does not like it."
    run = w.sync()
    left = [e for e in w.open_errors().values() if e.code == "set_aside"]
    assert left and all(e.kind == "transient" for e in left)
    assert run.read == 500 == run.created + run.failed
    assert w.tenant.counters["bulk_calls"] + w.tenant.counters["single_upserts"] <= 165
    w.tenant.refuse.clear()
    w.sync(kind=SyncRun.Kind.RETRY)
    assert w.sync().status == Status.SUCCEEDED
    assert len(w.values()) == w.written() == 500


@pytest.mark.once
def test_each_batch_in_flight_has_a_budget_of_its_own(world, settings, monkeypatch):
    settings.BATCH_SIZE, settings.IN_FLIGHT = 60, 2
    monkeypatch.setattr(bad_rows, "BUDGET", 30)  # half of what the first batch would need
    w = world([compound(n) for n in range(120)], task_errors="none", granular_locking=True)
    for n in (*range(0, 60, 2), 90):
        w.tenant.refuse[f"C-{n:06d}"] = "Not this one."
    w.sync()
    codes = {e.external_id: e.code for e in w.open_errors().values()}
    assert "refused" not in {codes.pop(f"C-{n:06d}") for n in range(40, 60, 2)}
    second = {id: code for id, code in codes.items() if id > "C-000059"}
    assert second == {"C-000090": "refused"}


@pytest.mark.invariant(1)
@pytest.mark.once
def test_a_record_edited_while_it_is_read_arrives_by_the_next_run(world):
    w = world([compound(n) for n in range(600)], page_size=100)
    w.registry.on_page = lambda page: (
        w.registry.edit("C-000005", approval=1777) if page == 3 else None
    )
    w.sync()
    w.registry.on_page = lambda page: None
    w.sync()
    assert w.values()["C-000005"]["Approval"] == 1777


@pytest.mark.invariant(3)
def test_links_to_later_rows_and_circles_arrive(world):
    records = [compound(n) for n in range(700)]
    records[0]["parent"] = "C-000699"
    records[699]["parent"] = "C-000350"
    records[10]["parent"] = "C-000690"
    records[690]["parent"] = "C-000010"
    records[20]["parent"] = "C-999999"
    w = world(records)
    run = w.sync()
    values = w.values()
    assert values["C-000000"]["Parent"] == "C-000699"
    assert values["C-000010"]["Parent"] == "C-000690"
    assert values["C-000690"]["Parent"] == "C-000010"
    assert (run.created, run.failed) == (699, 1)
    assert w.open_errors()["C-000020"].waits_key == "C-999999"
    w.registry.records.append(compound(999999, modified_at="2026-02-01T00:00:00Z"))
    w.sync()
    assert w.values()["C-000020"]["Parent"] == "C-999999" and not w.open_errors()


@pytest.mark.invariant(3)
@pytest.mark.once
def test_kinds_that_we_can_know_are_caught_before_sending(world):
    fields = [
        {"name": "SMILES", "type": "long_text", "isRequired": True},
        {"name": "Kind", "type": "dropdown"},
        {"name": "Approval", "type": "integer", "numericMin": 1900, "numericMax": 2100},
    ]
    records = [compound(n) for n in range(10)]
    records[1]["smiles"] = None
    records[2]["kind"] = "Unheard of"
    records[3]["approval"] = "nineteen"
    records[4]["approval"] = 1066
    records[5]["name"] = "  "
    del records[6]["id"]
    records[7]["kind"] = {"a": 1}
    rows = [("SMILES", "smiles"), ("Kind", "kind"), ("Approval", "approval")]
    w = world(records, fields=fields, rows=rows)
    run = w.sync()
    assert (run.created, run.failed, w.tenant.counters["single_upserts"]) == (3, 7, 0)
    codes = {e.external_id: e.code for e in w.open_errors().values()}
    assert codes.pop(next(i for i in codes if i.startswith("(no"))) == "no_id"
    assert codes == {
        "C-000001": "required_missing", "C-000002": "dropdown_option_missing",
        "C-000003": "wrong_type", "C-000004": "out_of_range", "C-000005": "name_missing",
        "C-000007": "wrong_type",
    }  # fmt: skip
    w.tenant.add_option(w.kinds, "Unheard of")
    run = w.sync()
    assert run.full_reason == "the mapping or the Benchling schema has changed"
    assert w.values()["C-000002"]["Kind"] == "Unheard of"


@pytest.mark.invariant(6)
@pytest.mark.once
def test_a_refused_key_is_one_failure_and_no_entity_errors(world):
    w = world([compound(n) for n in range(10)])
    w.registry.token = "another"
    run = w.sync()
    assert run.status == Status.FAILED and "API Key" in run.remedy
    assert not EntityError.objects.exists() and w.written() == 0
    assert len(w.tenant.sessions) == 1 and w.session()["status"] == "FAILED"
    for _ in range(3):
        w.sync()
    assert len(w.tenant.sessions) == 1
    w.registry.token = "key"
    assert w.sync().status == Status.SUCCEEDED


@pytest.mark.invariant(6)
@pytest.mark.once
def test_a_schema_lost_in_the_middle_is_one_failure(world):
    w = world([compound(n) for n in range(900)], page_size=300)
    w.registry.on_page = lambda page: w.tenant.hidden.add(w.schema) if page == 3 else None
    run = w.sync()
    assert run.status == Status.FAILED and run.error_kind == "benchling"
    assert not EntityError.objects.exists()
    w.tenant.hidden.clear()
    w.registry.on_page = lambda page: None
    assert w.sync().kind == SyncRun.Kind.FULL  # the failed run's watermark counts for nothing
    assert len(w.values()) == 900


@pytest.mark.invariant(6)
@pytest.mark.once
def test_a_schema_archived_after_another_failed_batch_is_one_failure(world, settings):
    settings.BATCH_SIZE = 100
    w = world([compound(n) for n in range(600)], page_size=100)
    w.tenant.refuse["C-000005"] = "Not this one."
    schema = w.tenant.schemas[w.schema]
    w.registry.on_page = lambda page: (
        schema.update(archiveRecord={"reason": "Retired"})
        if page == 5
        else None  # two pages ahead of the third
    )
    run = w.sync()
    assert run.status == Status.FAILED and "archived" in run.error
    assert set(w.open_errors()) == {"C-000005"}
    w.registry.on_page = lambda page: None
    schema.update(archiveRecord=None)
    w.sync()
    assert len(w.values()) == 599 and set(w.open_errors()) == {"C-000005"}


@pytest.mark.once
def test_a_revoked_token_is_renewed(world):
    w = world([compound(n) for n in range(900)], page_size=300)
    w.registry.on_page = lambda page: w.tenant.revoke_tokens()
    assert w.sync().status == Status.SUCCEEDED
    assert len(w.values()) == 900


@pytest.mark.once
@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("kind", ["drop", "apply_then_drop", "status", "html"])
@pytest.mark.invariant(1, 2)
def test_the_tenant_faltering_loses_and_doubles_nothing(world, kind):
    w = world([compound(n) for n in range(600)])
    for match in ("POST .*bulk-upsert", "GET .*tasks", "POST .*app-sessions"):
        w.tenant.faults.append(Fault(match, kind, times=1, status=502))
    run = w.sync()
    assert run.status == Status.SUCCEEDED, run.error
    assert len(w.values()) == 600
    assert w.sync(kind=SyncRun.Kind.FULL).updated == 0


def test_a_forgotten_task_is_sent_again(world):
    w = world([compound(n) for n in range(100)])
    w.tenant.faults.append(Fault("GET .*tasks", "status", status=404, body={
        "error": {"type": "invalid_request_error", "message": "Gone", "userMessage": "Gone",
                  "invalidId": "x"}}))  # fmt: skip
    assert w.sync().status == Status.SUCCEEDED
    assert len(w.values()) == 100


@pytest.mark.once
def test_another_registration_in_progress_is_waited_for(world, monkeypatch):
    from registry_sync.sync.pacing import Pacer

    waited = []

    def pause(self, seconds, reason=""):
        waited.append(reason)
        if reason and "other" in w.tenant.tasks:
            w.tenant.tasks["other"]["ready"] = 0.0
        time.sleep(min(seconds, 0.2))

    monkeypatch.setattr(Pacer, "pause", pause)
    w = world([compound(n) for n in range(100)], task_base=0.3)
    registry = w.benchling_registry
    w.tenant.tasks["other"] = {
        "status": "RUNNING", "registry": registry, "rows": [], "app": "x", "locked": False,
        "ready": w.tenant.clock.now() + 600,
    }  # fmt: skip
    assert w.sync().status == Status.SUCCEEDED
    assert "another registration in Benchling" in waited
    assert len(w.values()) == 100


@pytest.mark.invariant(8)
def test_dry_run_writes_nothing_and_foretells_the_run(world):
    records = [compound(n) for n in range(60)]
    records[50]["name"] = "Compound 3"
    records[51]["approval"] = "x"
    w = world(records)
    found = {}

    class Listener:
        def progress(self, run):
            pass

        def finding(self, external_id, outcome, details):
            found[external_id] = (outcome, list(details))

    dry = w.sync(kind=SyncRun.Kind.DRY_RUN, listener=Listener())
    assert w.written() == 0 and not w.tenant.sessions
    assert not EntityError.objects.exists() and not LedgerEntry.objects.exists()
    assert found["C-000050"][0] == "refused" and "C-000003" in found["C-000050"][1][0]
    assert found["C-000001"] == ("created", found["C-000001"][1])
    assert "Approval: – → 1951" in found["C-000001"][1]
    run = w.sync()
    assert (dry.read, dry.created, dry.failed) == (run.read, run.created, run.failed) == (60, 58, 2)


@pytest.mark.invariant(8)
@pytest.mark.once
def test_a_dry_run_sees_names_that_others_hold_in_benchling(world):
    from sandbox.tenant.entities import add_by_hand

    w = world([compound(n) for n in range(5)])
    other = w.tenant.add_schema("Other", w.benchling_registry, fields=[])
    add_by_hand(w.tenant, {"entityRegistryId": "X1", "name": "Compound 2", "schemaId": other,
                           "registryId": w.benchling_registry})  # fmt: skip
    dry = w.sync(kind=SyncRun.Kind.DRY_RUN)
    assert (dry.created, dry.failed) == (4, 1)
    run = w.sync()
    assert (run.created, run.failed) == (4, 1)
    assert w.open_errors()["C-000002"].code == "name_taken"


@pytest.mark.invariant(7)
def test_the_database_lost_without_open_errors_goes_on_from_app_status(world):
    w = world([compound(n) for n in range(300)])
    first = w.sync()
    forget()
    w.registry.edit("C-000009", approval=1888)
    before = w.written()
    run = w.sync()
    assert run.kind == SyncRun.Kind.INCREMENTAL and run.since <= first.watermark
    assert w.written() - before == 1 and w.values()["C-000009"]["Approval"] == 1888


@pytest.mark.invariant(7)
def test_the_database_lost_with_open_errors_reads_everything(world):
    records = [compound(n) for n in range(300)]
    records[200]["name"] = "Compound 1"
    w = world(records)
    w.sync()
    forget()
    before = w.written()
    run = w.sync()
    assert run.kind == SyncRun.Kind.FULL and "refused" in run.full_reason
    assert w.written() == before and set(w.open_errors()) == {"C-000200"}


@pytest.mark.invariant(1)
@pytest.mark.once
def test_the_newest_record_missing_makes_the_run_full(world):
    w = world([compound(n) for n in range(300)])
    w.sync()
    w.registry.records = [r for r in w.registry.records if r["id"] != "C-000299"]
    run = w.sync()
    assert run.kind == SyncRun.Kind.FULL and "C-000299" in run.full_reason
    assert run.read == 299 and run.status == Status.COMPLETED_WITH_WARNINGS
    assert "C-000299" in run.warnings[0]["text"]
    assert w.sync().kind == SyncRun.Kind.INCREMENTAL


@pytest.mark.invariant(5)
@pytest.mark.once
def test_an_ignored_filter_is_said(world):
    w = world([compound(n) for n in range(300)])
    w.sync()
    w.registry.ignores_filter = True
    run = w.sync()
    assert run.status == Status.COMPLETED_WITH_WARNINGS and run.read == run.unchanged == 300
    assert run.kind == SyncRun.Kind.FULL and "older than asked" in run.full_reason
    assert "older than asked" in run.warnings[0]["text"]
    w.registry.ignores_filter = False
    assert w.sync().status == Status.SUCCEEDED


@pytest.mark.invariant(1)
@pytest.mark.once
def test_a_registry_restored_from_a_backup_is_read_whole(world):
    w = world([compound(n) for n in range(300)])
    w.sync()
    w.registry.edit("C-000001", approval=2001)
    w.sync()
    w.registry.records = [compound(n) for n in range(300)]
    run = w.sync()
    assert run.kind == SyncRun.Kind.FULL and "C-000001" in run.full_reason
    assert w.values()["C-000001"]["Approval"] == 1951 and run.status == Status.SUCCEEDED
    w.registry.edit("C-000001", approval=2002)
    assert w.sync().kind == SyncRun.Kind.INCREMENTAL
    assert w.values()["C-000001"]["Approval"] == 2002


@pytest.mark.invariant(1)
@pytest.mark.once
def test_a_clock_that_went_back_makes_the_run_full(world):
    w = world([compound(n) for n in range(30)])
    w.sync()
    w.registry.date = datetime.now(UTC) - timedelta(hours=2)
    run = w.sync()
    assert run.kind == SyncRun.Kind.FULL and "clock went back" in run.full_reason
    assert run.status == Status.SUCCEEDED


@pytest.mark.invariant(5)
@pytest.mark.once
def test_a_key_that_sees_less_withdraws_nothing(world):
    w = world([compound(n) for n in range(300)])
    w.sync()
    w.registry.records = w.registry.records[:200]
    run = w.sync()
    assert run.kind == SyncRun.Kind.FULL and len(w.values()) == 300


@pytest.mark.invariant(5)
@pytest.mark.once
def test_an_empty_full_read_is_not_green(world):
    w = world([compound(n) for n in range(10)])
    w.sync()
    w.registry.records = []
    run = w.sync(kind=SyncRun.Kind.FULL)
    assert run.status == Status.FAILED and len(w.values()) == 10


def test_only_and_since_leave_the_watermark(world):
    w = world([compound(n) for n in range(30)])
    w.sync(only=["C-000003", "C-000004", "nobody"])
    assert set(w.values()) == {"C-000003", "C-000004"}
    run = w.sync()
    assert run.kind == SyncRun.Kind.FULL and run.created == 28 and run.unchanged == 2


@pytest.mark.invariant(11)
@pytest.mark.once
def test_an_entity_made_by_hand_is_left_alone(world):
    from sandbox.tenant.entities import add_by_hand

    w = world([compound(n) for n in range(5)])
    add_by_hand(w.tenant, {"entityRegistryId": "C-000003", "name": "By hand",
                           "schemaId": w.schema, "registryId": w.benchling_registry})  # fmt: skip
    run = w.sync()
    assert (run.created, run.failed) == (4, 1)
    assert w.tenant.entity("C-000003").name == "By hand"
    assert w.open_errors()["C-000003"].code == "not_ours"


@pytest.mark.once
def test_the_request_limit_is_paced_and_loses_nothing(world):
    w = world([compound(n) for n in range(800)], rate_limit=6, rate_window=1.0)
    w.sync()
    assert len(w.values()) == 800 and w.tenant.counters["rate_429"] <= 1


@pytest.mark.once
def test_the_object_limit_is_waited_for(world, monkeypatch):
    w = world([compound(n) for n in range(600)], objects_per_hour=1000, object_burst=500)
    skip_object_limit(monkeypatch, w, seconds=200)
    run = w.sync()
    assert run.status == Status.SUCCEEDED and len(w.values()) == 600
    assert w.tenant.counters["throughput_429"] >= 1


def test_our_own_cap_is_kept_and_the_wait_is_told(world, settings):
    settings.OBJECTS_PER_HOUR, settings.BATCH_SIZE = 250, 100
    w = world([compound(n) for n in range(600)])
    run, _ = runs.request_run(kind=SyncRun.Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    for written in (200, 400):
        assert jobs.work_slice(run.pk) is jobs.SliceEnd.WAITING
        run.refresh_from_db()
        assert w.written() == run.created == written
        assert timedelta(minutes=59) < run.waiting_until - timezone.now() < timedelta(minutes=61)
        told = w.session()["messages"][0]["content"]
        assert "this app's own limit of 250 objects per hour" in told and "next try at" in told
        assert run.waiting_code == "own_limit" and run.waiting_for in told
        assert runs.waiting_sentence(run) in told
        Batch.objects.filter(sent_at__isnull=False).update(
            sent_at=timezone.now() - timedelta(hours=1)
        )
    assert jobs.work_slice(run.pk) is jobs.SliceEnd.DONE
    run.refresh_from_db()
    assert (run.status, run.created, w.written()) == (Status.SUCCEEDED, 600, 600)
    assert (run.waiting_until, run.waiting_code, run.waiting_for) == (None, "", "")


@pytest.mark.once
def test_a_task_that_does_not_end_holds_no_process_for_ever(world, monkeypatch):
    monkeypatch.setattr(bulk_upsert, "PATIENCE", 0.5)
    w = world([compound(n) for n in range(30)], task_base=3600)
    run, _ = runs.request_run(kind=SyncRun.Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    for _ in range(2):
        assert jobs.work_slice(run.pk) is jobs.SliceEnd.WAITING
        assert "a task that Benchling has not finished" in w.session()["messages"][0]["content"]
        assert w.written() == 0 and w.tenant.counters["bulk_calls"] == 1
    w.tenant.clock.advance(3601)
    assert jobs.work_slice(run.pk) is jobs.SliceEnd.DONE
    run.refresh_from_db()
    assert (run.status, run.created, w.written()) == (Status.SUCCEEDED, 30, 30)


@pytest.mark.once
def test_session_messages_keep_every_limit(world):
    records = [compound(n) for n in range(40)]
    for n in range(20, 40):
        records[n]["name"] = f"Compound {n - 20}" + "y" * 300 if n % 2 else f"Compound {n - 20}"
        records[n]["approval"] = {"brace": "{}"} if n % 3 else "x" * 500
    w = world(records)
    w.sync()
    messages = w.session()["messages"]
    assert len(messages) <= 10 and all(3 <= len(m["content"]) <= 200 for m in messages)
    assert messages[-1]["content"].startswith("State: lane ")


@pytest.mark.once
def test_app_status_down_never_fails_the_run(world):
    w = world([compound(n) for n in range(20)])
    w.tenant.faults.append(Fault("app-sessions", "status", times=1000, status=400))
    assert w.sync().status == Status.SUCCEEDED
    assert len(w.values()) == 20
