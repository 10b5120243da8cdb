"""What is empty, missing or deleted in the registry, on the real line to the tenant's entities."""

from __future__ import annotations

import json
from typing import Any

import pytest

from registry_sync.models import Lane, LedgerEntry, SyncRun
from tests.support.registry import compound

pytestmark = pytest.mark.once
Json = dict[str, Any]
Kind, Status = SyncRun.Kind, SyncRun.Status
TEXTS = [{"name": "Note", "type": "text"}, {"name": "Category", "type": "text"}]
ROWS = [("Note", "note"), ("Category", "categ_id[1]")]


def endpoint(**more: Any) -> Json:
    return {
        "endpoint": {
            "params": {"since": "{incremental.start_value}"},
            "incremental": {"cursor_path": "modified_at", "lag": 0},
            **more,
        }
    }


def codes(run: SyncRun) -> set[str]:
    return {warning["code"].partition(":")[0] for warning in run.warnings}


def adds_up(run: SyncRun) -> bool:
    return run.read == run.unchanged + run.created + run.updated + run.failed


@pytest.fixture
def odoo(world):
    def make(**more: Any):
        records = [
            {"id": f"M-{n}", "name": f"Mol {n}", "note": f"note {n}", "categ_id": [5, "Buffers"],
             "modified_at": f"2026-01-05T00:00:0{n}Z"}
            for n in (1, 2, 3)
        ]  # fmt: skip
        config = {"Connector Settings": endpoint(**more)}
        return world(records, fields=TEXTS, rows=ROWS, config=config)

    return make


@pytest.mark.invariant(12)
def test_odoo_s_false_clears_by_one_setting_and_is_refused_without(odoo):
    w = odoo()
    w.sync()
    w.registry.edit("M-1", note=False, categ_id=False)
    run = w.sync()
    assert run.status == Status.COMPLETED_WITH_WARNINGS and run.failed == 1
    error = w.open_errors()["M-1"]
    assert '{"endpoint": {"empty_values": [false]}}' in error.remedy
    assert w.values()["M-1"]["Note"] == "note 1"
    w.configure(**{"Connector Settings": endpoint(empty_values=[False])})
    run = w.sync()
    assert run.kind == Kind.FULL and run.updated == 1 and not w.open_errors()
    assert w.values()["M-1"] == {"name": "Mol 1", "Note": None, "Category": None}
    assert w.values()["M-2"] == {"name": "Mol 2", "Note": "note 2", "Category": "Buffers"}
    assert w.sync().status == Status.SUCCEEDED


@pytest.mark.invariant(12)
def test_a_path_that_vanishes_is_reported_once_and_cleared_by_its_setting(odoo):
    w = odoo()
    w.sync()
    for number in (1, 2):
        w.registry.record(f"M-{number}").pop("note")
        w.registry.edit(f"M-{number}", name=f"New {number}")
    dry = w.sync(kind=Kind.DRY_RUN)
    assert codes(dry) == {"path_vanished"}
    assert "vanished" not in Lane.objects.get().source_state
    run = w.sync()
    said = next(x["text"] for x in run.warnings if x["code"] == "path_vanished:note")
    assert "“note” (for “Note”) had values and is now missing from M-1, M-2" in said
    assert '{"endpoint": {"absent": "clear"}}' in said and run.updated == 2
    assert w.values()["M-1"]["Note"] == "note 1"
    w.registry.record("M-3").pop("note")
    w.registry.edit("M-3", name="New 3")
    assert w.sync().status == Status.SUCCEEDED  # once, not for ever
    w.configure(**{"Connector Settings": endpoint(absent="clear")})
    run = w.sync()
    assert run.updated == 3 and run.status == Status.SUCCEEDED
    assert [v["Note"] for v in w.values().values()] == [None] * 3
    assert w.sync().read <= 3 and w.sync().updated == 0


def test_who_decided_to_keep_is_not_told(odoo):
    w = odoo(absent="keep")
    w.sync()
    w.registry.record("M-1").pop("note")
    w.registry.edit("M-1", name="New")
    run = w.sync()
    assert run.status == Status.SUCCEEDED and w.values()["M-1"]["Note"] == "note 1"


def test_a_renamed_key_still_stops_the_run_where_absent_clears(world):
    fields, rows = [{"name": "Note", "type": "text"}], [("Note", "note")]
    records = [compound(n, note=f"note {n}") for n in range(12)]
    config = {"Connector Settings": endpoint(absent="clear")}
    w = world(records, fields=fields, rows=rows, config=config)
    w.sync()
    for n in range(12):
        w.registry.record(f"C-{n:06d}")["notes"] = w.registry.record(f"C-{n:06d}").pop("note")
    run = w.sync(kind=Kind.FULL)
    assert (run.status, run.error_code) == (Status.FAILED, "path_gone")
    assert all(v["Note"] for v in w.values().values())


def test_a_few_records_whose_key_was_renamed_clear_nothing(odoo):
    """Those that are not edited show it alone, where only they are read, by time or by id."""
    w = odoo(absent="clear")
    w.sync()
    for number in (1, 2, 3):
        w.registry.record(f"M-{number}")["remark"] = w.registry.record(f"M-{number}").pop("note")

    def stops(**asked: Any) -> bool:
        run = w.sync(**asked)
        assert (run.status, run.error_code) == (Status.FAILED, "path_gone")
        assert "They have the same values at “remark”" in run.error
        return all(v["Note"] for v in w.values().values())

    assert stops() and stops(only=["M-2"])
    for number in (1, 2, 3):
        w.registry.edit(f"M-{number}")
    assert stops() and stops(only=["M-1", "M-2"]) and stops(only=["M-2"])
    w.registry.record("M-2")["remark"] = "another"  # so nothing shows that it was renamed
    assert w.sync().status == Status.SUCCEEDED
    assert not any(v["Note"] for v in w.values().values())


