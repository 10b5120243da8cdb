"""How the tenant says no. https://benchling.com/api/reference (errors)"""

from __future__ import annotations

from typing import Any

LOCKED = "Another registration attempt is in progress. Please wait a minute or two and try again."
"""How Benchling refuses to register entities while someone else does."""


class ApiError(Exception):
    """An error answer with Benchling's envelope."""

    def __init__(self, status: int, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        kind = "authentication_error" if status == 401 else "invalid_request_error"
        self.body = {"error": {"type": kind, "message": message, "userMessage": message, **more}}


class Refusal(Exception):
    """One row is refused, with the tenant's message."""


def not_found(id_: str) -> ApiError:
    """Return the answer to a request for something that does not exist."""
    return ApiError(404, f"Item not found: {id_}", invalidId=id_)


def forbidden(id_: str) -> ApiError:
    """Return the answer to a request for something that the app has no access to."""
    return ApiError(403, f"You do not have permission to access {id_}.", invalidId=id_)
