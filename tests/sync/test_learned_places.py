"""On the line: an answer without records never makes another list into entities."""

from __future__ import annotations

from typing import Any

import pytest

from registry_sync.models import Lane, SyncRun
from tests.support.odd import Asked, Reply

pytestmark = pytest.mark.once

ROWS = [("SMILES", "text")]
FULL = [{"id": f"M-{n}", "name": f"Mol {n}", "text": f"t{n}"} for n in (1, 2, 3)]
PROJECTS = [
    {"id": "P-1", "name": "Project Alpha", "text": "lead: x"},
    {"id": "P-2", "name": "Project Beta", "text": None},
]
SUCCEEDED, WARNED = SyncRun.Status.SUCCEEDED, SyncRun.Status.COMPLETED_WITH_WARNINGS


@pytest.fixture
def lane(world: Any, serve: Any) -> Any:
    """Return `make(full, quiet)`: a world whose registry answers so, and the dict to change."""

    def make(full: Any, quiet: Any = None, settings: Any = None) -> tuple[Any, dict[str, Any]]:
        said = {"full": full, "quiet": quiet}
        w = world([], rows=ROWS)
        odd = serve(
            lambda asked: said["quiet" if asked.query.get("since", "") > "2000" else "full"]
        )
        w.configure(
            **{
                "API URL": odd.url + "/list",
                "Modified Since Parameter": "since",
                "Connector Settings": settings,
            }
        )
        return w, said

    return make


def test_a_quiet_day_is_an_empty_read_whatever_stands_beside(lane: Any) -> None:
    w, said = lane({"items": FULL, "projects": PROJECTS})
    assert w.sync().status == SUCCEEDED
    state = Lane.objects.get().source_state
    assert state["records_at"] == "items" and state["beside"] == ["projects"]
    fingerprint = SyncRun.objects.latest("pk").fingerprint
    for quiet in (
        {"items": None, "projects": PROJECTS},
        {"users": [{"id": 7, "name": "J. Doe"}]},
        {"items": None, "deleted": [{"id": "M-3", "name": "Mol 3", "text": None}]},
        {"items": None, "included": [{"id": "I-1", "type": "vendor", "name": "Vendor One"}]},
        Reply(b""),
        {"items": "null"},
        {"error": "No results"},
        {"success": False, "message": "No data found."},
        Reply(b"No records found", kind="text/plain"),
        Reply({"error": {"message": "No Record found", "detail": "x"}, "status": "failure"}, 404),
        Reply({"error": {"code": "NOT_FOUND", "message": "No matches found!"}}, 404),
    ):
        said["quiet"] = quiet
        run = w.sync()
        assert (run.status, run.read, run.reads_all) == (SUCCEEDED, 0, False), quiet
    assert run.fingerprint == fingerprint
    assert {i: v["SMILES"] for i, v in w.values().items()} == {
        "M-1": "t1",
        "M-2": "t2",
        "M-3": "t3",
    }
    said["full"] = {"items": None, "warnings": [{"id": "W1", "name": "deprecated", "text": "x"}]}
    run = w.sync(kind=SyncRun.Kind.FULL)
    assert run.status != SUCCEEDED and len(w.values()) == 3, "none is made of the warnings"


@pytest.mark.invariant(5)
def test_a_quiet_day_that_is_a_failure_is_not_green(lane: Any) -> None:
    """By a status, a fault or missing parts in the answer: else its changes were passed over."""
    w, said = lane({"items": FULL})
    w.sync()
    for quiet, named in (
        ({"fault": {"faultstring": "Rate limit quota violation"}}, "Rate limit quota violation"),
        ({"error": "No data available: connection to the store lost"}, "connection to the store"),
        ({"status": 500, "message": "oops"}, "oops"),
        ({"code": 401, "message": "Unauthorized", "data": None}, "Unauthorized"),
        ({"exception": "java.io.IOException", "items": None}, "IOException"),
        ({"success": "false", "items": []}, "success"),
        ({"ok": 0, "items": []}, "ok"),
        ({"result": "error", "items": []}, "result"),
        ({"error": "No data source configured"}, "No data source configured"),
        ({"items": [], "_shards": {"total": 5, "failed": 2}}, "_shards.failed is 2"),
        ({"items": FULL[:1], "timed_out": True}, "timed_out is true"),
        ({"items": FULL[:1], "isPartial": True}, "isPartial is true"),
        ({"items": FULL[:1], "errors": [{"message": "node s3cret is down"}]}, "is down"),
    ):
        said["quiet"] = quiet
        run = w.sync(kind=SyncRun.Kind.INCREMENTAL)
        texts = run.error + "".join(warning["text"] for warning in run.warnings)
        assert run.status != SUCCEEDED and named in texts, quiet
        said["quiet"] = {"items": []}
        assert w.sync().status == SUCCEEDED, "the next run is green again"


