"""Lost answers: what was asked for is looked for before it is asked for again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from registry_sync.benchling.errors import AnswerLost

LATE = 5.0
"""Seconds after its expected end in which a request without an answer may still take effect."""
LOSSES = 6
"""Lost answers to one request before Benchling counts as unreachable."""

Pause = Callable[[float, str], None]


def paced_lookups(until: float, pause: Pause) -> Iterator[None]:
    """Yield before each look-up, at growing intervals, the last time after `until`."""
    wait = 0.5
    while True:
        late = time.monotonic() > until
        yield
        if late:
            return
        pause(wait, "")
        wait = min(2 * wait, 4.0)


def send_once(send: Callable[[], object], is_there: Callable[[], bool], pause: Pause) -> None:
    """Send, and send again only if what was sent is not there.

    Raise SyncError if every answer is lost, and what `send` and `is_there` raise.
    """
    for losses in range(LOSSES):
        try:
            send()
            return
        except AnswerLost as lost:
            if any(is_there() for _ in paced_lookups(time.monotonic() + LATE, pause)):
                return
            if losses == LOSSES - 1:
                raise lost.why from lost
