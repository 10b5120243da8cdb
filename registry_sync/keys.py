"""The keys that Benchling signs webhooks with: fetched, kept for at most six hours, refreshed.

https://docs.benchling.com/docs/webhook-verification
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import requests
from jwcrypto import jwk
from jwcrypto.common import JWException

KEPT = 6 * 3600.0
"""Seconds after which keys are no longer trusted."""
AGAIN = 60.0
"""Seconds between two fetches, whatever comes in."""
TIMEOUT = 1.5
"""Seconds: Benchling waits three for our answer."""
LONGEST = 256 * 1024


class KeysUnreachable(Exception):
    """No keys younger than six hours are at hand, and none can be had."""


@dataclass
class KeyRing:
    """The keys at one address, shared by the threads of this process."""

    url: str
    clock: Callable[[], float] = time.monotonic
    _keys: jwk.JWKSet | None = None
    _fetched: float = 0.0
    _tried: float = field(default=float("-inf"))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def keys(self) -> jwk.JWKSet:
        """Give keys that are young enough. Raises KeysUnreachable."""
        with self._lock:
            if self._keys is None or self.clock() - self._fetched > KEPT:
                self._keys = None
                self._fetch()
            if self._keys is None:
                raise KeysUnreachable(self.url)
            return self._keys

    def renewed(self) -> bool:
        """Fetch the keys anew, as none matched; False where that was done a moment ago."""
        with self._lock:
            before = self._fetched
            self._fetch()
            return self._fetched != before

    def _fetch(self) -> None:
        now = self.clock()
        if now - self._tried < AGAIN:
            return
        self._tried = now
        try:
            with requests.get(self.url, timeout=TIMEOUT, stream=True) as answer:
                answer.raise_for_status()
                text = answer.raw.read(LONGEST, decode_content=True).decode("utf-8")
            found = jwk.JWKSet.from_json(text)
        except (requests.RequestException, JWException, OSError, ValueError, TypeError, KeyError):
            return
        usable = jwk.JWKSet()
        for key in found["keys"]:
            if key.get("kty") == "EC" and key.get("crv") == "P-256":  # the SDK fails on any other
                usable.add(key)
        self._keys, self._fetched = usable, now


_rings: dict[str, KeyRing] = {}


def ring(url: str) -> KeyRing:
    """Give this process's key ring for an address."""
    return _rings.setdefault(url, KeyRing(url))
