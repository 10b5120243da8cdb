"""Every paginator against a real server: all records once, from any position, and no circle."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from registry_sync.core.problems import SourceError
from registry_sync.source.client import Source
from registry_sync.source.connector_settings import parse_connector
from registry_sync.source.request import page_request
from tests.support.odd import Answerer, Asked, OddRegistry, Reply, endpoint, ids, read

pytestmark = pytest.mark.once
RECORDS = [{"id": number, "name": f"Compound {number}"} for number in range(1, 24)]
ALL = [str(record["id"]) for record in RECORDS]


def cut(start: int, size: int = 5) -> list[Any]:
    return RECORDS[start : start + size]


def by_offset(asked: Asked) -> Any:
    start, size = int(asked.query.get("offset", 0)), int(asked.query.get("limit", 5))
    return {"items": cut(start, min(size, 5)), "total": len(RECORDS)}


def by_page(asked: Asked) -> Any:
    page = int(asked.query["page"])
    return {"items": cut((page - 1) * 5), "more": page * 5 < len(RECORDS)}


def by_json_link(asked: Asked) -> Any:
    start = int(asked.query.get("start", 0))
    follows = f"/list?start={start + 5}" if start + 5 < len(RECORDS) else None
    return {"rows": cut(start), "paging": {"next": follows}}


def by_header_link(asked: Asked) -> Any:
    start = int(asked.query.get("start", 0))
    link = f'<{asked.path}?start={start + 5}>; rel="next", </list>; rel="first"'
    headers = {"Link": link} if start + 5 < len(RECORDS) else {}
    return Reply(cut(start), headers=headers)


def by_cursor(asked: Asked) -> Any:
    start = int(asked.query.get("after", "c0").removeprefix("c"))
    return {"data": cut(start), "meta": {"cursor": f"c{start + 5}" if start + 5 < 23 else ""}}


SHAPES: dict[str, tuple[Answerer, Any]] = {
    "offset": (by_offset, endpoint(paginator={"type": "offset", "limit": 5})),
    "offset that the server caps": (by_offset, endpoint(paginator={"type": "offset", "limit": 9})),
    "offset with a total": (
        by_offset,
        endpoint(paginator={"type": "offset", "limit": 5, "total_path": "total"}),
    ),
    "page number": (by_page, endpoint(paginator="page_number")),
    "page number with more": (
        by_page,
        endpoint(paginator={"type": "page_number", "has_more_path": "more"}),
    ),
    "json link": (
        by_json_link,
        endpoint(paginator={"type": "json_link", "next_url_path": "paging.next"}),
    ),
    "header link": (by_header_link, endpoint(paginator="header_link")),
    "cursor": (
        by_cursor,
        endpoint(
            paginator={"type": "cursor", "cursor_path": "meta.cursor", "cursor_param": "after"}
        ),
    ),
    "no settings, Link header": (by_header_link, None),
    "single page": (lambda asked: RECORDS, endpoint(paginator="single_page")),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.invariant(5)
def test_every_record_comes_once(serve: Any, shape: str) -> None:
    answer, settings = SHAPES[shape]
    assert ids(serve(answer).source(settings)) == ALL


@pytest.mark.parametrize("shape", SHAPES)
def test_any_position_gives_its_page_and_the_rest_in_a_new_process(serve: Any, shape: str) -> None:
    answer, settings = SHAPES[shape]
    registry = serve(answer)
    pages = list(registry.source(settings).pages(None))
    for number, page in enumerate(pages):
        position = json.loads(json.dumps(page.position))
        again = list(registry.source(settings).pages(None, position=position))
        assert [p.records for p in again] == [p.records for p in pages[number:]]
        following = pages[number + 1].position if number + 1 < len(pages) else None
        assert page.next_position == following


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("next", "{url}/list?start={start}"),
        ("next_url", "{url}/list?start={start}"),
        ("next", "?start={start}"),
        ("@odata.nextLink", "/list?start={start}"),
        ("links", {"next": "/list?start={start}"}),
        ("_links", {"next": {"href": "/list?start={start}"}}),
    ],
)
def test_without_settings_a_next_link_in_the_body_is_followed(
    serve: Any, key: str, value: Any
) -> None:
    registry: OddRegistry

    def answer(asked: Asked) -> Any:
        start = int(asked.query.get("start", 0))
        text = json.dumps(value).replace("{url}", registry.url).replace("{start}", str(start + 5))
        return {"results": cut(start), key: json.loads(text) if start + 5 < 23 else None}

    registry = serve(answer)
    assert ids(registry.source()) == ALL


@pytest.mark.parametrize(
    "relation",
    ["next", "Next", "next last", "item  NEXT", "http://www.iana.org/assignments/relation/next",
     "next-page"],
)  # fmt: skip
@pytest.mark.parametrize("settings", [None, endpoint(paginator="header_link")])
def test_a_next_link_is_known_by_any_spelling_of_its_relation(
    serve: Any, relation: str, settings: Any
) -> None:
    def answer(asked: Asked) -> Any:
        start = int(asked.query.get("start", 0))
        link = f'</list?start={start + 5}>; rel="{relation}"'
        return Reply(cut(start), headers={"Link": link} if start + 5 < len(RECORDS) else {})

    assert ids(serve(answer).source(settings)) == ALL


@pytest.mark.parametrize(
    ("paginator", "name"),
    [
        ("auto", "Link"),
        ("header_link", "Link"),
        ("page_number", "Link"),
        ("auto", "X-Next-Page"),
        ({"type": "header_cursor", "cursor_key": "X-At", "cursor_param": "page"}, "X-At"),
        ({"type": "header_link", "links_next_key": "on"}, "Link"),
    ],
)
def test_a_page_without_content_that_names_the_next_is_not_the_end(
    serve: Any, paginator: Any, name: str
) -> None:
    relation = "next" if isinstance(paginator, str) else "on"

    def answer(asked: Asked) -> Any:
        page = int(asked.query.get("page", 1))
        link = f"/list?page={page + 1}"
        link = str(page + 1) if name == "X-At" else link
        said = {name: f'<{link}>; rel="{relation}"' if name == "Link" else link}
        said = said if page < 4 else {}
        if page in (2, 3):
            return Reply(b"", status=204, headers=said)
        return Reply(cut((page - 1) * 5) if page < 5 else [], headers=said)

    came = ids(serve(answer).source(endpoint(paginator=paginator)))
    assert came == [*ALL[:5], *ALL[15:20]]


@pytest.mark.parametrize(
    "said", [{"kind": "list"}, {"status": "ok"}, {"status": 200, "errorMessage": "Success."}]
)
def test_a_first_page_without_its_list_that_names_the_next_is_empty(serve: Any, said: Any) -> None:
    def answer(asked: Asked) -> Any:
        return {"compounds": cut(0)} if asked.query else {**said, "nextPageToken": "t2"}

    cursor = {"type": "cursor", "cursor_path": "nextPageToken", "cursor_param": "pageToken"}
    registry = serve(answer)
    for settings in ({}, {"data_selector": "compounds"}):
        assert ids(registry.source(endpoint(paginator=cursor, **settings))) == ALL[:5]


@pytest.mark.parametrize(
    "said",
    [
        {"items": "Service busy"},
        {"items": {"0": {"id": 1}, "2": {"id": 2}}},
        {"compounds": {"compound": {"id": 1, "name": "a"}}},
        {"compounds": {"compound": {"id": 1}}},
        {"items": [["1", "a"]]},
        {"id": 1, "mass": 5.2},
        {"id": 1, "name": "a"},
        {"statusMessage": "no index"},
    ],
)
@pytest.mark.invariant(5)
def test_a_page_that_cannot_be_read_is_not_empty_because_it_names_the_next(
    serve: Any, said: Any
) -> None:
    there = [1]

    def answer(asked: Asked) -> Any:
        page = int(asked.query.get("page", 1))
        body = said if page in there else {"items": cut((page - 1) * 5)}
        return {**body, "next": f"/list?page={page + 1}" if page < 3 else None}

    registry = serve(answer)
    link = {"type": "json_link", "next_url_path": "next"}
    for settings in ({}, endpoint(paginator=link)):
        with pytest.raises(SourceError):
            ids(registry.source(settings))
    if not isinstance(said.get("items", {}), dict):  # a setting reads such an object
        for there[0] in (1, 2):
            with pytest.raises(SourceError):
                ids(registry.source(endpoint(data_selector="items")))


@pytest.mark.parametrize("word", ["usage", "metrics", "licence", "inventory"])
@pytest.mark.invariant(5)
def test_what_is_said_beside_the_records_counts_whatever_holds_both(serve: Any, word: str) -> None:
    empty = [0]

    def answer(asked: Asked) -> Any:
        page = int(asked.query.get("page", 1))
        follows = f"/list?page={page + 1}" if page < 3 else None
        records = [] if page in empty else cut((page - 1) * 5)
        return {word: {"items": records, "next": follows}}

    registry = serve(answer)
    for empty[0], came in ((0, ALL[:15]), (1, ALL[5:15]), (2, [*ALL[:5], *ALL[10:15]])):
        for settings in ({"data_selector": f"{word}.items"}, {}):
            assert ids(registry.source(endpoint(**settings))) == came


def test_a_next_link_without_results_is_the_end(serve: Any) -> None:
    """https://docs.sentry.io/api/pagination/"""

    def answer(asked: Asked) -> Any:
        page = int(asked.query.get("cursor", 1))
        more = "true" if page < 3 else "false"
        link = f'</list?cursor={page + 1}>; rel="next"; results="{more}"'
        return Reply([{"id": page}], headers={"Link": link})

    assert ids(serve(answer).source()) == ["1", "2", "3"]


