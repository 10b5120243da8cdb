"""Answers of Benchling that drip, headers or body, over plain sockets: none holds a process."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from registry_sync.benchling import http, timed_network
from registry_sync.benchling.http import BenchlingHttp
from registry_sync.core import stopping
from tests.support.clocks import ReadersClock

pytestmark = pytest.mark.once
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
SHAPES = {
    "the first line": (b"", HEAD + b"\r\n{}"),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"X-A: 1\r\n" * 100),
    "one endless header": (HEAD, b"X-A: " + b"a" * 500),
    "informational answers": (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100),
    "a body by length": (HEAD.replace(b"h: 2", b"h: 500") + b"\r\n", b" " * 500),
    "chunks": (HEAD.replace(b"Content-Length: 2", b"Transfer-Encoding: chunked") + b"\r\n",
               b"1\r\n \r\n" * 100),
    "a body to the end": (b"HTTP/1.1 200 OK\r\n\r\n", b" " * 500),
}  # fmt: skip


class Dripping:
    """Sends `head` at once and `rest` byte by byte, as it is read, then nothing more."""

    def __init__(self, clock: ReadersClock) -> None:
        self.head, self.rest, self.clock = b"", b"", clock
        self._over = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/api"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while not self._over.is_set():
            with contextlib.suppress(OSError):
                connection, _ = self._listening.accept()
                with connection:
                    connection.recv(65536)
                    self._drip(connection)

    def _drip(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(self.head)
        for n in range(len(self.rest)):
            connection.sendall(self.rest[n : n + 1])
            if self.clock.wait_for_look(self._over):
                return
        self._over.wait(20)

    def stop(self) -> None:
        self._over.set()
        self._listening.close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> ReadersClock:
    """Let the deadline be half a minute away, and each look at the time a second after the last."""
    clock = ReadersClock(1.0)
    monkeypatch.setattr(timed_network, "time", clock)
    monkeypatch.setattr(http, "LONGEST", 30.0)
    return clock


@pytest.fixture
def server(clock: ReadersClock) -> Iterator[Dripping]:
    made = Dripping(clock)
    yield made
    made.stop()


@pytest.mark.invariant(4)
@pytest.mark.parametrize("shape", SHAPES)
def test_whatever_drips_ends_at_the_deadline(server, clock, shape):
    server.head, server.rest = SHAPES[shape]
    with BenchlingHttp(timeout=60) as client, pytest.raises(httpx.ReadTimeout, match="too long"):
        client.get(server.url)
    assert 30 <= clock.now < 40  # the server would hold it for longer


def test_an_answer_within_the_deadline_is_read_whatever_its_pace(server, clock):
    server.rest, clock.step = HEAD + b"\r\n{}", 0.01
    with BenchlingHttp() as client:
        assert client.get(server.url).json() == {}


def test_a_silent_answer_ends_at_the_timeout_of_one_read(server, clock, monkeypatch):
    monkeypatch.setattr(timed_network, "TICK", 0.02)
    with BenchlingHttp(timeout=10) as client, pytest.raises(httpx.ReadTimeout, match="too long"):
        client.get(server.url)
    assert clock.now < 25  # before the deadline of the whole answer


def test_a_process_that_must_stop_does_not_wait_for_an_answer(server, monkeypatch):
    monkeypatch.setattr(timed_network, "TICK", 0.05)
    monkeypatch.setattr(stopping, "overdue", lambda: True)
    with BenchlingHttp(timeout=60) as client, pytest.raises(httpx.ReadTimeout, match="must stop"):
        client.get(server.url)


def test_a_reader_that_takes_nothing_does_not_hold_the_sender(monkeypatch):
    monkeypatch.setattr(http, "LONGEST", 0.4)
    with socket.create_server(("127.0.0.1", 0)) as deaf:  # it never reads
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/api"
        began = time.monotonic()
        with BenchlingHttp(timeout=60) as client, pytest.raises(httpx.WriteTimeout):
            client.post(url, content=b" " * 32_000_000)
        assert time.monotonic() - began < 20


def test_connections_through_a_proxy_have_the_deadline_too(server, clock):
    server.head, server.rest = SHAPES["headers"]
    proxy = server.url.removesuffix("/api")
    with BenchlingHttp(timeout=60, proxy=proxy) as client:
        for url in ("http://benchling.invalid/api", "https://benchling.invalid/api"):
            began = clock.now
            with pytest.raises(httpx.TimeoutException):
                client.get(url)
            assert 30 <= clock.now - began < 40
