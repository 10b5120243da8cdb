"""Answer shapes of many registries: followed, or not green with the setting written out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from registry_sync.source.answers.page_answer import PageAnswer, word_of
from registry_sync.source.answers.parts_missing import parts_missing
from registry_sync.source.answers.totals import find_total
from registry_sync.source.client import Source
from registry_sync.source.completeness.more import is_inverted, marks_of
from registry_sync.source.completeness.next_page_settings import next_paginator
from registry_sync.source.completeness.one_more import probe_next_page
from registry_sync.source.paginators.cursor import Cursor
from tests.support.odd import Reply, read, settings_in
from tests.support.shapes import ALL, FOLLOWED, SELECTORS, SHAPES

pytestmark = pytest.mark.once


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.invariant(5)
def test_no_shape_is_green_with_fewer_than_all(serve: Any, name: str) -> None:
    registry = serve(SHAPES[name])
    endpoint = {"data_selector": SELECTORS[name]} if name in SELECTORS else {}
    came, said = read(registry.source({"endpoint": endpoint}))
    assert (came == ALL and not said) == (name in FOLLOWED), said
    if name in FOLLOWED:
        return
    endpoint |= settings_in(said)["endpoint"]
    came, said = read(registry.source({"endpoint": endpoint}))
    assert list(dict.fromkeys(came)) == ALL and len(came) == len(ALL), endpoint
    assert not said


def test_a_cursor_explains_a_token_to_resume_from() -> None:
    """A list that fits one page has no cursor, but may have a token for the next time."""
    body = {"items": [{"id": 1}], "pageToken": None}
    cursor = Cursor(cursor_path="pageToken")
    for key, value in (("resumeToken", "x"), ("continueFrom", "2026-01-01T00:00:00Z")):
        answer = PageAnswer({**body, key: value}, {}, (), "")
        assert all(cursor.explains(mark, answer) for mark in marks_of(answer)), key


def test_numbered_links_propose_pages() -> None:
    links = [{"href": "/list?page=1", "active": True}, {"href": "/list?page=2"}]
    answer = PageAnswer({"items": [{"id": 1}], "links": links}, {}, (), "")
    assert next_paginator(marks_of(answer), answer)["type"] == "page_number"


def test_an_address_that_may_lead_on_is_proposed_as_it_is_named() -> None:
    answer = PageAnswer({"items": [{"id": 1}], "older": "/list?before=5"}, {}, (), "")
    proposed = {"type": "json_link", "next_url_path": "older"}
    assert next_paginator(marks_of(answer), answer) == proposed


def test_a_time_to_continue_from_is_no_sure_sign() -> None:
    """It is beside all records too: a run does not fail by it."""
    for key in ("continueFrom", "continueAt", "continueAfter"):
        answer = PageAnswer({"items": [], key: "2026-01-01T00:00:00Z"}, {}, (), "")
        assert [mark.sure for mark in marks_of(answer)] == [False], key
    for said in ({"showMore": True}, {"fullyLoaded": False}, {"nextSampleId": "M-13"}):
        answer = PageAnswer({"items": [], **said}, {}, (), "")
        assert [mark.sure for mark in marks_of(answer)] == [False], said


class Listed(list[Any]):
    """A page's records. Their text would be the whole page once more."""

    def __repr__(self) -> str:
        raise AssertionError("the text of a page's records was made")


def test_what_a_page_says_is_found_once_and_without_the_text_of_its_records() -> None:
    items = Listed([{"id": 1}, {"id": 2}])
    body = {"items": items, "total": 2, "more": True}
    answer = PageAnswer(body, {}, items, "/list", came=2)
    assert [mark.entry.path for mark in marks_of(answer)] == ["more"]
    total = find_total(answer, "", last=True)
    assert total is not None and total.count == 2
    assert not parts_missing(answer.entries(), last=True)
    for key in ("result", "status", "outcome"):
        for held in (items, {"rows": items}):
            other = PageAnswer({key: held}, {}, items, "/list", came=2)
            assert not marks_of(other) and not parts_missing(other.entries(), last=True)
    assert answer.entries() is answer.entries()
    assert answer.without_records(2).entries() is not answer.entries()


IS_ARCHIVED = {"term": {"status": {"value": "archived"}}}


@pytest.mark.parametrize(
    ("posted", "is_asked_for"),
    [
        ({"status": "archived"}, True),
        ({"filter": {"status": ["archived"]}}, True),
        ({"where": {"record": {"archived": True}}}, True),
        ({"where": {"archived": {"eq": True}}}, True),
        ({"where": {"archived": False}}, False),
        ({"filter": {"status": "active"}}, False),
        ({"filter": {"status": {"$ne": "archived"}}}, False),
        ({"query": {"bool": {"must_not": {"term": {"status": "archived"}}}}}, False),
        ({"query": {"bool": {"must": {"term": {"status": {"value": "archived"}}}}}}, True),
        ({"query": {"bool": {"filter": [{"bool": {"must_not": [IS_ARCHIVED]}}]}}}, False),
        ({"query": {"bool": {"filter": [{"bool": {"must": [IS_ARCHIVED]}}]}}}, True),
        ([{"status": "archived"}], True),
        ({"where": [{"archived": False}]}, False),
        ({"where": {"archived": {"neq": True}}}, False),
        ({"where": {"status": {"nin": ["archived"]}}}, False),
        ({"where": {"status": {"notEquals": "archived"}}}, False),
        ({"filters": [{"field": "status", "op": "ne", "value": "archived"}]}, False),
        ({"filters": [{"field": "status", "op": "eq", "value": "archived"}]}, True),
        (
            {"filters": [{"field": "status", "operator": "isNot", "value": "archived"}]},
            False,
        ),
        ({"filterModel": {"status": {"type": "notEqual", "filter": "archived"}}}, False),
        ({"operator": "NOT", "terms": [{"status": "archived"}]}, False),
        ({"notes": {"status": "archived"}}, True),
        ({"annotation.status": "archived"}, True),
    ],
)
def test_a_body_may_ask_for_what_a_total_counts(posted: Any, is_asked_for: bool) -> None:
    body = {"items": FEW, "totalArchived": 40}
    answer = PageAnswer(body, {}, FEW, "/list", came=len(FEW), posted=posted)
    assert bool(find_total(answer, "", last=False)) == is_asked_for


