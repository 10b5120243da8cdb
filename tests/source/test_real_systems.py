"""What real systems answer, as their documents and sources have it: limits, ends, words, pages."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from registry_sync.core.problems import SourceError
from registry_sync.source.answers.depth_limits import depth_said
from registry_sync.source.answers.record_list import Memory
from tests.support.odd import Asked, Reply, endpoint, read, settings_in

pytestmark = pytest.mark.once
TEN = [{"id": str(n), "name": f"Compound {n}"} for n in range(10)]
ALL = [record["id"] for record in TEN]
FEW = TEN[:4]
NUMBERED = endpoint(paginator={"type": "page_number"})
ES = (
    "Result window is too large, from + size must be less than or equal to: [10000] but was [10100]"
)

LIMITED: tuple[tuple[int, Any], ...] = (
    (400, {"error": {"root_cause": [{"type": "illegal_argument_exception", "reason": ES}],
                     "type": "search_phase_execution_exception", "reason": "all shards failed",
                     "failed_shards": [{"shard": 0, "index": "c", "node": "n" * 150}]}}),
    (422, {"code": 422, "message": "You have reached the maximum number of pages you can retrieve "
           'with the "page" pagination type. Please use the search after pagination type instead'}),
    (422, {"message": "Only the first 1000 search results are available"}),
    (400, {"message": "Error page size + offset must be less than maxoffset: 10000"}),
    (400, [{"message": "Maximum SOQL offset allowed is 2000",
            "errorCode": "NUMBER_OUTSIDE_VALID_RANGE"}]),
    (400, {"message": "Cannot page beyond 10000 results (page 21 x pageSize 500 = 10500)."}),
    (400, b"Max offset of 100001 exceeded: 100000 + 20"),
    (400, {"message": "You may only page through the first 400,000 records."}),
    (400, {"message": "You can only page through the first 1000 records."}),
    (400, {"message": "Page offset must not exceed 800"}),
    (400, {"error": {"code": "BAD_REQUEST", "message": "Skip value must 25000 or less."}}),
    (404, {"detail": "Deep pagination is not supported. Please use the bulk download."}),
    (405, {"error": "Offset pagination has a maximum allowed offset of 50000. Remaining records "
           "can be retrieved using keyset pagination."}),
    (400, {"success": False, "error": "Pagination too deep (max offset: 10000)"}),
    (400, {"message": "from must not exceed 10000"}),
    (400, {"message": "'from' cannot exceed 10,000"}),
    (422, {"error": "invalid pagination params: query maximum results exceeded"}),
    (400, {"errors": {"Page": ["The requested page exceeds the maximum offset of 10000 rows."]}}),
    (200, {"hits": [], "page": 2, "nbHits": 0, "nbPages": 0, "hitsPerPage": 5,
           "message": "you can only fetch the 1000 hits for this query. You can extend the number "
           "of hits returned via the paginationLimitedTo index parameter or the browse method."}),
)  # fmt: skip
"""Elasticsearch, Akeneo, GitHub, GovInfo, Salesforce, others, GBIF, Auth0, Xata, openFDA, a Django
site, GitLab, Weaviate, and Algolia, which says it in a success."""
PAST: tuple[tuple[int, Any], ...] = (
    (404, {"detail": "Invalid page."}),
    (404, {"detail": "Invalid page: That page contains no results."}),
    (400, {"code": "rest_post_invalid_page_number", "data": {"status": 400},
           "message": "The page number requested is larger than the number of pages available."}),
    (416, {"code": "PGRST103", "message": "Requested range not satisfiable",
           "details": "An offset of 500 was requested, but there are only 500 rows."}),
    (400, {"error": "Page is out of range."}),
    (400, {"error": "offset must be less than 10"}),
    (422, {"message": "page must not exceed 2"}),
    (400, {"error": "Requested page exceeds the maximum number of pages (2)"}),
    (400, {"message": "Offset 10 exceeds the maximum offset 9"}),
    (400, {"message": "Cannot read past the end of the list"}),
    (400, {"message": "cannot go beyond the last page"}),
    (400, {"error": "Invalid page. Use a valid cursor or page"}),
    (404, {"error": "Invalid page.", "help": "For large lists use the cursor parameter"}),
    (404, b"<html><body>Not found. Use our bulk export, or the search</body></html>"),
    (400, b""),
)  # fmt: skip
"""Refusals of a page past the end, by Django, WordPress, PostgREST and others."""


@pytest.mark.invariant(5)
def test_a_limit_of_depth_is_no_end_though_a_total_agrees(serve: Any) -> None:
    past: Any = None

    def answer(asked: Asked) -> Any:
        page = int(asked.query["page"])
        found = {"hits": TEN[page * 5 - 5 :][:5], "total": 10}
        return found if page < 3 else Reply(past[1], past[0])

    registry = serve(answer)
    for past in LIMITED:
        came, said = read(registry.source(NUMBERED))
        assert came == ALL and "by a cursor or a next link" in said, past
    for past in PAST:
        assert read(registry.source(NUMBERED)) == (ALL, ""), past
    assert depth_said({"message": "x" * 4000 + " you can only fetch the 1000 hits"}) == ""
    past = LIMITED[0]
    assert ES in read(registry.source(NUMBERED))[1]  # not only “all shards failed”


def wordpress(asked: Asked) -> Any:
    """https://developer.wordpress.org/rest-api/using-the-rest-api/pagination/"""
    headers = {"X-WP-Total": "4", "X-WP-TotalPages": "1"}
    return Reply(FEW, headers=headers) if asked.query["page"] == "1" else Reply(PAST[2][1], 400)


