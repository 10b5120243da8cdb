"""GraphQL: queries whose braces are no placeholders, cursors in variables, errors beside data.

The answers are as Strawberry, Ariadne and GraphQL Yoga gave them.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from registry_sync.core.problems import ConfigError, SourceError
from registry_sync.source.connector_settings import parse_connector
from tests.support.odd import Asked, Json, endpoint, ids

pytestmark = pytest.mark.once
QUERY = (
    "query($after: String){items(first: 2, after: $after){"
    "edges{cursor}nodes{id name} pageInfo{hasNextPage endCursor}}}"
)
PAGED = {
    "type": "cursor", "cursor_path": "data.items.pageInfo.endCursor",
    "cursor_body_path": "variables.after", "has_more_path": "data.items.pageInfo.hasNextPage",
}  # fmt: skip
ROWS = [{"id": f"Y{n}", "name": f"Yoga {n}"} for n in range(5)]


def failure(*path: Any) -> Json:
    return {"message": "Unexpected error.", "locations": [{"line": 1, "column": 39}],
            "path": list(path), "extensions": {"code": "INTERNAL_SERVER_ERROR"}}  # fmt: skip


def connection(asked: Asked) -> Json:
    """Answer as GraphQL Yoga does."""
    if asked.json.get("query") != QUERY:
        return {"errors": [{"message": "Must provide query string."}]}
    start = int((asked.json.get("variables") or {}).get("after", -1)) + 1
    page = [dict(row) for row in ROWS[start : start + 2]]
    info = {"hasNextPage": start + 2 < len(ROWS), "endCursor": str(start + len(page) - 1)}
    edges = [{"cursor": row["id"]} for row in page]
    return {"data": {"items": {"edges": edges, "nodes": page, "pageInfo": info}}}


def settings(**more: Any) -> Json:
    given = {"data_selector": "data.items.nodes", "paginator": PAGED} | more
    return endpoint(json={"query": QUERY}, **given)


def error_of(source: Any) -> SourceError:
    with pytest.raises(SourceError) as caught:
        list(source.pages(None))
    return caught.value


def test_a_field_of_the_query_is_no_placeholder(serve: Any) -> None:
    """`edges{cursor}` stays, and the cursor goes into the variables."""
    registry = serve(connection)
    assert ids(registry.source(settings())) == [row["id"] for row in ROWS]
    assert [asked.json.get("variables") for asked in registry.asked] == [
        None, {"after": "1"}, {"after": "3"},
    ]  # fmt: skip


def test_a_placeholder_among_the_arguments_is_filled(serve: Any) -> None:
    def answer(asked: Asked) -> Json:
        assert asked.json["query"].startswith("{flat(limit: 2, offset: "), asked.body
        start = int(asked.json["query"].partition("offset: ")[2].partition(")")[0])
        return {"data": {"flat": {"rows": ROWS[start : start + 2], "total": 5}}}

    paginator = {"type": "offset", "limit": 2, "total_path": "data.flat.total"}
    query = "{flat(limit: {limit}, offset: {offset}){rows{id name} total}}"
    source = serve(answer).source(endpoint(json={"query": query}, paginator=paginator))
    assert ids(source) == [row["id"] for row in ROWS]


SINCE = "1970-01-01T00:00:00Z"
ITEMS = "items(%s){edges{cursor}nodes{id}}"
NESTED = 'filter: "f(x) or )", since: "{incremental.start_value}", first: {limit}, skip: {offset}'
FILLED = f'filter: "f(x) or )", since: "{SINCE}", first: 2, skip: 0'
MONGO = "{modified: {$gte: '{incremental.start_value}'}, skip: {offset}}"
HOLES: dict[str, tuple[Json, Json]] = {
    "parentheses in a string": (
        {"query": f"{{{ITEMS % NESTED}}}"}, {"query": f"{{{ITEMS % FILLED}}}"},
    ),
    "a time outside arguments": (
        {"query": "{items(first: {limit}, skip: {offset}){id # {incremental.start_value}\n}}"},
        {"query": f"{{items(first: 2, skip: 0){{id # {SINCE}\n}}}}"},
    ),
    "another language": (
        {"filter": MONGO, "query": "{incremental.start_value}", "limit": "{limit}"},
        {"filter": f"{{modified: {{$gte: '{SINCE}'}}, skip: 0}}", "query": SINCE, "limit": 2},
    ),
}  # fmt: skip
"""Bodies with placeholders, and as they are sent."""


@pytest.mark.parametrize("case", HOLES)
def test_only_a_selection_is_no_placeholder(serve: Any, case: str) -> None:
    asked, sent = HOLES[case]
    times = {"cursor_path": "at", "initial_value": SINCE}
    paginator = {"type": "offset", "limit": 2}
    given = endpoint(json=asked, incremental=times, paginator=paginator)
    registry = serve(lambda asked: {"data": ROWS[:1]})
    next(registry.source(given).pages(None))
    assert registry.asked[0].json == sent


def test_the_paginator_of_a_query_is_written_out(serve: Any) -> None:
    """Where a query takes the cursor, its variable says; else Relay's."""
    registry = serve(connection)
    error = error_of(registry.source(settings(paginator="auto")))
    assert json.dumps(PAGED) in error.remedy
    for query, variable in (("after: $from", "variables.from"), ("", "variables.after")):
        asked = {"query": f"query{{items({query or 'first: 2'}){{nodes{{id name}}}}}}"}
        unpaged = serve(lambda a: {"data": {"items": {"nodes": ROWS * 4}}})
        [page] = unpaged.source(endpoint(json=asked)).pages(None)
        proposed = json.dumps({**PAGED, "cursor_body_path": variable})
        assert proposed in page.signs[0].remedy, page.signs


