"""What is given up is given up at once: no thread reads on, and no one waits for one."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest

from registry_sync.benchling.entity_types.custom import CustomEntity
from registry_sync.source import ahead
from registry_sync.sync import known_entities
from registry_sync.sync.known_entities import KnownEntities
from registry_sync.sync.source_tracking import SourceTracker
from tests.support.odd import Asked

PAGES = 8


def test_a_list_that_is_read_anew_is_read_no_further(
    world: Any, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahead, "FAREWELL", 60.0)  # a request may take long on a busy machine
    before, asked_for, reading = set(threading.enumerate()), [], []
    follow, followed = SourceTracker.follow, []

    def answer(asked: Asked) -> Any:
        page = int(asked.query.get("page", 1))
        asked_for.append(page)
        if page == 1:
            threads = set(threading.enumerate()) - before
            reading.append([t.name for t in threads if t.name == "pages-ahead"])
        onward = f"/list?page={page + 1}" if page < PAGES else None
        return {"items": [{"id": f"M-{page}", "name": f"Mol {page}", "text": "t"}], "next": onward}

    def doubt(self: SourceTracker, page: Any, records: Any) -> str:
        followed.append(page)
        return "a doubt" if len(followed) == 2 else follow(self, page, records)

    monkeypatch.setattr(SourceTracker, "follow", doubt)
    w = world([], rows=[("SMILES", "text")])
    w.configure(**{"API URL": serve(answer).url + "/list", "Connector Settings": None})
    asked_for.clear(), reading.clear(), followed.clear()
    run = w.sync()
    assert "a doubt" in run.full_reason
    assert reading == [[], []], "the first reading's thread is alive in the second"
    assert asked_for[asked_for.index(1, 1) :] == list(range(1, PAGES + 1))
    assert len(w.values()) == PAGES


def test_a_look_that_ends_waits_for_no_request_on_its_way(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(Exception):
        pass

    def gone() -> None:
        raise Gone

    comes = threading.Event()
    rows = [[(1, "bfi_1", "M-1")]]
    monkeypatch.setattr(known_entities, "STEP", 0.02)
    monkeypatch.setattr(KnownEntities, "_hundreds", lambda self, after: iter(rows))
    monkeypatch.setattr(KnownEntities, "_read", lambda self, rows: comes.wait(40) and [])
    pacer = SimpleNamespace(open_client=lambda pause: SimpleNamespace(), keep_alive=gone)
    client = SimpleNamespace(entity_type=CustomEntity)
    look: Any = KnownEntities(SimpleNamespace(pacer=pacer, client=client))  # type: ignore[arg-type]
    began = time.monotonic()
    with pytest.raises(Gone):
        list(look.pages(0))
    took = time.monotonic() - began
    comes.set()
    assert took < 20
