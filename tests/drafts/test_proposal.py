"""Connector Settings proposed from a registry's answers: each line with what was seen for it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.core.management import call_command

from registry_sync.benchling.app_config import AppConfig
from registry_sync.drafts.connection_test import try_connection
from registry_sync.source.connector_settings import parse_connector
from registry_sync.sync.clients import client_of_settings
from tests.support.odd import Asked, Reply
from tests.support.unseen import UNSEEN, Book, archived, by_birth

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("patient")]
START = datetime(2026, 1, 5, 8, tzinfo=UTC)
SINCE = "{incremental.start_value}"


def kinds(count: int = 40, **more: Any) -> list[dict[str, Any]]:
    return [
        {"code": f"K-{n:03d}", "name": f"Kind {n}", "group": n % 3, **more,
         "meta": {"updated_at": written(START + n * timedelta(hours=5))}}
        for n in range(count)
    ]  # fmt: skip


def written(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def filtered(rows: list[dict[str, Any]], since: str) -> list[dict[str, Any]]:
    return [row for row in rows if not since or row["meta"]["updated_at"] >= since]


def by_offset(asked: Asked) -> Any:
    rows = filtered(kinds(), asked.query.get("updated_since", ""))
    start = int(asked.query.get("offset", 0))
    page = rows[start : start + 15]
    return {"status": "ok", "result": {"kinds": page, "totalCount": len(rows)}, "links": [{"a": 1}]}


def by_token(asked: Asked) -> Any:
    rows = filtered(kinds(), asked.query.get("updated_at__gte", ""))
    start = int(asked.query.get("pageToken", 0))
    token = {"nextPageToken": str(start + 15)} if start + 15 < len(rows) else {}
    return {"items": rows[start : start + 15], **token}


def by_link(asked: Asked) -> Any:
    if asked.headers.get("X-API-Key") != "key":
        return Reply({"error": "no"}, status=401)
    start = int(asked.query.get("start", 0))
    rows = kinds()
    more = {"Link": f'</list?start={start + 15}>; rel="next"'} if start + 15 < len(rows) else {}
    return Reply(rows[start : start + 15], headers=more)


def by_page(asked: Asked) -> Any:
    page = int(asked.query.get("page", 1))
    return {"data": kinds(40, note="N/A")[page * 15 - 15 : page * 15]}


def alone(asked: Asked) -> Any:
    return [{"id": n, "name": f"A{n}", **({"cas": "50-00-0"} if n % 2 else {})} for n in range(7)]


def in_one_item(asked: Asked) -> Any:
    """Return a transaction with its records, as Infor M3 and GraphQL boards do."""
    return {
        "results": [{"transaction": "LstByNumber", "records": kinds(4)}],
        "wasTerminated": False,
    }


def by_name(asked: Asked) -> Any:
    return {"results": [{"name": "X", "note": "n", "batches": [{"id": "B1"}, {"id": "B2"}]}]}


def with_parts(asked: Asked) -> Any:
    return {"results": [{"note": "n", "made": {"parts": [{"no": 1}, {"no": 2}]}}]}


CASES: dict[str, tuple[Callable[[Asked], Any], dict[str, Any]]] = {
    "offset": (by_offset, {
        "endpoint.data_selector": "result.kinds",
        "endpoint.primary_key": "code",
        "endpoint.paginator.type": "offset",
        "endpoint.paginator.total_path": "result.totalCount",
        "endpoint.params": {"updated_since": SINCE},
        "endpoint.incremental.cursor_path": "meta.updated_at",
        "endpoint.incremental.lag": "5 min",
    }),
    "token": (by_token, {
        "endpoint.data_selector": "items",
        "endpoint.paginator.cursor_path": "nextPageToken",
        "endpoint.paginator.cursor_param": "pageToken",
        "endpoint.params": {"updated_at__gte": SINCE},
    }),
    "link": (by_link, {
        "client.auth": {"type": "api_key", "name": "X-API-Key"},
        "endpoint.paginator": {"type": "header_link"},
        "endpoint.params": None,
    }),
    "page": (by_page, {
        "endpoint.paginator": {"type": "page_number", "page_param": "page"},
    }),
    "inside": (in_one_item, {
        "endpoint.data_selector": "results[0].records",
        "endpoint.primary_key": "code",
    }),
    "a record with a name": (by_name, {"endpoint.data_selector": "results"}),
    "a record with parts": (with_parts, {"endpoint.data_selector": "results"}),
    "single": (alone, {
        "endpoint.paginator": {"type": "single_page"},
        "endpoint.primary_key": "id",
        "endpoint.absent": "clear",
        "endpoint.incremental": None,
    }),
}  # fmt: skip


def at(settings: Any, path: str) -> Any:
    for key in path.split("."):
        settings = settings.get(key) if isinstance(settings, dict) else None
    return settings


def proposed(w: Any, url: str) -> tuple[str, dict[str, Any]]:
    w.configure(**{"API URL": url, "Connector Settings": None, "Field Configurations": [],
                   "Modified Since Parameter": "", "External Name Field": ""})  # fmt: skip
    out = io.StringIO()
    call_command("doctor", "--propose", stdout=out)
    text = out.getvalue()
    settings = text.partition("Connector Settings:\n")[2].partition("\n\nNothing")[0]
    return text, json.loads(settings)


@pytest.mark.parametrize("case", CASES)
def test_settings_are_proposed_with_their_evidence(world: Any, serve: Any, case: str) -> None:
    answer, expected = CASES[case]
    text, settings = proposed(world([]), serve(answer).url + "/list")
    for path, value in expected.items():
        assert at(settings, path) == value, (path, text)
    parse_connector(settings, api_url="https://r.example", strict=True)
    assert "key" not in json.dumps(settings).lower().replace("x-api-key", "").replace(
        "api_key", ""
    ).replace("primary_key", "")


def test_what_no_answer_writes_out_is_proposed(world: Any, serve: Any) -> None:
    w = world([], rows=[])
    for case, (answer, expected) in UNSEEN.items():
        text, settings = proposed(w, serve(partial(answer, Book.of(40))).url + "/list")
        for path, value in expected.items():
            assert at(settings, path) == value, (case, path, text)


@pytest.mark.parametrize("case", ["page 0", "counted rows"])
def test_the_proposal_alone_reads_what_is_edited_added_and_deleted(
    world: Any, serve: Any, case: str
) -> None:
    w, book = world([], rows=[]), Book.of(20)
    _, settings = proposed(w, serve(partial(UNSEEN[case][0], book)).url + "/list")
    w.configure(**{"Connector Settings": settings, "External Name Field": "name",
                   "Field Configurations": [("SMILES", "note")]})  # fmt: skip
    assert w.sync().created == 20
    book.edit(2, "edited")
    book.add(20)
    book.delete(11)
    run = w.sync()
    assert (run.created, run.updated, run.error) == (1, 1, "")
    came = {values["SMILES"] for values in w.values().values()}
    assert came == {row.note for row in book.rows} | {"note 11"}


def test_what_is_no_setting_is_told(world: Any, serve: Any) -> None:
    w = world([])
    for answer, told in (
        (by_birth, "UTC, 4 later records did not come, such as K-000: it is not proposed."),
        (archived, '{"endpoint": {"deletes": {"mode": "flag", "path": "archived", "values"'),
    ):
        text, settings = proposed(w, serve(partial(answer, Book.of(40))).url + "/list")
        assert told in text and "deletes" not in settings["endpoint"]


def test_without_a_list_or_a_key_it_says_who_must_act(world: Any, serve: Any) -> None:
    w = world([])
    for answer, said in (
        (lambda asked: {"status": "ok"}, "no list of records"),
        (lambda asked: {"items": [], "total": 0}, "list at items is empty"),
        (lambda asked: Reply({"error": "no"}, status=401), "API Key"),
    ):
        with pytest.raises(Exception, match=said):
            proposed(w, serve(answer).url + "/list")


def test_a_total_that_is_not_reached_is_no_single_page(world: Any, serve: Any) -> None:
    """No parameter leads on, and the answer counts more: that is not all."""
    answer = {"rows": kinds(20), "total": 60}
    text, settings = proposed(world([], rows=[]), serve(lambda asked: answer).url + "/list")
    assert at(settings, "endpoint.paginator") is None, text
    assert "more at total, and no paginator was found" in text


def test_a_full_page_is_not_proposed_to_be_all(world: Any, serve: Any) -> None:
    """Nothing leads on from as many as were asked for: the runs still warn."""
    answer = {"kinds": kinds(7), "total": 7}  # as Shopware counts
    text, settings = proposed(world([], rows=[]), serve(lambda asked: answer).url + "/list?limit=7")
    assert at(settings, "endpoint.paginator") is None, text
    assert "7 records are a full page" in text
    assert '{"endpoint": {"paginator": {"type": "single_page"}}}' in text


@pytest.mark.parametrize(
    ("arguments", "count", "sure"),
    [
        ("", 7, False),
        ("(first: 7)", 7, False),
        ("(first: 100)", 7, True),
        ("(first: 100)", 50, False),
    ],
)
def test_a_query_that_does_not_ask_whether_there_is_more_is_told(
    world: Any, serve: Any, arguments: str, count: int, sure: bool
) -> None:
    query = f"{{ kinds{arguments} {{ nodes {{ code name }} }} }}"
    w = world([], rows=[])
    url = serve(lambda asked: {"data": {"kinds": {"nodes": kinds(count)}}}).url + "/graphql"
    w.configure(**{"API URL": url, "Connector Settings": {"endpoint": {"json": {"query": query}}},
                   "Field Configurations": [], "External Name Field": ""})  # fmt: skip
    out = io.StringIO()
    call_command("doctor", "--propose", stdout=out)
    assert ('"single_page"' in out.getvalue()) is sure, out.getvalue()
    assert ("pageInfo {hasNextPage endCursor}" in out.getvalue()) is not sure


def test_what_has_no_effect_in_the_settings_in_use_is_left_out(world: Any, serve: Any) -> None:
    """How pages are asked for is proposed, whatever `client.paginator` says."""
    w = world([], rows=[])
    url = serve(by_offset).url + "/list"
    auth = {"type": "bearer", "username": "me"}
    w.configure(**{"API URL": url, "Field Configurations": [], "External Name Field": "",
                   "Connector Settings": {"client": {"paginator": "offset", "auth": auth,
                                                     "headers": {"X-Lab": "7"}}}})  # fmt: skip
    out = io.StringIO()
    call_command("doctor", "--propose", stdout=out)
    text = out.getvalue().partition("Connector Settings:\n")[2].partition("\n\nNothing")[0]
    settings = json.loads(text)
    assert settings["client"] == {"auth": {"type": "bearer"}, "headers": {"X-Lab": "7"}}
    config = AppConfig(api_url=url, schema_id="ts_1", registry_id="src_1", rows=(), api_key="key")
    row = try_connection(client_of_settings(), config, element="", actor="ann")
    assert (row.fault, row.proposal) == ("", settings)


def test_terms_are_kept_where_the_modified_since_parameter_sends_the_start(
    world: Any, serve: Any
) -> None:
    w = world([], rows=[])
    terms = {"cursor_path": "meta.updated_at", "lag": "2 h", "comparison": "gt"}
    endpoint = {"json": {"q": "*"}, "incremental": terms}
    for parameter, kept in (("since", terms), ("", {"cursor_path": "meta.updated_at"})):
        w.configure(**{"API URL": serve(lambda asked: kinds(2)).url + "/list",
                       "Modified Since Parameter": parameter, "External Name Field": "",
                       "Connector Settings": {"endpoint": endpoint},
                       "Field Configurations": []})  # fmt: skip
        out = io.StringIO()
        call_command("doctor", "--propose", stdout=out)
        text = out.getvalue().partition("Connector Settings:\n")[2].partition("\n\nNothing")[0]
        assert json.loads(text)["endpoint"]["incremental"] == kept


def test_no_id_is_proposed_under_another_external_id_field(world: Any, serve: Any) -> None:
    w = world([], rows=[])
    url = serve(by_offset).url + "/list"
    for field, proposes in (("name", False), ("code", True)):
        w.configure(**{"External ID Field": field})
        text, settings = proposed(w, url)
        assert ("primary_key" in settings["endpoint"]) is proposes, text
        said = "External ID Field (name) takes precedence, so “code” is not proposed as the id."
        assert (said in text) is not proposes
