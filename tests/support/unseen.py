"""Registries whose lists are read in ways that no answer writes out: one function each.

Each serves the rows of a `Book`, 15 on a page.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.odd import Asked, Reply

Json = dict[str, Any]
START = datetime(2026, 1, 5, 8, tzinfo=UTC)
SIZE = 15


@dataclass
class Row:
    """One record: what it says, and when it was born and edited."""

    n: int
    note: str
    born: datetime
    edited: datetime


@dataclass
class Book:
    """The rows of a registry, in the order of their numbers."""

    rows: list[Row] = field(default_factory=list)

    @classmethod
    def of(cls, count: int) -> Book:
        times = [START + n * timedelta(hours=5) for n in range(count)]
        return cls([Row(n, f"note {n}", when, when) for n, when in enumerate(times)])

    def edit(self, n: int, note: str) -> None:
        row = next(row for row in self.rows if row.n == n)
        row.note, row.edited = note, datetime.now(UTC).replace(microsecond=0)

    def add(self, n: int) -> None:
        now = datetime.now(UTC).replace(microsecond=0)
        self.rows.append(Row(n, f"note {n}", now, now))

    def delete(self, n: int) -> None:
        self.rows = [row for row in self.rows if row.n != n]


def written(when: datetime, form: str = "%Y-%m-%dT%H:%M:%SZ") -> str:
    return when.strftime(form)


def read(text: str, form: str = "%Y-%m-%dT%H:%M:%SZ") -> datetime:
    return datetime.strptime(text, form).replace(tzinfo=UTC)


def record(row: Row, **more: Any) -> Json:
    return {"id": f"K-{row.n:03d}", "name": f"Kind {row.n}", "note": row.note,
            "updated_at": written(row.edited), **more}  # fmt: skip


def number(asked: Asked, name: str, default: int) -> int:
    return int(asked.query.get(name, default))


def page_of(rows: list[Row], start: int) -> list[Json]:
    return [record(row) for row in rows[start : start + SIZE]]


def page_0(book: Book, asked: Asked) -> Any:
    """Count pages from 0, without a word about it."""
    return {"data": page_of(book.rows, number(asked, "page", 0) * SIZE)}


def named_page_0(book: Book, asked: Asked) -> Any:
    page = number(asked, "pageNo", 0)
    return {"pageNo": page, "data": page_of(book.rows, page * SIZE)}


def offset_in_pages(book: Book, asked: Asked) -> Any:
    return {"items": page_of(book.rows, number(asked, "offset", 0) * SIZE)}


def other_token(book: Book, asked: Asked) -> Any:
    """https://developers.notion.com/reference/intro#pagination"""
    start = number(asked, "start_cursor", 0)
    onward = str(start + SIZE) if start + SIZE < len(book.rows) else None
    return {"object": "list", "results": page_of(book.rows, start), "next_cursor": onward,
            "has_more": onward is not None}  # fmt: skip


def _after(book: Book, asked: Asked, name: str) -> int:
    """Return where the rows after an id begin."""
    ids = [f"K-{row.n:03d}" for row in book.rows]
    return ids.index(asked.query[name]) + 1 if name in asked.query else 0


def after_the_last(book: Book, asked: Asked) -> Any:
    start = _after(book, asked, "after")
    return {"has_more": start + SIZE < len(book.rows), "kinds": page_of(book.rows, start)}


def after_an_id(book: Book, asked: Asked) -> Any:
    """Return a bare list, which says nothing of its pages."""
    return page_of(book.rows, _after(book, asked, "after_id"))


def counted_rows(book: Book, asked: Asked) -> Any:
    start = number(asked, "offset", 0)
    page = [
        {"number": n, "regno": f"R-{row.n}", "name": f"Kind {row.n}", "note": row.note}
        for n, row in enumerate(book.rows[start : start + SIZE], 1)
    ]
    return {"items": page, "total": len(book.rows)}


def two_keys(book: Book, asked: Asked) -> Any:
    start = number(asked, "offset", 0)
    page = [
        {"project": f"P{row.n // 7}", "lot": row.n % 7, "name": f"Kind {row.n}", "note": row.note}
        for row in book.rows[start : start + SIZE]
    ]
    return {"items": page, "total": len(book.rows)}


def since(book: Book, asked: Asked, name: str, **form: str) -> list[Row]:
    text = asked.query.get(name)
    return [row for row in book.rows if text is None or row.edited >= read(text, **form)]


def odata(book: Book, asked: Asked) -> Any:
    """https://docs.oasis-open.org/odata/odata/v4.01/"""
    if {*asked.query} - {"$filter", "$skiptoken"}:
        return Reply({"error": "unknown option"}, status=400)
    text = asked.query.get("$filter", "updated_at ge 1971-01-01T00:00:00Z")
    rows = [row for row in book.rows if row.edited >= read(text.removeprefix("updated_at ge "))]
    start = number(asked, "$skiptoken", 0)
    onward = f"/list?$skiptoken={start + SIZE}&$filter={text.replace(' ', '%20')}"
    more = {"@odata.nextLink": onward} if start + SIZE < len(rows) else {}
    return {"@odata.context": "$metadata#kinds", "value": page_of(rows, start), **more}


