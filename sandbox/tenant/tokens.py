"""Access tokens. https://docs.benchling.com/docs/authentication"""

from __future__ import annotations

import base64
import binascii

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .handlers import Handlers, Table


class Tokens(Handlers):
    """The handler that gives apps their tokens."""

    def table(self) -> Table:
        return [("POST", "/token", self.token)]

    async def token(self, request: Request) -> Response:
        form = await request.form()
        client = _credentials(request.headers.get("authorization", ""))
        if client is None:
            client = (str(form.get("client_id", "")), str(form.get("client_secret", "")))
        if form.get("grant_type") != "client_credentials":
            return _refused("unsupported_grant_type", 400)
        for app in self.state.apps.values():
            if (app["client_id"], app["client_secret"]) == client:
                token = self.state.new_token(app["id"])
                return JSONResponse(
                    {"access_token": token, "token_type": "Bearer", "expires_in": 900}
                )
        return _refused("invalid_client", 401)


def _credentials(header: str) -> tuple[str, str] | None:
    scheme, _, encoded = header.partition(" ")
    if scheme != "Basic":
        return None
    try:
        client_id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return client_id, secret


def _refused(error: str, status: int) -> Response:
    return JSONResponse({"error": error}, status)