def test_a_token_beside_the_link_is_not_taken_for_it(serve: Any) -> None:
    def answer(asked: Asked) -> Any:
        start = int(asked.query.get("start", 0))
        if start + 5 >= 23:
            return {"rows": cut(start), "next": None, "next_url": None}
        return {"rows": cut(start), "next": f"t{start}", "next_url": f"/list?start={start + 5}"}

    assert ids(serve(answer).source()) == ALL


@pytest.mark.invariant(5)
def test_a_next_page_that_cannot_be_followed_is_said_not_skipped(serve: Any) -> None:
    registry = serve(lambda asked: {"rows": cut(0), "next": "t5"})
    with pytest.raises(SourceError, match="mentions a next page at next") as caught:
        ids(registry.source())
    assert "endpoint.paginator" in caught.value.remedy


def pages_until_refused(source: Source, most: int = 50) -> int:
    read = 0
    with pytest.raises(SourceError, match="repeats itself") as caught:
        for _ in itertools.islice(source.pages(None), most):
            read += 1
    assert caught.value.code == "page_repeats"
    return read


def test_a_link_to_itself_is_cut(serve: Any) -> None:
    registry = serve(lambda asked: {"rows": cut(0), "next": "/list?start=0"})
    assert pages_until_refused(registry.source()) <= 2
    assert len(registry.asked) <= 3


