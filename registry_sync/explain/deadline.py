"""The time in which one record is followed: short enough that someone waits for it."""

from __future__ import annotations

import time
from collections.abc import Callable

from registry_sync.core.problems import SyncError

LIMIT = 4.5
"""Seconds for a record's whole way, with both systems."""
SHARE = 0.6
"""The part of what is left that the registry gets; the rest is for Benchling's side."""


class OutOfTime(SyncError):
    """A system did not answer within the time that is left."""

    def __init__(self, system: str, reason: str = "") -> None:
        super().__init__(
            f"{system} did not answer in time{f' ({reason})' if reason else ''}.",
            remedy="Try again in a minute, or sync just this record: a run waits longer.",
            kind="transient",
            code="impatient",
            transient=True,
        )


class TimeLimit:
    """A point in time; `remaining()` and `until(share)` are in seconds."""

    def __init__(self, seconds: float = LIMIT) -> None:
        self._end = time.monotonic() + seconds

    def remaining(self) -> float:
        """Return the seconds that are left, never less than a twentieth."""
        return max(0.05, self._end - time.monotonic())

    def part(self, share: float) -> TimeLimit:
        """Return a deadline after a share of what is left."""
        return TimeLimit(self.remaining() * share)

    def waiting(self, system: str) -> Callable[..., None]:
        """Return a wait policy of a client that raises OutOfTime instead of waiting too long."""

        def wait(seconds: float = 0.0, reason: str = "") -> None:
            if time.monotonic() + seconds > self._end:
                raise OutOfTime(system, reason)
            time.sleep(seconds)

        return wait
