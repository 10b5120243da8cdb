"""The tenant's clock: real time, moved as tests want it."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class Clock:
    """Seconds since the epoch, plus whatever it was advanced by."""

    def __init__(self) -> None:
        self.offset = 0.0

    def now(self) -> float:
        return time.time() + self.offset

    def advance(self, seconds: float) -> None:
        self.offset += seconds

    def stamp(self) -> str:
        return stamp(self.now())


def stamp(seconds: float) -> str:
    """Write a time as Benchling does."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()