def test_a_value_moved_in_one_record_stops_nothing(odoo):
    w = odoo(absent="clear")
    w.sync()
    w.registry.record("M-3")["remark"] = w.registry.record("M-3").pop("note")
    w.registry.edit("M-3")
    assert w.sync().status == Status.SUCCEEDED
    assert [v["Note"] for v in w.values().values()] == ["note 1", "note 2", None]


TOMBSTONES = {
    "CouchDB": {"_deleted": True, "_rev": "2-x"},
    "Kinto": {"deleted": True, "last_modified": 5},
    "Graph": {"@removed": {"reason": "deleted"}},
    "OneDrive": {"deleted": {"state": "deleted"}},
    "JSON:API": {"type": "compounds", "meta": {"deleted": True}},
    "Salesforce": {"IsDeleted": True, "Name": None},
    "Rails": {"name": "Mol", "note": None, "deleted_at": "2026-02-01T00:00:00Z"},
    "with its name": {"name": "Mol 1", "note": None, "categ_id": None, "is_deleted": True},
    "Calendar": {"status": "deleted"},
    "changed": {"@removed": {"reason": "changed"}, "name": "Mol 1", "note": ""},
}


@pytest.mark.parametrize("form", TOMBSTONES)
@pytest.mark.invariant(12)
def test_a_tombstone_is_a_withdrawal_and_clears_nothing(odoo, form):
    w = odoo(absent="clear", empty_values=[False])
    w.sync()
    before = w.values()
    stone = {**TOMBSTONES[form], "modified_at": "2026-02-01T00:00:00Z"}
    w.registry.records[0] = {"id": "M-1", **stone}
    w.registry.records.append({"id": "M-9", **stone})
    dry = w.sync(kind=Kind.DRY_RUN)
    assert codes(dry) == {"withdrawn"} and dry.failed == 0 and adds_up(dry)
    run = w.sync()
    assert codes(run) == {"withdrawn"} and not w.open_errors() and adds_up(run)
    assert (run.created, run.updated, run.failed) == (0, 0, 0) and run.unchanged >= 2
    assert "(M-1)" in json.dumps(run.warnings) and w.values() == before
    assert codes(w.sync()) == set()  # comes again in the overlap: reported once
    full = w.sync(kind=Kind.FULL)
    assert codes(full) == {"withdrawn"} and "1 record that is in Benchling" in str(full.warnings)
    w.registry.records[0] = {"id": "M-1", "name": "Mol 1", "note": "back", "categ_id": [5, "B"],
                             "modified_at": "2026-03-01T00:00:00Z"}  # fmt: skip
    assert w.sync().updated == 1 and w.values()["M-1"]["Note"] == "back"
    assert LedgerEntry.objects.get(external_id="M-1").gone_run_id is None
    assert w.sync(kind=Kind.FULL).status == Status.SUCCEEDED


FLAG = {"deletes": {"mode": "flag", "path": "gone"}}


def untimed(**more: Any) -> Json:
    return {key: value for key, value in {**compound(1), **more}.items() if key != "modified_at"}


@pytest.mark.parametrize(
    ("record", "more", "first"),
    [
        ({"id": "C-000001", "deleted": True}, {}, {"withdrawn"}),
        ({"id": "C-000001", "deleted": True, "modified_at": None}, {}, {"withdrawn"}),
        (untimed(deleted=True), {}, {"no_time", "marked_deleted"}),  # a whole record
        (untimed(gone=1), FLAG, {"withdrawn"}),
        ({**untimed(gone=1), "modified_at": ""}, FLAG, {"withdrawn"}),
    ],
)
def test_only_what_is_deleted_needs_no_modification_time(world, serve, record, more, first):
    records = [compound(1), compound(2)]

    def answer(asked):
        since = asked.query.get("since", "")
        return [r for r in records if (r.get("modified_at") or "9") >= since]

    w = world([], config={"Connector Settings": endpoint(**more)})
    w.configure(**{"API URL": serve(answer).url})
    assert codes(w.sync()) == set()
    records[0] = record
    assert codes(w.sync()) == first and codes(w.sync()) == first & {"no_time"}


@pytest.mark.invariant(12)
def test_a_marked_record_with_values_is_synced_but_clears_nothing(odoo):
    w = odoo()
    w.sync()
    w.registry.edit("M-1", note=None, categ_id=[6, "Acids"], deleted=True)
    run = w.sync()
    assert codes(run) == {"marked_deleted"} and run.updated == 1
    assert w.values()["M-1"] == {"name": "Mol 1", "Note": "note 1", "Category": "Acids"}
    w.registry.edit("M-2", note=None, deleted=False)
    assert w.sync().updated == 1 and w.values()["M-2"]["Note"] is None


def test_a_page_of_tombstones_does_not_look_like_a_lost_path(world):
    records = [compound(n) for n in range(12)]
    w = world(records)
    w.sync()
    for n in range(12):
        w.registry.records[n] = {"id": f"C-{n:06d}", "deleted": True,
                                 "modified_at": "2026-02-01T00:00:00Z"}  # fmt: skip
    run = w.sync()
    assert codes(run) == {"withdrawn"} and "12 records" in str(run.warnings)
    assert codes(w.sync(kind=Kind.FULL)) == {"withdrawn"}