@pytest.mark.parametrize("nothing", [None, []])
@pytest.mark.invariant(5)
def test_a_new_list_beside_an_empty_one_makes_everything_be_read(lane: Any, nothing: Any) -> None:
    """Once: after that it is known to stand beside the records."""
    w, said = lane({"items": FULL})
    w.sync()
    for key in ("changes", "data"):
        said["quiet"] = {"items": nothing, key: [{**FULL[0], "text": "new"}]}
        for reads_all in (True, False):
            run = w.sync()
            assert (run.status, run.reads_all) == (SUCCEEDED, reads_all), run.full_reason
        assert w.values()["M-1"]["SMILES"] == "t1"


def test_an_object_that_may_be_a_record_makes_everything_be_read(lane: Any) -> None:
    w, said = lane({"items": FULL})
    w.sync()
    said["quiet"] = {"id": 7, "name": "J. Doe", "email": "j@example.com", "role": "admin"}
    run = w.sync()
    assert (run.status, run.reads_all, run.read) == (SUCCEEDED, True, 3)
    assert "may be a record" in run.full_reason and "7" not in w.values()


def test_after_an_upgrade_the_place_is_learned_by_reading_everything(lane: Any) -> None:
    w, said = lane({"compounds": FULL})
    w.sync()
    Lane.objects.update(source_state={})
    said["quiet"] = {"projects": PROJECTS}
    run = w.sync()
    assert (run.status, run.kind, run.read, run.unchanged) == (SUCCEEDED, "full", 3, 3)
    assert "where the registry's records are" in run.full_reason
    assert Lane.objects.get().source_state["records_at"] == "compounds"
    Lane.objects.update(source_state={})
    said["quiet"] = {"items": None, "projects": PROJECTS}
    run = w.sync()
    assert (run.status, run.read, run.reads_all) == (SUCCEEDED, 0, False)
    assert len(w.values()) == 3


def test_a_list_of_one_is_one_record(lane: Any) -> None:
    settings = {"endpoint": {"data_selector": "molecules.molecule"}}
    w, said = lane({"molecules": {"molecule": FULL}}, settings=settings)
    w.sync()
    for n, quiet in enumerate(
        (
            {"molecules": {"molecule": {**FULL[1], "text": "0"}}},
            {**FULL[1], "text": "1"},
            {"molecules": {"molecule": [{**FULL[1], "text": "2"}]}},
        )
    ):
        said["quiet"] = quiet
        run = w.sync()
        assert (run.status, run.read, run.updated) == (SUCCEEDED, 1, 1), quiet
        assert w.values()["M-2"]["SMILES"] == str(n)
    said["quiet"] = {"molecules": ""}
    run = w.sync()
    assert (run.status, run.read, run.reads_all) == (SUCCEEDED, 0, False)


def test_a_list_that_moved_is_not_read_as_empty(lane: Any) -> None:
    w, said = lane({"items": FULL}, {"members": FULL})
    w.sync()
    said["full"] = {"members": [{**FULL[0], "text": "new"}]}
    run = w.sync()
    assert run.status == SyncRun.Status.FAILED
    assert '{"endpoint": {"data_selector": "members"}}' in run.remedy
    said["full"] = {"items": FULL}
    assert w.sync().status == SUCCEEDED and len(w.values()) == 3


