"""Canvases over the API. https://docs.benchling.com/docs/introduction-to-app-canvas"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from . import canvases
from .errors import ApiError
from .handlers import Handlers, Table, check_parameters

Json = dict[str, Any]


class Canvases(Handlers):
    """The handlers of canvases."""

    def table(self) -> Table:
        return [
            ("POST", "/app-canvases", self.create),
            ("GET", "/app-canvases", self.canvases),
            ("GET", "/app-canvases/{id}", self.canvas),
            ("PATCH", "/app-canvases/{id}", self.update),
        ]

    async def create(self, request: Request) -> Response:
        app_id, body = self.app_of(request), await request.json()
        if body["appId"] != app_id:
            raise ApiError(403, "An app may create canvases of its own only.")
        self._check(body)
        return JSONResponse(canvases.make(self.state, app_id, body), 201)

    async def update(self, request: Request) -> Response:
        canvas, body = self.one_of(request, self.state.canvases), await request.json()
        self._check(body)
        return JSONResponse(canvases.change(canvas, body))

    async def canvas(self, request: Request) -> Response:
        check_parameters(request)
        return JSONResponse(self.one_of(request, self.state.canvases))

    async def canvases(self, request: Request) -> Response:
        check_parameters(request, "appId", "featureId", "resourceId")
        query = request.query_params
        found = [
            c for c in self.state.canvases.values()
            if query.get("appId") in (None, c["app"]["id"])
            and all(query.get(name) in (None, c[name]) for name in ("featureId", "resourceId"))
        ]  # fmt: skip
        return self.listed(request, "appCanvases", found)

    def _check(self, body: Json) -> None:
        if found := canvases.faults(body.get("blocks") or []):
            raise ApiError(400, " ".join(found))
        if len((body.get("data") or "").encode()) >= canvases.LONGEST_DATA:
            raise ApiError(400, "The data of a canvas must be shorter than 5 kB.")
        session = body.get("sessionId")
        if session is not None and session not in self.state.sessions:
            raise ApiError(400, f"There is no session {session}.")
