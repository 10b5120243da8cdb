"""A registry over real HTTP that answers whatever a test says, however odd."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from registry_sync.core.problems import SourceError
from registry_sync.source.client import Source
from registry_sync.source.connector_settings import parse_connector
from tests.support.clocks import ReadersClock
from tests.support.http_server import Server

Json = dict[str, Any]


@dataclass
class Asked:
    """One request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Reply:
    """One answer; `length` may lie about the body.

    `pace` sends so many bytes every so many seconds, of the headers too if `slow_head`; `clock`
    sends them instead whenever the reader has looked at that clock.
    """

    body: Any = None
    status: int = 200
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None
    pace: tuple[int, float] | None = None
    slow_head: bool = False
    clock: ReadersClock | None = None


Answerer = Callable[[Asked], Any]


class OddRegistry:
    """Answers by `answer`, a function from what was asked to a Reply or a JSON value."""

    def __init__(self, answer: Answerer) -> None:
        self.answer, self.asked = answer, list[Asked]()
        self.stopped = threading.Event()
        odd = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # a drip is sent at once
            wbufsize = -1  # head and body in one packet: two wait 40 ms for each other

            def do_GET(self) -> None:
                odd._handle(self)

            do_POST = do_GET

            def log_message(self, *args: object) -> None:
                pass

        self.server = Server(Handler)
        self.url = self.server.url

    def _handle(self, request: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(request.path)
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        query = {k: v[-1] for k, v in parse_qs(parts.query, keep_blank_values=True).items()}
        asked = Asked(request.command, parts.path, query, dict(request.headers), body)
        self.asked.append(asked)
        reply = self.answer(asked)
        if not isinstance(reply, Reply):
            reply = Reply(reply)
        content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        request.send_response_only(reply.status)
        if "Date" not in reply.headers:
            request.send_header("Date", request.date_time_string())
        if reply.kind:
            request.send_header("Content-Type", reply.kind)
        for name, value in reply.headers.items():
            if name == "Date" and not value:  # none at all
                continue
            request.send_header(name, value)
        request.send_header("Content-Length", str(reply.length or len(content)))
        if reply.pace:
            self._drip(request, reply, content)
            return
        request.end_headers()
        request.wfile.write(content)
        if reply.length:
            request.close_connection = True

    def _drip(self, request: BaseHTTPRequestHandler, reply: Reply, content: bytes) -> None:
        assert reply.pace
        (size, seconds), clock = reply.pace, reply.clock
        if reply.slow_head:
            head: list[bytes] = request._headers_buffer  # type: ignore[attr-defined]
            content = b"".join([*head, b"\r\n", content])
            head.clear()
        else:
            request.end_headers()
        with contextlib.suppress(OSError):  # the reader hung up, as it should
            for start in range(0, len(content), size):
                request.wfile.write(content[start : start + size])
                request.wfile.flush()
                if clock.wait_for_look(self.stopped) if clock else self.stopped.wait(seconds):
                    break
        request.close_connection = True

    def source(
        self, settings: Json | None = None, *, path: str = "/list", **options: Any
    ) -> Source:
        """Make the source that reads this registry; waits are noted, not waited."""
        named = {
            k: options.pop(k) for k in ("modified_since_parameter", "id_field") if k in options
        }
        connector = parse_connector(settings, api_url=self.url + path, **named)
        return Source(
            connector,
            **{"credential": "s3cret", "allow_private": True, "pause": self.pauses, **options},
        )

    def pauses(self, seconds: float) -> None:
        self.waits.append(seconds)

    @property
    def waits(self) -> list[float]:
        return self.__dict__.setdefault("_waits", [])

    def stop(self) -> None:
        self.stopped.set()
        self.server.stop()


@pytest.fixture
def serve() -> Iterator[Callable[[Answerer], OddRegistry]]:
    """Start registries that end with the test."""
    made: list[OddRegistry] = []

    def start(answer: Answerer) -> OddRegistry:
        made.append(OddRegistry(answer))
        return made[-1]

    yield start
    for one in made:
        one.stop()


def endpoint(**settings: Any) -> Json:
    """Write Connector Settings of an endpoint alone."""
    return {"endpoint": settings}


def ids(source: Source, since: Any = None, **options: Any) -> list[str | None]:
    """Read everything and name it."""
    return [source.identify(r) for page in source.pages(since, **options) for r in page.records]


def read(source: Source) -> tuple[list[str | None], str]:
    """Return the ids that came, and what makes the run not green, "" if nothing does."""
    came: list[str | None] = []
    said = ""
    try:
        for page in source.pages(None):
            came += [source.identify(record) for record in page.records]
            said = said or "".join(f"{sign.text} {sign.remedy}" for sign in page.signs)
    except SourceError as error:
        return came, f"{error.message} {error.remedy}"
    return came, said


def settings_in(said: str) -> dict[str, Any]:
    """Return the Connector Settings that a message has written out."""
    found, _ = json.JSONDecoder().raw_decode(said[said.index("{") :])
    return dict(found)