FEW = [{"id": n, "name": f"Compound {n}"} for n in range(5)]
MORE: tuple[tuple[Any, dict[str, str]], ...] = (
    ({"items": FEW, "more": True}, {}),
    ({"items": FEW, "moreItems": "true"}, {}),
    ({"items": FEW, "isLastPage": False}, {}),
    ({"items": FEW, "finished": False}, {}),
    ({"items": FEW, "incomplete_results": True}, {}),
    ({"items": FEW, "resultsTruncated": "yes"}, {}),
    ({"items": FEW, "remaining": 7}, {}),
    ({"items": FEW, "next": 2}, {}),
    ({"items": FEW, "next": True}, {}),
    ({"items": FEW, "next": "start=5"}, {}),
    ({"items": FEW, "nextPage": "2"}, {}),
    ({"items": FEW, "cursor": {"next": "abc", "prev": None}}, {}),
    ({"items": FEW, "pagination": {"cursor": "abc"}}, {}),
    ({"items": FEW, "metadata": {"continue": "abc"}}, {}),
    ({"items": FEW, "currentPage": 1, "maxPage": 3}, {}),
    ({"items": FEW, "page": {"current": 1, "total": 3}}, {}),
    ({"items": FEW, "page": "1 of 3"}, {}),
    ({"items": FEW, "links": {"self": "/list?page=1", "last": "/list?page=3"}}, {}),
    ({"hits": FEW, "nbHits": 12, "nbPages": 3, "page": 0}, {}),
    ({"data": FEW, "recordsTotal": 12}, {}),
    ({"items": FEW, "summary": {"totalCompounds": 12}}, {}),
    ({"items": FEW, "page": {"total": 12, "number": 1}}, {}),
    ({"results": FEW, "metadata": {"resultset": {"count": 12, "offset": 1}}}, {}),
    ({"value": FEW, "@count": "12"}, {}),
    ({"Items": FEW, "Count": 5, "LastEvaluatedKey": {"id": {"S": "K"}}}, {}),
    ({"record": FEW, "resumptionToken": {"#text": "t5", "@cursor": "0"}}, {}),
    ({"members": FEW, "continue": {"cmcontinue": "t5", "continue": "-||"}}, {}),
    ({"artists": FEW, "artist-count": 12, "artist-offset": 0}, {}),
    ({"compounds": FEW, "numCompounds": 12}, {}),
    ({"items": FEW, "range": "0-4/12"}, {}),
    ({"items": FEW, "showing": "1 – 5 of 12"}, {}),
    *(
        ({"items": FEW, "message": text}, {})
        for text in (
            "1–5 of 12 records",
            "1—5 of 1,204",
            "Results 1‑5 of about 12",
            "Zeige 1 bis 5 von 12 Einträgen",
            "Affichage de 1 à 5 sur 1 204 entrées",
            "Mostrando registros del 1 al 5 de un total de 12",
            "Treffer 1-5 von 12",
            "12 件中 1 から 5 まで表示",
            "5 results of 40",
            "Showing 5 of 12 lists",
            "5 von 12 Treffern",
            "5 out of 12",
            "Found 12 compounds, showing the first 5",
            "12 records found",
            "Total: 12",
        )
    ),
    ({"items": FEW, "count": "1-5 of 12"}, {}),
    ({"molecules": FEW, "status": "5 of 12 molecules"}, {}),
    (FEW, {"Content-Range": "items 0-4 of 12"}),
    (FEW, {"X-Range": "1-5/12"}),
    ([{**each, "full_count": 12} for each in FEW], {}),
    ({"items": FEW, "total": "12.0"}, {}),
    ({"items": FEW, "total": "> 100"}, {}),
    ({"items": FEW, "total": "5+"}, {}),
    ({"items": FEW, "returned": 5, "matching": 12}, {}),
    (FEW, {"X-Matched": "12", "X-Returned": "5"}),
    (FEW, {"Items-Range": "0-4/12"}),
    (FEW, {"Warning": '199 - "Partial results: shard 3 is down"'}),
    (FEW, {"X-Batch": "1/3"}),
    (FEW, {"X-Item-Count": "12"}),
    ({"items": FEW, "part": 1, "parts": 3}, {}),
    ({"items": FEW, "chunk": {"number": 1, "total": 3}}, {}),
    ({"items": FEW, "page": {"index": 0, "of": 3}}, {}),
    ({"items": FEW, "status": "MORE_DATA"}, {}),
    ({"items": FEW, "linkNext": "later"}, {}),
    (FEW, {"Sforce-Locator": "t5"}),
    (FEW, {"x-ms-continuation-NextRowKey": "t5"}),
    (FEW, {"X-PAGINATION-LIMIT": "5", "X-PAGINATION-SIZE": "12"}),
    (FEW, {"X-Angie-PaginationTotalItems": "12"}),
    ({"record": FEW, "resumptionToken": {"token": "t5", "completeListSize": "12"}}, {}),
    ({"items": FEW, "nextAvailablePage": 2}, {}),
    (FEW, {"X-Acme-Next-Key": "t5"}),
    ({"value": FEW, "@Microsoft.Dynamics.CRM.morerecords": True}, {}),
    ({"items": FEW, "load_more_token": "t5"}, {}),
    ({"items": FEW, "info": "Page 1 of 3"}, {}),
    ({"ergebnisse": FEW, "weitereSeiten": True}, {}),
    ({"ergebnisse": FEW, "seite": 1, "seitenGesamt": 3}, {}),
    ({"ergebnisse": FEW, "nächsteSeite": 2}, {}),
    ({"ergebnisse": FEW, "gesamtanzahl": 12}, {}),
    ({"ergebnisse": FEW, "letzteSeite": False}, {}),
    ({"datos": FEW, "página": 1, "total_paginas": 3}, {}),
    ({"dados": FEW, "info": "Página 1 de 3"}, {}),
    (FEW, {"X-Has-More": "true"}),
    (FEW, {"X-Next-Cursor": "abc"}),
    (FEW, {"X-WP-TotalPages": "3"}),
    (FEW, {"X-Pages": "3"}),
    (FEW, {"X-Total": "12"}),
    (FEW, {"X-Pagination-Total-Count": "12"}),
    (FEW, {"X-Total-Records": "12"}),
    (FEW, {"Content-Range": "items 0-4/12"}),
    (FEW, {"Link": '</list?page=3>; rel="last", </list?page=1>; rel="first"'}),
    ({"items": FEW, "remainingPages": 2}, {}),
    ({"items": FEW, "truncatedCount": 7}, {}),
    ({"ET_DATA": FEW, "EV_HAS_MORE": "X"}, {}),
    ({"ET_DATA": FEW, "E_TOTAL": "12"}, {}),
    ({"value": FEW, "@Microsoft.Dynamics.CRM.fetchxmlpagingcookie": "<cookie/>"}, {}),
    ({"values": FEW, "totalFilterCount": 12}, {}),
    ({"ergebnisse": FEW, "hinweis": "Es werden 5 von 12 Datensätzen angezeigt"}, {}),
    ({"Documents": FEW}, {"x-ms-continuation": '{"token": "+RID:~t5"}'}),
    *(({"items": FEW, "total": f"1{sign}012"}, {}) for sign in ",.'’ \u00a0\u202f"),
    (FEW, {"X-Total-Count": "12, 12"}),
    (FEW, {"Link": '</list?after=5>; rel="more"'}),
    (FEW, {"Link-Template": '</list{?start}>; rel="next"; var-base="/vars/"'}),
    ({"items": FEW, "moreRecords": 7}, {}),
    ({"items": FEW, "rowsTruncated": True}, {}),
    ({"items": FEW, "resultSetLimitReached": "Y"}, {}),
    ({"items": FEW, "lastPageReached": False}, {}),
    ({"items": FEW, "lastPage": "N"}, {}),
    ({"items": FEW, "continueFrom": 6}, {}),
    ({"items": FEW, "resumeAt": "M-6"}, {}),
    ({"items": FEW, "nextName": "M-6"}, {}),
    (
        {
            "items": FEW,
            "links": [
                {"rel": "page", "href": "/list?page=1", "active": True},
                {"rel": "page", "href": "/list?page=2"},
            ],
        },
        {},
    ),
    ({"items": FEW, "pageOf": "1/3"}, {}),
    ({"items": FEW, "pagination": {"page": {"current": 1, "of": 3}}}, {}),
    ({"items": FEW, "page": 1, "pages": [1, 2, 3]}, {}),
    (
        {
            "items": FEW,
            "pager": [
                {"label": "1", "url": None, "active": True},
                {"label": "2", "url": "/list?page=2", "active": False},
            ],
        },
        {},
    ),
    *(
        (
            {
                "items": FEW,
                "pages": [
                    {key: 1, "url": "/list/1", "active": True},
                    {key: 2, "url": "/list/2"},
                ],
            },
            {},
        )
        for key in ("pageNumber", "no", "index")
    ),
    ({"items": FEW, "resumeToken": "t5"}, {}),
    ({"items": FEW, "total": 5, "resumeToken": "t5"}, {}),
    ({"items": FEW, "stats": {"rows_returned": 5, "rows_matched": 12}}, {}),
    ({"value": FEW, "parameters": {"morePages": True}}, {}),
    ({"data": FEW, "meta": {"filter_count": 12, "total_count": 400}}, {}),
    *(
        ({"items": FEW, key: value}, {})
        for key, value in (
            ("allReturned", False),
            ("startAfter", "K-5"),
            ("lastKey", "K-5"),
            ("ExclusiveStartKey", "K-5"),
            ("checkpoint", "c5"),
            ("older", "/list?before=5"),
            ("older", "/list/page/2"),
            ("forward", "/list?page=2"),
            ("_links", {"older": {"href": "/list?before=5"}}),
            ("more", ["K-7"]),
            ("length", 12),
            ("resourceCount", 12),
        )
    ),
    (FEW, {"Resource-Count": "12"}),
    *(
        ({"items": FEW, "message": text}, {})
        for text in (
            "There are 7 more records.",
            "Too many results. Please refine your search.",
            "Maximum number of rows (5) returned",
        )
    ),
)
LOUD: tuple[Any, ...] = (
    {"pagination": {"next": {"page": 2}}}, {"weiter": "/list?page=2"}, {"continuationUri": "/p2"},
    {"pages": {"count": 3, "current": 1}}, {"more": 7}, {"has_more": 2}, {"limitedTo": 5},
    *({flag: False} for flag in ("hasFinished", "fullyLoaded")),
    *({flag: True} for flag in ("moreToCome", "hasRemaining", "showMore", "resultWasLimited",
                                "limitApplied", "isSubset")),
    *({word: 12} for word in ("recordsCount", "numRows", "nrOfRecords", "countAll", "allRecords")),
    {"openSearch:totalResults": {"$t": "12"}}, {"total": {"#text": "12", "@type": "int"}},
    *({word: [{"id": 7}]} for word in ("failures", "exceptions", "unreachable", "failedRecords")),
    *({word: "shard 3 is lost"} for word in ("errorMessage", "errorDetails", "exceptionText")),
    *({key: blank, "errorMessage": "shard 3 is lost"}
      for key in ("errorCode", "status") for blank in ("", "-", None)),
    {"errorCode": 1, "message": "shard 3 is lost"}, {"errorCode": "E7", "errorMessage": "none"},
    *({flag: yes} for flag in ("maintenance", "offline") for yes in (1, "1", "ja", "x")),
    *({"success": no} for no in ("non", "não")),
    {"errorCode": "E7"}, {"status": 206}, {"status": {"code": 206}}, {"success": "partial"},
    {"status": "ok (truncated)"}, {"messages": [{"level": "ERROR", "text": "site 3"}]},
    {"RETURN": [{"TYPE": "E", "MESSAGE": "site 3"}]}, {"wasTerminated": True},
    {"ET_RETURN": [{"TYPE": "E", "MESSAGE": "site 3"}]},
    {"RETURN": [{"TYPE": "W", "MESSAGE": "Not all entries are displayed"}]},
    {"ES_RETURN": {"TYPE": "W", "MESSAGE": "Maximum number of hits reached"}},
    {"hinweis": "Die Liste wurde auf 5 Einträge begrenzt"}, {"avertissement": "Liste tronquée"},
    {"mensaje": "Resultado truncado a 5 registros"},
    *({"warnings": [text]} for text in ("Site 3 did not respond", "Site 3 timed out",
                                        "2 records could not be read", "3 items were skipped")),
    *({"message": text} for text in ("Result set limited", "The limit was reached",
                                     "Use page=2 to see more", "Please use paging")),
    *({f"more{noun}Url": f"/list{at}"}
      for noun, at in (("", "/later"), ("Items", "?page=2"), ("Compounds", "/page/2"))),
    *({"errors": said} for said in ([{"message": "shard 2"}], "lost", 1, True)),
    *({flag: yes} for flag in ("degraded", "has_errors", "timed_out", "isPartial", "incomplete",
                               "partial_failure") for yes in (True, 1, "1", "yes")),
    *({"complete": no} for no in (False, 0, "0", "no")),
    *({"status": said} for said in ("partial", "INCOMPLETE", "partial_success",
                                    "completed with errors")),
    {"meta": {"incomplete": 1}}, {"coverage": {"coverage": 90, "full": False}},
    {"failedSources": ["LIMS 2"]}, {"_shards": {"total": 5, "successful": 4}},
    {"_clusters": {"total": 2, "successful": 1, "skipped": 1}},
    *({"warnings": said} for said in (["q is deprecated", "Results may be missing"],
                                      {"text": "Data might be incomplete"})),
    {"tooManyResults": True}, {"overLimit": True}, {"omitted": 4}, {"allResults": False},
    *({flag: no} for flag in ("complete", "finished", "done", "allLoaded", "isLast", "endOfList")
      for no in ("N", "n", "F", "off", "nein", False)),
    *({flag: yes} for flag in ("hasMore", "truncated", "partial", "moreAvailable", "incomplete")
      for yes in ("Y", "T", "X", "x", "ja", "oui")),
    *({flag: 0} for flag in ("endOfRecords", "eof", "noMore", "isLast", "lastPageReached")),
    *({"complete": 0, **beside} for beside in ({"took": 12}, {"page_size": 50, "total": 5})),
)  # fmt: skip
"""What is not passed over beside all the records of a page, though no setting follows from it."""
END: tuple[tuple[Any, dict[str, str]], ...] = (
    (FEW, {}),
    *(
        ({"items": FEW, "warning": said}, {})
        for said in ("Stock levels may be outdated", "Prices may not be up to date")
    ),
    *(({"items": FEW, "next": none}, {}) for none in (None, "null", {}, "", [], False, 0)),
    ({"items": FEW, "nextSyncToken": "abc"}, {}),
    ({"items": FEW, "next_update": "2026-01-01"}, {}),
    ({"items": FEW, "total": 5, "page": 1, "pages": 1, "size": 50}, {}),
    ({"items": FEW, "has_more": False, "cursor": "abc"}, {}),
    ({"items": FEW, "isLast": True, "nextOffset": -1}, {}),
    ({"items": FEW, "count": 5, "offset": 0, "limit": 500}, {}),
    ({"items": FEW, "total": {"value": 5, "relation": "eq"}, "took": 12}, {}),
    ({"items": FEW, "links": {"first": "/list?page=1", "last": "/list?page=1"}}, {}),
    (FEW, {"X-Total": "5", "X-Next-Page": "", "X-Total-Pages": "1"}),
    (FEW, {"Content-Range": "items 0-4/5", "X-RateLimit-Remaining": "12"}),
    (FEW, {"Content-Range": "bytes 0-1023/4096"}),
    (FEW, {"Content-Range": "sites 0-4/12"}),
    (FEW, {"Next-Auth-Token": "abc", "X-Next-Session": "def"}),
    (FEW, {"Link": '</style.css>; rel="preload"'}),
    (FEW, {"Link": '</help>; rel="more"', "Link-Template": '</list/{id}>; rel="item"'}),
    ({"items": FEW, "total": 5}, {"Link-Template": '</list{?start}>; rel="next"'}),
    ({"items": FEW, "total": "5.000"}, {"X-Total-Count": "5, 5"}),
    ({"items": FEW, "warnings": ["The parameter q may be removed"]}, {}),
    (FEW, {"X-PAGINATION-LIMIT": "50", "X-PAGINATION-SIZE": "5", "X-Query-Count": "33"}),
    ({"items": FEW, "item-count": 5, "range": "0-4/5", "linkNext": None}, {}),
    ({"items": FEW, "resumptionToken": {"#text": ""}, "LastEvaluatedKey": None}, {}),
    ({"items": FEW, "projects": [{"cursor": "abc", "next_page": "x"}]}, {}),
    ({"items": FEW, "per_page": 50, "limit": 20}, {}),
    *(
        ({"items": FEW, key: value}, {})
        for key, value in (
            ("moreInfoUrl", "https://docs.example/v2"),
            ("allReturned", True),
            ("older", None),
            ("older", "/help"),
            ("forward", "smtp"),
            *((key, "https://x.example/api/v2") for key in ("restUrl", "forwardUrl")),
            ("rest", "https://x.example/api?v=2"),
            ("message", "Not all of the fields are returned by default"),
            ("more", []),
            ("length", 5),
            ("geometry", {"line": {"length": 12}}),
            ("query", {"startAfter": "K-5"}),
            ("moreHelpLink", "/help"),
            ("morePlatformsUrl", "https://docs.example"),
            ("nextRegistryNumber", "CMP-000124"),
            ("nextAvailableId", 124),
            ("nextMeeting", "2027-01-04"),
            ("stats", {"totalUsers": 400, "total_mass": 1201, "totalVolume": 80}),
            ("suivant", None),
            ("EV_HAS_MORE", ""),
            ("RETURN", [{"TYPE": "S", "MESSAGE": "5 entries selected"}]),
            ("hinweis", "Das Feld q wird 2027 abgeschafft"),
            ("wasTerminated", False),
            ("total_deleted", 40),
            ("totalArchived", 40),
            ("jobs", {"remaining": 2, "finished": False}),
            ("remainingPages", 0),
            ("weitereSeiten", False),
            ("weitereInfos", "https://docs.example"),
            ("info", "Seite 1 von 1"),
            ("info", "Step 1 of 3"),
            ("locator", "EU-1"),
            ("hasPageNext", "no"),
            ("range", "01-12/2025"),
            ("summary", "9-3 of 12"),
            ("message", "1-5 of 12 sites"),
            ("showing", "Showing 1 to 5 of 12 sites"),
            ("message", "Pages 1-5 of 12"),
            ("message", "5 of 12 credits are used"),
            ("message", "5 of 12 records failed"),
            ("message", "Query took 12 ms"),
            ("message", "5 results"),
            ("message", "Registry 12"),
            ("info", "1.5.12"),
            ("info", "01:05:12"),
            ("text", "Copyright 2010-2026, 12 countries"),
            ("jobs", {"degraded": 1}),
            ("stats", {"itemCount": 5, "haserrors": 1}),
            ("meta", {"complete": 0, "incomplete": 1, "draft": 4}),
            ("_shards", {"total": 7, "successful": 7, "skipped": 0, "failed": 0}),
            ("status", "complete"),
            ("failedSources", []),
            ("partialFailure", None),
            ("tooManyResults", False),
            ("omitted", 0),
            ("page", {"number": 0, "size": 20, "count": 5}),
            ("page", {"number": 1, "total": 5}),
            ("part", {"number": 3, "total": 3}),
            ("status", "done"),
            ("status", "200"),
            ("status", "200 OK"),
            ("message", "12"),
            ("label", "12+"),
            ("title", "Top 40 compounds"),
            ("footer", "Page 1 of 1"),
            ("message", "Showing 1 to 5 of 5 entries (filtered from 40 total entries)"),
            ("links", [{"name": "nextgen", "url": "/x"}, {"rel": "next-review", "href": "/y"}]),
            ("allResults", True),
            ("limits", {"remaining": 4999, "limit": 5000}),
            ("unread_total", 55),
            ("timing", {"total": 133}),
            ("permissions", {"more": True}),
            ("meta", {"filter_count": 5, "total_count": 400}),
            ("parameters", {"offset": 5, "morePages": False}),
            ("lastPage", "Y"),
            *((flag, yes) for flag in ("complete", "isLast", "done") for yes in ("Y", "X", "ja")),
            *((flag, no) for flag in ("hasMore", "truncated") for no in ("N", "F", "", "nein")),
            ("index", {"first": "A", "last": "F"}),
            ("pagination", {"next": {"page": None}}),
            ("pages", {"count": 1, "current": 1}),
            *((flag, no) for flag in ("showMore", "isSubset", "limitApplied") for no in (False, 0)),
            *((word, 5) for word in ("recordsCount", "numRows", "nrOfRecords", "limit_value")),
            ("total", {"#text": "5"}),
            *(
                (word, none)
                for word in ("failures", "errorMessage", "errorCode", "exceptions")
                for none in ([], "", None, 0, {})
            ),
            *(
                (word, fine)
                for word in ("errorMessage", "errMsg")
                for fine in ("OK", "Success", "No errors found", "none")
            ),
            ("meta", {"errorCode": 0, "errorMessage": "fetched"}),
            ("messages", [{"level": "INFO", "text": "error-free"}, {"type": "S", "message": "x"}]),
            ("parts", [{"type": "A", "name": "x"}]),
            ("message", "Records are limited to your project"),
            ("message", "Rate limit reached 3 times today"),
            ("notes", "Requests time out after 30 s"),
            ("errorHandling", "strict"),
            ("tasks", {"done": 0, "open": 4}),
            ("stats", {"complete": 0, "incomplete": 1, "total": 5}),
            ("page", 3),
            ("pages", [1]),
            (
                "pager",
                [
                    {"label": "1", "url": "/list?page=1", "active": False},
                    {"label": "2", "url": None, "active": True},
                ],
            ),
            ("message", "The maximum number of rows is 5000"),
            ("resumptionToken", {"completeListSize": "733", "cursor": "700"}),
        )
    ),
    ({"items": FEW, "names": [{"id": 9}], "message": "1-5 of 12 names"}, {}),
    *(
        ({"items": FEW, "error": said}, {})
        for said in (
            [None],
            [{}],
            "N/A",
            "-",
            "no errors",
            "None",
            0.0,
            "200",
            {"code": "0000"},
            {"code": "OK", "message": "Success."},
            {"e": "No errors found", "n": 0},
        )
    ),
    *(
        (FEW, {name: "abc"})
        for name in (
            "X-Nextjs-Cache",
            "X-Next-Hop",
            "X-Nextcloud-User",
            "X-Resource-Locator",
            "X-Signing-Next-Key",
            "X-Next-Token-Rotation",
            "X-Backup-Next-Set",
        )
    ),
    *(
        ({"items": FEW, "total": 5, key: value}, {})
        for key, value in (
            *((flag, 0) for flag in ("completed", "finished", "done")),
            *((flag, True) for flag in ("limitApplied", "isSubset")),
            ("message", "Results are limited to compounds you may see"),
            ("pages", {"count": 1, "current": 0}),
            ("nextNumber", "CMP-0013"),
            ("continueFrom", "2026-01-01T00:00:00Z"),
            ("continueFrom", 6),
            ("resumeFrom", 5),
            ("resumeToken", 5),
            *((key, "K-5") for key in ("checkpoint", "startAfter", "lastKey")),
            ("length", 12),
            ("older", "/list?before=5"),
            ("more", ["K-7"]),
            (
                "links",
                [
                    {"title": "2025", "url": "/list?tab=1", "active": True},
                    {"title": "2026", "url": "/list?tab=2"},
                ],
            ),
            ("message", "Showing 5 of 5. 0 more records."),
            ("hint", "Use q= to refine your search"),
            ("info", "limit: maximum records returned per page"),
            (
                "links",
                [
                    {"title": "Compounds", "url": "/list", "active": True},
                    {"title": "Help", "url": "/help?page=2"},
                ],
            ),
        )
    ),
    ({"items": FEW, "lastPage": "0", "page": "0"}, {}),
    ({"items": FEW, "length": 50, "start": 0}, {}),
    (FEW, {"Resource-Count": "5"}),
    ({"items": FEW, "errcode": 0, "errmsg": "fetched"}, {}),
    ({"items": FEW, "success": True, "errorMessage": "-- fetched --"}, {}),
    (FEW, {"X-Item-Count": "5"}),
    ({"page": FEW, "pageCount": 1}, {}),
    ({"Data": FEW, "Total": 5, "AggregateResults": None, "Errors": None}, {}),
    ([{**each, "total_count": 5, "vials": 96} for each in FEW], {}),
    *(({place: FEW}, {}) for place in ("failures", "exceptions")),
    *(
        ({place: [{**each, "severity": "critical"} for each in FEW]}, {})
        for place in ("return", "diagnostics")
    ),
    ({"items": FEW, "failures": {"count": 0, "items": []}}, {}),
    ({"items": FEW, "abridged": True}, {}),
    *(({"data": FEW, "errCode": code, "errMsg": "success"}, {}) for code in (1, 20000)),
    ({"data": FEW, "errCode": 1, "message": "OK"}, {}),
    ({"items": FEW, "timeout": 1}, {}),
    ([{**each, "total_rows": 90 + each["id"]} for each in FEW], {}),
)


