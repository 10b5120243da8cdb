"""The keys that Benchling signs webhooks with: fetched, kept for at most six hours, refreshed.

https://docs.benchling.com/docs/webhook-verification
"""

from __future__ import annotations

import json
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
    """The keys cannot be had: those at hand are too old, or know nothing of a signature."""


@dataclass
class KeyRing:
    """The keys at one address, shared by the threads of this process."""

    url: str
    clock: Callable[[], float] = time.monotonic
    _keys: jwk.JWKSet | None = None
    _fetched: float = 0.0
    _tried: float = field(default=float("-inf"))
    _failed: bool = False
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

    def renewed(self) -> jwk.JWKSet:
        """Give the newest keys, as none matched: fetched anew, unless that was a moment ago.

        Raises KeysUnreachable where the last fetch failed: nobody knows what the keys are now.
        """
        with self._lock:
            self._fetch()
            if self._failed or self._keys is None:
                raise KeysUnreachable(self.url)
            return self._keys

    def _fetch(self) -> None:
        now = self.clock()
        if now - self._tried < AGAIN:
            return
        self._tried, self._failed = now, True
        try:
            with requests.get(self.url, timeout=TIMEOUT, stream=True) as answer:
                answer.raise_for_status()
                text = answer.raw.read(LONGEST, decode_content=True).decode("utf-8")
            found = _usable(json.loads(text)["keys"])
        except (requests.RequestException, OSError, ValueError, TypeError, KeyError):
            return
        if found["keys"]:
            self._keys, self._fetched, self._failed = found, now, False


def _usable(raw: list[dict[str, object]]) -> jwk.JWKSet:
    """Read the keys that Benchling signs with; the SDK fails on any other sort among them."""
    found = jwk.JWKSet()
    for item in raw:
        try:
            key = jwk.JWK(**item)
            if key.get("kty") == "EC" and key.get("crv") == "P-256":
                key.export_to_pem()  # fails where it is no point of the curve
                found.add(key)
        except (JWException, ValueError, TypeError):
            continue
    return found


_rings: dict[str, KeyRing] = {}


def ring(url: str) -> KeyRing:
    """Give this process's key ring for an address."""
    return _rings.setdefault(url, KeyRing(url))
