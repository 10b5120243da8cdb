"""What the trials of odd registries are made of: records, the days of a registry, and a judge."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from registry_sync.models import SyncRun
from tests.support.odd import Asked
from tests.support.one_line import OneLine, told, words_of

Json = dict[str, Any]
FIELDS = [
    {"name": "Note", "type": "text"}, {"name": "Amount", "type": "integer"},
    {"name": "At", "type": "datetime"}, {"name": "Day", "type": "date"},
    {"name": "Category", "type": "text"},
]  # fmt: skip
ROWS = [("Note", "note"), ("Amount", "amount"), ("At", "when"), ("Day", "day"),
        ("Category", "categ_id[1]")]  # fmt: skip
SINCE = {"Modified Since Parameter": "since"}
BY_TIME = {"params": {"since": "{incremental.start_value}"},
           "incremental": {"cursor_path": "at", "lag": 0}}  # fmt: skip


def row(number: int, **more: Any) -> Json:
    return {"id": f"M-{number}", "name": f"Mol {number}", "note": f"n{number}", **more}


ALL = [row(number) for number in range(1, 13)]


def cut(start: int, size: int = 5) -> list[Json]:
    return ALL[start : start + size]


def at(asked: Asked, name: str = "start", default: int = 0) -> int:
    return int(asked.query.get(name) or default)


def now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


def endpoint(**settings: Any) -> Json:
    """Write the configuration of Connector Settings with an endpoint alone."""
    return {"Connector Settings": {"endpoint": settings}}


class Dated:
    """A list in one answer that filters by `since`, as its times compare as text."""

    def __init__(self, count: int = 6, **more: Any) -> None:
        self.records = [row(n, at=f"2026-01-05T00:00:{n:02}Z", **more) for n in range(1, count + 1)]

    def answer(self, asked: Asked) -> Any:
        return {"items": self.found(asked)}

    def found(self, asked: Asked) -> list[Json]:
        since = asked.query.get("since", "")
        return [record for record in self.records if not since or self.is_later(record, since)]

    def is_later(self, record: Json, since: str) -> bool:
        return str(record["at"]) >= since

    def edit(self, number: int, **values: Any) -> None:
        self.records[number - 1] |= {"at": now(), **values}

    def right(self) -> Json:
        return notes_of(self.records)


def notes_of(records: list[Json]) -> Json:
    return {record["id"]: record.get("note") for record in records}


class Trial:
    """One odd registry, and what is right about it, run by run."""

    def __init__(self, line: OneLine, name: str) -> None:
        self.line, self.name = line, name
        self.days: Any = None
        """What is answered, or the function that answers."""
        self.run: SyncRun = SyncRun()

    def begin(self, days: Any, config: Json | None = None) -> None:
        self.days = days
        self.line.begin(self.answer, **(config or {}))

    def answer(self, asked: Asked) -> Any:
        return self.days(asked) if callable(self.days) else self.days

    def rules(self, **rules: Any) -> None:
        tenant, schema = self.line.world.tenant, self.line.world.schema
        by_id = {tenant.field_id(schema, field): rule for field, rule in rules.items()}
        self.line.world.configure(**{"Mapping Rules": by_id})

    def field(self, name: str) -> Json:
        return {key: values[name] for key, values in self.line.world.values().items()}

    def green(self, right: Json, days: Any = None, **asked: Any) -> None:
        """Hold that a run is green, and that the notes are these."""
        self._go(days, asked)
        assert self.line.is_green(self.run), self._says()
        assert self.field("Note") == right, self._says()

    def told(self, right: Json | None, *said: str, days: Any = None, **asked: Any) -> None:
        """Hold that a run is not green, says so in these words, and wrote nothing wrong."""
        self._go(days, asked)
        assert not self.line.is_green(self.run), self._says()
        words = self.words()
        for text in said:
            assert text in words, f"{text} is not said. {self._says()}"
        if right is not None:
            assert self.field("Note") == right, self._says()

    def kept(self, right: Json, days: Any = None, **asked: Any) -> None:
        """Hold that the notes are these, whether the run is green or not."""
        self._go(days, asked)
        assert self.field("Note") == right, self._says()

    def true(self, right: Json, days: Any = None, **asked: Any) -> None:
        """Hold that a run is not green, or that the notes are these."""
        self._go(days, asked)
        assert not self.line.is_green(self.run) or self.field("Note") == right, self._says()

    def words(self) -> str:
        errors = self.line.world.open_errors().values()
        codes = [self.run.error_code, *(warning["code"] for warning in self.run.warnings)]
        parts = [*codes, words_of(self.run)]
        parts += [f"{e.external_id} {e.code} {e.message} {e.remedy}" for e in errors]
        return " ".join(filter(None, parts))

    def _go(self, days: Any, asked: Json) -> None:
        if days is not None:
            self.days = days
        self.run = self.line.run(**asked)

    def _says(self) -> str:
        return f"{self.name}: {told(self.run)} {self.words()} has {self.field('Note')}"


Trying = Callable[[Trial], None]
TRIALS: dict[str, Trying] = {}


def trial(name: str) -> Callable[[Trying], Trying]:
    def add(function: Trying) -> Trying:
        TRIALS[name] = function
        return function

    return add