def test_a_variable_that_the_query_lacks_is_named() -> None:
    paginator = {**PAGED, "cursor_body_path": "variables.cursor"}
    given = settings(paginator=paginator)
    with pytest.raises(ConfigError, match=r"no variable \$cursor"):
        parse_connector(given, api_url="https://r.example", strict=True)
    parse_connector(settings(), api_url="https://r.example", strict=True)
    inner = {"query": "query($input: S!){items(input: $input){nodes{id}}}"}
    paginator = {**PAGED, "cursor_body_path": "variables.input.after"}
    given = settings(paginator=paginator)
    given["endpoint"]["json"] = inner
    parse_connector(given, api_url="https://r.example", strict=True)


def test_an_error_beside_data_refuses_its_record_alone(serve: Any) -> None:
    def answer(asked: Asked) -> Json:
        body = connection(asked)
        nodes = body["data"]["items"]["nodes"]
        for n, row in enumerate(nodes):
            if row["id"] == "Y1":
                row["name"] = None
                body["errors"] = [failure("items", "nodes", n, "name")]
            if row["id"] == "Y2":
                nodes[n] = None  # as where the name must not be null
                body["errors"] = [failure("items", "nodes", n, "name")]
        return body

    pages = list(serve(answer).source(settings()).pages(None))
    assert [record["id"] for page in pages for record in page.records] == ["Y0", "Y3", "Y4"]
    [unread] = [one for page in pages for one in page.unread]
    assert (unread.record["id"], unread.failed) == ("Y1", True)
    assert unread.why.message.endswith("value: Unexpected error.")
    assert [page.strays for page in pages] == [[], [None], []]
    signs = [[sign.code for sign in page.signs] for page in pages]
    assert signs == [["answer_partial"], ["answer_partial"], []]
    with pytest.raises(SourceError, match="Unexpected error"):
        serve(answer).source(settings()).fetch("Y1")


ELSEWHERE: dict[str, tuple[Json, list[Json]]] = {
    "the list": ({"items": None}, [failure("items")]),
    "the next page": (
        {"items": {"nodes": ROWS, "pageInfo": None}}, [failure("items", "pageInfo")],
    ),
    "another list": (
        {"items": {"nodes": ROWS}, "other": [{"x": None}]}, [failure("other", 0, "x")],
    ),
    "one of two": (
        {"items": {"nodes": [{"id": "Y0", "name": None}]}, "more": None},
        [failure("items", "nodes", 0, "name"), failure("more")],
    ),
    "a path from elsewhere": ({"items": {"nodes": ROWS}}, [failure("rows", 0, "name")]),
    "a path of lists": ({"items": {"nodes": ROWS}}, [failure(["items"], 0)]),
    "no null": ({"items": {"nodes": ROWS}}, [failure("items", "nodes", 0, "name")]),
    "every record": (
        {"items": {"nodes": [{"id": f"Y{n}", "name": None} for n in range(10)]}},
        [failure("items", "nodes", n, "name") for n in range(10)],
    ),
}  # fmt: skip
"""Data and errors beside it that are not about single records."""


@pytest.mark.parametrize("case", ELSEWHERE)
def test_an_error_about_more_than_a_record_fails_the_read(serve: Any, case: str) -> None:
    data, errors = ELSEWHERE[case]
    registry = serve(lambda asked: {"data": data, "errors": errors})
    error = error_of(registry.source(settings(paginator="single_page")))
    assert "contains an error: Unexpected error." in error.message
    assert "registry's owner checks the service" in error.remedy
