"""Ctrl-C and `kill` end the demo, wherever it is."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

AGAIN = 0.5
"""Seconds after which an end that had no effect is tried again."""
TERMINATED = 143


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Raise KeyboardInterrupt on Ctrl-C, and SystemExit on `kill`.

    Python ignores what a handler raises while a finalizer or the callback of a weak reference runs,
    and prints no more than a line. So it is raised again until this context ends. What follows is
    the cleanup, which another Ctrl-C does not interrupt.
    """
    received: list[int] = []

    def end(number: int, frame: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, AGAIN, AGAIN)
        received.append(number)
        raise KeyboardInterrupt if received[0] == signal.SIGINT else SystemExit(TERMINATED)

    # A shell starts what it sends to the background with Ctrl-C ignored.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, end)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