@pytest.mark.invariant(5)
def test_more_is_understood_in_other_words_too(serve: Any) -> None:
    said: Any = None
    registry = serve(lambda asked: Reply(said[0], headers=said[1]))
    for said in MORE:
        _, trouble = read(registry.source())
        assert trouble, said
        assert settings_in(trouble)["endpoint"]["paginator"], said
    for beside in LOUD:
        said = ({"items": FEW, **beside}, {})
        assert read(registry.source())[1], beside


@pytest.mark.parametrize(
    "link",
    [
        {"rel": ["next"], "href": "{}"},
        {"rel": "nextPage", "href": "{}"},
        {"name": "next", "url": "{}"},
        {"type": "next", "href": "{}"},
        {"@rel": "next", "@href": "{}"},
        {"rel": "http://www.iana.org/assignments/relation/next", "href": "{}"},
    ],
)
def test_a_link_of_a_list_is_followed_however_it_says_next(serve: Any, link: Any) -> None:
    def answer(asked: Any) -> Any:
        start = int(asked.query.get("start", 0))
        there = json.loads(json.dumps(link).replace("{}", f"/list?start={start + 5}"))
        links = [{"rel": "self", "href": "/list"}, *([there] if start < 10 else [])]
        return {"items": [{"id": n} for n in range(start, min(start + 5, 12))], "links": links}

    assert read(serve(answer).source()) == ([str(n) for n in range(12)], "")


