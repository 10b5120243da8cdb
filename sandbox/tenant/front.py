"""What every API request of the tenant passes: latency, faults, limits, the contract's check."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from . import request_check
from .contract import Contract, headers_of
from .errors import ApiError
from .limits import RATE_ERROR, Limits
from .state import TenantState

APPLIED = ("apply_then_drop", "truncate", "garble", "drip")
"""Faults of an answer to a request that was worked on."""
UNROUTED = "unrouted"
"""Marks the scope of a request without a handler, which is a violation whatever was answered."""


class Front:
    """What every API request passes: latency, faults, limits, and the contract's check."""

    def __init__(self, app: ASGIApp, state: TenantState, limits: Limits, contract: Contract):
        self.app, self.state, self.limits, self.contract = app, state, limits, contract

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/api/"):
            await self.app(scope, receive, send)
            return
        # As it was sent: `A%2FB` is one id, and `A/B` another address.
        scope = {**scope, "path": scope.get("raw_path", b"").decode("latin-1") or scope["path"]}
        self.contract.underway += 1
        try:
            await self._exchange(scope, receive, send)
        finally:
            self.contract.underway -= 1

    async def _exchange(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _whole_body(receive)
        if body is None:
            return
        path = scope["path"]
        self.state.counters["requests"] += 1
        self.state.endpoints[f"{scope['method']} {_endpoint(path)}"] += 1
        await asyncio.sleep(self.state.switches.latency)
        fault = self.limits.fault(scope["method"], path)
        if fault is not None and fault.kind == "stall":
            if await _gone_within(receive, fault.seconds):
                return
            fault = None
        if fault is not None and fault.kind not in APPLIED:
            await _broken(fault, send)
            return
        answer = _Recorder(None if fault else send)
        allowed, headers = (True, {}) if path.endswith("/token") else self.limits.take_request()
        if not allowed:
            self.state.counters["rate_429"] += 1
            refusal = JSONResponse(RATE_ERROR, 429)
            await refusal(scope, receive, answer.sender(headers))
        elif wrong := self._faults_of(scope, body):
            refusal = JSONResponse(ApiError(400, f"Invalid request: {wrong[0]}").body, 400)
            await refusal(scope, receive, answer.sender(headers))
        else:
            await self.app(scope, _replay(body), answer.sender(headers))
        if UNROUTED not in scope:
            self.contract.check(scope, body, answer)
        if fault is not None and fault.kind == "garble":
            await Response(fault.content, headers=fault.headers, media_type="application/json")(
                {"type": "http"}, _replay(b""), send
            )
        elif fault is not None and fault.kind == "drip":
            await _drip(receive, send, answer.body, fault.seconds)
        elif fault is not None:
            await _drop(send, answer.body[: len(answer.body) // 2])

    def _faults_of(self, scope: Scope, body: bytes) -> list[str]:
        """Return why a request is outside Benchling's document, and keep it."""
        if self.state.switches.contract == "off":
            return []
        query, headers = scope["query_string"].decode("latin-1"), headers_of(scope)
        found = request_check.faults_of(
            scope["method"], scope["path"], query, headers.get("content-type", ""), body
        )
        where = f"{scope['method']} {scope['path']}{'?' + query if query else ''}"
        self.state.malformed += [f"{where}: {fault}"[:900] for fault in found]
        return found


async def _gone_within(receive: Receive, seconds: float) -> bool:
    """Hold a request up; return whether its client has gone by then."""
    try:
        await asyncio.wait_for(receive(), seconds)
    except TimeoutError:
        return False
    return True


class _Recorder:
    """Forward an answer and keep it."""

    def __init__(self, send: Send | None) -> None:
        self.send = send
        self.status, self.headers, self.body = 0, {}, b""

    def sender(self, extra: dict[str, str]) -> Send:
        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                raw = [*message["headers"], *((k.encode(), v.encode()) for k, v in extra.items())]
                message = {**message, "headers": raw}
                self.status = message["status"]
                self.headers = {k.decode().lower(): v.decode() for k, v in raw}
            else:
                self.body += message.get("body", b"")
            if self.send is not None:
                await self.send(message)

        return send


async def _whole_body(receive: Receive) -> bytes | None:
    """Return a request's body; `None` where its client was gone before it had sent it all."""
    parts = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _replay(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _endpoint(path: str) -> str:
    """Return an endpoint's name without the ids in its path."""
    parts = path.removeprefix("/api/v2/").split("/")
    named = [part if index % 2 == 0 else "{id}" + part[part.find(":") :] if ":" in part else "{id}"
             for index, part in enumerate(parts)]  # fmt: skip
    return "/".join(named)


async def _broken(fault: Any, send: Send) -> None:
    if fault.kind == "drop":
        await _drop(send, b"")
    elif fault.kind == "html":
        page = Response("<html>Bad gateway</html>", fault.status, media_type="text/html")
        await page({"type": "http"}, _replay(b""), send)
    else:
        body = fault.body or {"error": {"type": "api_error", "message": "Sandbox fault.",
                                        "userMessage": "Sandbox fault."}}  # fmt: skip
        await JSONResponse(body, fault.status)({"type": "http"}, _replay(b""), send)


class Dropped(Exception):
    """Raised to make the server close the connection in the middle of an answer."""


async def _drop(send: Send, part: bytes) -> None:
    """Promise more than is sent, and close the connection."""
    length = str(len(part) + 1000).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", length)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": part, "more_body": True})
    raise Dropped


async def _drip(receive: Receive, send: Send, body: bytes, seconds: float) -> None:
    """Send an answer byte by byte, each after so many seconds, as long as its client is there."""
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for index in range(len(body)):
        await send({"type": "http.response.body", "body": body[index : index + 1],
                    "more_body": index + 1 < len(body)})  # fmt: skip
        if await _gone_within(receive, seconds):
            return