@pytest.mark.parametrize(
    ("headers", "cause"),
    [
        ({"Age": "120", "ETag": '"a"'}, "a cache answered (Age: 120)"),
        ({"X-Cache": "HIT from proxy.example"}, "a cache answered (X-Cache: HIT from proxy"),
        ({"Cache-Status": "edge; hit; ttl=30"}, "a cache answered (Cache-Status: edge; hit"),
        ({"X-Varnish": "32770 5"}, "a cache answered (X-Varnish: 32770 5)"),
        ({"Age": "0", "X-Cache": "MISS", "CF-Cache-Status": "DYNAMIC"}, ""),
    ],
)
def test_a_page_that_a_cache_repeats_does_not_blame_the_settings_alone(serve, headers, cause):
    """The cache leaves out the query, so that each page is the first one."""
    for beside, settings in (
        ({"nextPageToken": "t5"}, None),
        ({"total": 12}, endpoint(paginator="page_number")),
    ):
        reply = Reply({"items": cut(0), **beside}, headers=headers)
        with pytest.raises(SourceError) as caught:
            ids(serve(lambda asked, reply=reply: reply).source(settings))
        said, remedy = caught.value.message, caught.value.remedy
        assert "has the same records as the page before" in said and cause in said
        assert remedy.startswith("The registry's owner, or the operator") is bool(cause)
        assert "he integration owner " in remedy and "endpoint.paginator in" in remedy
    assert ("checks whether a cache answers different pages" in remedy) is not bool(cause)