@pytest.mark.parametrize("header", ["X-Link", "Links", ""])
def test_a_next_link_is_followed_in_another_header_or_as_sage_writes_it(
    serve: Any, header: str
) -> None:
    def answer(asked: Any) -> Any:
        start = int(asked.query.get("start", 0))
        there = f"/list?start={start + 5}" if start < 10 else ""
        records = [{"id": n} for n in range(start, min(start + 5, 12))]
        if header:
            return Reply(records, headers={header: f'<{there}>; rel="next"'} if there else {})
        links = {"$first": {"$url": "/list"}, **({"$next": {"$url": there}} if there else {})}
        return {"$resources": records, "$links": links}

    assert read(serve(answer).source()) == ([str(n) for n in range(12)], "")


def test_records_in_a_list_beside_what_is_said_of_them(serve: Any) -> None:
    """As the World Bank's API has them."""

    def answer(asked: Any) -> Any:
        number = int(asked.query.get("page", 1))
        said = {"page": number, "pages": 3, "per_page": "5", "total": 12}
        return [said, [{"id": n} for n in range(12)][number * 5 - 5 :][:5]]

    registry = serve(answer)
    came, said = read(registry.source())
    assert not came and settings_in(said) == {"endpoint": {"data_selector": "[1]"}}
    endpoint: Any = settings_in(said)["endpoint"]
    came, said = read(registry.source({"endpoint": endpoint}))
    assert "[0]." in said  # its pages are said, and not followed without a setting
    endpoint |= settings_in(said)["endpoint"]
    assert read(registry.source({"endpoint": endpoint})) == ([str(n) for n in range(12)], "")


