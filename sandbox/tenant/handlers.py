"""What all handlers of the API share: who asks, ids in paths, bodies and lists."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .errors import ApiError, forbidden, not_found
from .limits import Limits
from .state import TenantState

Json = dict[str, Any]
Handler = Callable[[Request], Awaitable[Response]]
Table = list[tuple[str, str, Handler]]
"""Method, path below /api/v2, and the handler of each operation."""


class Handlers:
    """Handlers of one part of the API, over one tenant's state."""

    def __init__(self, state: TenantState, limits: Limits) -> None:
        self.state, self.limits = state, limits

    def app_of(self, request: Request) -> str:
        """Return the app that asks. Raise ApiError without a valid token."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        app_id, expires = self.state.tokens.get(token, ("", 0.0))
        if scheme != "Bearer" or not app_id or expires < self.state.clock.now():
            raise ApiError(401, "Invalid or expired access token.")
        return app_id

    def one_of(self, request: Request, things: dict[str, Json]) -> Json:
        """Return the thing that the path names. Raise ApiError if the app cannot have it."""
        self.app_of(request)
        id_ = id_of(request)
        if id_ not in things:
            raise not_found(id_)
        if id_ in self.state.hidden:
            raise forbidden(id_)
        return things[id_]

    def page(self, request: Request, items: Sequence[Any]) -> tuple[list[Any], str]:
        """Return the page of a list that a request asks for, and the next page's token."""
        self.app_of(request)
        size = int(request.query_params.get("pageSize", 50))
        if size < 1:
            raise ApiError(400, "pageSize must be at least 1.")
        token = request.query_params.get("nextToken") or "0"
        if not (token.isascii() and token.isdigit() and len(token) < 12):
            raise ApiError(400, "The nextToken is not valid.")
        end = int(token) + size
        return list(items[int(token) : end]), str(end) if end < len(items) else ""

    def listed(self, request: Request, key: str, items: Sequence[Any]) -> Response:
        """Answer with one page of a list."""
        page, token = self.page(request, items)
        headers = {"Result-Count": str(len(items))}
        return JSONResponse({key: page, "nextToken": token}, headers=headers)


def id_of(request: Request) -> str:
    """Return the id in a request's path, which stays quoted until here."""
    return unquote(request.path_params["id"])


async def body_of(request: Request) -> Json:
    """Return a request's body. Raise ApiError for one that is no object."""
    body = await request.json()
    if not isinstance(body, dict):  # some of the document's schemas do not say so
        raise ApiError(400, "The body must be an object.")
    return body


def check_parameters(request: Request, *known: str) -> None:
    """Raise ApiError for a parameter of the contract that this sandbox does not know.

    To leave it out silently would give another answer than Benchling's.
    """
    for name in request.query_params:
        if name not in (*known, "nextToken", "pageSize"):
            raise ApiError(400, f"This sandbox does not know the parameter {name[:100]}.")
