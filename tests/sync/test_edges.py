"""The edges of the line, where a reviewer found it wrong: each failed before it was put right."""

from __future__ import annotations

import json
import time
from datetime import timedelta

import httpx
import pytest
from django.utils import timezone

from registry_sync import runs
from registry_sync.benchling import client as benchling
from registry_sync.jobs import runner as jobs
from registry_sync.jobs.reconciler import reconcile
from registry_sync.models import Batch, EntityError, LedgerEntry, SyncRun
from registry_sync.sync.clients import client_of_settings, source_of
from registry_sync.sync.listener import Nobody
from sandbox.tenant.entities import add_by_hand
from sandbox.tenant.state import Fault
from tests.support.odd import Reply
from tests.support.people import hand
from tests.support.registry import compound
from tests.support.worlds import INCREMENTAL, forget

Status, Kind = SyncRun.Status, SyncRun.Kind


def test_a_retry_sends_no_record_without_id(world):
    records = [compound(n) for n in range(5)]
    del records[2]["id"]
    w = world(records)
    w.sync()
    assert len(w.values()) == 4
    w.sync(kind=Kind.RETRY)
    assert len(w.values()) == 4, [k for k in w.values() if not k.startswith("C-")]


def test_a_retry_sends_none_of_two_twins(world):
    records = [compound(n) for n in range(5)]
    records.append(compound(2, name="Twin", smiles="N"))
    w = world(records)
    w.sync()
    assert "C-000002" not in w.values()
    w.sync(kind=Kind.RETRY)
    assert "C-000002" not in w.values()


def test_a_rebuild_that_broke_off_is_begun_again(world, monkeypatch):
    w = world([compound(n) for n in range(150)])
    w.sync()
    w.registry.records += [compound(200)]
    hand(w, "C-000200", "By hand")
    forget()
    # page 2 of the listing is refused: the run fails in the middle of the rebuild
    from registry_sync.benchling.client import Client, Refused

    whole = Client.entities

    def half(self, **more):
        yield next(whole(self, **more))
        raise Refused(400, "Invalid nextToken")

    monkeypatch.setattr(Client, "entities", half)
    run = w.sync()
    monkeypatch.undo()
    assert run.status == Status.FAILED and LedgerEntry.objects.count() == 100
    before = w.written()
    run = w.sync()
    assert w.tenant.entity("C-000200").name == "By hand"
    assert w.written() == before


def test_what_was_made_by_hand_after_the_first_run_stays(world):
    w = world([compound(n) for n in range(5)])
    w.sync()
    hand(w, "C-000007", "By hand")
    w.registry.records.append(compound(7, modified_at="2026-03-01T00:00:00Z"))
    w.sync()
    assert w.tenant.entity("C-000007").name == "By hand"


@pytest.mark.parametrize("kind", [Kind.FULL, Kind.INCREMENTAL])
def test_a_refusal_for_want_of_permission_is_tried_again(world, kind):
    w = world([compound(n) for n in range(20)], config={"Connector Settings": None})
    w.tenant.refuse["C-000003"] = "You do not have permission to do this."
    w.sync()
    assert w.open_errors()["C-000003"].waits_for == "permission"
    w.tenant.refuse.clear()
    for _ in range(3):
        w.sync(kind=kind)
    assert not w.open_errors()


def test_the_error_of_a_record_that_got_its_id_closes(world):
    records = [compound(n) for n in range(5)]
    del records[2]["id"]
    w = world(records)
    w.sync()
    records[2]["id"] = "C-000002"
    run = w.sync(kind=Kind.FULL)
    assert len(w.values()) == 5
    assert not w.open_errors() and run.status == Status.SUCCEEDED


def test_a_withdrawn_record_is_not_created_later(world):
    records = [compound(n) for n in range(5)]
    records[4]["name"] = "Compound 1"
    w = world(records)
    w.sync()
    w.registry.records.pop(4)
    w.registry.edit("C-000001", name="Other")
    w.sync(kind=Kind.FULL)
    assert "C-000004" not in w.values(), "created though the registry no longer has it"


def test_the_error_of_a_withdrawn_record_closes(world):
    records = [compound(n) for n in range(5)]
    records[4]["approval"] = "x"
    w = world(records)
    w.sync()
    w.registry.records.pop(4)
    run = w.sync(kind=Kind.FULL)
    assert not w.open_errors() and run.status == Status.SUCCEEDED


