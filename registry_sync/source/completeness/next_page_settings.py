"""The paginator that would read on, proposed from what an answer says. Pure.

https://dlthub.com/docs/dlt-ecosystem/verified-sources/rest_api/basic#pagination
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from registry_sync.core.types import Json
from registry_sync.source.answers.page_answer import PageAnswer, word_of
from registry_sync.source.answers.totals import Total
from registry_sync.source.completeness.more import PAGE_NOW, Kind, Mark
from registry_sync.source.completeness.next_words import ONWARD, RESUMES, WITH_EACH
from registry_sync.source.completeness.page_sizes import BESIDE, size_asked
from registry_sync.source.completeness.said_values import as_number
from registry_sync.source.completeness.whole_counts import ALL
from registry_sync.source.graphql import query_in, variable_of

OFFSETS = {"skip": "limit", "start": "rows", "from": "size", "startat": "maxResults",
           "startindex": "count", "firstrecord": "recordsToReturn", "skipcount": "maxItems",
           "offset": "limit", "first": "max"}  # fmt: skip
"""Parameters that skip records, by the word an answer repeats them with, each with its size."""
TOKEN_PARAMS = {
    "offset": "offset", "bookmark": "bookmark", "scrollid": "scroll_id", "endcursor": "after",
    "continue": "continue", "cursormark": "cursorMark", "querylocator": "queryLocator",
    "nextset": "set", "next": "cursor", "nextpage": "page", "nextid": "cursor",
    "nexttoken": "nextToken",
}  # fmt: skip
"""Query parameters of tokens whose name does not tell them."""
MORE_LINK: Json = {"type": "header_link", "links_next_key": "more"}


def as_pasted(paginator: Json) -> str:
    """Return a paginator as it is pasted into Connector Settings."""
    return json.dumps({"endpoint": {"paginator": paginator}}, ensure_ascii=False)


def paginator_in(text: str) -> Json:
    """Return the paginator of settings that were written for pasting."""
    found: Json = json.loads(text)["endpoint"]["paginator"]
    return found


def written_incremental(terms: Json) -> str:
    """Return settings of endpoint.incremental as they are pasted into Connector Settings."""
    return json.dumps({"endpoint": {"incremental": terms}}, ensure_ascii=False)


def next_paginator(marks: Sequence[Mark], answer: PageAnswer, total: Total | None = None) -> Json:
    """Return the paginator that reads on from what `marks` and a total say.

    What the answer does not tell, such as the name of a parameter, is the most usual.
    """
    by_kind: dict[Kind, Mark] = {}
    for mark in marks:
        by_kind.setdefault(_way(mark), mark)
    for kind, way in WAYS.items():
        if kind in by_kind:
            return {**way(by_kind[kind], answer), **_beside_a_token(kind, by_kind)}
    words = _body_words(answer)
    numbered = as_number(next((words[word] for word in PAGE_NOW if word in words), None))
    if numbered is not None and not any(word in words for word in OFFSETS):
        return _numbered_by(words)
    return _by_offset(answer, _total_path(total))


def _way(mark: Mark) -> Kind:
    if mark.kind == "partial" and ONWARD.fullmatch(mark.entry.word):
        return "address"
    if mark.kind == "partial" and (
        RESUMES.fullmatch(mark.entry.word) or WITH_EACH.fullmatch(mark.entry.word)
    ):
        return "token"
    return "pages" if mark.kind == "partial" and mark.entry.word == "links" else mark.kind


def names_page(answer: PageAnswer) -> bool:
    """Return whether an answer says which page it is, or from which record on."""
    words = _body_words(answer)
    return any(as_number(words.get(word)) is not None for word in (*PAGE_NOW, *OFFSETS))


def _beside_a_token(kind: Kind, by_kind: Mapping[Kind, Mark]) -> Json:
    """Return the flag that some servers send with a token that also comes with the last page."""
    flag = by_kind.get("flag")
    if kind != "token" or flag is None or flag.entry.header:
        return {}
    return {"has_more_path": flag.entry.path}


# -- by what was found -------------------------------------------------------------------------


def _by_link(mark: Mark, answer: PageAnswer) -> Json:
    return {"type": "json_link", "next_url_path": mark.entry.path}


def _by_token(mark: Mark, answer: PageAnswer) -> Json:
    name = _token_param(mark)
    if mark.entry.header:
        return {"type": "header_cursor", "cursor_key": mark.entry.path, "cursor_param": name}
    return {"type": "cursor", "cursor_path": mark.entry.path, **_placed(name, answer)}


def _placed(name: str, answer: PageAnswer) -> Json:
    """Return the setting of a cursor that takes the token by a name."""
    if query_in(answer.posted):
        return {"cursor_body_path": variable_of(answer.posted, name)}
    return {"cursor_param" if answer.posted is None else "cursor_body_path": name}


def _token_param(mark: Mark) -> str:
    """Return the parameter that takes a token: `nextPageToken` goes into `pageToken`."""
    key = re.split(r"[.:]", mark.entry.path)[-1].strip('"')
    if mark.entry.word == "nextcursor" and mark.entry.beside.get("object") == "list":
        return "start_cursor"  # Notion
    if param := TOKEN_PARAMS.get(mark.entry.word):
        return key if param.lower() == key.lower() else param
    plain = re.sub(r"^(x-ms-|x-)", "", key.lower()).replace("-", "_") if mark.entry.header else key
    short = re.sub(r"^_*next[_-]?", "", plain, flags=re.IGNORECASE)
    if plain.startswith("Next"):  # AWS: NextMarker goes into Marker
        return short or "cursor"
    return short[:1].lower() + short[1:] if short else "cursor"


def _by_number(mark: Mark, answer: PageAnswer) -> Json:
    """Propose paging by the number of the next page, or by the next offset."""
    number = as_number(mark.entry.value) or 0
    if re.search(r"offset|start|skip|from|record", mark.entry.word) or number > 2:
        found = _by_token(mark, answer)
        return found if "offset" in mark.entry.word else {**found, **_param(found, answer)}
    if mark.entry.header:
        return {"type": "page_number", "base_page": number - 1}
    return {"type": "page_number", "base_page": number - 1, "has_more_path": mark.entry.path}


def _param(found: Json, answer: PageAnswer) -> Json:
    names = [name for name in OFFSETS if name in _body_words(answer)]
    place = "cursor_body_path" if "cursor_body_path" in found else "cursor_param"
    return {place: names[0]} if names and "cursor_param" in found else {}


def _by_flag(mark: Mark, answer: PageAnswer) -> Json:
    path = {"has_more_path": mark.entry.path} if not mark.entry.header else {}
    if query_in(answer.posted):
        return {**_of_query(answer), **path}
    words = _body_words(answer)
    if mark.entry.word == "pending":  # CouchDB's list of changes
        return {"type": "cursor", "cursor_path": "last_seq", "cursor_param": "since"}
    if mark.entry.word == "exceededtransferlimit":  # ArcGIS
        sized = {"limit_param": "resultRecordCount", "offset_param": "resultOffset"}
        return {"type": "offset", "limit": max(answer.count, 1), **sized, **path}
    numbers = {w for w, value in mark.entry.beside.items() if as_number(value) is not None}
    if numbers & {*PAGE_NOW} and not numbers & OFFSETS.keys():
        words = dict(mark.entry.beside)  # a Slice of Spring has an offset deeper
    if any(word in words for word in OFFSETS if word != "first"):
        return {**_by_offset(answer, {}), **path}
    if as_number(next((words[word] for word in PAGE_NOW if word in words), None)) is not None:
        return {**_numbered(mark, answer), **path}
    listed = _list_path(answer)
    if words.get("object") == "list" and listed:  # Stripe, and what is made like it
        last = f"{listed}[-1].id"
        return {"type": "cursor", "cursor_path": last, "cursor_param": "starting_after", **path}
    return {**_numbered(mark, answer), **path}


def _by_pages(mark: Mark, answer: PageAnswer) -> Json:
    counted = as_number(mark.entry.value) is not None and not mark.entry.header
    path = {"total_path": mark.entry.path} if counted else {}
    return {**_numbered(mark, answer), **path}


def _numbered(mark: Mark, answer: PageAnswer) -> Json:
    """Describe numbered pages, as the answer names the page that it is."""
    named = _numbered_by(mark.entry.beside)
    if mark.entry.within[-2:] == ("meta", "pagination") and mark.entry.word == "pagecount":
        named["page_param"] = "pagination[page]"  # Strapi
    return named


def _numbered_by(words: Mapping[str, Any]) -> Json:
    """Describe numbered pages by the values beside what says so, by word."""
    word = next((word for word in PAGE_NOW if as_number(words.get(word)) is not None), "page")
    named: Json = {"type": "page_number"}
    param = {"pagenumber": "pageNumber", "pageindex": "pageIndex", "pageno": "pageNo"}.get(word)
    if word == "currentpage" and "searchcriteria" in words:
        param = "searchCriteria[currentPage]"  # Magento
    if param:
        named["page_param"] = param
    if as_number(words.get(word)) == 0:
        named["base_page"] = 0
    return named


def _by_offset(answer: PageAnswer, more: Json) -> Json:
    """Describe offsets, by the parameters of the request or the words of the answer."""
    if query_in(answer.posted):
        return {**_of_query(answer), **more}
    words, page_size = _body_words(answer), size_asked(answer)
    offset = next((word for word in OFFSETS if word in words), "")
    if not offset and "numfound" in words:
        offset = "start"  # Solr
    name = offset or ("from" if "timedout" in words else "offset")  # Elasticsearch
    size = page_size[0] if page_size else OFFSETS[name]
    proposed: Json = {
        "type": "offset",
        "limit": page_size[1] if page_size else max(answer.count, 1),
    }
    if size != "limit":
        proposed["limit_param"] = size
    param = {
        "startat": "startAt",
        "startindex": "startIndex",
        "firstrecord": "firstRecord",
        "skipcount": "skipCount",
    }.get(name, name)
    if page_size and not offset:
        param = BESIDE.get(word_of(size), (param,))[0]
    if param != "offset":
        proposed["offset_param"] = param
    if answer.pages == 1 and as_number(words.get(offset)) == 1:
        proposed["offset"] = 1  # SCIM counts its records from 1
    return {**proposed, **more}


def _by_part(mark: Mark, answer: PageAnswer) -> Json:
    if mark.entry.word == "link":
        return MORE_LINK
    counted = as_number(mark.entry.value) is not None and mark.entry.word in ALL
    found = _by_offset(answer, {"total_path": mark.entry.path} if counted else {})
    if mark.entry.word != "lastrow":
        return found
    place = "offset_param" if answer.posted is None else "offset_body_path"
    return {**found, place: "startRow"}  # ag-grid


def _of_query(answer: PageAnswer) -> Json:
    """Return how a GraphQL list is usually paged, which its query has to ask for."""
    path = _path_to(answer.body, {id(record) for record in answer.records})
    above, _, key = path.rpartition(".")
    if key in ("edges", "nodes"):  # https://relay.dev/graphql/connections.htm
        info = f"{above}.pageInfo"
        more = {"has_more_path": f"{info}.hasNextPage"}
        return {"type": "cursor", "cursor_path": f"{info}.endCursor", **_placed("after", answer),
                **more}  # fmt: skip
    paths = {f"{name}_body_path": variable_of(answer.posted, name) for name in ("limit", "offset")}
    return {"type": "offset", "limit": max(answer.count, 1), **paths}


def _path_to(value: Any, records: set[int], path: str = "") -> str:
    """Return the path of the list that has the records, "" if it is not found."""
    for key, inner in value.items() if isinstance(value, dict) else ():
        at = f"{path}.{key}" if path else key
        first = inner[0] if isinstance(inner, list) and inner else None
        held = first.values() if isinstance(first, dict) else ()
        if any(id(one) in records for one in (first, *held)):
            return at
        if found := _path_to(inner, records, at):
            return found
    return ""


def _total_path(total: Total | None) -> Json:
    named = total is not None and total.path and total.in_body and not total.in_text
    return {"total_path": total.path} if total and named else {}


def _body_words(answer: PageAnswer) -> dict[str, Any]:
    return {entry.word: entry.value for entry in answer.entries() if not entry.header}


def _list_path(answer: PageAnswer) -> str:
    """Return the key of the body's list that holds the records, "" if it is deeper."""
    body = answer.body if isinstance(answer.body, dict) else {}
    first = answer.records[0] if answer.records else None
    lists = (key for key, value in body.items() if isinstance(value, list) and value[:1] == [first])
    return next(lists, "")


WAYS: dict[Kind, Callable[[Mark, PageAnswer], Json]] = {
    "address": _by_link,
    "token": _by_token,
    "number": _by_number,
    "pages": _by_pages,
    "flag": _by_flag,
    "partial": _by_part,
}
"""How each kind of mark is turned into a paginator, the surest first."""
