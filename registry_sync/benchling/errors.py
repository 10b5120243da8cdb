"""How Benchling says no, not now or nothing at all, as exceptions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from benchling_sdk.errors import BenchlingError

from registry_sync.core.problems import SyncError

LOCKED = "Another registration attempt is in progress"
"""How Benchling begins its refusal while someone else registers entities."""


class Wait(Exception):
    """Benchling takes no more for now: the run pauses until `until` and loses nothing.

    `reason` completes "Waiting for …".
    """

    def __init__(self, until: datetime, reason: str) -> None:
        super().__init__(reason)
        self.until = until
        self.reason = reason


class Refused(Exception):
    """Benchling refused one request (a 4xx): its message, and the rows it named."""

    def __init__(self, status: int, message: str, errors: object = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors


def retry_time(seconds: float) -> datetime:
    """Return the time in this many seconds, in UTC."""
    return datetime.now(UTC) + timedelta(seconds=seconds)


def is_token_error(error: BenchlingError) -> bool:
    """Return whether the SDK failed to get a token, rather than a request with one."""
    return bool(error.message and "token" in error.message.lower())


def benchling_unreachable(detail: str) -> SyncError:
    """Return the error of a run that could not reach Benchling."""
    return SyncError(
        f"Benchling could not be reached ({detail}).",
        remedy="No action is needed if this passes: the next run continues where this one "
        "stopped. If it persists, the operator checks BENCHLING_URL and the network.",
        kind="transient",
        code="benchling_unreachable",
        transient=True,
    )


def translate(error: BenchlingError, path: str) -> Exception:
    """Return an SDK error as a SyncError for the whole run, or as one request's Refused."""
    status, message = error.status_code, _message(error)
    if is_token_error(error) and status < 500:
        return SyncError(
            f"Benchling does not accept the app's client id and secret ({status}).",
            remedy="The operator checks BENCHLING_CLIENT_ID and BENCHLING_CLIENT_SECRET against "
            "the app's page in Benchling's Developer Console.",
            kind="benchling",
            code="benchling_credentials",
        )
    if status == 401:
        return SyncError(
            f"Benchling refused the app's token twice (401): {message}",
            remedy="A Benchling admin checks that the app is installed and active in this tenant.",
            kind="benchling",
            code="benchling_unauthorised",
        )
    if status >= 500:
        return benchling_unreachable(f"it answered {status}")
    details = (error.json or {}).get("error") if isinstance(error.json, dict) else None
    errors = details.get("errors") if isinstance(details, dict) else None
    return Refused(status, message or f"Benchling answered {status} to {path}.", errors)


def _message(error: BenchlingError) -> str:
    body = error.json if isinstance(error.json, dict) else {}
    details = body.get("error")
    if isinstance(details, dict):
        return str(details.get("userMessage") or details.get("message") or "")
    return str(error.message or "")