@pytest.mark.parametrize("length", [2, 3, 7])
def test_a_circle_of_links_is_cut(serve: Any, length: int) -> None:
    def answer(asked: Asked) -> Any:
        at = int(asked.query.get("at", 0))
        return {"rows": [{"id": at}], "next": f"/list?at={(at + 1) % length}"}

    assert pages_until_refused(serve(answer).source()) <= 3 * length


def test_a_circle_is_cut_by_processes_that_each_read_one_page(serve: Any) -> None:
    def answer(asked: Asked) -> Any:
        at = int(asked.query.get("at", 0))
        return {"rows": [{"id": at}], "next": f"/list?at={(at + 1) % 3}"}

    registry, position = serve(answer), None
    with pytest.raises(SourceError, match="repeats itself"):
        for _ in range(20):
            position = next(registry.source().pages(None, position=position)).next_position


@pytest.mark.parametrize("paginator", ["offset", "page_number"])
@pytest.mark.invariant(5)
def test_a_server_that_ignores_the_page_is_noticed_at_once(serve: Any, paginator: str) -> None:
    registry = serve(lambda asked: {"rows": cut(0)})
    assert pages_until_refused(registry.source(endpoint(paginator=paginator))) == 1


@pytest.mark.parametrize("end", [0, -1])
def test_a_cursor_that_no_later_page_can_have_is_the_end(serve: Any, end: int) -> None:
    """As Redis and others end their lists; the request with it would begin again."""

    def answer(asked: Asked) -> Any:
        start = max(int(asked.query.get("cursor") or 0), 0)
        return {"data": cut(start), "cursor": start + 5 if start + 5 < len(RECORDS) else end}

    settings = endpoint(paginator={"type": "cursor", "cursor_path": "cursor"})
    assert read(serve(answer).source(settings)) == (ALL, "")


def test_a_cursor_that_stays_is_the_end_with_an_empty_page_and_a_loop_with_records(
    serve: Any,
) -> None:
    def feed(asked: Asked) -> Any:  # as CouchDB's _changes and Mango end
        start = int(asked.query.get("since", 0))
        return {"results": cut(start), "last_seq": min(start + 5, len(RECORDS))}

    settings = endpoint(
        paginator={"type": "cursor", "cursor_path": "last_seq", "cursor_param": "since"}
    )
    assert ids(serve(feed).source(settings)) == ALL
    settings = endpoint(paginator={"type": "cursor", "cursor_path": "cursor"})
    registry = serve(lambda asked: {"data": cut(0), "cursor": "same"})
    assert pages_until_refused(registry.source(settings)) <= 2
    settings["endpoint"]["paginator"]["has_more_path"] = "more"
    registry = serve(lambda asked: {"data": [], "cursor": "same", "more": True})
    assert pages_until_refused(registry.source(settings)) <= 2


def test_max_pages_ends_a_registry_without_end(serve: Any) -> None:
    def answer(asked: Asked) -> Any:
        page = int(asked.query["page"])
        return [{"id": page}]

    registry = serve(answer)
    settings = endpoint(paginator={"type": "page_number", "guards": {"max_pages": 4}})
    with pytest.raises(SourceError, match="more than 4 pages"):
        ids(registry.source(settings))
    assert len(registry.asked) == 4


def test_page_terms_go_into_a_posted_body_and_placeholders_keep_their_type(serve: Any) -> None:
    def answer(asked: Asked) -> Any:
        assert asked.method == "POST"
        start = asked.json["offset"]
        return {"items": cut(start, asked.json["limit"])}

    registry = serve(answer)
    settings = endpoint(json={"model": "compound"}, paginator={"type": "offset", "limit": 10})
    assert ids(registry.source(settings)) == ALL
    # A page begins with the last record of the one before, which shows that nothing was deleted.
    assert registry.asked[1].json == {"model": "compound", "offset": 9, "limit": 10}

    def nested(asked: Asked) -> Any:
        return {"items": cut(asked.json["page"]["from"], 10)}

    registry = serve(nested)
    settings["endpoint"]["json"] = {"page": {"from": "{offset}", "count": "{limit}"}}
    assert ids(registry.source(settings)) == ALL
    assert registry.asked[1].json == {"page": {"from": 9, "count": 10}}


