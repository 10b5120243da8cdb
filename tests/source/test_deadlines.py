"""Answers that drip: each has a deadline as a whole and a least rate."""

from __future__ import annotations

import json
from typing import Any

import pytest

from registry_sync.core import deadlines
from registry_sync.core.problems import SourceError
from registry_sync.source.connector_settings import parse_connector
from tests.support.clocks import ReadersClock
from tests.support.odd import Reply, ids

pytestmark = pytest.mark.once
BODY = json.dumps([{"id": number, "name": f"Compound {number}"} for number in range(20)]).encode()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> ReadersClock:
    """Let each look at the time be 0.05 s after the last: a byte is read every 0.1 s."""
    clock = ReadersClock(0.05)
    monkeypatch.setattr(deadlines, "time", clock)
    return clock


def too_slow(source: Any) -> SourceError:
    with pytest.raises(SourceError, match="answers too slowly") as caught:
        ids(source)
    error = caught.value
    assert error.code == "registry_unreachable" and error.transient
    assert '{"client": {"timeout": ' in error.remedy
    return error


@pytest.mark.parametrize("status", [200, 503])
def test_an_answer_that_drips_has_a_deadline(serve: Any, clock: Any, status: int) -> None:
    registry = serve(lambda asked: Reply(BODY, status=status, pace=(1, 0), clock=clock))
    error = too_slow(registry.source({"client": {"timeout": 1}}))
    assert "longer than 1 s" in error.message
    assert 1 <= clock.now < 1.3  # the whole of it takes a minute
    assert len(registry.asked) == 1  # asking at once again would take as long


def test_an_answer_below_the_least_rate_ends(serve: Any, clock: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(deadlines, "WINDOW", 0.5)
    registry = serve(lambda asked: Reply(BODY, pace=(1, 0), clock=clock))
    error = too_slow(registry.source({"client": {"min_bytes_per_second": 100}}))
    assert "fewer than 100 bytes per second" in error.message


def test_headers_that_drip_have_a_deadline(serve: Any, clock: Any) -> None:
    registry = serve(lambda asked: Reply(BODY, pace=(1, 0), slow_head=True, clock=clock))
    assert "headers took longer" in too_slow(registry.source(timeout=(5, 1))).message
    assert 1 <= clock.now < 1.3


def test_a_merely_slow_answer_is_read_to_its_end(
    serve: Any, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Longer than the socket's own timeout, and above the least rate."""
    monkeypatch.setattr(deadlines, "WINDOW", 0.6)
    monkeypatch.setattr(deadlines, "TICK", 0.1)
    beats: list[float] = []
    registry = serve(lambda asked: Reply(BODY, pace=(len(BODY) // 40, 0), clock=clock))
    source = registry.source(timeout=(5, 1), keep_alive=lambda: beats.append(clock.now))
    assert len(ids(source)) == 20
    assert clock.now > 1.5
    assert len(beats) > 10 and beats[-1] - beats[0] > 1


def test_a_silent_answer_keeps_its_holder_alive(serve: Any, clock: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(deadlines, "TICK", 0.01)  # as long as the socket really waits each time
    beats: list[int] = []
    registry = serve(lambda asked: Reply(BODY, pace=(1, 60)))
    source = registry.source(timeout=(5, 0.8), keep_alive=lambda: beats.append(1))
    with pytest.raises(SourceError, match="could not be reached"):
        ids(source)
    assert len(beats) >= 7


def test_limits_are_settings() -> None:
    url = "https://registry.example/list"
    usual = parse_connector(None, api_url=url).limits
    assert (usual.timeout, usual.min_bytes_per_second) == (600, 10)
    given = {"client": {"timeout": 1800, "min_bytes_per_second": 0}}
    read = parse_connector(given, api_url=url).limits
    assert (read.timeout, read.min_bytes_per_second) == (1800, 0)
    with pytest.raises(Exception, match=r"client.timeout must be a whole number, at least 1"):
        parse_connector({"client": {"timeout": 0}}, api_url=url)