@pytest.mark.parametrize(
    ("body", "form"),
    [
        ({"K-1": {"id": "K-1"}, "K-2": {"id": "K-2"}}, "an object with one record at each key"),
        ({"items": {"a": {"id": 1}, "b": {"id": 2}}}, "an object at items with one record"),
        ({"id": [1, 2], "name": ["a", "b"]}, "an object with one list for each field"),
        ({"d": '[{"id": 1}]'}, "JSON inside a text at d"),
        ('{"items": [{"id": 1}]}', "JSON inside a text"),
    ],
)
def test_a_form_that_no_setting_selects_is_named(serve: Any, body: Any, form: str) -> None:
    """A path for data_selector would help none of them."""
    came, said = read(serve(lambda asked: body).source())
    assert not came and f"no list of records, but {form}" in said
    assert "requests a list of objects from the registry" in said and "data_selector" not in said


POSTED = {"method": "POST"}
ASKED: tuple[Any, ...] = (
    *({"params": {name: 5}} for name in ("length", "maxItems", "rpp", "show", "num", "batch",
                                         "maxrecs", "maxRecords", "retmax", "page[limit]", "$top")),
    *({"params": {"range": text}} for text in ("0-4", "[0,4]", "items=0-4")),
    {"params": {"from": 1, "to": 5}},
    {"params": {"_start": 0, "_end": 5}},
    *({"params": {"q": text}} for text in ("SELECT ?id WHERE { ?s ?p ?id } LIMIT 5",
                                           "select id from c limit 5", '{"limit": 5}')),
    *({**POSTED, "json": body} for body in (
        {"page": {"size": 5}}, {"variables": {"first": 5}}, {"params": {"kwargs": {"limit": 5}}},
        {"query": "{ c(first: 5) { id } }"}, {"query": "{ c(limit: 5, offset: 0) { id } }"},
    )),
)  # fmt: skip
"""Requests for five records, in other words."""
NOT_ASKED: tuple[Any, ...] = (
    {"params": {"page": 5}}, {"params": {"limit": 6}}, {"params": {"range": "0-9"}},
    {"params": {"q": "limit 50"}}, {**POSTED, "json": {"query": "{ c(first: 50) { id } }"}},
)  # fmt: skip


