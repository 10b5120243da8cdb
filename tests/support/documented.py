"""How five more servers answer, as their documentation describes it: 40 records, 15 on a page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.odd import Asked

START = datetime(2026, 1, 5, 8, tzinfo=UTC)
SIZE = 15
ROWS = [
    {"id": f"K-{n:03d}", "name": f"Kind {n}",
     "updatedAt": (START + n * timedelta(hours=5)).strftime("%Y-%m-%dT%H:%M:%SZ")}
    for n in range(40)
]  # fmt: skip


def _cut(start: int, size: int = SIZE) -> list[dict[str, Any]]:
    return ROWS[start : start + size]


def fastapi_pagination(asked: Asked) -> Any:
    """https://uriyyo-fastapi-pagination.netlify.app/"""
    page, size = int(asked.query.get("page", 1)), int(asked.query.get("size", SIZE))
    pages = -(-len(ROWS) // size)
    return {"items": _cut((page - 1) * size, size), "total": len(ROWS), "page": page,
            "size": size, "pages": pages}  # fmt: skip


def feathers(asked: Asked) -> Any:
    """https://feathersjs.com/api/databases/common.html#pagination"""
    skip = int(asked.query.get("$skip", 0))
    limit = min(int(asked.query.get("$limit", SIZE)), SIZE)
    return {"total": len(ROWS), "limit": limit, "skip": skip, "data": _cut(skip, limit)}


def loopback(asked: Asked) -> Any:
    """https://loopback.io/doc/en/lb4/Querying-data.html: the whole list at once."""
    return ROWS


def jsonapi_server(asked: Asked) -> Any:
    """https://github.com/holidayextras/jsonapi-server: JSON:API with offsets in links."""
    start = int(asked.query.get("page[offset]", 0))
    rows = [{"type": "kinds", "id": row["id"], "attributes": {k: v for k, v in row.items()
             if k != "id"}} for row in _cut(start)]  # fmt: skip
    link = "/list?page[offset]={}&page[limit]=15"
    links = {"self": "/list", "first": link.format(0), "last": link.format(30)}
    if start + SIZE < len(ROWS):
        links["next"] = link.format(start + SIZE)
    return {"jsonapi": {"version": "1.0"}, "data": rows, "links": links, "included": [],
            "meta": {"page": {"offset": start, "limit": SIZE, "total": len(ROWS)}}}  # fmt: skip


def fortune(asked: Asked) -> Any:
    """https://github.com/fortunejs/fortune-json-api: JSON:API with a count and offsets in links."""
    start = int(asked.query.get("page[offset]", 0))
    rows = [{"type": "kinds", "id": row["id"], "attributes": {k: v for k, v in row.items()
             if k != "id"}, "relationships": {}, "links": {"self": f"/list/{row['id']}"}}
            for row in _cut(start)]  # fmt: skip
    onward = {"next": f"/list?page[offset]={start + SIZE}"} if start + SIZE < len(ROWS) else {}
    return {"data": rows, "links": {"self": "/list", **onward}, "meta": {"count": len(ROWS)},
            "jsonapi": {"version": "1.0"}}  # fmt: skip


SERVERS: dict[str, Callable[[Asked], Any]] = {
    "fastapi-pagination": fastapi_pagination,
    "Feathers": feathers,
    "LoopBack": loopback,
    "jsonapi-server": jsonapi_server,
    "fortune": fortune,
}
