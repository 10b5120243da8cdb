"""App Status. https://docs.benchling.com/docs/introduction-to-app-status"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .entity_query import compares
from .errors import ApiError
from .handlers import Handlers, Table, check_parameters

Json = dict[str, Any]
CLOSED = "Session has been closed and cannot be updated"
LONGEST_TIMEOUT = 30 * 24 * 3600
MOST_MESSAGES = MOST_CHIPS = 10
PART = re.compile(r"\\[{}\\]|\{id:(?P<chip>\w+)\}|[^{}]", re.DOTALL)
"""What a message consists of: an escaped brace or backslash, a chip, or another character."""
EDGES = [f"{time}.{edge}" for time in ("createdAt", "modifiedAt")
         for edge in ("lt", "lte", "gt", "gte")]  # fmt: skip


class Sessions(Handlers):
    """The handlers of App Status."""

    def table(self) -> Table:
        return [
            ("POST", "/app-sessions", self.create),
            ("GET", "/app-sessions", self.sessions),
            ("GET", "/app-sessions/{id}", self.session),
            ("PATCH", "/app-sessions/{id}", self.update),
        ]

    async def create(self, request: Request) -> Response:
        app_id, body = self.app_of(request), await request.json()
        if body["appId"] != app_id:
            raise ApiError(403, "An app may create sessions of its own only.")
        _check(body)
        if not 3 <= len(body["name"]) <= 100:
            raise ApiError(400, "Session name must have between 3 and 100 characters.")
        now = self.state.clock.stamp()
        id_ = self.state.new_id("sesn")
        self.state.sessions[id_] = {
            "id": id_, "app": {"id": app_id}, "name": body["name"], "status": "RUNNING",
            "timeoutSeconds": body["timeoutSeconds"], "messages": _messages(body.get("messages")),
            "createdAt": now, "modifiedAt": now,
        }  # fmt: skip
        return JSONResponse(self.state.sessions[id_], 201)

    async def update(self, request: Request) -> Response:
        session, body = self._session(request), await request.json()
        if session["status"] != "RUNNING":
            raise ApiError(400, CLOSED)
        _check(body)
        if body.get("timeoutSeconds", session["timeoutSeconds"]) < session["timeoutSeconds"]:
            raise ApiError(400, "timeoutSeconds can only be increased.")
        if "messages" in body:
            session["messages"] = _messages(body["messages"])
        for name in ("status", "timeoutSeconds"):
            session[name] = body.get(name, session[name])
        session["modifiedAt"] = self.state.clock.stamp()
        return JSONResponse(session)

    async def session(self, request: Request) -> Response:
        check_parameters(request)
        return JSONResponse(self._session(request))

    async def sessions(self, request: Request) -> Response:
        check_parameters(request, "appId", "sort", *EDGES)
        self._time_out()
        query = request.query_params
        found = [s for s in self.state.sessions.values()
                 if query.get("appId") in (None, s["app"]["id"])]  # fmt: skip
        for param in (name for name in EDGES if name in query):
            what, _, op = param.partition(".")
            found = [s for s in found if compares(s[what], op, query[param])]
        down = query.get("sort", "").endswith(":desc")
        found.sort(key=lambda s: (s["modifiedAt"], s["id"]), reverse=down)
        return self.listed(request, "appSessions", found)

    def _session(self, request: Request) -> Json:
        self._time_out()
        return self.one_of(request, self.state.sessions)

    def _time_out(self) -> None:
        now = self.state.clock.now()
        for session in self.state.sessions.values():
            born = datetime.fromisoformat(session["createdAt"]).timestamp()
            if session["status"] == "RUNNING" and born + session["timeoutSeconds"] < now:
                session["status"] = "TIMEOUT"


def _check(body: Json) -> None:
    """Raise ApiError for what App Status does not take, though it may fit the schema."""
    if not 1 <= body.get("timeoutSeconds", 1) <= LONGEST_TIMEOUT:
        raise ApiError(400, "timeoutSeconds must be between 1 second and 30 days.")
    check_messages(body.get("messages") or [])


def check_messages(messages: Sequence[Json]) -> None:
    """Raise ApiError for messages that App Status does not take."""
    if len(messages) > MOST_MESSAGES:
        raise ApiError(400, f"No more than {MOST_MESSAGES} messages are allowed.")
    for said in messages:
        if not 3 <= len(said["content"]) <= 200:
            raise ApiError(400, "Message content must have between 3 and 200 characters.")
        _check_chips(said["content"])


def _check_chips(content: str) -> None:
    """Raise ApiError for a brace that neither is escaped nor belongs to a chip."""
    at = chips = 0
    while at < len(content):
        part = PART.match(content, at)
        if part is None:
            raise ApiError(400, f"Invalid reference in message at character {at + 1}.")
        at, chips = part.end(), chips + bool(part["chip"])
    if chips > MOST_CHIPS:
        raise ApiError(400, f"No more than {MOST_CHIPS} references are allowed in a message.")


def _messages(messages: Sequence[Json] | None) -> list[Json]:
    return [{"content": m["content"], "style": m.get("style", "NONE")} for m in messages or []]
