"""A proxy before the tenant that loses answers, and says by which seed."""

from __future__ import annotations

import http.client
import math
import random
import re
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

import pytest

from registry_sync.benchling import bulk_upsert, lost_answers
from registry_sync.sync.delivery import leftover_batches
from tests.support import worlds
from tests.support.http_server import Server

UPSERTS = re.compile(r":bulk-upsert$|:upsert$|/tasks/")
"""Requests whose answers may get lost: upserts, and the polling of their tasks."""
KINDS = ("reset before", "502 before", "reset", "504", "cut", "garbled", "late")
"""What is lost: requests that never arrive, answers, and answers to requests that arrive late."""


class LossyProxy:
    """Forwards to `target`; loses a share of the answers to requests whose path matches.

    `lose` names kinds for the next matching requests, before chance decides.
    """

    def __init__(
        self,
        target: str,
        seed: object = 0,
        *,
        share: float = 0.0,
        paths: re.Pattern[str] = UPSERTS,
        lose: tuple[str, ...] = (),
    ) -> None:
        self.target, self.share, self.paths = target, share, paths
        self.kill: Callable[[], object] = lambda: None
        """Ends the process that asks: called for the kinds "kill before" and "kill"."""
        self.lose, self.chance = list(lose), random.Random(seed)
        self.lost: Counter[str] = Counter()
        self.late: list[threading.Thread] = []
        """Forward what arrives late; each ends when it has arrived."""
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"proxy": self})
        self.server = Server(handler)
        self.url = self.server.url

    def stop(self) -> None:
        self.server.stop()

    def fate(self, path: str) -> str:
        """Choose what becomes of a request: "" where its answer arrives."""
        with self._lock:
            if not self.paths.search(path):
                return ""
            kind = ""
            if self.lose:
                kind = self.lose.pop(0)
            elif self.chance.random() < self.share:
                kind = self.chance.choice(KINDS)
            if kind:
                self.lost[kind] += 1
            return kind


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: LossyProxy

    def log_message(self, *_: object) -> None: ...

    def do_GET(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length)
        kind = self.proxy.fate(urlsplit(self.path).path)
        if kind == "late":
            late = threading.Thread(target=self._forward_late, args=(body,), daemon=True)
            self.proxy.late.append(late)
            late.start()
        if kind == "kill before":
            self.proxy.kill()
        if kind in ("reset before", "late", "kill before"):
            self._reset()
        elif kind == "502 before":
            self._answer(502, b"<html>Bad gateway</html>", {"content-type": "text/html"})
        else:
            self._pass_on(kind, *self._forward(body))

    do_POST = do_PATCH = do_GET

    def _pass_on(self, kind: str, status: int, answer: bytes, headers: dict[str, str]) -> None:
        if kind == "kill":
            self.proxy.kill()
        if kind in ("reset", "kill"):
            self._reset()
        elif kind == "504":
            self._answer(504, b"<html>Gateway timeout</html>", {"content-type": "text/html"})
        elif kind == "cut":
            self._answer(status, answer, headers, part=len(answer) // 2)
            self.close_connection = True
        elif kind == "garbled":
            self._answer(status, b"<html>Sign in</html>", {"content-type": "text/html"})
        else:
            self._answer(status, answer, headers)

    def _forward(self, body: bytes) -> tuple[int, bytes, dict[str, str]]:
        host = urlsplit(self.proxy.target).netloc
        connection = http.client.HTTPConnection(host, timeout=60)
        drop = ("host", "connection", "accept-encoding")
        headers = {k: v for k, v in self.headers.items() if k.lower() not in drop}
        connection.request(self.command, self.path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        kept = {k: v for k, v in answer.getheaders() if k.lower() != "content-length"}
        connection.close()
        return answer.status, content, kept

    def _forward_late(self, body: bytes) -> None:
        time.sleep(0.3)
        self._forward(body)

    def _answer(
        self, status: int, body: bytes, headers: dict[str, str], part: int | None = None
    ) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:part])

    def _reset(self) -> None:
        """Close the connection with a reset, as a broken network does."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True


class Effects:
    """What requests without an answer may still do, in the worlds of one test."""

    def __init__(self) -> None:
        self.worlds: list[worlds.World] = []
        self.proxies: list[LossyProxy] = []

    def lookups(self, until: float, pause: Callable[[float, str], None]) -> Iterator[None]:
        """Yield before each look-up: before all effects and, where there may be any, after them.

        The service looks once where `until` has passed, which a slow machine may do here.
        """
        yield
        if until == -math.inf:
            return
        pause(0.01, "")
        for proxy in self.proxies:
            for thread in proxy.late:
                thread.join(60)
        for world in self.worlds:
            world.settle()
        yield


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> Effects:
    """Look up what became of a request when it has had its effect, and not after five seconds.

    So it has by the last look, however slow the machine is.
    """
    effects, build = Effects(), worlds.build

    def noted(*given: Any, **more: Any) -> worlds.World:
        effects.worlds.append(build(*given, **more))
        return effects.worlds[-1]

    monkeypatch.setattr(worlds, "build", noted)
    for module in (lost_answers, bulk_upsert, leftover_batches):
        monkeypatch.setattr(module, "paced_lookups", effects.lookups)
    return effects


@pytest.fixture
def lossy(settings: Any, soon: Effects) -> Iterator[Callable[..., LossyProxy]]:
    """Put a proxy that loses answers before a world's tenant."""

    def put(w: Any, *given: object, **more: Any) -> LossyProxy:
        soon.proxies.append(LossyProxy(w.server.url, *given, **more))
        settings.BENCHLING_URL = soon.proxies[-1].url
        return soon.proxies[-1]

    yield put
    for proxy in soon.proxies:
        proxy.stop()