def magento_short(asked: Asked) -> Any:
    """Return the last page again past the end."""
    return {"items": FEW, "search_criteria": {"page_size": 5}, "total_count": 4}


def plain(asked: Asked) -> Any:
    page = {"items": FEW, "total": 4}
    return page if asked.query["page"] == "1" else Reply({"error": "Page is out of range."}, 400)


@pytest.mark.parametrize("answer", [wordpress, magento_short, plain])
@pytest.mark.invariant(5)
def test_a_list_of_one_page_ends_as_longer_ones_do(serve: Any, answer: Any) -> None:
    settings = endpoint(paginator={"type": "page_number"}, params={"pageSize": 5})
    assert read(serve(answer).source(settings)) == (ALL[:4], "")


@pytest.mark.invariant(5)
def test_a_full_page_with_its_own_count_is_no_end_of_a_server_that_refuses_pages(
    serve: Any,
) -> None:
    def answer(asked: Asked) -> Any:
        page = {"items": FEW, "total": 4}
        return page if asked.query["page"] == "1" else Reply({"error": "unknown: page"}, 400)

    settings = endpoint(paginator={"type": "page_number"}, params={"pageSize": 4})
    assert "unknown: page" in read(serve(answer).source(settings))[1]


def refuse_page(asked: Asked, page: Any) -> Any:
    return page if asked.query["page"] == "1" else Reply({"error": "unknown: page"}, 400)


def repeat_page(asked: Asked, page: Any) -> Any:
    return page


CAPPED = {"items": TEN, "total": 10}
SAID = {"items": FEW, "total": 4, "limit": 4}
CONTRARY = {"items": FEW, "total": 12, "total_pages": 1}
COUNTED = {"items": FEW[:1], "page_count": 1}


@pytest.mark.parametrize(
    ("answer", "page"),
    [(refuse_page, CAPPED), (repeat_page, CAPPED), (refuse_page, SAID), (repeat_page, SAID),
     (refuse_page, CONTRARY), (refuse_page, COUNTED)],
)  # fmt: skip
@pytest.mark.invariant(5)
def test_a_cap_of_the_server_is_no_end_of_a_list(serve: Any, page: Any, answer: Any) -> None:
    settings = endpoint(paginator={"type": "page_number"}, params={"pageSize": 1000})
    assert read(serve(lambda asked: answer(asked, page)).source(settings))[1]


@pytest.mark.parametrize(
    ("note", "first", "says"),
    [("Page numbers are deprecated. Please use cursor pagination.", 1, False),
     ("Please use search_after for deeper pages.", 2, True),
     ("Only the first 10 results are available", 1, True)],
)  # fmt: skip
@pytest.mark.invariant(5)
def test_advice_on_every_page_is_no_limit(serve: Any, note: str, first: int, says: bool) -> None:
    def answer(asked: Asked) -> Any:
        page = int(asked.query["page"])
        return {"items": TEN[page * 5 - 5 :][:5]} | ({"warning": note} if page >= first else {})

    came, said = read(serve(answer).source(NUMBERED))
    assert came == ALL and (note.rstrip(".") in said) == says


@pytest.mark.invariant(5)
def test_a_total_of_each_page_ends_no_list_that_a_token_leads_on(serve: Any) -> None:
    def answer(asked: Asked) -> Any:
        step = int(asked.query.get("cursor") or 0)
        found = FEW if step == 3 else []
        return {"items": found, "total": len(found), "next_cursor": str(step + 1) if step < 3
                else None}  # fmt: skip

    cursor = {"type": "cursor", "cursor_path": "next_cursor", "cursor_param": "cursor"}
    assert read(serve(answer).source(endpoint(paginator=cursor))) == (ALL[:4], "")