def test_params_of_a_post_stay_in_the_query(serve: Any) -> None:
    def answer(asked: Asked) -> Any:
        return cut(int(asked.query["page[offset]"]), 10)

    registry = serve(answer)
    settings = endpoint(
        json={"query": 1},
        params={"page[offset]": "{offset}", "page[limit]": "{limit}"},
        paginator={"type": "offset", "limit": 10},
    )
    assert ids(registry.source(settings)) == ALL
    assert registry.asked[0].query == {"page[offset]": "0", "page[limit]": "10"}
    assert registry.asked[0].json == {"query": 1}


@pytest.mark.parametrize(
    ("headers", "extra", "total"),
    [
        ({"X-Total-Count": "23"}, {}, 23),
        ({"Content-Range": "items 0-4/23"}, {}, 23),
        ({"Content-Range": "items 0-4/*"}, {}, None),
        ({}, {"count": 23}, 23),
        ({}, {"total": 0}, None),
        ({}, {}, None),
    ],
)
@pytest.mark.invariant(5)
def test_the_registrys_own_total_is_told(serve: Any, headers: Any, extra: Any, total: Any) -> None:
    body = {"items": cut(0), **extra}
    page = next(serve(lambda asked: Reply(body, headers=headers)).source().pages(None))
    assert page.total == total
    assert page.server_date is not None and page.server_date.tzinfo is not None


@pytest.mark.parametrize(("said", "total"), [(23, 23), ("12.0", 12), ("10+", 10)])
def test_a_total_under_a_quoted_key_is_read(serve: Any, said: Any, total: int) -> None:
    settings = endpoint(paginator={"type": "offset", "limit": 5, "total_path": '"@odata.count"'})
    registry = serve(lambda asked: {"value": cut(0), "@odata.count": said})
    page = next(registry.source(settings).pages(None))
    assert (page.total, page.signs) == (total, ())


@pytest.mark.invariant(5)
def test_a_count_of_the_page_is_no_total(serve: Any) -> None:
    registry = serve(lambda asked: {"items": cut(0), "count": 5, "next": "/list?start=5"})
    assert next(registry.source().pages(None)).total is None
    settings = endpoint(paginator={"type": "offset", "total_path": "meta.all"})
    registry = serve(lambda asked: {"items": cut(0), "count": 5, "meta": {"all": 23}})
    assert next(registry.source(settings).pages(None)).total == 23


@pytest.mark.parametrize(
    ("body", "selector"),
    [
        (RECORDS, ""),
        ({"molecules": RECORDS, "page_meta": {}}, ""),
        ({"data": RECORDS, "included": [{"id": "x"}]}, ""),
        ({"d": {"results": RECORDS}}, "d.results"),
        ({"items": RECORDS}, "items[*]"),
        ({"by_id": {str(r["id"]): r for r in RECORDS}}, "by_id"),
        (RECORDS, "$"),
    ],
)
def test_records_are_found(serve: Any, body: Any, selector: str) -> None:
    source = serve(lambda asked: body).source(endpoint(data_selector=selector))
    assert ids(source) == ALL


@pytest.mark.parametrize(
    ("body", "selector"),
    [({"value": None}, "value"), ({"value": []}, "value"), ([], ""), ({"a": []}, "a[?x==1]")],
)
def test_an_empty_list_is_no_fault(serve: Any, body: Any, selector: str) -> None:
    assert ids(serve(lambda asked: body).source(endpoint(data_selector=selector))) == []


@pytest.mark.parametrize(
    ("body", "selector", "said"),
    [
        ({"a": [{"id": 1}], "b": [{"id": 2}]}, "", "several lists"),
        ({"items": [{"id": 1}], "results": [{"id": 2}]}, "", "several lists"),
        ({"a": {"b": 1}}, "", "no list of records"),
        ({"rows": RECORDS}, "row", "no list of records at row"),
    ],
)
@pytest.mark.invariant(5)
def test_records_that_cannot_be_found_are_said(
    serve: Any, body: Any, selector: str, said: str
) -> None:
    with pytest.raises(SourceError, match=said) as caught:
        ids(serve(lambda asked: body).source(endpoint(data_selector=selector)))
    assert "endpoint.data_selector" in caught.value.remedy


