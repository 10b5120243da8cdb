"""Several syncs in one app: lanes as rows, their own runs, and who requests them."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.utils import timezone

from registry_sync import runs
from registry_sync.benchling.client import Client
from registry_sync.jobs import runner as jobs
from registry_sync.models import Lane, SyncRun
from registry_sync.sync import lane_circles, lane_of_run
from registry_sync.sync.pull import Pull
from sandbox.tenant.entities import edit_by_hand
from tests.support.commands import command
from tests.support.registry import compound
from tests.support.worlds import INCREMENTAL, World

Kind, Status = SyncRun.Kind, SyncRun.Status


def work_all() -> list[SyncRun]:
    """Work what is queued until nothing is; return these runs."""
    worked = []
    while (run := runs.active()) is not None:
        worked.append(jobs.work_to_end(run.pk))
    return worked


def lots(count: int, prefix: str = "L") -> list[dict[str, Any]]:
    return [
        {**compound(n), "id": f"{prefix}-{n:06d}", "name": f"Lot {prefix}{n}", "parent": None}
        for n in range(count)
    ]


@pytest.fixture
def two(world) -> World:
    w = world([compound(n) for n in range(3)])
    w.add_lane("Lot", lots(4))
    return w


def by_name() -> dict[str, Lane]:
    return {lane.schema_name: lane for lane in runs.current_lanes()}


def test_who_reads_a_new_configuration_first_requests_the_runs_of_its_lanes(two):
    first = two.sync(actor="Ada", trigger=SyncRun.Trigger.ADMIN)
    (second,) = work_all()
    assert [lane.schema_name for lane in runs.current_lanes()] == ["Compound", "Lot"]
    assert first.lane == by_name()["Compound"] and second.lane == by_name()["Lot"]
    assert (second.trigger, second.actor, second.kind) == ("admin", "Ada", Kind.FULL)
    assert (first.created, second.created) == (3, 4) and len(two.values()) == 7
    assert first.session_id and second.session_id not in ("", first.session_id)
    assert first.fingerprint != second.fingerprint
    again = two.sync(lane=second.lane)
    assert (again.read, again.unchanged + again.read) == (again.read, again.read * 2)
    assert not work_all(), "lanes that were known get no run by themselves"


def test_a_worker_queues_the_runs_of_new_lanes_at_once_and_a_command_works_them(two, monkeypatch):
    queued: list[int] = []
    monkeypatch.setattr(lane_of_run, "enqueue", queued.append)
    monkeypatch.setattr(lane_of_run, "is_worker", lambda: True)
    two.sync()
    assert queued == [run.pk for run in work_all()]
    two.add_lane("Batch", lots(1, "B"))
    monkeypatch.setattr(lane_of_run, "is_worker", lambda: False)
    two.sync(lane=by_name()["Compound"])
    assert len(work_all()) == len(queued) == 1


def test_each_lane_has_one_active_run_and_pausing_one_stops_no_other(two):
    two.sync()
    work_all()
    compounds, lot_lane = runs.current_lanes()
    held, _ = runs.request_run(kind=Kind.FULL, trigger=SyncRun.Trigger.SCHEDULE, lane=compounds)
    runs.pause(held, actor="Ada", reason="maintenance")
    assert runs.request_run(kind=Kind.FULL, trigger="schedule", lane=compounds) == (held, False)
    other = two.sync(kind=Kind.FULL, lane=lot_lane)
    assert other.status == Status.SUCCEEDED and runs.active(lot_lane) is None
    assert runs.active(compounds) == held


@pytest.mark.once
def test_one_lanes_fault_is_its_failure_alone(two):
    two.sync()
    work_all()
    compounds, lot_lane = runs.current_lanes()
    two.tenant.schemas[two.lanes[0].schema]["archiveRecord"] = {"reason": "Other"}
    assert two.sync(lane=compounds).status == Status.SUCCEEDED
    failed = two.sync(lane=lot_lane)
    assert failed.status == Status.FAILED and failed.error.startswith("Additional Syncs › Sync 1")
    assert "Entity Schema: Lot is archived" in failed.error and failed.lane == lot_lane
    assert runs.current_lanes() == [compounds, lot_lane], "a faulty lane stays configured"


@pytest.mark.once
def test_a_faulty_element_from_the_start_has_its_own_failing_run(world):
    w = world([compound(n) for n in range(3)])
    w.add_lane("Lot", lots(2), config={"API URL": None})
    assert w.sync().status == Status.SUCCEEDED
    (failed,) = work_all()
    assert failed.status == Status.FAILED and "Sync 1 › API URL is missing" in failed.error
    assert failed.lane.schema_name == "Lot"
    w.tenant.config = {  # the element is corrected
        key: {**item, "value": w.lanes[0].registry.url} if item["path"][-1] == "API URL"
        and len(item["path"]) > 1 else item
        for key, item in w.tenant.config.items()
    }  # fmt: skip
    mended = w.sync(lane=failed.lane)
    assert mended.status == Status.SUCCEEDED and mended.created == 2
    assert Lane.objects.count() == 2 and mended.lane.pk == failed.lane.pk


@pytest.mark.once
def test_the_first_syncs_faults_stop_no_other(world):
    w = world([compound(n) for n in range(3)], config={"API URL": None})
    w.add_lane("Lot", lots(2))
    assert w.sync().status == Status.FAILED
    (other,) = work_all()
    assert other.status == Status.SUCCEEDED and other.created == 2


def test_a_lane_that_left_the_configuration_keeps_its_rows_and_gets_no_runs(two):
    two.sync()
    work_all()
    compounds, lot_lane = runs.current_lanes()
    late, _ = runs.request_run(kind=Kind.FULL, trigger=SyncRun.Trigger.SCHEDULE, lane=lot_lane)
    kept = [
        key for key, item in two.tenant.config.items()
        if item["path"][0] == "Additional Syncs" or item["value"] == two.lanes[0].schema
        or (item["path"][:1] == ["Field Configurations"] and item["path"][1] > "Row 4")
    ]  # fmt: skip
    for key in kept:
        del two.tenant.config[key]
    assert two.sync(lane=compounds).status == Status.SUCCEEDED
    assert runs.current_lanes() == [compounds]
    ended = jobs.work_to_end(late.pk)
    assert (
        ended.status == Status.CANCELLED and "no longer in the app's configuration" in ended.error
    )
    assert lot_lane.ledger.count() == 4 and len(two.values()) == 7


def test_a_lane_whose_list_moved_starts_empty_in_its_place(two):
    two.sync()
    work_all()
    compounds, lot_lane = runs.current_lanes()
    for item in two.tenant.config.values():
        if item["path"][-1] == "API URL" and len(item["path"]) > 1:
            item["value"] = two.registry.url + "?site=b"
    asked = two.sync(lane=compounds)
    assert asked.status == Status.SUCCEEDED
    moved = [lane for lane in runs.current_lanes() if lane.schema_name == "Lot"]
    assert len(moved) == 1 and moved[0] != lot_lane
    queued = runs.active(moved[0])
    late = two.sync(lane=lot_lane)  # asked for before
    assert late.error == (
        "Cancelled by Registry Sync: Lot has another list or schema now, which run "
        f"{queued.pk} syncs."
    )
    for item in two.tenant.config.values():
        if item["path"] == ["API URL"]:
            item["value"] += "?site=c"
    assert "(no longer synced)" not in command()[1], "the first lane's run feeds its successor"


def test_a_lane_whose_list_moves_in_mid_run_is_fed_by_the_same_run(two, monkeypatch):
    two.sync()
    work_all()
    lot_lane = by_name()["Lot"]
    run, _ = runs.request_run(kind=Kind.FULL, trigger=SyncRun.Trigger.SCHEDULE, lane=lot_lane)
    with monkeypatch.context() as patched:
        patched.setattr(Pull, "work", lambda pull: False)  # the slice's time is up
        assert jobs.work_slice(run.pk) is jobs.SliceEnd.MORE
    for item in two.tenant.config.values():
        if item["path"][-1] == "API URL" and len(item["path"]) > 1:
            item["value"] = item["value"].replace("127.0.0.1", "localhost")  # another list
    ended = jobs.work_to_end(run.pk)
    assert ended.status == Status.SUCCEEDED, ended.error
    assert ended.lane == by_name()["Lot"] != lot_lane and not runs.active_runs()


def test_an_element_that_was_renamed_is_the_same_lane_at_once(two):
    two.sync()
    work_all()
    lot_lane = by_name()["Lot"]
    for item in two.tenant.config.values():
        if item["path"][:2] == ["Additional Syncs", "Sync 1"]:
            item["path"][1] = "Sync 9"
    run = two.sync(lane=lot_lane)
    assert (run.status, run.lane) == (Status.SUCCEEDED, lot_lane), run.error


def test_a_run_of_some_records_starts_no_first_load_of_a_new_lane(world):
    w = world([compound(n) for n in range(3)])
    w.sync()
    for name, asked in {
        "Lot": {"kind": Kind.DRY_RUN, "only": ["C-000001"]},
        "Plate": {"kind": Kind.DRY_RUN, "since": timezone.now()},
        "Site": {"only": ["C-000001"]},
    }.items():
        w.add_lane(name, lots(1, name))
        assert w.sync(lane=by_name()["Compound"], **asked).status == Status.SUCCEEDED
        assert name in by_name() and not runs.active_runs()
    assert w.written() == 3


@pytest.mark.once
def test_lanes_are_worked_in_the_order_of_their_links(world):
    w = world([compound(n) for n in range(2)])
    site = w.add_schema("Site", fields=[{"name": "SMILES", "type": "long_text"}])
    links = [{"name": "SMILES", "type": "long_text"},
             {"name": "Parent", "type": "entity_link", "schemaId": site}]  # fmt: skip
    w.add_lane("Lot", lots(2), fields=links, rows=[("SMILES", "smiles"), ("Parent", "parent")])
    w.sync()
    work_all()
    compounds, lot_lane = runs.current_lanes()
    assert lot_lane.links_to == [site]
    target = Lane(schema_id=site, links_to=[lot_lane.schema_id], position=2)
    assert runs.in_link_order([compounds, lot_lane, target])[0] == compounds
    free = Lane(schema_id=site, links_to=[], position=2)
    assert runs.in_link_order([lot_lane, free]) == [free, lot_lane]
    circle = [lot_lane, target]
    assert runs.in_link_order(circle) == circle


LINKED = [{"name": "SMILES", "type": "long_text"}]


def linked_world(world: Any, *, back: bool = False) -> tuple[World, str]:
    """Make compounds, and lots that link to them; with `back`, compounds link to lots as well."""
    w = world([compound(n, parent=None) for n in range(4)])
    fields = [*LINKED, {"name": "Parent", "type": "entity_link", "schemaId": w.schema}]
    records = [{**lot, "parent": f"C-{n:06d}"} for n, lot in enumerate(lots(4))]
    w.add_lane("Lot", records, fields=fields, rows=[("SMILES", "smiles"), ("Parent", "parent")])
    if back:
        for definition in w.tenant.schemas[w.schema]["fieldDefinitions"]:
            if definition["name"] == "Parent":
                definition["schemaId"] = w.lanes[0].schema
    return w, w.lanes[0].schema


@pytest.mark.once
def test_a_dry_run_says_that_links_to_a_lane_that_was_never_synced_wait(world):
    w, _ = linked_world(world)
    w.sync(kind=Kind.DRY_RUN)
    work_all()
    compounds, lot_lane = runs.current_lanes()
    dry = w.sync(kind=Kind.DRY_RUN, lane=lot_lane)
    (code,) = set(dry.refusals.values_list("code", flat=True))
    log = "\n".join(dry.log.values_list("text", flat=True))
    assert code == "link_waits" and "4 records would wait, and sync automatically later" in log
    assert "L-000002 would wait. L-000002 points at C-000002 of Compound, which has never" in log
    assert "refused:" not in log and w.written() == 0
    w.sync(lane=compounds)
    w.registry.records.clear()
    w.lanes[0].registry.records[0]["parent"] = "C-999999"
    dry = w.sync(kind=Kind.DRY_RUN, lane=lot_lane)
    assert list(dry.refusals.values_list("code", "external_id")) == [("link_waits", "L-000000")]
    said = dry.refusals.get()
    assert "L-000000 points at C-999999 of Compound, which is not in Benchling." in said.message
    assert "If it never does, the registry's owner checks the reference" in said.remedy
    assert w.sync(lane=lot_lane).status == Status.COMPLETED_WITH_WARNINGS
    assert w.open_errors()["L-000000"].code == "link_missing"


def test_links_to_a_lane_that_runs_later_wait_by_name_and_follow(world):
    w, _ = linked_world(world)
    w.sync(kind=Kind.DRY_RUN)
    for run in runs.active_runs():
        runs.cancel(run, actor="Ada", reason="first the lots")
    compounds, lot_lane = runs.current_lanes()
    early = w.sync(lane=lot_lane)
    assert early.status == Status.COMPLETED_WITH_WARNINGS and early.failed == 4
    error = w.open_errors()["L-000002"]
    assert (error.waits_for, error.waits_key) == ("link", "C-000002")
    assert "C-000002 of Compound, which is not in Benchling" in error.message
    assert w.written() == 0, "nothing was sent that Benchling would refuse"
    w.sync(lane=compounds)
    (follow_up,) = work_all()
    assert follow_up.kind == Kind.RETRY and follow_up.lane == lot_lane
    assert follow_up.status == Status.SUCCEEDED and not w.open_errors()
    assert w.values()["L-000002"]["Parent"] == "C-000002" and w.written() == 8
    assert not runs.active_runs() and w.sync(lane=compounds).status == Status.SUCCEEDED
    assert not work_all(), "what has arrived requests nothing again"


@pytest.mark.once
def test_lanes_that_link_in_a_circle_follow_each_other(world):
    w, _ = linked_world(world, back=True)
    w.registry.edit("C-000003", parent="L-000001")
    w.registry.edit("C-000002", parent="L-000003")  # which links to C-000003
    w.sync()
    worked = work_all()
    assert not w.open_errors() and w.written() == 8
    values = w.values()
    assert values["C-000003"]["Parent"] == "L-000001" and values["L-000003"]["Parent"] == "C-000003"
    assert values["C-000002"]["Parent"] == "L-000003" and values["L-000002"]["Parent"] == "C-000002"
    assert all(run.status in SyncRun.GOOD for run in worked)


@pytest.mark.once
def test_links_to_another_lane_follow_its_template_of_registry_ids(world):
    w = world([compound(1, parent="L-000000")])
    settings = {**INCREMENTAL, "registry_id_template": "LOT-{id}"}
    w.add_lane("Lot", lots(1), config={"Connector Settings": settings})
    (parent,) = (f for f in w.tenant.schemas[w.schema]["fieldDefinitions"] if f["name"] == "Parent")
    parent["schemaId"] = w.lanes[0].schema
    w.sync()
    work_all()
    assert w.values()["C-000001"]["Parent"] == "LOT-L-000000" and not w.open_errors()


def test_records_of_two_lanes_that_link_to_each_other_arrive_with_both_links(world, monkeypatch):
    monkeypatch.setattr(lane_circles, "CHUNK", 2)  # fewer than there are circles
    w, _ = linked_world(world, back=True)
    for n in range(3):
        w.registry.edit(f"C-{n:06d}", parent=f"L-{n:06d}")
    w.sync()
    work_all()
    values = w.values()
    for n in range(3):
        assert values[f"C-{n:06d}"]["Parent"] == f"L-{n:06d}"
        assert values[f"L-{n:06d}"]["Parent"] == f"C-{n:06d}"
    assert not w.open_errors() and w.written() == 8 + 3, "one of each circle is written twice"
    for lane in runs.current_lanes():
        assert w.sync(lane=lane, kind=Kind.FULL).status == Status.SUCCEEDED
    assert w.written() == 8 + 3 and not runs.active_runs()


def test_circles_of_lanes_are_found_in_one_pass():
    ours = {"A": "B", "C": "D", "E": "E", "F": "A", "Z": "none"}
    waits = {**ours, "B": "A", "D": "G", "G": "C", "X": "Y", "Y": "X"}
    assert lane_circles.firsts_of_circles(waits, ours) == {"A", "C"}
    chain = {str(n): str(n + 1) for n in range(30_000)}
    began = time.thread_time()
    assert lane_circles.firsts_of_circles(chain, chain) == set()
    assert time.thread_time() - began < 8, "a long chain is not walked from each of its records"


@pytest.mark.once
def test_single_writes_take_turns_as_batches_do(world, monkeypatch):
    """What moves names aside, and what puts back what this tenant cleared."""
    w = world([compound(0)], omitted_fields="clear")
    fields = [*LINKED, {"name": "Notes", "type": "text"}]
    w.add_lane("Lot", lots(3), fields=fields, rows=[("SMILES", "smiles")])
    w.sync()
    work_all()
    edit_by_hand(w.tenant, w.tenant.entity("L-000002"), Notes="Seen")
    w.lanes[0].registry.edit("L-000002", smiles="N")
    w.lanes[0].registry.edit("L-000000", name="Lot L1")
    w.lanes[0].registry.edit("L-000001", name="Lot L0")
    sent, upsert_one = [], Client.upsert_one

    def in_turn(client, body):
        run = SyncRun.objects.get(status=Status.RUNNING)
        sent.append((body["entityRegistryId"], run.turn_since is not None))
        return upsert_one(client, body)

    monkeypatch.setattr(Client, "upsert_one", in_turn)
    assert w.sync(lane=by_name()["Lot"]).status == Status.SUCCEEDED
    assert {key for key, _ in sent} > {"L-000002"} and all(waited for _, waited in sent), sent