STUDY = {"id": 7, "status": "failed", "samples": []}


@pytest.mark.parametrize(
    ("key", "study", "fails"),
    [
        ("study", STUDY, False),
        ("study", {**STUDY, "error": "expired"}, True),
        ("study", {**STUDY, "message": "No access"}, True),
        ("query", STUDY, True),
        ("statement", STUDY, True),
    ],
)
@pytest.mark.invariant(5)
def test_a_record_around_a_list_has_a_status_of_its_own(
    serve: Any, key: str, study: Any, fails: bool
) -> None:
    registry = serve(lambda asked: {key: study})
    assert bool(read(registry.source(endpoint(data_selector=f"{key}.samples")))[1]) == fails


M3 = {"transaction": "LstByNumber", "errorMessage": "Access denied", "records": []}
FAILED: tuple[tuple[str, Any], ...] = (
    ("issue", {"resourceType": "OperationOutcome",
               "issue": [{"severity": "error", "code": "login", "diagnostics": "expired"}]}),
    ("results[0].records", {"results": [M3], "wasTerminated": False}),
    ("OutputParameters.X_ITEMS", {"OutputParameters": {"X_RETURN_STATUS": "E", "X_ITEMS": None}}),
    ("rows", {"kind": "bigquery#queryResponse", "jobComplete": False, "rows": []}),
    ("hits", {"found": 0, "hits": [], "out_of": 12, "search_cutoff": True}),
)  # fmt: skip
"""FHIR, Infor M3, Oracle's integrated gateway, BigQuery and Typesense."""


@pytest.mark.invariant(5)
def test_a_failure_beside_an_empty_list_is_no_list(serve: Any) -> None:
    since = datetime(2026, 1, 5, tzinfo=UTC)
    for place, body in FAILED:
        registry = serve(lambda asked, body=body: body)
        assert read(registry.source(endpoint(data_selector=place)))[1], body
        memory = Memory(place, keys=("id", "name"), holds_records=True)
        pages: list[Any] = []
        said = ""
        try:
            pages = [*registry.source(endpoint(data_selector=place), memory=memory).pages(since)]
        except SourceError as error:
            said = error.message
        assert said or any(page.doubt or page.signs for page in pages), body


