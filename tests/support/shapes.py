"""How 56 registries page their lists, as their vendors document it: one function each.

Each serves `LISTED`, 16 on a page, by its own parameters; whoever ignores what an answer says
gets the first page alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.support.odd import Asked, Reply

SIZE = 16
RECORDS = [{"id": f"K-{n:02}", "name": f"Compound {n}"} for n in range(60)]
ALL = [record["id"] for record in RECORDS]
LISTED: list[dict[str, Any]] = [*RECORDS]
"""What is served: a test that serves other records puts these back."""

Shape = Callable[[Asked], Any]
SHAPES: dict[str, Shape] = {}


def shape(name: str) -> Callable[[Shape], Shape]:
    def add(function: Shape) -> Shape:
        SHAPES[name] = function
        return function

    return add


def cut(start: int, size: int = SIZE) -> list[Any]:
    return LISTED[start : start + min(size, SIZE)]


def total() -> int:
    return len(LISTED)


def pages() -> int:
    return -(-total() // SIZE)


def number(asked: Asked, name: str, default: int = 0) -> int:
    return int(asked.query.get(name) or default)


def token(asked: Asked, name: str) -> int:
    """Read where a token leads; tokens are `t16` and the like."""
    text = asked.query.get(name) or "t0"
    assert text.startswith("t"), text
    return int(text[1:])


def onward(start: int, text: str = "t{}") -> str | None:
    return text.format(start + SIZE) if start + SIZE < total() else None


def some(**values: Any) -> dict[str, Any]:
    """Leave out what is None, as many servers do."""
    return {name: value for name, value in values.items() if value is not None}


# -- addresses ---------------------------------------------------------------------------------


@shape("Kinto: Next-Page header")
def kinto(asked: Asked) -> Any:
    start = token(asked, "_token")
    follows = some(**{"Next-Page": onward(start, "/list?_token=t{}")})
    return Reply({"data": cut(start)}, headers={**follows, "Total-Records": str(total())})


@shape("Salesforce: nextRecordsUrl, done")
def salesforce(asked: Asked) -> Any:
    start = number(asked, "from")
    follows = onward(start, "/list?from={}")
    return {"totalSize": total(), "done": follows is None, "records": cut(start),
            **some(nextRecordsUrl=follows)}  # fmt: skip


@shape("ORDS: links and hasMore")
def ords(asked: Asked) -> Any:
    start = number(asked, "offset")
    follows = onward(start, "/list?offset={}")
    links = [{"rel": "self", "href": "/list"}]
    links += [{"rel": "next", "href": follows}] if follows else []
    return {"items": cut(start), "hasMore": bool(follows), "limit": SIZE, "offset": start,
            "count": len(cut(start)), "links": links}  # fmt: skip


@shape("NetSuite: links first, totalResults")
def netsuite(asked: Asked) -> Any:
    return {**ords(asked), "totalResults": total()}


@shape("FHIR: link with relation and url")
def fhir(asked: Asked) -> Any:
    start = number(asked, "at")
    follows = onward(start, "/list?at={}")
    link = [{"relation": "self", "url": "/list"}]
    link += [{"relation": "next", "url": follows}] if follows else []
    return {"resourceType": "Bundle", "total": total(), "link": link, "entry": cut(start)}


@shape("Facebook: paging.next beside cursors")
def facebook(asked: Asked) -> Any:
    start = number(asked, "after")
    if not cut(start):
        return {"data": []}
    cursors = {"before": f"b{start}", "after": f"a{start}"}
    return {"data": cut(start), "paging": {"cursors": cursors,
            **some(next=onward(start, "/list?after={}"))}}  # fmt: skip


@shape("Asana: next_page.uri")
def asana(asked: Asked) -> Any:
    start = number(asked, "offset")
    follows = onward(start, "/list?offset={}")
    return {
        "data": cut(start),
        "next_page": {"offset": "x", "path": follows, "uri": follows} if follows else None,
    }


@shape("Zendesk: next_page and count")
def zendesk(asked: Asked) -> Any:
    start = number(asked, "at")
    return {"users": cut(start), "next_page": onward(start, "/list?at={}"), "count": total()}


@shape("Zendesk: meta.has_more and links.next")
def zendesk_cursor(asked: Asked) -> Any:
    start = number(asked, "at")
    follows = onward(start, "/list?at={}")
    return {"users": cut(start), "meta": {"has_more": bool(follows), "after_cursor": "x"},
            "links": {"next": follows, "prev": None}}  # fmt: skip


@shape("Azure: nextLink")
def azure(asked: Asked) -> Any:
    start = token(asked, "$skiptoken")
    return {"value": cut(start), **some(nextLink=onward(start, "/list?$skiptoken=t{}"))}


@shape("Bitbucket: next, pagelen, page")
def bitbucket(asked: Asked) -> Any:
    start = number(asked, "at")
    return {"values": cut(start), "pagelen": SIZE, "page": start // SIZE + 1, "size": total(),
            **some(next=onward(start, "/list?at={}"))}  # fmt: skip


@shape("UniProt: Link header, X-Total-Results")
def uniprot(asked: Asked) -> Any:
    start = number(asked, "cursor")
    link = onward(start, '</list?cursor={}&size=16>; rel="next"')
    headers = {**some(Link=link), "X-Total-Results": str(total())}
    return Reply({"results": cut(start)}, headers=headers)


@shape("JSON:API: links.next")
def json_api(asked: Asked) -> Any:
    start = number(asked, "page[offset]")
    return {"data": cut(start), "included": [{"id": "other"}],
            "links": {"prev": None, "next": onward(start, "/list?page[offset]={}")}}  # fmt: skip


@shape("JSON:API: links.next as an object")
def json_api_object(asked: Asked) -> Any:
    found = json_api(asked)
    follows = found["links"]["next"]
    return {**found, "links": {"next": {"href": follows} if follows else None}}


@shape("HAL: _links.next.href, page.totalPages")
def hal(asked: Asked) -> Any:
    start = number(asked, "page") * SIZE
    follows = f"/list?page={start // SIZE + 1}" if onward(start) else None
    page = {"size": SIZE, "totalElements": total(), "totalPages": pages(), "number": start // SIZE}
    links = {"self": {"href": "/list"}, **({"next": {"href": follows}} if follows else {})}
    return {"compounds": cut(start), "_links": links, "page": page}


@shape("DRF: next and count")
def drf(asked: Asked) -> Any:
    start = number(asked, "offset")
    return {"count": total(), "next": onward(start, "/list?offset={}"), "previous": None,
            "results": cut(start)}  # fmt: skip


@shape("tastypie: meta.next, relative")
def tastypie(asked: Asked) -> Any:
    start = number(asked, "offset")
    meta = {"limit": SIZE, "next": onward(start, "?offset={}"), "total_count": total()}
    return {"meta": meta, "objects": cut(start)}


@shape("a relative next without a slash")
def relative(asked: Asked) -> Any:
    start = number(asked, "start")
    return {"items": cut(start), "next": onward(start, "list?start={}") or "null"}


@shape("OData v4: @odata.nextLink and count")
def odata4(asked: Asked) -> Any:
    start = token(asked, "$skiptoken")
    return {"@odata.count": total(), "value": cut(start),
            **some(**{"@odata.nextLink": onward(start, "list?$skiptoken=t{}")})}  # fmt: skip


@shape("OData v2: d.__next and __count")
def odata2(asked: Asked) -> Any:
    start = token(asked, "$skiptoken")
    found = {"results": cut(start), "__count": str(total()),
             **some(__next=onward(start, "/list?$skiptoken=t{}"))}  # fmt: skip
    return {"d": found}


@shape("Hydra: hydra:view")
def hydra(asked: Asked) -> Any:
    start = number(asked, "at")
    view = {"@type": "hydra:PartialCollectionView",
            **some(**{"hydra:next": onward(start, "/list?at={}")})}  # fmt: skip
    return {"hydra:member": cut(start), "hydra:totalItems": total(), "hydra:view": view}


@shape("a pagination object with next_url")
def pagination_url(asked: Asked) -> Any:
    start = number(asked, "start")
    found = {"next_url": onward(start, "/list?start={}"), "total": total()}
    return {"records": cut(start), "pagination": found}


@shape("Laravel: meta.last_page and links.next")
def laravel(asked: Asked) -> Any:
    page = number(asked, "page", 1)
    start = (page - 1) * SIZE
    follows = f"/list?page={page + 1}" if onward(start) else None
    meta = {"current_page": page, "last_page": max(pages(), 1), "per_page": SIZE, "total": total()}
    return {"data": cut(start), "links": {"next": follows, "prev": None}, "meta": meta}


@shape("Datasette: next and next_url")
def datasette(asked: Asked) -> Any:
    start = number(asked, "_next")
    follows = onward(start, "{}")
    return {"rows": cut(start), "filtered_table_rows_count": total(), "next": follows,
            "next_url": f"/list?_next={follows}" if follows else None}  # fmt: skip


@shape("Discourse: more_topics_url")
def discourse(asked: Asked) -> Any:
    start = number(asked, "page") * SIZE
    follows = f"/list?page={start // SIZE + 1}" if onward(start) else None
    return {"per_page": SIZE, "topics": cut(start), "more_topics_url": follows}


@shape("CKAN: _links.next with each page")
def ckan(asked: Asked) -> Any:
    start = number(asked, "offset")
    links = {"start": "/list", "next": f"/list?offset={start + SIZE}"}
    return {"result": {"total": total(), "limit": 16, "records": cut(start), "_links": links}}


# -- tokens ------------------------------------------------------------------------------------


@shape("Google: nextPageToken")
def google(asked: Asked) -> Any:
    start = token(asked, "pageToken")
    return {"items": cut(start), **some(nextPageToken=onward(start))}


@shape("Google AIP: next_page_token")
def google_aip(asked: Asked) -> Any:
    start = token(asked, "page_token")
    return {"items": cut(start), "next_page_token": onward(start) or ""}


@shape("Airtable: offset text")
def airtable(asked: Asked) -> Any:
    start = token(asked, "offset")
    return {"records": cut(start), **some(offset=onward(start))}


@shape("Stripe: has_more of a list object")
def stripe(asked: Asked) -> Any:
    ids = [record["id"] for record in LISTED]
    start = ids.index(asked.query["starting_after"]) + 1 if "starting_after" in asked.query else 0
    return {"object": "list", "data": cut(start), "has_more": bool(onward(start)), "url": "/list"}


@shape("Slack: response_metadata.next_cursor")
def slack(asked: Asked) -> Any:
    start = token(asked, "cursor")
    return {"ok": True, "members": cut(start),
            "response_metadata": {"next_cursor": onward(start) or ""}}  # fmt: skip


@shape("HubSpot: paging.next.after")
def hubspot(asked: Asked) -> Any:
    start = token(asked, "after")
    return {"results": cut(start), **some(paging={"next": {"after": onward(start)}}
            if onward(start) else None)}  # fmt: skip


@shape("Notion: next_cursor and has_more")
def notion(asked: Asked) -> Any:
    start = token(asked, "start_cursor" if "start_cursor" in asked.query else "cursor")
    return {"object": "list", "results": cut(start), "next_cursor": onward(start),
            "has_more": bool(onward(start))}  # fmt: skip


@shape("a flag and a cursor in meta")
def meta_cursor(asked: Asked) -> Any:
    start = token(asked, "cursor")
    meta = {"next_cursor": onward(start), "has_more": bool(onward(start))}
    return {"records": cut(start), "meta": meta}


@shape("Mango: bookmark")
def mango(asked: Asked) -> Any:
    start = token(asked, "bookmark")
    return {"docs": cut(start), "bookmark": f"t{min(start + SIZE, total())}"}


@shape("AWS: NextToken")
def aws(asked: Asked) -> Any:
    start = token(asked, "NextToken")
    return {"Items": cut(start), **some(NextToken=onward(start))}


@shape("AWS: NextMarker, IsTruncated")
def aws_marker(asked: Asked) -> Any:
    start = token(asked, "Marker")
    return {"Functions": cut(start), "IsTruncated": bool(onward(start)),
            **some(NextMarker=onward(start))}  # fmt: skip


@shape("Jira: nextPageToken into its own name")
def jira_token(asked: Asked) -> Any:
    start = token(asked, "nextPageToken")
    return {"issues": cut(start), "isLast": not onward(start), **some(nextPageToken=onward(start))}


@shape("GraphQL: pageInfo")
def graphql(asked: Asked) -> Any:
    start = token(asked, "after")
    info = {"hasNextPage": bool(onward(start)), "endCursor": f"t{start + SIZE}"}
    return {"nodes": cut(start), "pageInfo": info}


@shape("Cosmos: x-ms-continuation")
def cosmos(asked: Asked) -> Any:
    start = token(asked, "continuation")
    headers = some(**{"x-ms-continuation": onward(start)})
    return Reply({"Documents": cut(start), "_count": len(cut(start))}, headers=headers)


@shape("DynamoDB: continuationToken, isTruncated")
def s3(asked: Asked) -> Any:
    start = token(asked, "continuationToken")
    return {"items": cut(start), "isTruncated": bool(onward(start)),
            **some(nextContinuationToken=onward(start))}  # fmt: skip


# -- flags, pages and totals -------------------------------------------------------------------


@shape("Strapi: meta.pagination")
def strapi(asked: Asked) -> Any:
    page = number(asked, "pagination[page]", 1)
    found = {"page": page, "pageSize": SIZE, "pageCount": pages(), "total": total()}
    return {"data": cut((page - 1) * SIZE), "meta": {"pagination": found}}


@shape("Directus: meta.filter_count")
def directus(asked: Asked) -> Any:
    start = number(asked, "offset")
    return {"data": cut(start, number(asked, "limit", SIZE)), "meta": {"filter_count": total()}}


@shape("Spring: last, totalElements")
def spring(asked: Asked) -> Any:
    page = number(asked, "page")
    return {"content": cut(page * SIZE), "last": page + 1 >= pages(), "totalPages": pages(),
            "totalElements": total(), "number": page, "size": SIZE}  # fmt: skip


@shape("Elasticsearch: hits.total.value")
def elasticsearch(asked: Asked) -> Any:
    start = number(asked, "from")
    found = cut(start, number(asked, "size", SIZE))
    hits = {"total": {"value": total(), "relation": "eq"}, "max_score": 1.0, "hits": found}
    return {"took": 2, "timed_out": False, "hits": hits}


@shape("SCIM: startIndex from 1")
def scim(asked: Asked) -> Any:
    start = max(number(asked, "startIndex", 1), 1)
    return {"totalResults": total(), "itemsPerPage": SIZE, "startIndex": start,
            "Resources": cut(start - 1, number(asked, "count", SIZE))}  # fmt: skip


@shape("CouchDB: total_rows and offset")
def couchdb(asked: Asked) -> Any:
    start = number(asked, "skip")
    return {"total_rows": total(), "skip": start, "rows": cut(start, number(asked, "limit", SIZE))}


@shape("Coupa: only the page, X-Total-Pages")
def coupa(asked: Asked) -> Any:
    page = number(asked, "page", 1)
    return Reply(cut((page - 1) * SIZE), headers={"X-Total-Pages": str(pages())})


@shape("openFDA: meta.results.total")
def openfda(asked: Asked) -> Any:
    start = number(asked, "skip")
    results = {"skip": start, "limit": SIZE, "total": total()}
    return {"meta": {"license": "x", "results": results}, "results": cut(start)}


@shape("Solr: numFound")
def solr(asked: Asked) -> Any:
    start = number(asked, "start")
    docs = cut(start, number(asked, "rows", SIZE))
    return {"responseHeader": {"status": 0},
            "response": {"numFound": total(), "start": start, "docs": docs}}  # fmt: skip


@shape("GitLab: X-Next-Page, X-Total")
def gitlab(asked: Asked) -> Any:
    page = number(asked, "page", 1)
    follows = str(page + 1) if page < pages() else ""
    headers = {"X-Next-Page": follows, "X-Page": str(page), "X-Per-Page": str(SIZE),
               "X-Total": str(total()), "X-Total-Pages": str(pages())}  # fmt: skip
    return Reply(cut((page - 1) * SIZE), headers=headers)


@shape("Kaminari: meta.next_page")
def kaminari(asked: Asked) -> Any:
    page = number(asked, "page", 1)
    meta = {"current_page": page, "next_page": page + 1 if page < pages() else None}
    return {"data": cut((page - 1) * SIZE), "meta": meta}


@shape("will_paginate: meta.current_page, last_page")
def will_paginate(asked: Asked) -> Any:
    page = number(asked, "page", 1)
    meta = {"current_page": page, "last_page": pages(), "total": total(), "per_page": SIZE}
    return {"data": cut((page - 1) * SIZE), "meta": meta}


@shape("fastapi-pagination: page, pages, size")
def fastapi_pagination(asked: Asked) -> Any:
    page = number(asked, "page", 1)
    return {"items": cut((page - 1) * SIZE), "page": page, "pages": pages(), "size": SIZE}


@shape("PostgREST: 206 without a total")
def postgrest(asked: Asked) -> Any:
    start = number(asked, "offset")
    found = cut(start, number(asked, "limit", SIZE))
    ranged = f"{start}-{start + len(found) - 1}/*" if found else "*/*"
    status = 206 if onward(start) else 200
    return Reply(found, status=status, headers={"Content-Range": ranged})


@shape("PostgREST: Content-Range with a total")
def postgrest_total(asked: Asked) -> Any:
    start = number(asked, "offset")
    found = cut(start, number(asked, "limit", SIZE))
    ranged = f"{start}-{start + len(found) - 1}" if found else "*"
    return Reply(found, headers={"Content-Range": f"{ranged}/{total()}"})


@shape("Jira: isLast, startAt")
def jira(asked: Asked) -> Any:
    start = number(asked, "startAt")
    return {"startAt": start, "maxResults": SIZE, "isLast": not onward(start),
            "values": cut(start, number(asked, "maxResults", SIZE))}  # fmt: skip


@shape("GBIF: endOfRecords")
def gbif(asked: Asked) -> Any:
    start = number(asked, "offset")
    return {"offset": start, "limit": SIZE, "endOfRecords": not onward(start),
            "results": cut(start)}  # fmt: skip


@shape("ArcGIS: exceededTransferLimit")
def arcgis(asked: Asked) -> Any:
    start = number(asked, "resultOffset")
    return {"features": cut(start), **some(exceededTransferLimit=bool(onward(start)) or None)}


@shape("ASP.NET: X-Pagination of JSON")
def aspnet(asked: Asked) -> Any:
    page = number(asked, "page", 1)
    header = f'{{"TotalCount":{total()},"PageSize":16,"CurrentPage":{page},"TotalPages":{pages()}}}'
    return Reply(cut((page - 1) * SIZE), headers={"X-Pagination": header})


FOLLOWED = {
    "Kinto: Next-Page header", "Salesforce: nextRecordsUrl, done", "ORDS: links and hasMore",
    "NetSuite: links first, totalResults", "FHIR: link with relation and url",
    "Facebook: paging.next beside cursors", "Asana: next_page.uri", "Zendesk: next_page and count",
    "Zendesk: meta.has_more and links.next", "Azure: nextLink", "Bitbucket: next, pagelen, page",
    "UniProt: Link header, X-Total-Results", "JSON:API: links.next",
    "JSON:API: links.next as an object", "HAL: _links.next.href, page.totalPages",
    "DRF: next and count", "tastypie: meta.next, relative", "a relative next without a slash",
    "OData v4: @odata.nextLink and count", "OData v2: d.__next and __count", "Hydra: hydra:view",
    "a pagination object with next_url", "Laravel: meta.last_page and links.next",
    "Datasette: next and next_url", "Google: nextPageToken", "Google AIP: next_page_token",
    "Airtable: offset text", "Slack: response_metadata.next_cursor", "HubSpot: paging.next.after",
    "Notion: next_cursor and has_more", "Mango: bookmark",
    "a flag and a cursor in meta", "DynamoDB: continuationToken, isTruncated",
    "GitLab: X-Next-Page, X-Total",
    "Kaminari: meta.next_page", "Discourse: more_topics_url", "CKAN: _links.next with each page",
}  # fmt: skip
"""Shapes whose next page is found without a setting."""
SELECTORS = {
    "FHIR: link with relation and url": "entry",
    "OData v2: d.__next and __count": "d.results",
    "Elasticsearch: hits.total.value": "hits.hits",
    "Solr: numFound": "response.docs",
    "CKAN: _links.next with each page": "result.records",
}
"""Where the records are, for shapes that have them deeper."""
