"""Stop at a signal: SIGTERM asks this process to end, and what works ends where nothing is lost.

Python restarts a sleep or a read of a socket after a signal's handler, so whatever waits looks here
every second. https://peps.python.org/pep-0475/
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

STEP = 0.5
"""Longest sleep, in seconds, between two looks."""
GRACE = 5.0
"""Seconds after the signal for what ends soon, such as the batch that Benchling is writing."""


class Stopping(Exception):
    """This process was asked to stop. What is not finished continues in another one."""


class _Request:
    """Whether this process was asked to stop, and when."""

    def __init__(self) -> None:
        self.at: float | None = None

    def note(self, *_: object) -> None:
        self.at = time.monotonic() if self.at is None else self.at


_request = _Request()


def watch_sigterm() -> None:
    """Record SIGTERM from now on instead of ending at once."""
    signal.signal(signal.SIGTERM, _request.note)


@contextmanager
def deferring_sigterm() -> Iterator[None]:
    """Record SIGTERM, instead of ending at once, while a block runs."""
    before = signal.signal(signal.SIGTERM, _request.note)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        _request.at = None


def requested() -> bool:
    """Return whether this process was asked to stop."""
    return _request.at is not None


def overdue(grace: float = GRACE) -> bool:
    """Return whether this process was asked to stop more than `grace` seconds ago."""
    return _request.at is not None and time.monotonic() - _request.at >= grace


def check(grace: float = 0.0) -> None:
    """Raise Stopping if this process was asked to stop more than `grace` seconds ago."""
    if overdue(grace):
        raise Stopping


def sleep_or_stop(seconds: float, grace: float = GRACE) -> None:
    """Sleep. Raise Stopping if this process was asked to stop more than `grace` seconds ago."""
    until = time.monotonic() + seconds
    while (remaining := until - time.monotonic()) > 0:
        check(grace)
        time.sleep(min(remaining, STEP))
