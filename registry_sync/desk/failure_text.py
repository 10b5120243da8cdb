"""What a page says when Benchling or the registry could not be used."""

from __future__ import annotations

from registry_sync.benchling.errors import Refused, Wait
from registry_sync.core.problems import SyncError


def failure_text(error: Exception) -> str:
    """Return what failed and who must act; the text of an error of another kind."""
    if isinstance(error, Refused):
        return (
            f"Benchling refused a request ({error.status}): {error.message} A Benchling admin must "
            "check the app's permissions."
        )
    if isinstance(error, SyncError):
        return error.with_remedy
    if isinstance(error, Wait):
        return f"Benchling did not answer in time ({error.reason}). Try again in a minute."
    return str(error)