@pytest.mark.invariant(5)
def test_as_many_as_were_asked_for_are_not_known_to_be_all(serve: Any) -> None:
    registry = serve(lambda asked: FEW)
    for endpoint in ASKED:
        assert "there may be more" in read(registry.source({"endpoint": endpoint}))[1], endpoint
    for endpoint in NOT_ASKED:
        assert not read(registry.source({"endpoint": endpoint}))[1], endpoint
    registry.answer = lambda asked: {"items": FEW, "limit": 5}
    assert "as many as limit of the answer allows" in read(registry.source())[1]
    registry.answer = lambda asked: {"items": FEW, "total": 5}  # as Shopware counts
    asked: dict[str, Any] = {"params": {"limit": 5}}
    assert "as many as limit asks for" in read(registry.source({"endpoint": asked}))[1]
    named = {**asked, "paginator": {"type": "auto", "total_path": "total"}}
    for endpoint in ({"params": {"limit": 6}}, {}, named):
        assert not read(registry.source({"endpoint": endpoint}))[1], endpoint
    for told in ({"has_more": False}, {"next": None}, {"totalPages": 1}):
        registry.answer = lambda asked, told=told: {"items": FEW, "total": 5, **told}
        assert not read(registry.source({"endpoint": asked}))[1], told
    registry.answer = lambda asked: {"boards": [{"page": {"cursor": "t5", "items": FEW}}]}
    inner = {"endpoint": {"data_selector": "boards[0].page.items"}}
    assert "boards[0].page.cursor" in read(registry.source(inner))[1]
    registry.answer = lambda asked: Reply(FEW, 206)
    assert "206 Partial Content" in read(registry.source())[1]
    registry.answer = lambda asked: Reply({"items": FEW, "total": 5}, 206)
    assert not read(registry.source())[1]


