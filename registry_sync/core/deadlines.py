"""Deadlines of HTTP answers: how long a whole answer may take, and how slowly it may arrive.

A socket's timeout starts again with each byte, so a server that sends one byte now and then would
hold its reader for as long as it likes. Here the clock runs from the request to the last byte,
headers included, and whoever holds a lease can renew it while an answer arrives.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from registry_sync.core.setting import setting, whole

TICK = 1.0
"""Longest time, in seconds, between two calls of `keep_alive` while an answer arrives."""
WINDOW = 60.0
"""Seconds of waiting over which the rate of a body is measured."""


@dataclass(frozen=True, slots=True)
class AnswerLimits:
    """How long a whole answer may take, in seconds, and the least rate of its body; 0: any rate."""

    timeout: float = setting(
        600.0,
        "How long a whole answer may take, in seconds. A registry that takes longer counts as "
        "unreachable.",
        type=whole(1), shown=600, example=120,
    )  # fmt: skip
    min_bytes_per_second: float = setting(
        10.0,
        "The least rate of an answer's body over a minute; 0 for any rate.",
        type=whole(0), shown=10, example=0,
    )  # fmt: skip


USUAL = AnswerLimits()


class TooSlow(Exception):
    """An answer takes too long; its text says which limit it missed.

    Not an OSError: urllib3 would send the request again at once.
    """


class LimitedStream(io.RawIOBase):
    """The bytes of one answer, within its limits. Raises TooSlow, or TimeoutError for silence."""

    def __init__(
        self, inner: io.RawIOBase, sock: socket.socket, limits: AnswerLimits,
        keep_alive: Callable[[], None],
    ) -> None:  # fmt: skip
        self._inner, self._sock = inner, sock
        self._limits, self._keep_alive = limits, keep_alive
        self._silence = sock.gettimeout() or WINDOW
        """Seconds without a byte after which the connection counts as broken."""
        self._began = self._heard = self._kept = time.monotonic()
        self._in_head, self._received = True, 0
        self._window = (0.0, 0)
        """Seconds of waiting, and bytes, since the rate was last judged."""
        sock.settimeout(min(self._silence, TICK, limits.timeout / 4))

    def end_head(self) -> None:
        """Count what follows as the body, whose rate is measured."""
        self._in_head, self._window = False, (0.0, 0)

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._inner.close()
        super().close()

    def readinto(self, buffer: Any) -> int:
        while True:
            before = time.monotonic()
            try:
                count = self._sock.recv_into(buffer)
            except TimeoutError:
                count = -1
            now = time.monotonic()
            if count > 0:
                self._heard, self._received = now, self._received + count
            waited, arrived = self._window
            self._window = (waited + now - before, arrived + max(count, 0))
            if count != 0:
                self._check(now)
            if count >= 0:
                return count

    def _check(self, now: float) -> None:
        if now - self._kept >= TICK:
            self._kept = now
            self._keep_alive()
        if now - self._heard >= self._silence:
            raise TimeoutError("The read operation timed out")
        if now - self._began >= self._limits.timeout:
            raise TooSlow(f"it took longer than {self._limits.timeout:g} s")
        if self._in_head and now - self._began >= self._silence and self._received:
            raise TooSlow(f"its headers took longer than {self._silence:g} s")
        self._check_rate()

    def _check_rate(self) -> None:
        waited, arrived = self._window
        if self._in_head or waited < WINDOW:
            return
        self._window = (0.0, 0)
        if arrived < waited * self._limits.min_bytes_per_second:
            least = self._limits.min_bytes_per_second
            raise TooSlow(f"fewer than {least:g} bytes per second arrived")


class TimedResponse(http.client.HTTPResponse):
    """An HTTP answer that is read within limits; subclasses set them."""

    limits = AnswerLimits()
    keep_alive: Callable[[], None] = staticmethod(lambda: None)

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self._stream = LimitedStream(self.fp.detach(), sock, self.limits, self.keep_alive)
        self.fp = io.BufferedReader(self._stream)

    def begin(self) -> None:
        super().begin()
        self._stream.end_head()


def timed(limits: AnswerLimits, keep_alive: Callable[[], None]) -> type[TimedResponse]:
    """Return the class of answers with these limits, for a connection's `response_class`."""
    attributes = {"limits": limits, "keep_alive": staticmethod(keep_alive)}
    return type("Timed", (TimedResponse,), attributes)
