"""A registry over real HTTP that lies as its `Lies` say, and knows what is true."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlencode

from tests.support.lies import Lies
from tests.support.odd import Asked, Reply

Json = dict[str, Any]
START = datetime(2026, 1, 5, 10, tzinfo=UTC)
SIDES: dict[str, Any] = {
    "projects": [{"id": "P-1", "name": "Project Alpha", "note": "lead", "changed": None}],
    "included": [{"id": "I-1", "type": "vendor", "name": "Vendor One", "note": "x"}],
    "errors": [],
    "facets": [{"name": "kind", "count": 3}],
}


@dataclass
class Record:
    """What is true of one record; `versions` are all notes and amounts that ever were."""

    id: str
    note: str | None
    amount: int
    changed: datetime
    versions: list[tuple[str | None, int]] = field(default_factory=list)


class LyingRegistry:
    """Answers requests by its lies; `answer` is what an OddRegistry is given."""

    def __init__(self, lies: Lies, url: str) -> None:
        self.lies, self.url = lies, url
        self.records: dict[str, Record] = {}
        self.gone: dict[str, Record] = {}
        self.run = self.page = 0
        self.faulty = 0
        for number in range(lies.records):
            self.add(START + timedelta(hours=number))

    # -- what happens to it ------------------------------------------------------------------

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(minutes=self.lies.skew)

    def add(self, when: datetime | None = None) -> None:
        number = len(self.records) + len(self.gone) + 1
        name = f"M-{number:02d}"
        note = f"note {number}.1"
        self.records[name] = Record(
            name, note, number * 100, when or self.now(), [(note, number * 100)]
        )

    def happen(self, what: str, number: int) -> None:
        """Edit, clear, add or delete a record, as the registry's people do."""
        if what == "add":
            self.add()
            return
        record = list(self.records.values())[number % len(self.records)]
        if what == "delete":
            if len(self.records) > 1:
                self.gone[record.id] = self.records.pop(record.id)
            return
        version = len(record.versions) + 1
        record.note = None if what == "clear" else f"note {number}.{version}"
        record.amount += 1
        record.changed = self.now()
        record.versions.append((record.note, record.amount))

    @property
    def ever(self) -> dict[str, Record]:
        """Return the records that are there, and those that were."""
        return self.records | self.gone

    def right(self, name: str, version: int) -> list[tuple[str | None, int]]:
        """Return what may be in Benchling of a record that had so many versions before a run.

        An absent key leaves a value, unless the settings say that it clears; that is told once.
        """
        versions = self.ever[name].versions
        if self.lies.cleared != "absent" or self.lies.cured:
            return versions[version - 1 :]
        kept, notes = [], [note for note, _ in versions]
        for number, (note, amount) in enumerate(versions[version - 1 :], version):
            kept.append((note, amount))
            if note is None:  # of the notes before it, not every one came
                kept += [(left, amount) for left in notes[:number]]
        return kept

    def begin(self, run: int) -> None:
        self.run, self.page, self.faulty = run, 0, 0

    # -- answering ---------------------------------------------------------------------------

    def answer(self, asked: Asked) -> Reply:
        self.page += 1
        if self.lies.move and self.lies.move[:2] == (self.run, self.page):
            self.happen(*self.lies.move[2:])
        since = self._since(asked)
        if isinstance(since, Reply):
            return since
        return self._fault(lambda: self._listing(asked, since))

    def _listing(self, asked: Asked, since: Callable[[Record], bool]) -> Reply:
        lies = self.lies
        found = sorted(filter(since, self.records.values()), key=self._key)
        if lies.order == "-time":
            found.reverse()
        count, size = len(found), lies.size
        rows: list[Record | None] = [*found]
        if lies.hole and count > size:  # a page of records that the key may not see
            rows[size:size] = [None] * size
        start = self._start(asked, found)
        page = [record for record in rows[start : start + size] if record]
        if start and start >= len(rows) and lies.end != "empty":
            return self._past(found)
        body, headers = self._body(page)
        more = start + size < len(rows)
        self._say_next(asked, body, headers, rows, start, more)
        self._say_total(body, headers, count, len(page))
        if not page and not more and lies.empty in ("nothing", "204"):
            return Reply(b"", 204 if lies.empty == "204" else 200, headers=self._dated(headers))
        return Reply(self._finished(body), headers=self._dated(headers))

    def _dated(self, headers: Json) -> Json:
        if self.lies.date is None:
            return {**headers, "Date": ""}
        now = datetime.now(UTC) + timedelta(minutes=self.lies.date)
        return {**headers, "Date": format_datetime(now, usegmt=True)}

    def _key(self, record: Record) -> Any:
        return (
            record.id if self.lies.order == "id" else (self._truncated(record.changed), record.id)
        )

    def _start(self, asked: Asked, found: list[Record]) -> int:
        """Return where a page begins: counted, or after the key that was last given."""
        text = asked.query.get(self.lies.paging.param, "")
        if self.lies.paging.param == "page":
            return (max(int(text or 1), 1) - 1) * self.lies.size
        text = text.removeprefix("t")
        if not text:
            return 0
        if not self.lies.keyset:
            return int(text)
        if text == "end":
            return len(found)
        stamp, _, name = text.partition("_")
        last = (datetime.fromtimestamp(int(stamp) / 1e6, UTC), name)
        keys = [(self._truncated(r.changed), r.id) for r in found]
        if self.lies.order == "id":
            return sum(r.id <= name for r in found)
        return sum(key <= last for key in keys)

    def _past(self, found: list[Record]) -> Reply:
        lies, size = self.lies, self.lies.size
        if lies.end == "404":
            return Reply({"detail": "Invalid page."}, 404)
        page = found[(len(found) - 1) // size * size :] if lies.end == "last" else found[:size]
        body, headers = self._body(page)
        self._say_total(body, headers, len(found), len(page))
        return Reply(self._finished(body), headers=self._dated(headers))

    # -- what it says ------------------------------------------------------------------------

    def _body(self, page: list[Record]) -> tuple[Json, Json]:
        rows: Any = [self._row(record) for record in page]
        body: Json = {}
        if self.lies.lone and len(rows) == 1:
            rows = rows[0]
        if not rows and self.lies.empty in ("missing", "braces") and self.lies.at:
            pass
        elif not self.lies.at:
            body["records_are"] = rows if rows or self.lies.empty != "null" else None
        else:
            put(body, self.lies.at, rows if rows or self.lies.empty != "null" else None)
        if self.lies.side and not (not rows and self.lies.empty == "braces"):
            body[self.lies.side] = SIDES[self.lies.side]
        return body, {}

    def _finished(self, body: Json) -> Any:
        return body.get("records_are", body)

    def _row(self, record: Record) -> Json:
        row = {
            "id": record.id, "name": f"Name of {record.id}", "note": record.note,
            "amount": record.amount, "changed": self._stamp(record.changed),
        }  # fmt: skip
        if record.note is None:
            empties = {"null": None, "text": "", "false": False}
            row["note"] = empties.get(self.lies.cleared)
            if self.lies.cleared == "absent":
                del row["note"]
        return row

    def _say_next(
        self,
        asked: Asked,
        body: Json,
        headers: Json,
        rows: list[Record | None],
        start: int,
        more: bool,
    ) -> None:
        paging, size = self.lies.paging, self.lies.size
        number = start // size + 1
        if paging.said in ("flag", "inverted"):
            put(body, paging.at, more if paging.said == "flag" else not more)
            return
        if paging.said == "pages":
            pages = -(-len(rows) // size)
            for at, value in ((paging.at, number), (paging.also, pages)):
                say(body, headers, at, value)
            return
        if paging.said == "nothing":
            return
        value: Any = number + 1
        if paging.said != "number":
            value = self._token(rows, start)
        if not more and not (self.lies.trail == "page" and start < len(rows)):
            value = {"missing": ..., "text": ""}.get(self.lies.trail)
            if paging.in_header or paging.at == "links[rel]":
                value = ...
        elif paging.said in ("url", "relative"):
            value = self._link(asked, value)
        if value is not ...:
            self._put_next(body, headers, value)

    def _put_next(self, body: Json, headers: Json, value: Any) -> None:
        at = self.lies.paging.at
        if at == "links[rel]":
            body["links"] = [{"rel": "self", "href": self.url}, {"rel": "next", "href": value}]
        elif at.startswith("Link"):
            forms = {
                "Link:": '<{}>; rel="next"',
                "Link;quoted:": '<{}>; title="page=2; x, y"; rel="next"',
                "Link;last:": '<{}&x=0>; rel="first", <{}>; results; rel="next"',
                "Link;matrix:": "<{}&f=id;name,note>; rel=next",
            }
            headers["Link"] = forms[at].format(value, value)
        else:
            say(body, headers, at, value)

    def _token(self, rows: list[Record | None], start: int) -> str:
        size = self.lies.size
        if not self.lies.keyset:
            return f"t{start + size}"
        last = rows[start + size - 1] if start + size <= len(rows) else None
        if last is None:
            return "tend"
        return f"t{round(self._truncated(last.changed).timestamp() * 1e6)}_{last.id}"

    def _link(self, asked: Asked, token: str) -> str:
        query = {**asked.query, self.lies.paging.param: token}
        base = "" if self.lies.paging.said == "relative" else self.url
        return f"{base}?{urlencode(query)}"

    def _say_total(self, body: Json, headers: Json, count: int, came: int) -> None:
        totals = {"right": count, "page": came, "capped": min(count, 4), "more": count + 2}
        total = totals.get(self.lies.total)
        if total is not None:
            say(body, headers, self.lies.total_at, total)

    # -- its times ---------------------------------------------------------------------------

    def _truncated(self, when: datetime) -> datetime:
        if self.lies.format == "epoch_ms":
            return when.replace(microsecond=when.microsecond // 1000 * 1000)
        if self.lies.format == "day":
            local = when.astimezone(self._zone)
            return local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
        return when.replace(microsecond=0)

    @property
    def _zone(self) -> timezone:
        return timezone(timedelta(hours=self.lies.zone))

    def _stamp(self, when: datetime) -> Any:
        local = when.astimezone(self._zone)
        if self.lies.format == "epoch":
            return int(when.timestamp())
        if self.lies.format == "epoch_ms":
            return int(when.timestamp() * 1000)
        forms = {"Z": "%Y-%m-%dT%H:%M:%SZ", "offset": "%Y-%m-%dT%H:%M:%S%z",
                 "naive": "%Y-%m-%dT%H:%M:%S", "space": "%Y-%m-%d %H:%M:%S",
                 "compact": "%Y%m%d%H%M%SZ", "day": "%Y-%m-%d"}  # fmt: skip
        return local.strftime(forms[self.lies.format])

    def _since(self, asked: Asked) -> Callable[[Record], bool] | Reply:
        """Read what it is asked for, as strictly as such a registry would."""
        text, lies = asked.query.get("since"), self.lies
        if text is None or lies.filter == "ignored":
            return lambda record: True
        if lies.filter == "nothing":
            return lambda record: False
        since = self._read(text)
        if since is None:
            if lies.misread == "400":
                return Reply({"message": f"since: not a time: {text}"}, 400)
            return lambda record: lies.misread == "everything"
        if lies.filter == "days":
            return lambda record: self._truncated(record.changed).date() >= since.date()
        if lies.filter == "exclusive":
            return lambda record: self._truncated(record.changed) > since
        return lambda record: self._truncated(record.changed) >= since

    def _read(self, text: str) -> datetime | None:
        try:
            if self.lies.format in ("epoch", "epoch_ms"):
                scale = 1000 if self.lies.format == "epoch_ms" else 1
                return datetime.fromtimestamp(int(text) / scale, UTC)
            if self.lies.format in ("Z", "offset"):
                when = datetime.fromisoformat(text)
                return when if when.tzinfo else when.replace(tzinfo=UTC)
            forms = {"naive": "%Y-%m-%dT%H:%M:%S", "space": "%Y-%m-%d %H:%M:%S",
                     "compact": "%Y%m%d%H%M%SZ", "day": "%Y-%m-%d"}  # fmt: skip
            form = forms[self.lies.format]
            if self.lies.format == "naive":
                text = text.removesuffix("Z").partition("+")[0].partition(".")[0]
            when = datetime.strptime(text, form)
        except ValueError:
            return None
        zone = UTC if self.lies.format == "compact" else self._zone
        return when.replace(tzinfo=zone)

    # -- its faults --------------------------------------------------------------------------

    def _fault(self, listing: Callable[[], Reply]) -> Reply:
        fault = self.lies.fault
        here = self.lies.fault_at[0] == self.run and self.page >= self.lies.fault_at[1]
        once = fault in ("500 once", "cut once", "html", "error", "slow", "nothing once")
        if fault == "none" or not here or (once and self.faulty):
            return listing()
        self.faulty += 1
        if fault.startswith("500"):
            return Reply({"message": "down"}, 500)
        if fault == "gone":
            return Reply({"message": "no such list"}, 404)
        if fault == "html":
            return Reply(b"<html><body>Sign in</body></html>", kind="text/html")
        if fault == "error":
            return Reply({"error": {"message": "quota exceeded"}})
        reply = listing()
        return self._spoilt(reply) if reply.status == 200 else reply

    def _spoilt(self, reply: Reply) -> Reply:
        fault = self.lies.fault
        content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        if fault.startswith("cut"):
            reply.body, reply.length = content[: len(content) // 2], len(content)
        elif fault == "slow":
            reply.pace = (max(len(content) // 3, 1), 0.01)
        elif fault in REPLACED:
            reply.body = content.replace(*REPLACED[fault], 1)
        elif rows := self._rows(reply.body):
            rows.append({"twice": dict(rows[0], amount=1), "null": None, "anonymous": {}}[fault])
        return reply

    def _rows(self, body: Any) -> list[Any] | None:
        for key in self.lies.at.split(".") if self.lies.at else ():
            body = body.get(key) if isinstance(body, dict) else None
        return body if isinstance(body, list) else None


def as_served(fault: str, note: str | None) -> str | None:
    """Return a note as it was before a fault that changes texts without making them unreadable."""
    return note.replace("note\x01", "note ") if note and fault == "control" else note


REPLACED = {
    "nan": (b'"amount": ', b'"ratio": NaN, "amount": '),
    "control": (b'"note ', b'"note\x01'),
    "surrogate": (b'"note ', b'"note\\ud800'),
    "latin1": (b'"note ', b'"note\xe9'),
}


def put(body: Json, at: str, value: Any) -> None:
    """Write a value at a path of keys; a key that begins with @ is one key."""
    *way, last = [at] if at.startswith("@") else at.split(".")
    for key in way:
        body = body.setdefault(key, {})
    body[last] = value


def say(body: Json, headers: Json, at: str, value: Any) -> None:
    """Write a value at a path, or in the header that ends with a colon."""
    if at.endswith(":"):
        headers[at.removesuffix(":")] = str(value)
    elif "records_are" not in body:
        put(body, at, value)
