"""A small registry over real HTTP whose records a test edits; Datasette and json-server have
their own tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.http_server import Server

Json = dict[str, Any]
BASE = datetime(2026, 1, 5, tzinfo=UTC)


class ListRegistry:
    """Serves `records` in pages with a next link; `since=` filters on `modified_at` (>=).

    Each record alone is at the list's address with its id behind. Behind it are also `deleted`, the
    list of deletions, and `ids`, that of all ids.
    """

    def __init__(self, records: list[Json], *, page_size: int = 200, token: str = "key") -> None:
        self.records, self.page_size, self.token = records, page_size, token
        self.on_page: Callable[[int], None] = lambda number: None
        self.on_detail: Callable[[str], None] = lambda external_id: None
        self.total: Callable[[list[Json]], int] = len
        self.date: datetime | None = None
        self.ignores_filter = False
        self.broken = False
        self.refuses = 0
        self.pages_served = 0
        self.deleted: list[Json] = []
        self.beside: Json = {}
        """What the answer with deletions says beside them."""
        self.instead: tuple[int, Json] | None = None
        """A status and a body that answer requests for the lists beside the records' own."""
        self.asked: list[tuple[str, dict[str, str]]] = []
        """Path and query of the requests for lists beside the records' own."""
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                registry.answer(self)

            def log_message(self, *args: object) -> None:
                pass

            def date_time_string(self, timestamp: float | None = None) -> str:
                return format_datetime(registry.date or datetime.now(UTC), usegmt=True)

        self.server = Server(Handler)
        self.url = f"{self.server.url}/compounds"

    def stop(self) -> None:
        self.server.stop()

    def record(self, external_id: str) -> Json:
        return next(r for r in self.records if r.get("id") == external_id)

    def edit(self, external_id: str, at: str | None = None, **values: Any) -> None:
        """Change a record as its owner would; it bears the time of the change."""
        now = at or datetime.now(UTC).isoformat().replace("+00:00", "Z")
        self.record(external_id).update(values, modified_at=now)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            self._send(request, 401, {"error": "unauthorised"})
            return
        if self.refuses:
            self._send(request, self.refuses, {"error": "no"})
            return
        path = urlsplit(request.path).path
        if path.endswith(("/deleted", "/ids")):
            self._list_beside(request, path)
            return
        if path.count("/") == 2:  # /compounds/C-000001
            external_id = path.rsplit("/", 1)[1]
            self.on_detail(external_id)
            found = next((r for r in self.records if r.get("id") == external_id), None)
            self._send(request, 200 if found else 404, found or {"error": "not found"})
            return
        query = {k: v[0] for k, v in parse_qs(urlsplit(request.path).query).items()}
        since = "" if self.ignores_filter else query.get("since", "")
        found = [r for r in self.records if not since or _time(r) >= datetime.fromisoformat(since)]
        start = int(query.get("start", 0))
        page = found[start : start + self.page_size]
        following = start + self.page_size
        link = f"?start={following}&since={query.get('since', '')}"
        self.pages_served += 1
        self.on_page(self.pages_served)
        if self.broken:
            request.close_connection = True
            return
        self._send(
            request,
            200,
            {
                "items": page,
                "total": self.total(found),
                "next": link if following < len(found) else None,
            },
        )

    def _list_beside(self, request: BaseHTTPRequestHandler, path: str) -> None:
        query = {k: v[0] for k, v in parse_qs(urlsplit(request.path).query).items()}
        self.asked.append((path, query))
        if self.instead is not None:
            self._send(request, *self.instead)
            return
        if path.endswith("/ids"):
            ids = [record["id"] for record in self.records]
            self._send(request, 200, {"ids": ids, "total": self.total(self.records)})
            return
        since = query.get("since", "")
        found = [r for r in self.deleted if not since or _time(r) >= datetime.fromisoformat(since)]
        self._send(request, 200, {"deletions": found, **self.beside})

    def _send(self, request: BaseHTTPRequestHandler, status: int, body: Json) -> None:
        content = json.dumps(body).encode()
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)


def _time(record: Json) -> datetime:
    return datetime.fromisoformat(record.get("modified_at") or "1970-01-01T00:00:00Z")


def compound(number: int, **values: Any) -> Json:
    """Make one record, distinct in every value."""
    return {
        "id": f"C-{number:06d}",
        "name": f"Compound {number}",
        "smiles": "C" * (number % 40 + 1),
        "kind": ("Small molecule", "Protein")[number % 2],
        "approval": 1950 + number % 70,
        "modified_at": (BASE + timedelta(seconds=number)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        **values,
    }
