"""Warnings that stand in every answer: accepted by their words, and nothing else with them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.odd import endpoint, read, settings_in
from tests.support.shapes import RECORDS

pytestmark = pytest.mark.once


@pytest.mark.parametrize("place", ["warnings", "meta"])
@pytest.mark.invariant(5)
def test_a_warning_of_every_answer_is_accepted_by_its_words(serve: Any, place: str) -> None:
    """Only these: another warning, or more records than came, is told as before."""
    said = ["Data may be incomplete"]
    beside: dict[str, Any] = {}

    def answer(asked: Any) -> Any:
        warned = {"warnings": said} if place == "warnings" else {"meta": {"warnings": said}}
        return {"items": RECORDS[:7], **warned, **beside}

    registry = serve(answer)
    came, message = read(registry.source())
    assert len(came) == 7 and "is not complete" in message
    settings = settings_in(message)
    assert read(registry.source(settings)) == (came, "")
    beside["has_more"] = True
    assert "has_more" in read(registry.source(settings))[1]
    beside.clear()
    said[0] = "Site 3 may be missing"
    assert "Site 3" in read(registry.source(settings))[1]
    said[0] = "Data may be incomplete: only the first 7 rows are returned"
    assert "only the first 7 rows" in read(registry.source(settings))[1]
    said[0] = "Result truncated to 7 rows"
    notice = {"action": "ignore", "error_path": "notice", "content": "beta API"}
    beside["notice"] = "beta API"
    assert (
        "mentions a next page"
        in read(registry.source({"endpoint": {"response_actions": [notice]}}))[1]
    )


@pytest.mark.invariant(5)
def test_an_accepted_warning_ends_no_read(serve: Any) -> None:
    """It stands on each page, also on an empty one in the middle."""

    def answer(asked: Any) -> Any:
        page = int(asked.query.get("cursor") or 1)
        follows = {"next": str(page + 1)} if page < 3 else {}
        records = [] if page == 2 else [{"id": page}]
        return {"items": records, "warnings": ["Data may be incomplete"], **follows}

    cursor = {"type": "cursor", "cursor_path": "next"}
    registry = serve(answer)
    came, message = read(registry.source({"endpoint": {"paginator": cursor}}))
    settings: Any = settings_in(message)
    settings["endpoint"]["paginator"] = cursor
    assert read(registry.source(settings)) == (came, "") == (["1", "3"], "")


STANDING = "Data may be incomplete"
ACCEPTED = {"action": "ignore", "error_path": "warnings", "content": STANDING}


@pytest.mark.parametrize(
    "answer",
    [
        {"error": {"code": 500, "message": "DB down"}},
        {"items": "Service busy"},
        {"items": {"0": "busy"}},
        {"compounds": RECORDS},
        {"items": [], "error": "Timeout"},
        {"items": RECORDS[:7], "failedSources": ["L"]},
        {"items": RECORDS[:7], "isPartial": True},
        {"items": RECORDS[:7], "alerts": ["Site 3 may be missing"]},
        {"items": RECORDS[:7], "error": "shard 3 failed"},
        {"items": RECORDS[:7], "success": False},
        {"items": RECORDS[:7], "warnings": [f"{STANDING}: shard 3 is offline"]},
        {"items": RECORDS[:7], "warnings": [STANDING, "Site 3 may be missing"]},
    ],
    ids=str,
)
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.invariant(5)
def test_an_accepted_warning_hides_nothing_else(serve: Any, answer: Any, first: bool) -> None:
    def page(asked: Any) -> Any:
        if first or asked.query.get("cursor"):
            return {"warnings": [STANDING], **answer}
        return {"items": RECORDS[7:], "warnings": [STANDING], "next": "2"}

    paginator = {"type": "auto"} if first else {"type": "cursor", "cursor_path": "next"}
    endpoint = {"data_selector": "items", "paginator": paginator, "response_actions": [ACCEPTED]}
    assert read(serve(page).source({"endpoint": endpoint}))[1]


def test_several_warnings_are_accepted_and_another_action_still_fails(serve: Any) -> None:
    words = "Results are truncated; data may be incomplete"
    other = {"action": "ignore", "error_path": "alert", "content": words}
    fail = {"action": "fail", "error_path": "alert", "content": "Down"}
    said = {"items": RECORDS[:7], "warnings": [STANDING], "alert": words}
    registry = serve(lambda asked: said)
    actions = {"endpoint": {"response_actions": [ACCEPTED, other, fail]}}
    came, message = read(registry.source(actions))
    assert len(came) == 7 and not message
    said["alert"] = "Down"
    assert "contains an error: Down" in read(registry.source(actions))[1]


def test_a_warning_of_the_end_ends_a_list(serve: Any) -> None:
    """Also one that always names a next page."""

    def answer(asked: Any) -> Any:
        page = int(asked.query.get("page") or 1)
        warnings = [{"code": "NO_MORE"}] if page == 3 else []
        records = [{"id": page}] if page < 3 else []
        return {"items": records, "warnings": warnings, "next": f"/list?page={page + 1}"}

    no_more = {"action": "ignore", "error_path": "warnings[0].code", "content": "NO_MORE"}
    link = {"type": "json_link", "next_url_path": "next"}
    endpoint = {"paginator": link, "response_actions": [no_more]}
    assert read(serve(answer).source({"endpoint": endpoint})) == (["1", "2"], "")


@pytest.mark.parametrize("text", ["Page number exceeds the maximum", "Reached the page limit"])
def test_a_warning_past_the_last_page_ends_a_list(serve: Any, text: str) -> None:
    """It says that there is no such page, not that records are missing."""

    def answer(asked: Any) -> Any:
        page = int(asked.query.get("page") or 1)
        records = [{"id": page}] if page < 3 else []
        said = {"warning": text} if page == 3 else {}
        return {"items": records, "next": f"/list?page={page + 1}", **said}

    past = {"action": "ignore", "error_path": "warning", "content": text}
    link = {"type": "json_link", "next_url_path": "next"}
    endpoint = {"paginator": link, "response_actions": [past]}
    assert read(serve(answer).source({"endpoint": endpoint})) == (["1", "2"], "")


OTHER = "Site 3 may be missing"


@pytest.mark.parametrize(
    "warnings",
    [
        {"code": "W7", "message": STANDING},
        [{"code": "W7", "message": STANDING}],
        [STANDING, OTHER],
        [{"text": STANDING}, {"text": OTHER}, {"text": "Deprecated"}],
        {"general": [STANDING], "sites": [OTHER]},
    ],
    ids=str,
)
@pytest.mark.parametrize("key", ["warnings", "alert"])
@pytest.mark.invariant(5)
def test_each_text_of_a_warning_is_accepted_wherever_it_stands(
    serve: Any, warnings: Any, key: str
) -> None:
    """Whatever else comes later, in the same object too, is told."""
    said = {"items": RECORDS[:7], key: warnings}
    registry = serve(lambda asked: said)
    came, message = read(registry.source())
    assert len(came) == 7 and "is not complete" in message
    settings = settings_in(message)
    assert read(registry.source(settings)) == (came, "")
    for new in ({"more": "Shard 2 may be missing"}, "Shard 2 may be missing"):
        said[key] = [*warnings, new] if isinstance(warnings, list) else [warnings, new]
        assert "Shard 2" in read(registry.source(settings))[1], new
    if isinstance(warnings, dict):
        said[key] = {**warnings, "details": "Shard 2 may be missing"}
        assert "Shard 2" in read(registry.source(settings))[1]


def test_settings_are_written_out_for_a_few_short_texts(serve: Any) -> None:
    for texts in (["x" * 200 + " may be missing"], [f"Site {n} may be missing" for n in range(9)]):
        registry = serve(lambda asked, texts=texts: {"items": RECORDS[:7], "warnings": texts})
        message = read(registry.source())[1]
        assert "is not complete" in message and "response_actions" not in message


def detailed() -> dict[str, Any]:
    return {"id": 1, "name": "A", "warnings": [STANDING]}


def test_a_record_keeps_its_own_warning(serve: Any) -> None:
    detail = {"path": "list/{id}", "each": True}

    def answer(asked: Any) -> Any:
        one = {"id": 1, "warnings": [STANDING]}
        return one if asked.path != "/list" else {"items": [{"id": 1}], "warnings": [STANDING]}

    settings = endpoint(detail=detail, response_actions=[ACCEPTED])
    [page] = serve(answer).source(settings).pages(None)
    assert page.records == [{"id": 1, "warnings": [STANDING]}] and not page.signs
    for path, answered in (
        ("items[*].warnings", {"items": [detailed()]}),
        ("warnings", detailed()),
    ):
        action = {**ACCEPTED, "error_path": path}
        place = "items" if path != "warnings" else "$"
        own = endpoint(data_selector=place, response_actions=[action])
        [page] = serve(lambda asked, answered=answered: answered).source(own).pages(None)
        assert page.records == [detailed()], path


@pytest.mark.parametrize("key", ["warning", "alert", "warnings"])
def test_a_last_page_may_have_nothing_but_an_accepted_warning(serve: Any, key: str) -> None:
    def answer(asked: Any) -> Any:
        said = {"items": RECORDS[:7], "next": "/list?page=2"} if not asked.query else {}
        return {**said, key: STANDING}

    registry = serve(answer)
    assert "Data may be incomplete" in read(registry.source())[1]
    accepted = endpoint(response_actions=[{**ACCEPTED, "error_path": key}])
    came, message = read(registry.source(accepted))
    assert len(came) == 7 and not message


def test_an_empty_page_with_the_requests_id_is_no_record(serve: Any) -> None:
    page = {"id": "req-17", "compounds": [], "warnings": [STANDING]}
    settings = endpoint(data_selector="compounds", response_actions=[ACCEPTED])
    [only] = serve(lambda asked: page).source(settings).pages(None)
    assert not only.records and not only.signs


@pytest.mark.parametrize(
    "page", [{"items": [], "error": "DB down"}, {"items": "Service busy"}, {"state": "FAILED"}]
)
@pytest.mark.parametrize("content", ["", "NO_MORE"])
@pytest.mark.invariant(5)
def test_a_warning_that_is_ignored_hides_no_error(serve: Any, page: Any, content: str) -> None:
    def answer(asked: Any) -> Any:
        first = {"items": RECORDS[:7], "next": "/list?page=2"}
        return {"warnings": ["NO_MORE"], **(page if asked.query else first)}

    action = {"action": "ignore", "error_path": "warnings", "content": content}
    assert read(serve(answer).source(endpoint(response_actions=[action])))[1]


@pytest.mark.parametrize(
    ("beside", "told"),
    [
        ({}, ""),
        ({"warnings": ["Site 3 may be missing"]}, "Site 3"),
        ({"errors": [{"message": "shard 3 failed"}]}, "shard 3"),
        ({"isPartial": True}, "isPartial"),
    ],
)
@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.invariant(5)
def test_a_warning_that_would_end_a_list_hides_nothing_beside_records(
    serve: Any, beside: Any, told: str, order: int
) -> None:
    """Whatever the order of the actions, the accepted texts are taken out, and nothing else."""
    warnings = ["beta API", STANDING, *beside.get("warnings", ())]
    actions = [{**ACCEPTED, "content": "beta API"}, ACCEPTED][::order]
    registry = serve(lambda asked: {"items": RECORDS[:7], **beside, "warnings": warnings})
    came, message = read(registry.source(endpoint(response_actions=actions)))
    assert len(came) == 7 and told in message and bool(message) == bool(told)


@pytest.mark.invariant(5)
def test_warnings_that_are_ignored_without_content_end_no_list(serve: Any) -> None:
    """They may stand on each page: an empty one in the middle is not the last."""

    def answer(asked: Any) -> Any:
        page = int(asked.query.get("page", 1))
        follows = {"next": f"/list?page={page + 1}"} if page < 3 else {}
        return {"items": [] if page == 2 else [{"id": page}], "warnings": ["beta API"], **follows}

    any_warning = {"action": "ignore", "error_path": "warnings"}
    registry = serve(answer)
    assert read(registry.source(endpoint(response_actions=[any_warning]))) == (["1", "3"], "")
    registry = serve(lambda asked: {"warnings": ["no such data"]})
    assert read(registry.source(endpoint(response_actions=[any_warning]))) == ([], "")
    registry = serve(lambda asked: {"items": RECORDS[:7], "warnings": [STANDING]})
    assert STANDING in read(registry.source(endpoint(response_actions=[any_warning])))[1]
