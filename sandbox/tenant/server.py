"""The tenant as a server: uvicorn in a thread of this process, or `python -m sandbox.tenant`."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from . import request_check
from .app import routes
from .audit_api import downloads
from .contract import Contract, warm_up
from .control import Control
from .errors import ApiError
from .front import UNROUTED, Front
from .limits import Limits
from .state import TenantState

Json = dict[str, Any]


async def _api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return JSONResponse(error.body, error.status)


def _no_route(state: TenantState) -> Callable[[Request, Exception], Awaitable[Response]]:
    """Answer a request that has no handler in the API's own envelope, and keep it as a violation.

    The document does not have it, or the sandbox lacks it: a 404 that looks like one of a record.
    """

    async def answer(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        where = f"{request.method} {request.scope['path']}"
        if state.switches.contract != "off" and where != "GET /favicon.ico":
            state.violations.append(f"{where}: this tenant has no such operation"[:900])
        request.scope[UNROUTED] = True
        return await _api_error(request, ApiError(error.status_code, error.detail))

    return answer


def make_app(state: TenantState) -> Starlette:
    """Assemble the tenant."""
    limits, contract = Limits(state), Contract(state)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        contract.finish()

    app = Starlette(
        routes=[
            *routes(state, limits),
            *Control(state, limits, contract).routes(),
            downloads(state),
        ],
        exception_handlers={ApiError: _api_error, HTTPException: _no_route(state)},
        middleware=[Middleware(Front, state=state, limits=limits, contract=contract)],
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False  # a redirect would hide an address that is wrong
    app.state.contract = contract
    return app


class _Server(uvicorn.Server):
    """uvicorn's server, which tells when it listens."""

    def __init__(self, config: uvicorn.Config, tell: Callable[[], None]) -> None:
        super().__init__(config)
        self.tell = tell

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.tell()


class TenantServer:
    """A tenant that listens on loopback; the same process may change `state` directly."""

    def __init__(self, *, port: int = 0, name: str = "sandbox", **switches: Any) -> None:
        self.state = TenantState(name, **switches)
        self.app = make_app(self.state)
        # asyncio sets TCP_NODELAY only where the protocol is named; else each answer takes 40 ms.
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", port))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        config = uvicorn.Config(
            self.app, lifespan="on", ws="none", proxy_headers=False,
            log_config=None, log_level="critical", access_log=False,
        )  # fmt: skip
        self.up = threading.Event()
        self.server = _Server(config, self.up.set)
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            self.server.run(sockets=[self.socket])
        finally:
            self.up.set()

    def start(self) -> TenantServer:
        self.thread.start()
        if not (self.up.wait(180) and self.server.started):
            raise RuntimeError("The sandbox tenant did not start.")
        return self

    def stop(self, *, wait: bool = True) -> None:
        """Stop listening, which takes uvicorn a tenth of a second or two."""
        self.state.stopped.set()
        self.server.should_exit = True
        if wait:
            self.thread.join(10)

    def settled_violations(self) -> list[str]:
        """Wait for checks that run after the answers; return all that was outside the contract."""
        self.app.state.contract.drain()
        return [*self.state.violations, *self.state.malformed]


def serve(port: int, settings: Json) -> None:
    """Run until killed, for the demo's and the benchmarks' own process."""
    tenant = TenantServer(port=port, **settings)
    if tenant.state.switches.contract != "off":
        request_check.warm_up()
        warm_up()  # reading the document takes 2 s, which no request is to pay for
    print(json.dumps({"url": tenant.url}), flush=True)
    tenant._run()
