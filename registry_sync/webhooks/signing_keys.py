"""The keys that Benchling signs webhooks with: fetched, cached for six hours, fetched again.

https://docs.benchling.com/docs/webhook-verification
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
from jwcrypto import jwk
from jwcrypto.common import JWException

from registry_sync.benchling.http import BenchlingHttp, trusted

KEPT = 6 * 3600.0
"""Seconds that fetched keys are trusted."""
AGAIN = 60.0
"""Least seconds between two fetches, however many unknown signatures arrive."""
SOONER = 10.0
"""The same while there are no keys at all, and so no webhook is taken."""
TIMEOUT = 1.5
"""Seconds for each step. Benchling waits three for the answer to a webhook."""
WHOLE = 2.0
"""Seconds for a whole answer."""
LONGEST = 256 * 1024
"""Bytes."""
UNUSABLE = (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, TypeError, KeyError,
            RecursionError)  # fmt: skip


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
        if now - self._tried < (SOONER if self._keys is None else AGAIN):
            return
        self._tried, self._failed = now, True
        try:
            found = _usable(json.loads(_read(self.url))["keys"])
        except UNUSABLE:
            return
        if found["keys"]:
            self._keys, self._fetched, self._failed = found, now, False


def _read(url: str) -> bytes:
    """Return what is at a URL. Raise httpx.HTTPError, ValueError if it is too long.

    The whole answer has a deadline: the other webhooks wait for it.
    """
    as_it_is = {"Accept-Encoding": "identity"}
    with (
        BenchlingHttp(verify=trusted(), timeout=TIMEOUT, longest=lambda: WHOLE) as http,
        http.stream("GET", url, headers=as_it_is, follow_redirects=True) as answer,
    ):
        answer.raise_for_status()
        found = bytearray()
        for chunk in answer.iter_raw():
            found += chunk
            if len(found) > LONGEST:
                raise ValueError("the list of keys is too long")
    return bytes(found)


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