EMPTY: tuple[tuple[str, Any], ...] = (
    ("Resources", {"schemas": ["urn:x"], "totalResults": 0, "itemsPerPage": 0, "startIndex": 1}),
    ("entry[*].resource", {"resourceType": "Bundle", "type": "searchset", "total": 0,
                           "link": [{"relation": "self", "url": "/list"}]}),
    ("documents", {}),
    ("items", {"kind": "x#list", "etag": "e"}),
    ("items", {"requestId": "r-1", "apiVersion": "2"}),
    ("QueryResponse.Item", {"QueryResponse": {}, "time": "2026-01-01T00:00:00Z"}),
    ("rows", {"kind": "x", "schema": {"fields": [{"name": "id"}]}, "totalRows": "0",
              "jobComplete": True}),
    ("_embedded.terms", {"_links": {"self": {"href": "/list"}},
                         "page": {"size": 5, "totalElements": 0, "totalPages": 0, "number": 0}}),
    ("data", {"success": True, "data": None,
              "additional_data": {"pagination": {"more_items_in_collection": False}}}),
    ("result", Reply({"error": {"message": "No Record found"}, "status": "failure"}, 404)),
    ("results", Reply({"error": {"code": "NOT_FOUND", "message": "No matches found!"}}, 404)),
)  # fmt: skip
"""The first answers of SCIM, FHIR, Firestore, Google, QuickBooks, BigQuery, a HAL server,
Pipedrive, ServiceNow and openFDA without a record: most leave out the list."""
ELSEWHERE: tuple[Any, ...] = (
    {"jobId": "8f"},
    {"version": "3.1"},
    {"total": 12, "page": 1},
    {"count": 0, "total": 12},
    {"took": 3, "page": {"size": 5, "totalElements": 12}},
    {"downloadUrl": "https://acme.example/x"},
)
"""Answers without a list, or with one elsewhere, that do not say that it is empty."""
NO_ADDRESS: tuple[Any, ...] = (
    {"message": "Object not found"},
    {"message": "Document not found"},
    {"detail": "Item not found."},
)
WHOLE: tuple[tuple[str, Any], ...] = (
    ("items", {"sys": {"type": "Array"}, "total": 4, "skip": 0, "limit": 100, "items": FEW,
               "errors": [{"sys": {"id": "notResolvable", "type": "error"},
                           "details": {"type": "Link", "linkType": "Entry", "id": "7h"}}]}),
    ("items", {"filtered": 4, "total": 40, "items": FEW}),
    ("hits", {"found": 4, "out_of": 40, "hits": FEW, "search_cutoff": False}),
    ("response.docs", {"response": {"numFound": 4, "docs": FEW}, "nextCursorMark": "AoE"}),
    ("hits.hits", {"_scroll_id": "DXF1", "hits": {"total": {"value": 4, "relation": "eq"},
                                                 "hits": FEW}}),
    ("d.results", Reply({"d": {"results": FEW}}, headers={
        "sap-message": '{"code": "X/1", "message": "4 entries selected", "severity": "info"}'})),
    ("rows", {"success": True, "rows": FEW, "lastRow": 4}),
    ("rows", {"rows": FEW, "headerRow": 1, "lastRow": 5}),
    ("rows", {"rows": FEW, "firstRow": 0, "lastRow": 12}),
    ("items", {"items": FEW, "shown": 4, "all": 4}),
    ("items", {"items": FEW, "counts": {"all": 40, "active": 4, "archived": 36}}),
    ("issues", {"issues": FEW, "warningMessages": []}),
)  # fmt: skip
"""Contentful with a link to an unpublished entry, Podio, Typesense, Solr, Elasticsearch, SAP,
grids, tabs with their counts, and Jira."""
MORE: tuple[tuple[str, Any], ...] = (
    ("response.docs", {"response": {"numFound": 12, "docs": FEW}, "nextCursorMark": "AoE"}),
    ("rows", {"success": True, "rows": FEW, "lastRow": -1}),
    ("data.rows", {"data": {"rows": FEW, "lastRow": -1}}),
    ("rows", {"rows": FEW, "lastRow": 12}),
    ("rows", {"rows": FEW, "lastRow": 5}),
    ("rows", {"rows": FEW, "headerRow": 1, "lastRow": 6}),
    ("items", {"items": FEW, "shown": 4, "all": 12}),
    ("items", {"items": FEW, "meta": {"displayed": 4, "overall": 12}}),
    ("items", {"items": FEW, "overflow": {"discovered": 12, "shown": 4}}),
    ("items", {"items": FEW, "count": 4, "totalAvailable": 12}),
    ("objects", {"objects": FEW, "cursor": {"value": "eyJhZ"}}),
    ("d.results", Reply({"d": {"results": FEW}}, headers={
        "sap-message": '{"message": "The list was truncated", "severity": "warning"}'})),
)  # fmt: skip
"""Solr, ag-grid whose last row is not known yet or is another one, counts, Reltio and SAP."""


@pytest.mark.invariant(5)
def test_first_answers_are_whole_or_not_as_they_say(serve: Any) -> None:
    body: Any = None
    registry = serve(lambda asked: body)
    for place, body in EMPTY:
        assert read(registry.source(endpoint(data_selector=place))) == ([], ""), body
    body = {"samples": [], "legend": {"colors": [{"name": "red"}]}, "total": 0}
    assert read(registry.source()) == ([], "")
    for body in ELSEWHERE:
        said = read(registry.source(endpoint(data_selector="items")))[1]
        assert "no list of records at items" in said and "data_selector" in said, body
    for body in (Reply(words, 404) for words in NO_ADDRESS):
        assert "checks API URL" in read(registry.source())[1], body
    for body in (Reply(words, 404) for words in (*NO_ADDRESS, {"message": "No data found"})):
        assert "checks API URL" in read(registry.source(entries=True))[1], body
    for place, body in WHOLE:
        for settings in (endpoint(data_selector=place), None):
            assert read(registry.source(settings)) == (ALL[:4], ""), body
    for place, body in MORE:
        _, said = read(registry.source(endpoint(data_selector=place)))
        assert settings_in(said)["endpoint"]["paginator"], body


