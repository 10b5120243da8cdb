"""Answer shapes of many registries, through whole runs: every record arrives with its value, or the
run is not green and has the setting written out. Then quiet days, and an edit."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from typing import Any

import pytest

from tests.support.environment import FULL, sampled
from tests.support.odd import Asked, Reply, settings_in
from tests.support.one_line import OneLine, told, words_of
from tests.support.shapes import FOLLOWED, LISTED, RECORDS, SHAPES

PARTS = 4 if FULL else 1
QUIET = ("[]", "null", "missing")
"""What an empty list may be on a quiet day; in everyday runs each shape has one, in turn."""
FIELDS = [{"name": "Note", "type": "text"}]
ROWS = [("Note", "note")]
TURN = threading.Lock()
"""Held while `LISTED` is another list, by whichever registry answers."""
DAY, EDITED = "2026-01-05T00:00:00Z", "2099-01-01T00:00:00Z"


class Shaped:
    """A registry whose lists have one shape; `since` asks it for changes.

    What is empty on a quiet day is a list, null, or not there, as `nothing` says.
    """

    def __init__(self, name: str) -> None:
        self.shape, self.nothing = SHAPES[name], "[]"
        self.records = [{**one, "note": f"note {one['id']}", "at": DAY} for one in RECORDS]

    def answer(self, asked: Asked) -> Reply:
        since = asked.query.get("since", "")
        with TURN:
            LISTED[:] = [record for record in self.records if record["at"] >= since]
            try:
                found = self.shape(asked)
            finally:
                LISTED[:] = RECORDS
        reply = found if isinstance(found, Reply) else Reply(found)
        if since:
            self._quieten(reply)
            self._keep(since, reply)
        return reply

    def _quieten(self, reply: Reply) -> None:
        if self.nothing != "[]":
            reply.body = without_empty_lists(reply.body, self.nothing)

    def _keep(self, since: str, reply: Reply) -> None:
        """Let the addresses of next pages ask for the same changes."""
        if not isinstance(reply.body, bytes):
            text = json.dumps(reply.body).replace("list?", f"list?since={since}&")
            reply.body = json.loads(text)

    def edit(self, number: int, note: str) -> None:
        self.records[number] |= {"note": note, "at": EDITED}

    def right(self) -> dict[str, Any]:
        return {record["id"]: record["note"] for record in self.records}


def without_empty_lists(body: Any, nothing: str) -> Any:
    """Replace each empty list of an answer by null, or leave it out."""
    if body == []:
        return None if nothing == "null" else b""
    if not isinstance(body, dict):
        return body
    found = {}
    for key, value in body.items():
        if value != [] or nothing == "null":
            found[key] = without_empty_lists(value, nothing)
    return found


def notes(line: OneLine) -> dict[str, Any]:
    return {name: values["Note"] for name, values in line.world.values().items()}


def load(line: OneLine, name: str, registry: Shaped) -> None:
    """Read all by the seed's items alone, or by the settings that the run has written out."""
    line.begin(registry.answer, **{"Modified Since Parameter": "since"})
    run = line.run()
    if name not in FOLLOWED:
        assert not line.is_green(run), f"{name} is green with {len(notes(line))}"
        assert notes(line).items() <= registry.right().items(), name
        line.world.configure(**{"Connector Settings": settings_in(words_of(run))})
        run = line.run()
    assert line.is_green(run), f"{name}: {told(run)}"
    assert notes(line) == registry.right(), name


def live(line: OneLine, name: str, quiet: Iterable[str]) -> None:
    registry = Shaped(name)
    load(line, name, registry)
    for registry.nothing in quiet:
        run = line.run()
        assert line.is_green(run) and (run.read, run.reads_all) == (0, False), (
            f"{name}, {registry.nothing}: {told(run)} {run.full_reason}"
        )
        assert notes(line) == registry.right(), name
    registry.nothing = "[]"
    registry.edit(37, "edited")
    run = line.run()
    assert (run.read, run.updated, run.reads_all) == (1, 1, False), f"{name}: {told(run)}"
    assert line.is_green(run) and notes(line) == registry.right(), f"{name}: {told(run)}"


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.invariant(5)
def test_every_shape_brings_all_and_stays_true(one_line: Any, part: int) -> None:
    line = one_line(FIELDS, ROWS)
    for number, name in enumerate(sampled(SHAPES, "shapes", 12)[part::PARTS]):
        print(f"-- {name}")
        live(line, name, QUIET if FULL else [QUIET[number % 3]])
