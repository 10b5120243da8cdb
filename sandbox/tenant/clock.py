"""The tenant's clock: real time that tests can move."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class Clock:
    """Seconds since the epoch, `speed` times as fast as ours, and advanced by jumps."""

    def __init__(self) -> None:
        self.offset, self.speed, self.began = 0.0, 1.0, time.time()

    def now(self) -> float:
        return self.began + (time.time() - self.began) * self.speed + self.offset

    def run_at(self, speed: float) -> None:
        """Let the clock run `speed` times as fast from now on."""
        now = self.now()
        self.began, self.offset, self.speed = time.time(), 0.0, speed
        self.offset = now - self.began

    def advance(self, seconds: float) -> None:
        self.offset += seconds

    def stamp(self) -> str:
        return stamp(self.now())


def stamp(seconds: float) -> str:
    """Format a time as Benchling does."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()