def test_a_first_read_of_nothing_is_not_green(lane: Any) -> None:
    w, said = lane({"items": []}, {"items": []})
    assert [w.sync(kind=SyncRun.Kind.DRY_RUN).status, w.sync().status] == [WARNED, WARNED]
    run = SyncRun.objects.latest("pk")
    assert [warning["code"] for warning in run.warnings] == ["nothing_read"]
    said["quiet"] = {"items": FULL}
    assert w.sync().created == 3


@pytest.mark.parametrize("nothing", [None, [], {}, {"items": None}])
@pytest.mark.invariant(5)
def test_a_first_read_of_nothing_beside_another_list_stays_told(lane: Any, nothing: Any) -> None:
    """That list may be the records; no run is green until some came, or a setting names them."""
    key = "data" if nothing == {"items": None} else "items"
    w, _ = lane({key: nothing, "updates": FULL}, {key: nothing, "updates": FULL})
    for _ in range(2):
        assert w.sync().status != SUCCEEDED and not w.values()
    w.configure(**{"Connector Settings": {"endpoint": {"data_selector": "updates"}}})
    assert w.sync().created == 3


def test_an_item_that_is_no_record_is_one_error(lane: Any) -> None:
    w, said = lane([FULL[0], "access denied", None, FULL[1]])
    run = w.sync()
    assert (run.status, run.read, run.created, run.failed) == (WARNED, 4, 2, 2)
    errors = w.open_errors().values()
    assert {error.code for error in errors} == {"not_a_record"}
    assert any("access denied" in error.message for error in errors)
    said["full"] = FULL
    assert w.sync(kind=SyncRun.Kind.FULL).status == SUCCEEDED and not w.open_errors()


def actions(*given: Any, **more: Any) -> Any:
    return {"endpoint": {"data_selector": "users", "response_actions": list(given), **more}}


@pytest.mark.parametrize("content", ["{}", ""])
def test_an_ignored_answer_with_records_is_told(lane: Any, content: str) -> None:
    rows = [{**one, "props": {}} for one in FULL]
    action = {"status_code": 200, "content": content, "action": "ignore"}
    w, said = lane({"users": rows}, settings=actions(action))
    run = w.sync()
    assert run.status == WARNED and not w.values()
    text = next(warn["text"] for warn in run.warnings if warn["code"] == "ignored_records")
    assert "3 records was ignored by response_actions[0]" in text
    said["quiet"] = {"users": []}
    assert w.sync().reads_all, "until the action is corrected, everything is read"
    w.configure(**{"Connector Settings": actions({**action, "content": "no more"})})
    run = w.sync()
    assert (run.status, run.created) == (SUCCEEDED, 3)


def test_an_error_that_is_ignored_ends_a_list(world: Any, serve: Any) -> None:
    def answer(asked: Asked) -> Any:
        page = int(asked.query["page"])
        return {"users": [FULL[page - 1]]} if page <= 3 else {"error": "no more pages"}

    action = {"error_path": "error", "content": "no more", "action": "ignore"}
    w = world([], rows=ROWS)
    w.configure(
        **{
            "API URL": serve(answer).url,
            "Connector Settings": actions(action, paginator="page_number"),
        }
    )
    assert (w.sync().status, len(w.values())) == (SUCCEEDED, 3)


def test_a_page_past_the_end_is_the_end(world: Any, serve: Any) -> None:
    past: Any = None

    def answer(asked: Asked) -> Any:
        page = int(asked.query["page"])
        return {"users": [FULL[page - 1]]} if page <= 3 else past

    w = world([], rows=ROWS)
    settings = {"endpoint": {"paginator": "page_number"}}
    w.configure(**{"API URL": serve(answer).url, "Connector Settings": settings})
    for past in (
        {"users": None},
        {"items": None, "links": [{"rel": "self", "id": "self", "name": "self link"}]},
        Reply({"detail": "Invalid page."}, status=404),
    ):
        run = w.sync(kind=SyncRun.Kind.FULL)
        assert (run.status, run.read, len(w.values())) == (SUCCEEDED, 3, 3), past
