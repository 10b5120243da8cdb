"""Pages ahead: requested while one is worked on, bounded, and never in the caller's place."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from registry_sync.core.problems import SourceError
from registry_sync.source import ahead, page_reader
from tests.support.deployment import until
from tests.support.odd import Asked, OddRegistry, Reply, ids

pytestmark = pytest.mark.once
PAGES = 8


def numbered(asked: Asked) -> Any:
    page = int(asked.query.get("page", 1))
    onward = f"/list?page={page + 1}" if page < PAGES else None
    return {"items": [{"id": f"R-{page}"}], "next": onward}


def settled(registry: OddRegistry, expected: int, seconds: float = 0.03) -> int:
    """Return how many requests came: wait for the expected ones, and whether more follow."""
    until(lambda: len(registry.asked) >= expected, seconds=20, what=f"{expected} requests")
    time.sleep(seconds)
    return len(registry.asked)


def test_two_pages_are_requested_while_one_is_worked_on(serve: Any) -> None:
    registry = serve(numbered)
    pages = registry.source().pages_ahead(None)
    assert next(pages).records == [{"id": "R-1"}]
    assert settled(registry, 1) == 1, "a first page may be the only one that is wanted"
    for taken in range(2, PAGES - 1):
        assert next(pages).records == [{"id": f"R-{taken}"}]
        expected = min(taken + ahead.MOST_PAGES, PAGES)
        assert settled(registry, expected) == expected
    assert [page.records[0]["id"] for page in pages] == [f"R-{PAGES - 1}", f"R-{PAGES}"]


def test_pages_that_wait_are_bounded_in_bytes(serve: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(ahead, "MOST_BYTES", 10)
    registry = serve(numbered)
    pages = registry.source().pages_ahead(None)
    next(pages), next(pages)
    assert settled(registry, 3) == 3


@pytest.mark.invariant(1)
def test_an_error_comes_in_its_place(serve: Any) -> None:
    def answer(asked: Asked) -> Any:
        return Reply({"message": "no"}, 403) if asked.query.get("page") == "4" else numbered(asked)

    source, came = serve(answer).source(), []
    with pytest.raises(SourceError, match="rejects the key"):
        for page in source.pages_ahead(None):
            came.append(page.records[0]["id"])
            time.sleep(0.02)
    assert came == ["R-1", "R-2", "R-3"]


def test_a_position_leads_to_the_page_after_the_one_that_was_taken(serve: Any) -> None:
    registry = serve(numbered)
    source = registry.source()
    for page in source.pages_ahead(None):
        if page.records == [{"id": "R-4"}]:
            break
    settled(registry, 4)
    assert ids(source, position=page.next_position) == ["R-5", "R-6", "R-7", "R-8"]


def test_a_caller_who_stops_leaves_no_thread_and_no_request(serve: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(ahead, "FAREWELL", 60.0)  # a request may take long on a busy machine
    before, registry = set(threading.enumerate()), serve(numbered)
    pages = registry.source().pages_ahead(None)
    next(pages), next(pages)
    pages.close()
    left = set(threading.enumerate()) - before
    assert not [t for t in left if t.name == "pages-ahead"]
    count = len(registry.asked)
    assert settled(registry, count) == count <= 2 + ahead.MOST_PAGES


def test_the_callers_ways_to_wait_are_used_in_its_own_thread_alone(
    serve: Any, monkeypatch: Any
) -> None:
    """They renew a lease in the database: also while a slow page is waited for."""
    monkeypatch.setattr(ahead, "STEP", 0.02)
    threads: list[int] = []

    def alive() -> None:
        threads.append(threading.get_ident())

    def answer(asked: Asked) -> Any:
        if asked.query.get("page") == "3":
            seen = len(threads)
            until(lambda: len(threads) >= seen + 8, seconds=20, what="signs of life")
        return numbered(asked)

    source = serve(answer).source(keep_alive=alive)
    assert len(list(source.pages_ahead(None))) == PAGES
    assert set(threads) == {threading.get_ident()}


def test_what_the_caller_raises_while_it_waits_ends_the_reading(
    serve: Any, monkeypatch: Any
) -> None:
    class Gone(Exception):
        pass

    monkeypatch.setattr(ahead, "FAREWELL", 0.01)
    monkeypatch.setattr(ahead, "STEP", 0.02)
    before, hung, comes = set(threading.enumerate()), threading.Event(), threading.Event()

    def answer(asked: Asked) -> Any:
        if asked.query.get("page") == "3":
            hung.set()
            comes.wait(60)  # until the caller has gone
        return numbered(asked)

    def alive() -> None:
        if hung.is_set():
            raise Gone

    registry = serve(answer)
    pages, came = registry.source(keep_alive=alive).pages_ahead(None), []
    with pytest.raises(Gone):
        for page in pages:
            came.append(page)
    assert len(came) in (1, 2)  # the second may be ready when the third one hangs
    comes.set()
    for thread in set(threading.enumerate()) - before:
        if thread.name == "pages-ahead":
            thread.join(60)
            assert not thread.is_alive()
    assert len(registry.asked) == 3


def test_a_caller_who_asks_itself_waits_alive_for_the_thread_that_asks(
    serve: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(page_reader, "STEP", 0.02)

    class Gone(Exception):
        pass

    hung, comes = threading.Event(), threading.Event()
    lost = False  # set by this thread: the third page may hang while this one takes the second

    def answer(asked: Asked) -> Any:
        if asked.query.get("page") == "3":
            hung.set()
            comes.wait(30)
        return numbered(asked)

    def alive() -> None:
        if lost:
            raise Gone

    source = serve(answer).source(keep_alive=alive)
    pages = source.pages_ahead(None)
    page = next(pages)
    next(pages)
    assert hung.wait(20)
    lost = True
    began = time.monotonic()
    with pytest.raises(Gone):
        source.has_moved(page, None)
    took = time.monotonic() - began
    lost = False
    comes.set()
    pages.close()
    assert took < 20
