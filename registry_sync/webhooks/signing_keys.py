"""The keys that Benchling signs webhooks with: fetched, cached for six hours, fetched again.

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
"""Seconds that fetched keys are trusted."""
AGAIN = 60.0
"""Least seconds between two fetches, however many unknown signatures arrive."""
TIMEOUT = 1.5
"""Seconds. Benchling waits three for the answer to a webhook."""
LONGEST = 256 * 1024


class KeysUnreachable(Exception):
    """The keys cannot be fetched, and the cached ones are too old or do not match."""


@dataclass
class KeyRing:
    """The keys at one URL, shared by the threads of this process."""

    url: str
    clock: Callable[[], float] = time.monotonic
    _keys: jwk.JWKSet | None = None
    _fetched: float = 0.0
    _tried: float = field(default=float("-inf"))
    _failed: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def keys(self) -> jwk.JWKSet:
        """Return keys that are recent enough. Raise KeysUnreachable if there are none."""
        with self._lock:
            if self._keys is None or self.clock() - self._fetched > KEPT:
                self._keys = None
                self._fetch()
            if self._keys is None:
                raise KeysUnreachable(self.url)
            return self._keys

    def renewed(self) -> jwk.JWKSet:
        """Return the newest keys, for a signature that none matched.

        They are fetched again, but at most once in AGAIN seconds. Raise KeysUnreachable if the
        last fetch failed.
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
    """Return the keys of the type that Benchling signs with. The SDK fails on any other type."""
    found = jwk.JWKSet()
    for item in raw:
        try:
            key = jwk.JWK(**item)
            if key.get("kty") == "EC" and key.get("crv") == "P-256":
                key.export_to_pem()  # fails if it is not a point of the curve
                found.add(key)
        except (JWException, ValueError, TypeError):
            continue
    return found


key_rings: dict[str, KeyRing] = {}
"""This process's key rings, by URL."""


def key_ring(url: str) -> KeyRing:
    """Return this process's key ring for a URL."""
    return key_rings.setdefault(url, KeyRing(url))