def test_a_dry_run_keeps_the_lease(world, settings):
    settings.LEASE_SECONDS = 1
    w = world([compound(n) for n in range(600)], page_size=100)
    seen = []

    def slow(page):
        time.sleep(0.5)
        run = SyncRun.objects.get()
        seen.append((run.lease_until - timezone.now()).total_seconds())

    w.registry.on_page = slow
    w.sync(kind=Kind.DRY_RUN)
    assert min(seen) > 0, seen


def test_a_pilot_keeps_the_lease(world, settings):
    settings.LEASE_SECONDS = 1
    w = world([compound(n) for n in range(600)], page_size=100)
    seen = []

    def slow(page):
        time.sleep(0.5)
        run = SyncRun.objects.get()
        seen.append((run.lease_until - timezone.now()).total_seconds())

    w.registry.on_page = slow
    w.sync(only=["C-000599"])
    assert min(seen) > 0, seen


def test_short_pauses_renew_the_lease(world, monkeypatch):
    world([compound(n) for n in range(2)])
    from registry_sync.sync import pipeline as module

    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(module.time, "sleep", lambda s: now.__setitem__(0, now[0] + s))
    run, _ = runs.request(kind=Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    lease = runs.claim(run.pk)
    run.refresh_from_db()
    line = module.Line(
        run,
        lease,
        client_of_settings(),
        source_of,
        jobs.terms_of_settings(),
        Nobody(),
    )
    renewed = []
    monkeypatch.setattr(module.runs, "renew", lambda lease: renewed.append(now[0]))
    for _ in range(40):  # a task that takes 200 s is polled each 5 s
        line.pause(5.0, "")
    monkeypatch.undo()
    assert renewed, f"{now[0]} s of waiting without one renewal of a lease of 80 s"


def test_a_silent_benchling_fails_the_run_in_the_end(world, settings, monkeypatch):
    from registry_sync.benchling.client import Client

    settings.SLICE_SECONDS = 0.3  # 60 in earnest, as is the timeout
    world([compound(n) for n in range(2)])

    def silent(self, method, url, body):
        time.sleep(0.35)
        raise httpx.ReadTimeout("timed out")

    monkeypatch.setattr(Client, "_send", silent)
    monkeypatch.setattr(benchling.random, "uniform", lambda a, b: 0.01)
    run, _ = runs.request(kind=Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    ends = []
    for _ in range(12):
        ends.append(jobs.work_slice(run.pk))
        if ends[-1] is jobs.End.DONE:
            break
    run.refresh_from_db()
    assert run.status == Status.FAILED, (ends, run.status)


@pytest.mark.parametrize("field", ["name", "smiles", "id", "kind"])
def test_a_lone_surrogate_is_one_error(world, field):
    records = [compound(n) for n in range(5)]
    records[2][field] = "A\ud800B"
    w = world(records)
    run = w.sync()
    assert run.status != Status.FAILED, run.error
    assert run.created >= 4


def test_a_dry_run_foretells_links_to_earlier_and_later_pages(world):
    records = [compound(n) for n in range(300)]
    records[250]["parent"] = "C-000001"  # an earlier page
    records[2]["parent"] = "C-000290"  # a later page
    w = world(records)
    dry = w.sync(kind=Kind.DRY_RUN)
    run = w.sync()
    assert (dry.created, dry.failed) == (run.created, run.failed)


def test_a_dry_run_foretells_names_given_up(world):
    w = world([compound(n) for n in range(10)])
    w.sync()
    w.registry.edit("C-000001", name="New")
    w.registry.edit("C-000002", name="Compound 1")
    dry = w.sync(kind=Kind.DRY_RUN)
    run = w.sync()
    assert (dry.updated, dry.failed) == (run.updated, run.failed)


def test_a_name_given_up_by_an_entity_of_others(world):
    w = world([compound(0), compound(1)])
    w.sync()
    other = w.tenant.add_schema("Other", w.benchling_registry, fields=[])
    entity = add_by_hand(
        w.tenant,
        {
            "entityRegistryId": "X1",
            "name": "Compound 2",
            "schemaId": other,
            "registryId": w.benchling_registry,
        },
    )
    for n in (2, 3, 4):
        w.registry.records.append(compound(n))
        w.registry.edit(f"C-{n:06d}")
    w.sync()
    assert w.open_errors()["C-000002"].code == "not_unique"
    add_by_hand(
        w.tenant,
        {
            "entityRegistryId": "X1",
            "name": "Free",
            "schemaId": other,
            "registryId": w.benchling_registry,
        },
    )
    assert entity.name == "Free"
    w.sync(kind=Kind.FULL)
    w.sync()
    assert not w.open_errors()


def test_an_entity_of_ours_is_unarchived_after_a_rebuild(world):
    w = world([compound(n) for n in range(5)])
    w.sync()
    entity = w.tenant.entity("C-000002")
    entity.archived = "Made in error"
    forget()
    w.sync(kind=Kind.FULL)
    assert w.open_errors()["C-000002"].code == "archived"
    entity.archived = None  # the remedy: a Benchling admin unarchives it
    w.sync(kind=Kind.FULL)
    w.sync(kind=Kind.RETRY)
    assert not w.open_errors(), w.open_errors()["C-000002"].remedy


def test_a_known_entity_is_unarchived(world):
    w = world([compound(n) for n in range(5)])
    w.sync()
    entity = w.tenant.entity("C-000002")
    entity.archived = "Made in error"
    w.registry.edit("C-000002", approval=2000)
    w.sync()
    assert w.open_errors()["C-000002"].code == "archived"
    entity.archived = None
    w.sync()
    w.sync(kind=Kind.FULL)
    assert not w.open_errors()


def test_twins_on_two_pages_are_not_written_by_turns(world):
    records = [compound(n) for n in range(300)]
    records.append({**compound(2), "name": "Twin", "smiles": "N"})
    w = world(records)
    w.sync()
    before = w.written()
    w.sync(kind=Kind.FULL)
    w.sync(kind=Kind.FULL)
    assert w.written() == before


def test_without_a_cursor_the_watermark_is_when_it_was_asked(world):
    settings_ = {
        "endpoint": {"params": {"since": "{incremental.start_value}"}, "incremental": {"lag": 0}}
    }
    w = world([compound(n) for n in range(5)], config={"Connector Settings": settings_})
    first = w.sync()
    time.sleep(1.1)
    second = w.sync()
    assert second.kind == Kind.INCREMENTAL
    assert second.watermark > first.watermark


def test_two_names_are_swapped(world):
    w = world([compound(n) for n in range(5)])
    w.sync()
    w.registry.edit("C-000001", name="Compound 2")
    w.registry.edit("C-000002", name="Compound 1")
    w.sync()
    w.sync(kind=Kind.FULL)
    w.sync(kind=Kind.RETRY)
    assert not w.open_errors()


def test_a_circle_leaves_an_existing_entity_in_its_folder(world):
    w = world([compound(n) for n in range(5)])
    w.sync()
    elsewhere = w.tenant.add_folder("Elsewhere")
    w.tenant.entity("C-000003").folder_id = elsewhere
    later = "2026-03-01T00:00:00Z"
    # far apart, so that page and batch do not bring them together
    w.registry.records += [compound(1000, parent="C-001400", modified_at=later)]
    w.registry.records += [compound(1000 + n, modified_at=later) for n in range(1, 400)]
    w.registry.records += [compound(1400, parent="C-001000", modified_at=later)]
    w.registry.edit("C-000003", parent="C-001000")
    w.sync()
    assert not w.open_errors()
    assert w.values()["C-000003"]["Parent"] == "C-001000"
    assert w.tenant.entity("C-000003").folder_id == elsewhere


def test_a_pilot_taken_over_is_not_taken_for_the_sync(world):
    from django.core.management import call_command

    w = world([compound(n) for n in range(5)])
    runs.request(kind=Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE, only=["C-000001"])
    with pytest.raises(SystemExit):
        call_command("sync_registry")
    assert len(w.values()) == 5


def test_another_filter_reads_everything(world):
    def terms(q):
        return {
            "endpoint": {
                "params": {"since": "{incremental.start_value}", "type": q},
                "incremental": {"cursor_path": "modified_at", "lag": 0},
            }
        }

    w = world([compound(n) for n in range(5)], config={"Connector Settings": terms("approved")})
    w.sync()
    w.registry.records.insert(0, compound(0, id="OLD", name="Old"))  # seen with the other filter
    w.configure(**{"Connector Settings": terms("all")})
    w.sync()
    assert "OLD" in w.values()


def test_forward_links_over_the_end_of_a_batch_cost_no_isolation(world, settings):
    settings.BATCH_SIZE = 50
    records = [compound(n) for n in range(200)]
    for n in range(0, 150):
        records[n]["parent"] = f"C-{n + 50:06d}"
    w = world(records, task_errors="none")
    w.sync()
    calls = w.tenant.counters["bulk_calls"] + w.tenant.counters["single_upserts"]
    assert calls <= 20, calls


def test_a_short_read_is_known_without_the_database(world):
    w = world([compound(n) for n in range(300)])
    w.registry.on_page = lambda page: (
        w.registry.records.pop(0) if page == 1 and len(w.registry.records) == 300 else None
    )
    run = w.sync()
    assert any(x["code"] == "short_read" for x in run.warnings)
    missed = {r["id"] for r in w.registry.records} - set(w.values())
    assert missed
    forget()
    run = w.sync()
    assert not ({r["id"] for r in w.registry.records} - set(w.values())), run.kind


def test_a_stale_holder_does_not_repeat_its_post(world, monkeypatch):
    """Two read timeouts of 60 s outlast the lease of 80 s; the third POST is a stale holder's."""
    from registry_sync.benchling.client import Client

    w = world([compound(n) for n in range(20)])
    real, posts = Client._send, []

    def slow(self, method, url, body):
        if "bulk-upsert" in url:
            posts.append(url)
            if len(posts) == 1:  # meanwhile the lease runs out, and another holder takes over
                SyncRun.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
                assert runs.claim(SyncRun.objects.get().pk)
                raise httpx.ReadTimeout("timed out")
        return real(self, method, url, body)

    monkeypatch.setattr(Client, "_send", slow)
    run, _ = runs.request(kind=Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    assert jobs.work_slice(run.pk) is jobs.End.BUSY
    assert len(posts) == 1 and w.written() == 0, (posts, w.written())


@pytest.mark.parametrize("refused", [False, True], ids=["a batch", "a row"])
def test_a_holder_taken_over_while_it_waits_for_a_task_sends_no_more(
    world, settings, monkeypatch, refused
):
    from registry_sync.benchling.client import Client

    settings.BATCH_SIZE = 100
    w = world([compound(n) for n in range(5)])
    w.sync()
    w.registry.records += [compound(n) for n in range(100, 400)]
    if refused:
        w.tenant.refuse["C-000150"] = "Not this one."
    look = Client.task

    def task(self, task_id):
        w.settle()
        answer = look(self, task_id)
        SyncRun.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
        assert runs.claim(run.pk)
        return answer

    monkeypatch.setattr(Client, "task", task)
    run, _ = runs.request(kind=Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    before = w.tenant.counters["bulk_calls"]
    assert jobs.work_slice(run.pk) is jobs.End.BUSY
    counters = w.tenant.counters
    assert (counters["bulk_calls"] - before, counters["single_upserts"]) == (1, 0)


def test_ten_nameless_new_records_stop_nobody_else(world):
    w = world([compound(n) for n in range(30)])
    w.sync()
    later = "2026-03-01T00:00:00Z"
    w.registry.records += [compound(100 + n, name=None, modified_at=later) for n in range(10)]
    w.registry.records[29]["modified_at"] = "2026-02-01T00:00:00Z"
    w.registry.records = [r for r in w.registry.records if r["id"] != "C-000029"]
    w.registry.records.append(compound(29, smiles="N", modified_at="2026-02-01T00:00:00Z"))
    run = w.sync()
    assert run.status != Status.FAILED, run.error


def test_a_first_page_of_nameless_new_records_stops_nobody_else(world):
    w = world([compound(n) for n in range(30)], page_size=10)
    w.sync()
    later = "2026-03-01T00:00:00Z"
    w.registry.records[0:0] = [compound(100 + n, name=None, modified_at=later) for n in range(10)]
    w.registry.edit("C-000005", smiles="N")
    run = w.sync()
    assert run.status != Status.FAILED, run.error
    assert w.values()["C-000005"]["SMILES"] == "N"


def test_an_id_too_long_with_its_template_is_one_error(world):
    records = [compound(n) for n in range(5)]
    records[2]["id"] = "X" * 254
    conn = {
        "endpoint": {
            "params": {"since": "{incremental.start_value}"},
            "incremental": {"cursor_path": "modified_at", "lag": 0},
        },
        "registry_id_template": "CDD-{id}",
    }
    w = world(records, config={"Connector Settings": conn})
    run = w.sync()
    assert run.status != Status.FAILED, run.error
    assert run.created >= 4


def test_a_number_that_no_float_holds_stops_nobody_else(world, serve):
    """As infinity it would be no JSON, which no database takes: the run would break off."""
    huge = json.dumps([compound(n) for n in range(3)]).replace("1951", "1e400")
    odd = serve(lambda asked: Reply(huge.encode()))
    w = world([])
    w.configure(**{"API URL": odd.url, "Connector Settings": None})
    run = w.sync()
    assert (run.created, run.failed) == (2, 1), run.error
    error = w.open_errors()["C-000001"]
    assert error.code == "out_of_range" and "“1e400” is larger" in error.message


@pytest.mark.parametrize(
    ("terms", "times"),
    [
        ({"granularity": "day", "timezone": "Europe/Berlin"}, "2026-01-0{}"),
        ({"granularity": "day", "timezone": "America/New_York"}, "2026-01-0{}"),
        ({"datetime_format": "%Y-%m-%d"}, "2026-01-05 0{}:00:00"),
        ({"timezone": "Europe/Berlin"}, "2025-10-26T02:0{}:00"),
    ],
)
def test_what_the_text_of_since_asks_for_is_not_older_than_asked(world, serve, terms, times):
    """A day, or the hour before one that comes twice, brings more than the time itself."""
    records = [compound(n, modified_at=times.format(n)) for n in range(1, 10)]

    def answer(asked):
        return [r for r in records if r["modified_at"] >= asked.query.get("since", "")]

    w = world([])
    terms = {"cursor_path": "modified_at", "lag": 0, **terms}
    settings = {"params": {"since": "{incremental.start_value}"}, "incremental": terms}
    w.configure(**{"API URL": serve(answer).url, "Connector Settings": {"endpoint": settings}})
    w.sync()
    run = w.sync()
    assert (run.kind, run.status) == (Kind.INCREMENTAL, Status.SUCCEEDED), run.full_reason


def test_a_nul_in_a_refused_value_is_stored(world):
    records = [compound(n) for n in range(5)]
    records[2]["name"] = "A\x00B"
    records[3]["approval"] = "1\x009"
    w = world(records)
    run = w.sync()
    assert run.status != Status.FAILED, run.error
    assert run.failed == 2


def test_waiting_does_not_count_repeats(world, settings):
    settings.OBJECTS_PER_HOUR, settings.BATCH_SIZE = 250, 100
    w = world([compound(n) for n in range(600)], page_size=30)
    run, _ = runs.request(kind=Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    while jobs.work_slice(run.pk) is jobs.End.WAITING:
        Batch.objects.filter(sent_at__isnull=False).update(
            sent_at=timezone.now() - timedelta(hours=1)
        )
    run.refresh_from_db()
    assert (run.read, run.created, w.written(), run.repeated) == (600, 600, 600, 0)


def test_slices_count_no_repeats(world, settings):
    settings.SLICE_SECONDS = 0
    w = world([compound(n) for n in range(1200)], page_size=100)
    run = w.sync()
    assert (run.read, run.created, w.written(), run.repeated) == (1200, 1200, 1200, 0)


def test_the_counts_begin_anew_with_another_lane(world, settings):
    settings.SLICE_SECONDS = 0
    w = world([compound(n) for n in range(600)], page_size=100)
    there = w.tenant.add_registry("Second")
    other = w.tenant.add_schema(
        "Second", there, prefix="SEC", fields=[{"name": "SMILES", "type": "long_text"}]
    )

    def change(page):
        if page == 3:
            w.configure(
                **{
                    "Schema to Sync": other,
                    "Registry": there,
                    "Field Configurations": [("SMILES", "smiles")],
                }
            )

    w.registry.on_page = change
    run = w.sync()
    second = [e for e in w.tenant.entities.values() if e.schema_id == other]
    assert len(second) == 600 and run.status in SyncRun.GOOD
    assert run.read == 600, (run.read, run.created, run.warnings)


def test_a_crash_after_the_task_landed_rewrites_nothing(world, monkeypatch):
    from registry_sync.sync.delivery import delivery

    w = world([compound(n) for n in range(600)], page_size=100)
    real = delivery.ledger.record

    class Boom(BaseException): ...

    state = {"n": 0}

    def record(run, lease, sightings, **more):
        if more.get("batch") is not None and state["n"] == 0:
            state["n"] = 1
            raise Boom
        return real(run, lease, sightings, **more)

    monkeypatch.setattr(delivery.ledger, "record", record)
    run, _ = runs.request(kind=Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    with pytest.raises(Boom):
        jobs.work_slice(run.pk)
    SyncRun.objects.update(lease_until=None)
    run = jobs.work_to_end(run.pk)
    assert (run.read, run.created, w.written()) == (600, 600, 600)


def test_a_stale_batch_with_a_field_that_is_gone(world, monkeypatch):
    w = world([compound(n) for n in range(20)])
    from registry_sync.benchling.bulk_upsert import Upserter
    from registry_sync.core.problems import SyncError

    def land(self, flight):
        raise SyncError("x", remedy="y", kind="transient", code="z")

    monkeypatch.setattr(Upserter, "land", land)
    assert w.sync().status == Status.FAILED
    monkeypatch.undo()
    definitions = w.tenant.schemas[w.schema]["fieldDefinitions"]
    definitions[:] = [d for d in definitions if d["name"] != "SMILES"]
    w.configure(**{"Field Configurations": [("Approval", "approval")]})
    run = w.sync()
    assert run.status != Status.FAILED, run.error


def test_a_deterministic_database_error_ends_the_run(world, monkeypatch):
    from django.db import DataError

    from registry_sync import ledger

    world([compound(n) for n in range(5)])

    def record(*a, **k):
        raise DataError("value too long for type character varying(255)")

    monkeypatch.setattr(ledger, "record", record)
    run, _ = runs.request(kind=Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    for _ in range(5):
        try:
            jobs.work_slice(run.pk)
        except DataError:
            SyncRun.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    run.refresh_from_db()
    assert run.status == Status.FAILED


def test_a_slow_detail_keeps_the_lease(world, settings):
    settings.LEASE_SECONDS = 1
    w = world([compound(n) for n in range(20)])
    w.configure(**{"Connector Settings": {"endpoint": {"detail": {"path": "{id}"}}}})
    seen = []

    def slow(external_id):
        time.sleep(0.15)
        run = SyncRun.objects.get()
        seen.append((run.lease_until - timezone.now()).total_seconds())

    w.registry.on_detail = slow
    w.sync()
    assert len(seen) == 20 and min(seen) > 0, seen


@pytest.mark.parametrize("said", [404, 403, 422, "another"])
def test_a_detail_that_cannot_be_had_is_one_error_and_is_asked_for_again(world, serve, said):
    """Neither is the record lost in silence, nor do all others wait for it."""
    records = {f"C-{n:06d}": compound(n) for n in range(20)}
    known = ("id", "modified_at")

    def answer(asked):
        external_id = asked.path.removeprefix("/list").strip("/")
        if not external_id:
            return [{k: r[k] for k in known} for r in since(asked.query.get("since", ""))]
        if external_id != bad:
            return records[external_id]
        return compound(77) if said == "another" else Reply({"detail": "no"}, status=said)

    def since(time):
        return [record for record in records.values() if record["modified_at"] >= time]

    w, bad = world([]), "C-000003"
    detail = {"endpoint": {**INCREMENTAL["endpoint"], "detail": {"path": "{id}"}}}
    w.configure(**{"API URL": serve(answer).url + "/list", "Connector Settings": detail})
    run = w.sync()
    assert (run.status, run.created, run.failed) == (Status.COMPLETED_WITH_WARNINGS, 19, 1)
    error = w.open_errors()["C-000003"]
    assert error.code == "no_detail" and "C-000003 could not be read whole" in error.message
    assert w.sync().failed == 1, "not asked for again"
    bad = ""
    run = w.sync()
    assert (run.status, run.created) == (Status.SUCCEEDED, 1) and not w.open_errors()
    assert w.values()["C-000003"]["SMILES"] == records["C-000003"]["smiles"]
    bad = "C-000004"
    records[bad].update(name="Other", modified_at="2026-01-06T00:00:00Z")
    records["C-000005"].update(modified_at="2026-01-07T00:00:00Z")
    assert set(w.sync() and w.open_errors()) == {bad}
    assert w.values()[bad]["name"] == "Compound 4"
    bad = ""
    assert w.sync().updated == 1 and w.values()["C-000004"]["name"] == "Other"


def test_a_pilot_tries_a_refused_record(world):
    w = world([compound(n) for n in range(5)])
    w.tenant.refuse["C-000003"] = "The tenant does not like it."
    w.sync()
    w.tenant.refuse.clear()
    w.sync(only=["C-000003"])
    assert not w.open_errors()


def test_a_lost_answer_leaves_no_session_open(world):
    w = world([compound(n) for n in range(5)])
    w.tenant.faults.append(Fault("POST .*app-sessions", "apply_then_drop"))
    w.sync()
    assert {s["status"] for s in w.tenant.sessions.values()} == {"SUCCEEDED"}


def test_long_names_fit_the_address_of_a_dry_run(world):
    w = world([compound(n, name=f"{n} " + "α" * 200) for n in range(120)])
    dry = w.sync(kind=Kind.DRY_RUN)
    assert dry.status == Status.SUCCEEDED, dry.error


def test_two_records_of_one_id_are_no_short_read(world):
    w = world([compound(n) for n in range(20)])
    twin = compound(3, name="Twin", smiles="N")
    w.registry.records.append(twin)
    run = w.sync()
    assert w.open_errors()["C-000003"].code == "id_twice"
    assert (run.status, run.warnings) == (Status.COMPLETED_WITH_WARNINGS, [])
    assert w.sync().kind == Kind.INCREMENTAL
    w.registry.records.remove(twin)
    assert w.sync(kind=Kind.FULL).status == Status.SUCCEEDED


def test_a_list_that_has_a_record_twice_is_not_told_to_change_its_order_alone(world):
    w = world([compound(n) for n in range(20)])
    w.registry.records.append(dict(w.registry.records[3]))
    run = w.sync()
    assert "1 came again" in run.warnings[0]["text"] and "records twice" in run.warnings[0]["text"]


def test_a_record_passed_over_between_two_pages_of_changes_is_not_lost(world):
    """Sorted by the time of change, an edit moves all that follow by one while they are read."""
    w = world([compound(n) for n in range(60)], page_size=10)
    w.sync()

    def edit(number, seconds, **values):
        at = timezone.now() + timedelta(seconds=seconds)
        w.registry.edit(f"C-{number:06d}", at.strftime("%Y-%m-%dT%H:%M:%SZ"), **values)
        w.registry.records.sort(key=lambda record: record["modified_at"])

    def edit_again(page):
        if page == first + 1:
            edit(1, 0, approval=2002)

    for number in range(25):
        edit(number, number - 7200, approval=2001)
    first = w.registry.pages_served
    w.registry.on_page = edit_again
    run = w.sync()
    assert run.kind == Kind.FULL and "26 records changed, but only 25" in run.full_reason
    w.sync()
    values = w.values()
    for record in w.registry.records:
        assert values[record["id"]]["Approval"] == record["approval"], record["id"]


def test_a_total_of_the_whole_collection_is_not_taken_for_that_of_the_changes(world):
    w = world([compound(n) for n in range(30)])
    w.registry.total = lambda found: len(w.registry.records)
    w.sync()
    run = w.sync()
    assert (run.kind, run.status, run.read) == (Kind.INCREMENTAL, Status.SUCCEEDED, 1)


def test_the_newer_of_two_forms_wins(world):
    records = [compound(n) for n in range(5)]
    records[2]["modified_at"] = "2026-03-01T00:00:00Z"
    records.append(compound(2, name="Older"))
    w = world(records)
    w.sync()
    assert w.values()["C-000002"]["name"] == "Compound 2"


def test_a_dry_run_asked_is_not_a_real_run_done(world):
    from django.core.management import call_command

    world([compound(n) for n in range(5)])
    runs.request(kind=Kind.FULL, trigger=SyncRun.Trigger.SCHEDULE)
    with pytest.raises(SystemExit):
        call_command("sync_registry", "--dry-run")
    assert SyncRun.objects.filter(kind=Kind.DRY_RUN).exists()


def test_a_circle_behind_500_others_that_wait(world):
    records = [compound(n, parent=f"GONE-{n}") for n in range(510)]
    records += [compound(1000, parent="C-001500")]
    records += [compound(1000 + n) for n in range(1, 500)]
    records += [compound(1500, parent="C-001000")]
    w = world(records)
    w.sync()
    w.sync()
    assert "C-001500" in w.values()


def test_a_session_that_could_not_be_closed_is_closed_later(world):
    """A 403 while closing leaves the session RUNNING for a day."""
    w = world([compound(n) for n in range(5)])
    w.tenant.faults.append(Fault("PATCH .*app-sessions", "status", status=403, times=3))
    w.sync()
    SyncRun.objects.update(finished_at=timezone.now() - timedelta(minutes=1))
    w.tenant.faults.clear()
    reconcile()
    assert w.session()["status"] == "SUCCEEDED"


def test_a_rebuild_in_slices_writes_nothing(world, settings):
    settings.SLICE_SECONDS = 0
    w = world([compound(n) for n in range(350)])
    w.sync()
    forget()
    before = w.written()
    run = w.sync(kind=Kind.FULL)
    assert (run.read, run.unchanged, w.written()) == (350, 350, before)


def test_unreadable_times_are_told_whatever_the_slices(world, settings):
    settings.SLICE_SECONDS = 0
    records = [compound(n) for n in range(300)]
    records[0]["modified_at"] = "soon"
    w = world(records, page_size=100)
    run = w.sync()
    assert any(x["code"] == "no_time" for x in run.warnings)


def test_a_dismissed_error_rests_when_the_mapping_changes(world):
    records = [compound(n) for n in range(5)]
    records[2]["approval"] = "x"
    w = world(records)
    w.sync()
    EntityError.objects.update(dismissed_at=timezone.now())
    w.tenant.add_option(w.kinds, "Another")  # the record has not changed
    w.sync()
    assert EntityError.objects.get().dismissed_at is not None


def test_a_mapping_changed_during_a_run_counts_and_writes_everything_once(world, settings):
    settings.BATCH_SIZE = 50
    settings.SLICE_SECONDS = 0.01
    w = world([compound(n) for n in range(300)], page_size=50)

    def change(number: int) -> None:
        if number == 3:
            w.configure(**{"External Name Field": "{name} [{id}]"})

    w.registry.on_page = change
    run = w.sync()
    assert run.status == Status.SUCCEEDED and not w.open_errors(), run.error
    assert (run.read, run.created, run.failed) == (300, 300, 0)
    assert all(value["name"].endswith("]") for value in w.values().values())
    assert run.log.filter(text__contains="The configuration changed").count() == 1


@pytest.mark.parametrize("limit", [4, 5, 7])
@pytest.mark.parametrize("ends", ["well", "badly"])
def test_a_full_rate_window_does_not_keep_the_session_open(world, ends, limit):
    w = world([compound(n) for n in range(30)], rate_limit=limit, rate_window=0.8)
    if ends == "badly":
        w.tenant.hidden.add(w.folder)
    run = w.sync()
    assert run.status == (Status.SUCCEEDED if ends == "well" else Status.FAILED)
    assert not run.session_open and w.session()["status"] == run.status


def test_a_refused_record_that_left_and_came_back_stops_no_run(world):
    records = [compound(n) for n in range(10)]
    records[3]["approval"] = "x"
    w = world(records)
    assert w.sync().failed == 1
    gone = w.registry.records.pop(3)
    w.sync(kind=Kind.FULL)
    assert not w.open_errors()
    w.registry.records.append(gone)
    run = w.sync(kind=Kind.FULL)
    assert (run.status, run.failed) == (Status.COMPLETED_WITH_WARNINGS, 1), run.error
    assert w.open_errors()["C-000003"].code == "wrong_type"


def test_three_records_of_one_id_are_one_error(world):
    records = [compound(n) for n in range(4)] + [compound(1, name=name) for name in "BC"]
    w = world(records, page_size=4)
    run = w.sync()
    assert (run.status, run.read, run.failed) == (Status.COMPLETED_WITH_WARNINGS, 4, 1), run.error
    assert w.open_errors()["C-000001"].code == "id_twice"
    assert w.values()["C-000001"]["name"] == "Compound 1"


@pytest.mark.parametrize("left", [0, 1])
@pytest.mark.parametrize("size", [3, 200])
def test_the_twin_that_is_left_arrives(world, left, size):
    twins = [compound(1), compound(1, name="Second", approval=2000)]
    w = world([compound(0), twins[0], compound(2), compound(3), twins[1]], page_size=size)
    w.sync()
    assert set(w.open_errors()) == {"C-000001"}
    w.registry.records.remove(twins[1 - left])
    assert w.sync(kind=Kind.FULL).status == Status.SUCCEEDED and not w.open_errors()
    assert w.values()["C-000001"]["Approval"] == twins[left]["approval"]


def test_a_reading_begun_anew_does_not_go_on_in_the_one_before(world, monkeypatch):
    """A page is older than asked for, so everything is read; then the process dies."""
    from registry_sync.sync.pipeline import Line

    incremental = {"cursor_path": "modified_at", "lag": 3600}
    asked = {"params": {"since": "{incremental.start_value}"}, "incremental": incremental}
    records = [compound(n) for n in range(250)]
    records.append(compound(999, modified_at="2020-01-01T00:00:00Z"))
    w = world(records, page_size=100, config={"Connector Settings": {"endpoint": asked}})
    w.sync()
    for n in range(150, 160):
        w.registry.record(f"C-{n:06d}")["smiles"] = "N"
    third = w.registry.pages_served + 3
    w.registry.on_page = lambda page: setattr(w.registry, "ignores_filter", page == third - 1)
    carry = Line.carry

    def killed(self, records, **more):
        carry(self, records, **more)
        if self.run.reads_all:
            raise SystemExit("killed")
        return 0

    run, _ = runs.request(kind=Kind.INCREMENTAL, trigger=SyncRun.Trigger.SCHEDULE)
    with monkeypatch.context() as patched:
        patched.setattr(Line, "carry", killed)
        with pytest.raises(SystemExit):
            jobs.work_to_end(run.pk)
    SyncRun.objects.update(lease_until=None)
    run = jobs.work_to_end(run.pk)
    assert (run.reads_all, run.read) == (True, 251)
    assert {warning["code"] for warning in run.warnings} == {"older_than_asked"}
