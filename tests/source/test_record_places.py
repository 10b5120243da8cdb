"""Where the records are: a table of shapes, each as it is full and as it is when nothing changed.

A shape is learned from an answer that has records. The quiet answers after it are empty lists,
records in another spelling, doubts (everything is read) or failures; never another list.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from registry_sync.core.problems import SourceError
from registry_sync.source.answers.entry_list import EntryFinder
from registry_sync.source.answers.record_list import MOST_KEPT, Memory, RecordFinder
from tests.support.odd import Asked, Reply, endpoint, ids

pytestmark = pytest.mark.once
SINCE = datetime(2026, 1, 5, tzinfo=UTC)
A, B = {"id": "A", "name": "a"}, {"id": "B", "name": "b"}
LIST = [A, B]
SIDE = [{"id": "P-1", "name": "Project Alpha"}]
NOTHING = Reply(b"", status=204)
BLANK = Reply(b"")


def remembered(page: Any) -> Memory:
    """Return what a lane would keep of a page."""
    kept = page.learned
    return Memory(kept["records_at"], kept["beside"], kept["record_keys"], holds_records=True)


def quiet(serve: Any, full: Any, then: Any, selector: str = "") -> Any:
    """Read a full answer, and return what the next one comes to: ids, or why all must be read."""
    registry = serve(lambda asked: then if "since" in asked.query else full)
    settings = endpoint(
        paginator="single_page", params={"since": "{incremental.start_value}"},
        incremental={"cursor_path": "at"}, data_selector=selector,
    )  # fmt: skip
    source = registry.source(settings)
    [page] = source.pages(None)
    assert [source.identify(r) for r in page.records] == ["A", "B"]
    [after] = registry.source(settings, memory=remembered(page)).pages(SINCE)
    return after.doubt or [source.identify(r) for r in after.records]


SHAPES: list[tuple[Any, Any, Any]] = [
    (LIST, [], []),
    (LIST, None, []),
    (LIST, {}, []),
    (LIST, "", []),
    (LIST, BLANK, []),
    (LIST, NOTHING, []),
    (LIST, {"message": "no more"}, []),
    (LIST, [{"message": "No records found"}], []),
    (LIST, {"users": [{"id": 7, "name": "J. Doe"}]}, []),
    (LIST, B, ["B"]),
    ({"items": LIST, "projects": SIDE}, {"items": None, "projects": SIDE}, []),
    ({"items": LIST}, {"users": [{"id": 7, "name": "J. Doe"}]}, []),
    ({"items": LIST}, {"links": [{"rel": "self", "id": "self", "name": "self"}]}, []),
    ({"items": LIST}, {"items": {}}, []),
    ({"items": LIST}, {"items": ""}, []),
    ({"items": LIST}, {"items": False}, []),
    ({"items": LIST}, {"items": B}, ["B"]),
    ({"items": LIST}, {"items": {"2": B}}, ["B"]),
    ({"items": LIST}, B, ["B"]),
    ({"items": LIST}, [], []),
    ({"items": LIST}, BLANK, []),
    ({"items": LIST}, {"items": None, "deleted": [A]}, []),
    ({"items": LIST}, {"deleted": [A]}, []),
    ({"data": LIST}, {"data": None, "included": [{"id": "I-1", "type": "vendor"}]}, []),
    ({"data": LIST}, {"data": B, "included": SIDE}, ["B"]),
    ({"groups": LIST, "totalCount": 2}, {"totalCount": 0, "count": 0, "groups": None}, []),
    ({"users": LIST}, {"users": None}, []),
    ({"users": LIST}, {"users": None, "next": None}, []),
    ({"id": "req-1", "items": LIST}, {"id": "req-2", "status": "ok"}, []),
    ({"jsonrpc": "2.0", "id": 1, "result": LIST}, {"jsonrpc": "2.0", "id": 2, "result": None}, []),
    ({"_embedded": {"items": LIST}, "_links": {}}, {"_links": {"self": {"href": "/"}}}, []),
    ({"_embedded": {"compounds": LIST}}, {"_embedded": {"users": SIDE}}, []),
    ({"d": {"results": LIST}}, {"d": {"results": None}}, []),
    ({"d": {"results": LIST}}, {"d": None}, []),
    ({"result": {"records": LIST}}, {"result": {}}, []),
    ({"data": {"items": LIST, "users": SIDE}}, {"data": {"items": [], "users": SIDE}}, []),
    ({"data": {"compounds": {"nodes": LIST}}}, {"data": {"compounds": {"nodes": []}}}, []),
    ({"data": {"compounds": LIST}}, {"data": {"compounds": B}}, ["B"]),
    ({"response": {"docs": LIST, "start": 0}}, {"response": {"start": 0}}, []),
    ({"molecules": {"molecule": LIST}}, {"molecules": {"molecule": B}}, ["B"]),
    ({"molecules": {"molecule": LIST}}, {"molecules": ""}, []),
    ({"warnings": SIDE, "molecules": LIST}, {"warnings": SIDE, "molecules": None}, []),
    ({"items": LIST}, {"members": [B]}, "a new list at members"),
    (LIST, {"compounds": [B]}, "a new list at compounds"),
    ({"data": {"items": LIST}}, {"data": [B]}, "a new list at data"),
    ({"records": LIST}, {"record": B}, "an object that may be a record"),
    ({"d": {"results": LIST}}, {"d": B}, "an object that may be a record"),
    ({"items": LIST, "job": {"id": 7, "state": "done"}}, {"job": {"id": 8, "state": "done"}}, []),
    ({"items": LIST}, {"items": [], "v1.data": {"x": [B]}}, "a new list at v1.data.x"),
    ({"items": LIST}, {"user": {"id": 7, "name": "J. Doe"}, "meta": {"id": 9}}, []),
]  # fmt: skip


@pytest.mark.parametrize(("full", "then", "right"), SHAPES)
def test_a_quiet_answer_is_no_other_list(serve: Any, full: Any, then: Any, right: Any) -> None:
    found = quiet(serve, full, then)
    assert found == right or (isinstance(right, str) and right in found)


@pytest.mark.parametrize(
    ("said", "full"),
    [
        ({"messages": [{"text": "No records found"}]}, {"items": LIST, "messages": []}),
        ([{"message": "No records found"}], LIST),
    ],
)
@pytest.mark.invariant(5)
def test_words_in_place_of_records_show_no_place(serve: Any, said: Any, full: Any) -> None:
    """A lane that kept it would read the empty list of messages as the whole registry."""
    [page] = serve(lambda asked: said).source().pages(None)
    assert (page.records, page.learned) == ([], {})
    entries = EntryFinder("", lambda record: record.get("id"))
    assert entries.find(said, whole=True, later=False).count == 0 and entries.facts() == {}
    finder = RecordFinder("", lambda record: record.get("id"))
    assert finder.find(said, whole=True, later=False).count == 0 and finder.facts() == {}
    assert finder.find(full, whole=True, later=False).records == LIST
    assert finder.facts()["record_keys"] == ["id", "name"]


NAMED = {"id": 7, "name": "Aspirin"}
INNER = [{"id": 1, "name": "analgesic"}, {"id": 2, "name": "acid"}]


@pytest.mark.parametrize(
    ("body", "selectors"),
    [
        ({**NAMED, "tags": INNER}, ["$", "tags"]),
        ({**NAMED, "batches": INNER}, ["$", "batches"]),
        ({**NAMED, "batches": [{"lot": "A"}]}, ["$", "batches"]),
        ({"id": 7, "items": [{"lot": "A"}]}, ["$", "items"]),
        ({**NAMED, "tags": []}, ["$", "tags"]),
        ({**NAMED, "value": None}, ["$", "value"]),
        ({**NAMED, "tags": ["a"]}, ["$"]),
        (NAMED, ["$"]),
        ({**NAMED, "results": INNER}, 2),
        ({**NAMED, "items": []}, 0),
        ({"id": "req-1", "compounds": INNER}, 2),
        ({"jsonrpc": "2.0", "id": 1, "result": INNER}, 2),
        ({"name": "compounds", "members": INNER}, 2),
    ],
)
@pytest.mark.invariant(5)
def test_a_single_record_and_the_list_inside_it_are_told_apart(
    serve: Any, body: Any, selectors: list[str] | int
) -> None:
    """The first read knows neither: tags would be written as compounds, or nothing at all."""
    registry = serve(lambda asked: body)
    if isinstance(selectors, int):
        assert ids(registry.source()) == ["1", "2"][:selectors]
        return
    with pytest.raises(SourceError, match="may be a single record") as caught:
        ids(registry.source())
    for selector in selectors:
        setting = endpoint(data_selector=selector)
        assert json.dumps(setting) in caught.value.remedy
    assert ids(registry.source(endpoint(data_selector="$"))) == ["7"]


@pytest.mark.parametrize(
    ("selector", "full", "then", "right"),
    [
        ("users", {"users": LIST}, {}, []),
        ("users", {"users": LIST, "teams": SIDE}, {"users": None, "teams": SIDE}, []),
        ("users", {"users": LIST}, {"message": "no more"}, []),
        ("users", {"users": LIST}, None, []),
        ("users", {"users": LIST}, BLANK, []),
        ("users", {"users": LIST}, {"users": B}, ["B"]),
        ("molecules.molecule", {"molecules": {"molecule": LIST}}, {"molecules": ""}, []),
        ("molecules.molecule", {"molecules": {"molecule": LIST}}, {"molecules": None}, []),
        ("map", {"map": {"A": A, "B": B}}, {"map": {"B": B}}, ["B"]),
        ("map", {"map": {"A": A, "B": B}}, {"map": {}}, []),
        ("$", LIST, B, ["B"]),
        ("rows[*]", {"rows": LIST}, {"rows": None}, []),
    ],
)  # fmt: skip
def test_a_selector_is_a_place_like_any_other(
    serve: Any, selector: str, full: Any, then: Any, right: Any
) -> None:
    assert quiet(serve, full, then, selector) == right


@pytest.mark.parametrize(
    ("full", "then", "said"),
    [
        ({"items": LIST}, {"items": "none"}, "has “none” at items"),
        ({"items": LIST}, {"items": {"message": "none"}}, "at items"),
        ({"items": LIST}, "try later", "“try later”, without a list at items"),
        ({"items": LIST}, {"items": ["access denied"]}, "no records but “access denied”"),
        ({"items": LIST}, {"items": [["B", "b"]]}, "without the names of their columns"),
        ({"items": LIST}, {"status": "error", "message": "no session"}, "no session"),
    ],
)
def test_a_quiet_answer_that_is_no_list_is_refused(
    serve: Any, full: Any, then: Any, said: str
) -> None:
    with pytest.raises(SourceError, match=said):
        quiet(serve, full, then)


def test_no_other_list_is_proposed_without_a_doubt(serve: Any) -> None:
    """Where the records were is an object now, which may have something else in it."""
    with pytest.raises(SourceError) as caught:
        quiet(serve, {"data": LIST}, {"data": {"projects": SIDE, "compounds": []}})
    assert "checks with the registry's owner why, or sets" in caught.value.remedy


@pytest.mark.parametrize(
    ("body", "proposed"),
    [
        ({"compounds": LIST, "batches": SIDE}, ["compounds", "batches"]),
        ({"compounds": LIST, "batches": []}, ["compounds", "batches"]),
        ({"alerts": SIDE, "compounds": None}, ["alerts", "compounds"]),
        ({"projects": SIDE, "molecules": None}, ["projects", "molecules"]),
        ({"notices": SIDE, "molecule": None}, ["notices", "molecule"]),
        ({"warnings": SIDE, "molecules": None}, ["molecules"]),
        ({"data": {"id": "A", "name": "a", "batches": LIST}}, ["data"]),
        ({"x": {"compounds": LIST}, "y": {"batches": SIDE}}, ["x.compounds", "y.batches"]),
        ({"data": LIST, "results": SIDE}, ["data", "results"]),
        (A, ["$"]),
        ({"count": 0, "columns": SIDE}, ["…"]),
        ({"total": "0", "lookups": SIDE}, ["…"]),
    ],
)
def test_a_first_answer_that_is_not_clear_asks_for_the_place(
    serve: Any, body: Any, proposed: list[str]
) -> None:
    with pytest.raises(SourceError) as caught:
        ids(serve(lambda asked: body).source())
    for path in proposed:
        assert f'{{"endpoint": {{"data_selector": "{path}"}}}}' in caught.value.remedy


def test_what_the_ledger_knows_settles_a_first_answer(serve: Any) -> None:
    registry = serve(lambda asked: {"compounds": LIST, "batches": None})
    memory = Memory(holds_records=True, knows=lambda found: "A" in found)
    assert ids(registry.source(memory=memory)) == ["A", "B"]
    with pytest.raises(SourceError, match="may belong at batches"):
        ids(registry.source(memory=Memory(holds_records=True)))


@pytest.mark.parametrize(
    ("body", "right"),
    [
        ({"items": None, "projects": SIDE}, []),
        ({"items": [B]}, ["B"]),
        ({"data": {"items": [B]}}, ["B"]),
        ([B], ["B"]),
        ([], []),
        ({"projects": SIDE}, None),
        ({"compounds": []}, None),
        ({"users": None}, None),
        ({}, None),
        (None, None),
        (BLANK, None),
        (NOTHING, None),
    ],
)
def test_a_lane_that_has_learned_nothing_reads_everything(
    serve: Any, body: Any, right: list[str] | None
) -> None:
    settings = endpoint(
        params={"since": "{incremental.start_value}"}, incremental={"cursor_path": "at"}
    )
    source = serve(lambda asked: body).source(settings, memory=Memory(holds_records=True))
    [page] = source.pages(SINCE)
    assert bool(page.doubt) is (right is None)
    if right is not None:
        assert [source.identify(r) for r in page.records] == right


PAST = [
    None, {}, [], "", {"users": None}, {"users": None, "next": None}, {"message": "no more"}, BLANK,
    NOTHING, {"links": [{"rel": "self", "id": "self"}]}, {"others": SIDE},
    Reply({"detail": "Invalid page."}, status=404), Reply(b"gone", status=410, kind="text/plain"),
]  # fmt: skip


@pytest.mark.parametrize("past", PAST)
@pytest.mark.parametrize("selector", ["", "users"])
def test_a_page_past_the_end_is_an_empty_list(serve: Any, past: Any, selector: str) -> None:
    def answer(asked: Asked) -> Any:
        page = int(asked.query["page"])
        return {"users": [{"id": page}]} if page < 3 else past

    source = serve(answer).source(endpoint(paginator="page_number", data_selector=selector))
    assert ids(source) == ["1", "2"]


@pytest.mark.parametrize("elsewhere", ["data", "$", "page.items", "others"])
@pytest.mark.invariant(5)
def test_a_later_page_with_its_records_elsewhere_is_not_the_end(serve: Any, elsewhere: str) -> None:
    forms: dict[str, Any] = {
        "others": {"others": [{"id": 2, "name": "like a user"}]},
        "data": {"data": SIDE},
        "$": SIDE,
        "page.items": {"page": {"items": SIDE}},
    }

    def answer(asked: Asked) -> Any:
        page = int(asked.query["page"])
        users = [{"id": page, "name": f"User {page}"}] if page < 4 else []
        return {"users": users} if page != 2 else forms[elsewhere]

    with pytest.raises(SourceError, match="were at users before") as caught:
        ids(serve(answer).source(endpoint(paginator="page_number")))
    assert f'"data_selector": "{elsewhere}"' in caught.value.remedy


@pytest.mark.invariant(5)
def test_a_later_page_with_its_records_elsewhere_is_seen_after_a_doubt_too(serve: Any) -> None:
    """A run that meets it among the changes reads everything, and is to meet it again."""

    def answer(asked: Asked) -> Any:
        page = int(asked.query["page"])
        return {"users": [{"id": page, "name": "u"}]} if page == 1 else {"data": SIDE}

    settings = endpoint(
        paginator="page_number", params={"since": "{incremental.start_value}"},
        incremental={"cursor_path": "at"},
    )  # fmt: skip
    source = serve(answer).source(settings, memory=Memory("users", holds_records=True))
    first, second, *_ = source.pages(SINCE)
    assert second.doubt and not first.doubt
    with pytest.raises(SourceError, match="were at users before"):
        ids(source)


def test_a_like_list_past_the_end_is_no_error_where_a_setting_names_the_place(serve: Any) -> None:
    def answer(asked: Asked) -> Any:
        page = int(asked.query["page"])
        others = {"message": "no more", "recommended": [{"id": 9, "name": "like a user"}]}
        return {"users": [{"id": page, "name": "u"}]} if page < 3 else others

    settings = endpoint(paginator="page_number", data_selector="users")
    assert ids(serve(answer).source(settings)) == ["1", "2"]


def test_the_newest_of_many_lists_beside_the_records_are_kept(serve: Any) -> None:
    lists = {f"a{n:03}": SIDE for n in range(MOST_KEPT)}
    settings = endpoint(
        data_selector="items", params={"since": "{incremental.start_value}"},
        incremental={"cursor_path": "at"},
    )  # fmt: skip
    quiet = {"zones": [B]}
    registry = serve(lambda a: quiet if "since" in a.query else {"items": LIST, **lists})
    memory = Memory("items", keys=("id", "name"), holds_records=True)
    source = registry.source(settings, memory=memory)
    assert next(source.pages(SINCE)).doubt
    [page] = source.pages(None)
    assert len(page.learned["beside"]) == MOST_KEPT and "zones" in page.learned["beside"]
    [page] = registry.source(settings, memory=remembered(page)).pages(SINCE)
    assert not page.doubt


def test_a_place_is_known_to_whoever_goes_on_from_a_position(serve: Any) -> None:
    def answer(asked: Asked) -> Any:
        page = int(asked.query["page"])
        return {"users": [{"id": page}], "projects": []} if page < 3 else {"projects": SIDE}

    registry = serve(answer)
    first = endpoint(paginator="page_number", data_selector="users")
    page = next(registry.source(first).pages(None))
    assert ids(registry.source(first), position=page.next_position) == ["2"]


def test_404_on_a_first_page_stays_an_error(serve: Any) -> None:
    with pytest.raises(SourceError, match="404"):
        ids(serve(lambda a: Reply({"detail": "?"}, status=404)).source(memory=Memory("items")))


def test_an_empty_body_where_records_are_due_is_asked_again(serve: Any) -> None:
    registry = serve(None)
    registry.answer = lambda asked: BLANK if len(registry.asked) < 3 else LIST
    assert ids(registry.source()) == ["A", "B"]
    registry.answer = lambda asked: BLANK
    with pytest.raises(SourceError, match="empty") as caught:
        ids(registry.source(memory=Memory("$", holds_records=True)))
    assert caught.value.transient


def test_items_that_are_no_records_stand_apart(serve: Any) -> None:
    registry = serve(lambda asked: {"items": [A, None, "access denied", 7, B]})
    [page] = registry.source().pages(None)
    assert page.records == LIST and list(page.strays) == [None, "access denied", 7]


def test_a_list_that_moved_for_good_is_refused_when_all_is_read(serve: Any) -> None:
    registry = serve(lambda asked: {"members": LIST})
    with pytest.raises(SourceError, match="were at items before") as caught:
        ids(registry.source(memory=Memory("items", keys=("id", "name"), holds_records=True)))
    assert '{"endpoint": {"data_selector": "members"}}' in caught.value.remedy


def test_a_new_list_beside_the_records_is_doubted_once(serve: Any) -> None:
    settings = endpoint(
        params={"since": "{incremental.start_value}"}, incremental={"cursor_path": "at"}
    )
    registry = serve(lambda a: {"batches": SIDE} if "since" in a.query else {"items": LIST})
    source = registry.source(settings, memory=Memory("items", holds_records=True))
    [page] = source.pages(SINCE)
    assert page.doubt
    [page] = source.pages(None)
    assert page.learned["beside"] == ["batches"]
    [page] = registry.source(settings, memory=remembered(page)).pages(SINCE)
    assert (page.doubt, page.records) == ("", [])
