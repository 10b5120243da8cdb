"""Answers of Benchling over httpx: read within a deadline, freed early, and whole or unreadable."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from functools import cache
from typing import Any

import httpx
from benchling_sdk.auth.client_credentials_oauth2 import ClientCredentialsOAuth2

from registry_sync.core.types import Json

LONGEST = 70.0
"""Seconds from a request to the end of its answer: less than a lease lasts."""


class Unreadable(Exception):
    """A success without what it must have; its text says what is wrong with it."""


def checked(body: object, needs: str) -> Json:
    """Return a body that is an object, with the key that it must have. Raises Unreadable."""
    if not isinstance(body, dict):
        raise Unreadable("an empty answer" if body is None else f"a {type(body).__name__}")
    if needs and body.get(needs) is None:
        raise Unreadable(f"an answer without {needs}")
    return body


class TokenAuth(ClientCredentialsOAuth2):
    """The SDK's way to get a token, which takes only an object for one.

    The SDK does not expect a token's answer to be null or a list.
    """

    def vend_new_token(self, base_url: str) -> None:
        try:
            super().vend_new_token(base_url)
        except (AttributeError, RecursionError, httpx.DecodingError) as error:
            raise Unreadable("a token's answer that is no object") from error


class BenchlingHttp(httpx.Client):
    """httpx, whose answers have a deadline and are freed as soon as they are no longer used.

    A response and its stream refer to each other. Each task's response (1 MB, its text and the
    batch that was sent) would stay until the garbage collector's last generation.
    """

    def send(
        self, request: httpx.Request, *, stream: bool = False, **options: Any
    ) -> httpx.Response:
        began = time.monotonic()
        response = super().send(request, stream=True, **options)
        if stream:
            return response
        assert isinstance(response.stream, httpx.SyncByteStream)
        response.stream = _Timed(response.stream, request, began + LONGEST)
        try:
            response.read()
        finally:
            response.close()
        response.stream = httpx.ByteStream(b"")
        return response


class _Timed(httpx.SyncByteStream):
    """The bytes of an answer until its deadline. Raises ReadTimeout after it.

    httpx's own timeout starts again with each part.
    """

    def __init__(self, inner: httpx.SyncByteStream, request: httpx.Request, until: float) -> None:
        self._inner, self._request, self._until = inner, request, until

    def __iter__(self) -> Iterator[bytes]:
        for part in self._inner:
            if time.monotonic() > self._until:
                raise httpx.ReadTimeout("the answer takes too long", request=self._request)
            yield part

    def close(self) -> None:
        self._inner.close()


@cache
def trusted() -> ssl.SSLContext:
    """Return the trusted certificates, read once per process: each read takes 25 ms."""
    return httpx.create_ssl_context()