MISSPELT = {
    "a next link": (by_json_link, {"type": "json_link", "next_url_path": "paging.nxt"}),
    "a cursor": (by_cursor, {"type": "cursor", "cursor_path": "meta.curser"}),
    "what says that there is more": (by_page, {"type": "page_number", "has_more_path": "mor"}),
    "what says so beside a cursor": (
        by_cursor, {"type": "cursor", "cursor_path": "meta.cursor", "has_more_path": "mor"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", MISSPELT)
def test_a_path_that_the_only_page_has_not_is_named(serve, what):
    answer, paginator = MISSPELT[what]
    (page,) = serve(answer).source(endpoint(paginator=paginator)).pages(None)
    wrong = paginator.get("has_more_path") or paginator.get("cursor_path") or "paging.nxt"
    (sign,) = page.signs
    assert (sign.code, sign.text) == (
        "next_unseen",
        "5 records were returned on the first page, and it was the only one: "
        "its answer has nothing at "
        f"“{wrong}”.",
    )


def test_the_end_of_a_list_is_no_misspelling(serve):
    def leaves_it_out(asked: Asked) -> Any:
        page = by_json_link(asked)
        return page if page["paging"]["next"] else {"rows": page["rows"]}

    settings = endpoint(paginator={"type": "json_link", "next_url_path": "paging.next"})
    assert not any(page.signs for page in serve(leaves_it_out).source(settings).pages(None))
    whole = endpoint(paginator={"type": "json_link", "next_url_path": "next"})
    registry = serve(lambda asked: {"items": RECORDS, "next": None})
    (page,) = registry.source(whole).pages(None)
    assert page.signs == () and len(page.records) == len(RECORDS)


def test_a_parameter_is_sent_once() -> None:
    settings = {"endpoint": {"paginator": {"type": "offset", "limit": 5}}}
    address = "https://registry.example.com/list?limit=10&a=b%20c&c"
    request = page_request(parse_connector(settings, api_url=address), None, "")
    assert request.url == "https://registry.example.com/list?a=b%20c&c"
    assert request.params == {"limit": 5, "offset": 0}


CAPPED = {
    "a flag": {"type": "page_number", "has_more_path": "more", "maximum_page": 3},
    "pages": {"type": "page_number", "total_path": "pages", "maximum_page": 3},
    "a link": {"type": "page_number", "maximum_page": 3},
    "an offset": {"type": "offset", "limit": 5, "has_more_path": "more", "maximum_offset": 15},
}


@pytest.mark.parametrize("what", CAPPED)
@pytest.mark.invariant(5)
def test_a_read_that_settings_cut_says_so(serve: Any, what: str) -> None:
    """As long as the registry says that there is more, and the page there has records."""
    paginator, last, shown = CAPPED[what], 5, 9

    def answer(asked: Asked) -> Any:
        page = int(asked.query.get("page", 0)) or int(asked.query["offset"]) // 5 + 1
        said = {"more": page < last, "pages": last, "next": f"/list?page={page + 1}"}
        key = {"pages": "pages", "a link": "next"}.get(what, "more")
        more = {} if key == "next" and page == last else {key: said[key]}
        return {"rows": cut((page - 1) * 5) if page <= shown else [], **more}

    registry = serve(answer)
    *before, page = registry.source(endpoint(paginator=paginator)).pages(None)
    [sign] = page.signs
    cap = "maximum_offset" if "maximum_offset" in paginator else "maximum_page"
    assert sign.code == "more_said" and f"raises or removes {cap}, which ended" in sign.remedy
    assert [len(one.records) for one in before] == [5, 5] and not before[-1].signs
    last = 3
    assert not any(one.signs for one in registry.source(endpoint(paginator=paginator)).pages(None))
    if what != "an offset":  # a flag or a link may be on every page; a number of pages counts
        shown, last = 2, 5
        *_, page = registry.source(endpoint(paginator=paginator)).pages(None)
        assert not page.records and bool(page.signs) is (what == "pages")


@pytest.mark.invariant(5)
def test_a_page_with_more_but_no_cursor_is_no_end(serve: Any) -> None:
    cursor = {"type": "cursor", "cursor_path": "next", "has_more_path": "more"}
    said: Any = {}
    registry = serve(lambda asked: {"rows": cut(5), **said} if asked.query.get("cursor")
                     else {"rows": cut(0), "more": True, "next": "t5"})  # fmt: skip
    for said, told in (({"more": True, "next": None}, True), ({"more": True}, True),
                       ({"more": True, "next": None, "total": 10}, False),
                       ({"more": False}, False), ({}, False)):  # fmt: skip
        *_, page = registry.source(endpoint(paginator=cursor)).pages(None)
        assert [sign.code for sign in page.signs] == ["more_said"] * told, said
        assert all("where the next one is" in sign.remedy for sign in page.signs)


@pytest.mark.parametrize("hidden", [3, 40])
@pytest.mark.invariant(5)
def test_hidden_pages_before_the_total_are_passed(serve: Any, hidden: int) -> None:
    """No setting names the total; what lies behind so many that a read would fail is judged."""

    def answer(asked: Asked) -> Any:
        page = int(asked.query["page"])
        shown = page if page < 3 else max(page - hidden, 2)
        return {"rows": cut((shown - 1) * 5) if shown == page or shown > 2 else [],
                "total": len(RECORDS) + 5 * hidden}  # fmt: skip

    assert ids(serve(answer).source(endpoint(paginator="page_number"))) == ALL


def test_a_total_that_never_comes_fails_no_read(serve: Any) -> None:
    def answer(asked: Asked) -> Any:
        return {"rows": cut(0) if asked.query["page"] == "1" else [], "total": 100_000}

    registry = serve(answer)
    assert ids(registry.source(endpoint(paginator="page_number"))) == ALL[:5]
    assert len(registry.asked) == 101


@pytest.mark.parametrize("blank", [Reply(b"", status=204), Reply(b""), None, {}, {"rows": []}])
@pytest.mark.invariant(5)
def test_a_hidden_page_is_passed_however_it_says_that_it_is_empty(serve: Any, blank: Any) -> None:
    def answer(asked: Asked) -> Any:
        page = int(asked.query["page"])
        return blank if page == 3 or page > 5 else {"rows": cut((page - 1) * 5)}

    numbered = endpoint(paginator="page_number")
    assert ids(serve(answer).source(numbered)) == [*ALL[:10], *ALL[15:]]


ENDED = {
    "its total": {"type": "offset", "limit": 5, "total_path": "total",
                  "stop_after_empty_page": False},
    "its pages": {"type": "page_number", "total_pages_path": "pages",
                  "stop_after_empty_page": False},
    "an empty page": {"type": "page_number", "stop_after_empty_page": True},
    "a flag": {"type": "page_number", "has_more_path": "isLast"},
    "a flag or an empty page": {"type": "page_number", "has_more_path": "isLast",
                                "stop_after_empty_page": True},
    "a flag, by offsets": {"type": "offset", "limit": 5, "has_more_path": "isLast"},
}  # fmt: skip


@pytest.mark.parametrize("what", ENDED)
def test_no_content_past_the_last_page_is_the_end(serve: Any, what: str) -> None:
    """Also where the last page is full, so that its flag says that there is more."""

    def answer(asked: Asked) -> Any:
        page = int(asked.query.get("page", 0)) or int(asked.query["offset"]) // 5 + 1
        said = {"total": 10, "pages": 2} if "its" in what else {"isLast": False}
        return {"rows": cut((page - 1) * 5), **said} if page < 3 else Reply(b"", status=204)

    registry = serve(answer)
    assert read(registry.source(endpoint(paginator=ENDED[what]))) == (ALL[:10], "")
    assert len(registry.asked) <= 4  # by offset, one page is asked for twice


@pytest.mark.parametrize("last", [3, 1])
@pytest.mark.invariant(5)
def test_a_blank_page_that_was_announced_is_told(serve: Any, last: int) -> None:
    def answer(asked: Asked) -> Any:
        page = int(asked.query["page"])
        rows = {"rows": cut((page - 1) * 5), "last_page": 3}
        return rows if page in (1, last) else Reply(b"")

    came, said = read(serve(answer).source(endpoint(paginator="page_number")))
    assert came == (ALL[:5] if last == 1 else [*ALL[:5], *ALL[10:15]])
    assert "gave no list in answer" in said


@pytest.mark.invariant(5)
def test_no_content_in_the_middle_does_not_end_a_list_that_a_cap_ends(serve: Any) -> None:
    capped = {"type": "page_number", "stop_after_empty_page": False, "maximum_page": 3}

    def answer(asked: Asked) -> Any:
        page = int(asked.query["page"])
        return Reply(b"", status=204) if page == 2 else {"rows": cut((page - 1) * 5)}

    came, _ = read(serve(answer).source(endpoint(paginator=capped)))
    assert came == [*ALL[:5], *ALL[10:15]]


@pytest.mark.invariant(5)
def test_another_token_where_the_cursor_is_missing_is_told(serve: Any) -> None:
    cursor = {"type": "cursor", "cursor_path": "cursor"}
    key = "nextCursor"

    def answer(asked: Asked) -> Any:
        return {"rows": cut(5), key: "t"} if asked.query else {"rows": cut(0), "cursor": "t5"}

    for key, told in (("nextCursor", True), ("resumeToken", False)):
        *_, page = serve(answer).source(endpoint(paginator=cursor)).pages(None)
        assert bool(page.signs) is told, key


STOPS: tuple[tuple[Any, Any, list[str], bool], ...] = (
    ({"type": "page_number", "has_more_path": "more"},
     [{"rows": cut(0), "more": True}, {"rows": [], "more": True}], ALL[:5], True),
    ({"type": "page_number", "total_pages_path": "pages"},
     [{"rows": cut(0), "pages": 4}, {"rows": [], "pages": 4}], ALL[:5], True),
    ({"type": "offset", "limit": 5, "has_more_path": "more"},
     [{"rows": cut(0), "more": True}, {"rows": [], "more": True}], ALL[:5], True),
    ({"type": "offset", "limit": 5, "total_path": "total"},
     [{"rows": cut(0), "total": 15}, {"rows": [], "total": 15}], ALL[:5], False),
    ({"type": "page_number"}, [{"rows": cut(0)}, {"rows": cut(5, 3)}, {"rows": []}], ALL[:8],
     False),
    ({"type": "page_number"}, [{"rows": cut(0)}, {"rows": []}, {"rows": []}], ALL[:5], False),
)  # fmt: skip
"""Lists with an empty page, and whether that says in so many words that there is more."""


@pytest.mark.invariant(5)
def test_an_empty_page_is_the_end_where_a_person_says_so(serve: Any) -> None:
    """What says that there is more is still told; a total that is not reached, by the run."""
    for settings, answers, came, told in STOPS:
        empty = next(n for n, answer in enumerate(answers) if not answer["rows"])
        registry = serve(None)

        def answer(asked: Asked, answers: Any = answers, registry: Any = registry) -> Any:
            return ([*answers, *({"rows": cut(10)},) * 9])[len(registry.asked) - 1]

        registry.answer = answer
        stopping = endpoint(paginator={**settings, "stop_after_empty_page": True})
        *pages, last = registry.source(stopping).pages(None)
        assert [str(row["id"]) for page in pages for row in page.records] == came, settings
        assert len(registry.asked) == empty + 1 and not last.records, settings
        assert [sign.code for sign in last.signs] == ["more_said"] * told, settings


@pytest.mark.invariant(5)
def test_a_count_of_pages_at_a_wrong_path_is_told_beside_a_total(serve: Any) -> None:
    numbered = {"type": "page_number", "total_path": "total", "total_pages_path": "pges"}
    registry = serve(lambda asked: {"rows": cut(0), "total": 5, "pages": 1})
    page = next(registry.source(endpoint(paginator=numbered)).pages(None))
    assert "total_unseen" in [sign.code for sign in page.signs] and "“pges”" in page.signs[0].text