def german(book: Book, asked: Asked) -> Any:
    form = "%d.%m.%Y %H:%M:%S"
    rows = since(book, asked, "updated_since", form=form)
    start = number(asked, "offset", 0)
    return {"items": [record(row, updated_at=written(row.edited, form))
                      for row in rows[start : start + SIZE]], "total": len(rows)}  # fmt: skip


def epoch_filter(book: Book, asked: Asked) -> Any:
    """Take the time in seconds, while records have it in ISO 8601."""
    text = asked.query.get("updated_since", "0")
    if not text.isdecimal():
        return Reply({"error": "updated_since must be an integer"}, status=400)
    at = datetime.fromtimestamp(int(text), UTC)
    rows = [row for row in book.rows if row.edited >= at]
    start = number(asked, "offset", 0)
    return {"items": page_of(rows, start), "total": len(rows)}


def newest_first(book: Book, asked: Asked) -> Any:
    """Ignore every filter; the first page has only what is newest."""
    rows = sorted(book.rows, key=lambda row: row.edited, reverse=True)
    start = number(asked, "start", 0)
    more = {"Link": f'</list?start={start + SIZE}>; rel="next"'} if start + SIZE < len(rows) else {}
    return Reply(page_of(rows, start), headers=more)


def by_birth(book: Book, asked: Asked) -> Any:
    """Filter by when a record was created, not edited."""
    text = asked.query.get("since")
    rows = [row for row in book.rows if text is None or row.born >= read(text)]
    edited = [record(row, updated_at=written(row.edited + timedelta(days=9 if row.n < 4 else 0)))
              for row in rows]  # fmt: skip
    start = number(asked, "offset", 0)
    return {"items": edited[start : start + SIZE], "total": len(rows)}


def words_for_empty(book: Book, asked: Asked) -> Any:
    return [
        record(row, salt=("Na", "K")[row.n % 2], approved=("0000-00-00", "2020-01-01")[row.n % 2])
        for row in book.rows[:7]
    ]


def changes_feed(book: Book, asked: Asked) -> Any:
    """https://docs.couchdb.org/en/stable/api/database/changes.html"""
    start = number(asked, "since", 0)
    page = page_of(book.rows, start)
    left = max(len(book.rows) - start - SIZE, 0)
    return {"results": page, "last_seq": start + len(page), "pending": left}


def archived(book: Book, asked: Asked) -> Any:
    return [record(row, archived=row.n == 3) for row in book.rows[:7]]


Registry = Callable[[Book, Asked], Any]
FROM_0 = {"type": "page_number", "base_page": 0}
UNSEEN: dict[str, tuple[Registry, Json]] = {
    "page 0": (page_0, {"endpoint.paginator": {**FROM_0, "page_param": "page"}}),
    "named page 0": (named_page_0, {"endpoint.paginator": {**FROM_0, "page_param": "pageNo"}}),
    "offset in pages": (
        offset_in_pages, {"endpoint.paginator": {**FROM_0, "page_param": "offset"}},
    ),
    "another token's parameter": (other_token, {
        "endpoint.paginator.cursor_param": "start_cursor",
        "endpoint.paginator.has_more_path": "has_more",
    }),
    "after the last id": (after_the_last, {
        "endpoint.paginator.cursor_path": "kinds[-1].id",
        "endpoint.paginator.cursor_param": "after",
    }),
    "after an id": (after_an_id, {
        "endpoint.paginator.cursor_path": "[-1].id",
        "endpoint.paginator.cursor_param": "after_id",
    }),
    "changes": (changes_feed, {"endpoint.paginator.cursor_path": "last_seq"}),
    "counted rows": (counted_rows, {"endpoint.primary_key": "regno"}),
    "two keys": (two_keys, {"endpoint.primary_key": ["project", "lot"]}),
    "an expression": (odata, {
        "endpoint.params": {"$filter": "updated_at ge {incremental.start_value}"},
        "endpoint.paginator.next_url_path": "@odata.nextLink",
    }),
    "German times": (german, {
        "endpoint.incremental.datetime_format": "%d.%m.%Y %H:%M:%S",
        "endpoint.params": {"updated_since": "{incremental.start_value}"},
    }),
    "a filter in seconds": (epoch_filter, {
        "endpoint.incremental.datetime_format": "epoch",
        "endpoint.params": {"updated_since": "{incremental.start_value}"},
    }),
    "newest first": (newest_first, {"endpoint.params": None}),
    "by birth": (by_birth, {"endpoint.params": None}),
    "words for empty": (words_for_empty, {"endpoint.empty_values": ["0000-00-00"]}),
}  # fmt: skip
"""Registries with what doctor proposes for each, by path."""