def test_a_code_of_an_error_is_named(serve: Any) -> None:
    registry = serve(lambda asked: {"items": FEW, "errorCode": "E7"})
    assert "errorCode is E7" in read(registry.source())[1]


def test_a_stray_number_in_the_list_hides_no_equal_number_beside_it() -> None:
    records = [{"id": 1}, 5, None]
    answer = PageAnswer({"items": records, "total": 5, "next": None}, {}, records, "")
    assert {entry.path for entry in answer.entries()} >= {"total", "next"}


def test_a_count_of_pages_is_no_total(serve: Any) -> None:
    def answer(asked: Any) -> Any:
        number = int(asked.query["page"])
        return {"page": FEW[2 * number - 2 :][:2], "pageCount": 3, "more": number < 3}

    registry = serve(answer)
    paginator = {"type": "page_number", "has_more_path": "more"}
    endpoint = {"data_selector": "page", "paginator": paginator}
    assert read(registry.source({"endpoint": endpoint})) == ([str(n) for n in range(5)], "")


@pytest.mark.parametrize(
    ("key", "word"),
    [
        ("nombre", "nombre"),  # in Spanish, a name
        ("nombreTotal", "total"),
        ("nombreDePages", "totalpages"),
        ("næsteSide", "next"),
        ("nächsteSeite", "next"),
        ("größe", "grosse"),
        ("løbenummer", "lobenummer"),
    ],
)
def test_keys_in_other_languages(key: str, word: str) -> None:
    assert word_of(key) == word