@pytest.mark.invariant(5)
def test_a_number_of_what_a_filter_left_is_no_other_number(serve: Any) -> None:
    said: Any = None

    def answer(asked: Asked) -> Any:
        page = int(asked.query.get("page", "1"))
        if page > 2:
            return Reply({"error": "bad gateway"}, said["status"])
        return {"items": TEN[page * 5 - 5 :][:5] if "page" in asked.query else TEN, **said}

    registry = serve(answer)
    for filtered, total, expected in ((10, 40, 10), (30, 10, 10), (3, 10, 10)):
        said = {"filtered": filtered, "total": total}
        assert [page.total for page in registry.source().pages(None)] == [expected], said
    said = {"filtered": 40}
    assert [page.total for page in registry.source().pages(None)] == [40]
    said = {"filtered": 10, "total_count": 40}
    assert [page.total for page in registry.source().pages(None)] == [10]
    said = {"filtered": 10, "total": 12, "status": 400}
    assert "bad gateway" in read(registry.source(NUMBERED))[1]
    said = {"filtered": 10, "total": 12, "status": 404}
    assert [page.total for page in registry.source(NUMBERED).pages(None)] == [12, 12, None]


def start_of(asked: Asked, name: str, start: int = 0) -> int:
    given = json.loads(asked.body) if asked.body else asked.query
    return int(given.get(name) or start)


def confluence(asked: Asked) -> Any:
    """https://developer.atlassian.com/server/confluence/pagination-in-the-rest-api/"""
    if not asked.path.startswith("/wiki/"):
        return Reply({"message": "not found"}, 404)
    start = start_of(asked, "start")
    onward = {"next": f"/rest/api/content?start={start + 4}"} if start < 6 else {}
    links = {"base": "https://acme.example/wiki", "context": "/wiki", **onward}
    return {"results": TEN[start:][:4], "start": start, "limit": 4, "size": 4, "_links": links}


def beside_a_context(asked: Asked) -> Any:
    """Return links from the root of the host, though a context is said."""
    if not asked.path.startswith("/wiki/"):
        return Reply({"message": "not found"}, 404)
    start = start_of(asked, "start")
    onward = {"next": f"/wiki/list?start={start + 4}"} if start < 6 else {}
    return {"results": TEN[start:][:4], "context": "/api/v1", **onward}


def notion(asked: Asked) -> Any:
    """https://developers.notion.com/reference/intro#pagination"""
    start = start_of(asked, "start_cursor")
    onward = str(start + 4) if start < 6 else None
    return {"object": "list", "results": TEN[start:][:4], "next_cursor": onward,
            "has_more": bool(onward), "request_id": "x"}  # fmt: skip


def slices(asked: Asked) -> Any:
    """https://docs.spring.io/spring-data/commons/docs/current/api/org/springframework/data/domain/Slice.html"""
    page = start_of(asked, "page")
    pageable = {"offset": page * 4, "pageNumber": page, "pageSize": 4, "paged": True}
    return {"content": TEN[page * 4 :][:4], "pageable": pageable, "last": page == 2, "size": 4,
            "number": page, "first": page == 0, "empty": False}  # fmt: skip


def magento(asked: Asked) -> Any:
    """Return the last page again past the end."""
    page = min(start_of(asked, "searchCriteria[currentPage]", 1), 3)
    criteria = {"filter_groups": [], "page_size": 4, "current_page": page}
    return {"items": TEN[page * 4 - 4 :][:4], "search_criteria": criteria, "total_count": 10}


def alfresco(asked: Asked) -> Any:
    start = start_of(asked, "skipCount")
    said = {
        "count": min(10 - start, 4),
        "hasMoreItems": start < 6,
        "skipCount": start,
        "maxItems": 4,
    }
    return {"list": {"pagination": said, "entries": TEN[start:][:4]}}


def jd_edwards(asked: Asked) -> Any:
    grid = {"rowset": TEN, "summary": {"records": 10, "moreRecords": False}}
    return {"fs_DATABROWSE_F4101": {"data": {"gridData": grid}, "errors": []}, "sysErrors": []}


def fhir(asked: Asked) -> Any:
    entries = [{"fullUrl": "x", "resource": record} for record in TEN]
    return {"resourceType": "Bundle", "id": "b1", "total": 10, "link": [], "entry": entries}


@pytest.mark.parametrize(
    ("answer", "pastes"),
    [(confluence, 0), (beside_a_context, 0), (notion, 0), (slices, 1), (magento, 1),
     (alfresco, 1), (jd_edwards, 1), (fhir, 1)],
)  # fmt: skip
@pytest.mark.invariant(5)
def test_all_comes_by_what_the_message_proposes(serve: Any, answer: Any, pastes: int) -> None:
    registry, settings = serve(answer), dict[str, Any]()
    for _ in range(pastes):
        _, said = read(registry.source(settings, path="/wiki/list"))
        settings |= settings_in(said)
    assert read(registry.source(settings, path="/wiki/list")) == (ALL, "")
