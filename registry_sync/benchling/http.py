"""Answers of Benchling over httpx: read within a deadline, freed early, and whole or unreadable."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeGuard

import httpx
from benchling_sdk.auth.client_credentials_oauth2 import ClientCredentialsOAuth2

from registry_sync.benchling.entity_types import ENTITY_TYPES
from registry_sync.benchling.task_answers import without_values
from registry_sync.benchling.timed_network import Deadline, TimedBackend
from registry_sync.core.types import Json

LONGEST = 70.0
"""Seconds from a request to the end of its answer: less than a lease lasts."""

LONGEST_ID = 64
"""Characters of an id. Benchling's own have at most 36; the database has room for these."""
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
SENDABLE = re.compile(r"[\x21-\x7e]+")
"""What a token is, as RFC 6750 writes it into a header."""


class Unreadable(Exception):
    """A success without what it must have; its text says what is wrong with it."""


TEXTS = ("id", "taskId", "status")
"""Keys of a text. Other keys that an answer must have hold a list of objects."""
OF_ITEMS: dict[str, dict[str, type]] = {
    "appConfigurationItems": {"id": str, "path": list, "type": str},
    "blocks": {"type": str},  # only those that people fill in or press need an id
    "fieldDefinitions": {"id": str, "name": str, "type": str},
}
"""What each object of a list has; an id where nothing else is said."""


def checked_body(body: object, needs: str) -> Json:
    """Return a body that is an object, with the key that it must have. Raise Unreadable.

    A list must hold objects, and the answer about a task what was written: a proxy that spoils an
    answer must not look like a fault of this service.
    """
    if not isinstance(body, dict):
        raise Unreadable("an empty answer" if body is None else f"a {type(body).__name__}")
    if needs and not _is_usable(needs, body.get(needs)):
        raise Unreadable(f"an answer without {needs}")
    if needs == "status" and not _is_result(body.get("response")):
        raise Unreadable("an answer about a task without what was written")
    return body


def _is_usable(key: str, value: object) -> bool:
    if key in TEXTS:
        return _is_id(value)
    has = OF_ITEMS.get(key, {"id": str})
    return _are_objects(value) and all(
        all(isinstance(item.get(name), has[name]) for name in has)
        and ("id" not in has or _is_id(item["id"]))
        and _are_objects(item.get("children") or [])
        for item in value
    )


def _is_id(value: object) -> bool:
    """Return whether a value is a short text that can be stored and sent in an address."""
    return isinstance(value, str) and 0 < len(value) <= LONGEST_ID and value.isprintable()


def _are_objects(value: object) -> TypeGuard[list[Json]]:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _is_result(response: object) -> bool:
    """Return whether a task has written nothing yet, or has lists of entities."""
    if not isinstance(response, dict):
        return response is None
    found = [response.get(kind.key) or [] for kind in ENTITY_TYPES.values()]
    return all(_are_objects(entities) for entities in found)


class PackedBody(dict[str, Any]):
    """A request's body that is JSON already: as objects it would take five times the memory."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def __bool__(self) -> bool:
        """Return True: the SDK leaves out what counts as empty."""
        return True


class TokenAuth(ClientCredentialsOAuth2):
    """The SDK's way to get a token, which takes only an object for one.

    The SDK does not expect a token's answer to be null or a list.
    """

    def vend_new_token(self, base_url: str) -> None:
        try:
            super().vend_new_token(base_url)
        except (AttributeError, RecursionError, httpx.DecodingError) as error:
            raise Unreadable("a token's answer that is no object") from error
        except OverflowError as error:
            raise Unreadable("a token's answer without a time that it is valid for") from error
        token = self._token
        assert token is not None
        if not isinstance(token.access_token, str) or not SENDABLE.fullmatch(token.access_token):
            token.refresh_time = LONG_AGO
            raise Unreadable("a token that cannot be sent in a header")


class BenchlingHttp(httpx.Client):
    """httpx, whose answers have a deadline and are freed as soon as they are no longer used.

    A response and its stream refer to each other. Each task's response (1 MB, its text and the
    batch that was sent) would stay until the garbage collector's last generation.
    """

    def __init__(self, *, longest: Callable[[], float] = lambda: 0.0, **options: Any) -> None:
        super().__init__(**options)
        self._longest = longest
        self._deadline = Deadline()
        for transport in (self._transport, *self._mounts.values()):
            if isinstance(transport, httpx.HTTPTransport):
                # httpx has no setting for it, unlike httpcore.
                transport._pool._network_backend = TimedBackend(self._deadline)

    def build_request(self, method: str, url: httpx.URL | str, **options: Any) -> httpx.Request:
        body = options.get("json")
        if isinstance(body, PackedBody):
            options |= {"json": None, "content": body.text.encode()}
            options["headers"] = httpx.Headers(options.get("headers"))
            options["headers"]["content-type"] = "application/json"
        return super().build_request(method, url, **options)

    def send(
        self, request: httpx.Request, *, stream: bool = False, **options: Any
    ) -> httpx.Response:
        self._deadline.begin(self._longest() or LONGEST)
        response = super().send(request, stream=True, **options)
        if stream:
            return response
        try:
            response.read()
        finally:
            response.close()
        response.stream = httpx.ByteStream(b"")
        return without_values(response)


@cache
def trusted() -> ssl.SSLContext:
    """Return the trusted certificates, read once per process: each read takes 25 ms."""
    return httpx.create_ssl_context()