@pytest.mark.parametrize(
    ("path", "inverted"),
    [
        ("meta.isLast", True),
        ("letzteSeite", True),
        ("page.últimaPágina", True),
        ("meta['istLetzteSeite']", True),
        ("weitereSeiten", False),
        ("hasMore", False),
    ],
)
def test_a_flag_of_the_last_page_in_any_language(path: str, inverted: bool) -> None:
    assert is_inverted(path) is inverted


def test_the_words_of_an_end_are_no_false_alarm(serve: Any) -> None:
    said: Any = None
    registry = serve(lambda asked: Reply(said[0], headers=said[1]))
    for said in END:
        assert read(registry.source()) == ([str(n) for n in range(5)], ""), said


def test_a_total_of_what_the_request_names_counts_its_records(serve: Any) -> None:
    registry = serve(lambda asked: {"items": FEW, "totalArchived": 40})
    for asked, counted in (
        ({"status": "Archived"}, True),
        ({"status": "retired,archived"}, True),
        ({"archived": "true"}, True),
        ({"status": "active"}, False),
        ({"exclude": "archived"}, False),
    ):
        _, said = read(registry.source({"endpoint": {"params": asked}}))
        assert ("40" in said) is counted, (asked, said)


def by_parameter(asked: Any) -> Any:
    """A bare list that pages by `skip` and `take`, and says nothing about it."""
    start = int(asked.query.get("skip", 0))
    return [{"id": n} for n in range(25)][start : start + int(asked.query.get("take", 10))]


@pytest.mark.parametrize(
    ("answer", "params", "more", "settings"),
    [
        (by_parameter, {}, True, {"type": "offset", "limit": 10, "offset_param": "skip"}),
        (by_parameter, {"take": 5}, True,
         {"type": "offset", "limit": 5, "limit_param": "take", "offset_param": "skip"}),
        (by_parameter, {"take": 25}, False, {"type": "single_page"}),
        (lambda asked: FEW, {}, None, {"type": "single_page"}),
        (lambda asked: FEW if asked.query.get("page", "1") == "1" else [{"id": 9}], {}, True,
         {"type": "page_number", "page_param": "page"}),
    ],
)  # fmt: skip
def test_asking_for_one_page_more_settles_whether_there_is_one(
    serve: Any, answer: Any, params: Any, more: Any, settings: Any
) -> None:
    registry = serve(answer)
    read_by = registry.source({"endpoint": {"params": params}})
    page = next(read_by.pages(None))
    found = probe_next_page(
        lambda one: Source(one, credential="k", allow_private=True), read_by, page
    )
    assert found.more is more and found.requests <= 12
    assert settings_in(found.settings)["endpoint"]["paginator"] == settings
