"""A clock that only moves when it is looked at, and servers that drip by it: no test of a deadline
waits for the deadline, nor depends on how busy the machine is."""

from __future__ import annotations

import threading


class ReadersClock:
    """Stands in for the module `time` of a reader: each look is `step` seconds after the last."""

    def __init__(self, step: float) -> None:
        self.now, self.step = 0.0, step
        self._looked = threading.Event()

    def monotonic(self) -> float:
        self.now += self.step
        self._looked.set()
        return self.now

    def wait_for_look(self, over: threading.Event) -> bool:
        """Wait until the reader looks again, so that it has read; return whether it is over."""
        while not self._looked.wait(0.05):
            if over.is_set():
                return True
        self._looked.clear()
        return over.is_set()
