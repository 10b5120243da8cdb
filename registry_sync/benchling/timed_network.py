"""A network for httpcore on which a whole answer, headers included, has a deadline.

httpx's timeouts start again with each byte, so a server that sends one now and then would hold its
reader for as long as it likes. https://www.encode.io/httpcore/network-backends/
"""

from __future__ import annotations

import contextlib
import ssl
import time
from collections.abc import Iterable
from typing import Any

import httpcore

from registry_sync.core import stopping

TICK = 1.0
"""Seconds between two looks at the deadline, and at whether this process must stop."""
PIECE = 4096
"""Bytes that are sent between two looks."""


class Deadline:
    """The end of the exchange under way, shared by all connections of one client."""

    def __init__(self) -> None:
        self._until = float("inf")

    def begin(self, seconds: float) -> None:
        """Let an exchange begin that may take this long."""
        self._until = time.monotonic() + seconds

    def remaining(self, timeout: float | None) -> float:
        """Return the seconds that a step may take which has `timeout` of its own; 0 for none."""
        seconds = max(0.0, self._until - time.monotonic())
        return seconds if timeout is None else min(seconds, timeout)


class TimedBackend(httpcore.NetworkBackend):
    """httpcore's own backend, whose connections end at the deadline."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline, self._inner = deadline, httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        remaining = _some(self._deadline.remaining(timeout), httpcore.ConnectTimeout)
        stream = self._inner.connect_tcp(host, port, remaining, local_address, socket_options)
        return TimedStream(stream, self._deadline)

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


class TimedStream(httpcore.NetworkStream):
    """One connection. Raises httpcore.ReadTimeout and its siblings at the deadline."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._inner, self._deadline = inner, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        silent_until = float("inf") if timeout is None else time.monotonic() + timeout
        while True:
            remaining = _some(
                self._deadline.remaining(silent_until - time.monotonic()), httpcore.ReadTimeout
            )
            if stopping.overdue():
                raise httpcore.ReadTimeout("this process must stop")
            with contextlib.suppress(httpcore.ReadTimeout):
                return self._inner.read(max_bytes, min(remaining, TICK))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), PIECE):
            remaining = _some(self._deadline.remaining(timeout), httpcore.WriteTimeout)
            self._inner.write(buffer[start : start + PIECE], remaining)

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        remaining = _some(self._deadline.remaining(timeout), httpcore.ConnectTimeout)
        return TimedStream(
            self._inner.start_tls(ssl_context, server_hostname, remaining), self._deadline
        )

    def close(self) -> None:
        self._inner.close()

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _some(seconds: float, error: type[Exception]) -> float:
    """Return the seconds that are left. Raise the error if there are none."""
    if seconds <= 0:
        raise error("the answer takes too long")
    return seconds
