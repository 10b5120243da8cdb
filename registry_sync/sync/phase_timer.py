"""The seconds that each phase of a run took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class PhaseTimer:
    """Add the time spent in `with timer(phase):` to `seconds`, by phase.

    Phases nest; each moment counts once, for the innermost one.
    """

    def __init__(self, seconds: dict[str, float]) -> None:
        self.seconds = seconds
        self._phases: list[str] = []
        self._since = time.monotonic()

    @contextmanager
    def __call__(self, phase: str) -> Iterator[None]:
        self._charge()
        self._phases.append(phase)
        try:
            yield
        finally:
            self._charge()
            self._phases.pop()

    def _charge(self) -> None:
        now = time.monotonic()
        if self._phases:
            phase = self._phases[-1]
            self.seconds[phase] = round(self.seconds.get(phase, 0.0) + now - self._since, 4)
        self._since = now
