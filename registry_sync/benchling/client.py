"""The Benchling client: the SDK's transport, with our own pacing, retries and words.

Requests go through `benchling.api`, the SDK's door for raw JSON: same auth and same User-Agent,
without the parse of a finished task that costs 271 µs an entity, and without its retries, which
give up after 15 s where Benchling's windows last 30 s. The defects worked around are named where
they are. https://docs.benchling.com/docs/rate-limiting
"""

from __future__ import annotations

import json
import random
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode

import httpx
from benchling_sdk.auth.client_credentials_oauth2 import ClientCredentialsOAuth2
from benchling_sdk.benchling import Benchling
from benchling_sdk.errors import BenchlingError

from registry_sync.core.problems import SyncError
from registry_sync.core.types import Json

UPSERT_LIMIT = 2500
"""Rows of one upsert. https://benchling.com/api/reference (bulkUpsertCustomEntities)"""
UPSERT_BYTES = 20 * 1024 * 1024
"""Our own limit for one body, far below Benchling's 100 MB."""
PAGE = 100
OBJECT_LIMIT = "Benchling's hourly object limit"
LOCKED = "Another registration attempt is in progress"


class Wait(Exception):
    """Benchling cannot take more now: the run waits until `until` and loses nothing."""

    def __init__(self, until: datetime, reason: str) -> None:
        super().__init__(reason)
        self.until = until
        self.reason = reason


class Refused(Exception):
    """Benchling said no to one request (a 4xx): its words, and the rows it named."""

    def __init__(self, status: int, message: str, errors: object = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Task:
    """What became of an upsert. `errors` is whatever Benchling sent: list, object or nothing."""

    status: str
    entities: Sequence[Json] = ()
    message: str = ""
    errors: object = None

    @property
    def running(self) -> bool:
        return self.status == "RUNNING"

    @property
    def succeeded(self) -> bool:
        return self.status == "SUCCEEDED"


def _pause(seconds: float, reason: str) -> None:
    time.sleep(seconds)


@dataclass
class Client:
    """One app on one tenant. Use one a thread: the SDK's shared headers are not thread-safe.

    `pause(seconds, reason)` is called for every wait; it may raise `Wait` to give up the slice.
    `server_date` is the last answer's `Date` header.
    Raises Refused for a 4xx, SyncError where nothing can be done with this tenant.
    """

    url: str
    client_id: str
    client_secret: str = field(repr=False)
    app_id: str
    pause: Callable[[float, str], None] = _pause
    timeout: float = 60
    requests: int = 0
    server_date: str = ""
    _sdk: Benchling | None = field(default=None, repr=False)

    # -- what the app reads ---------------------------------------------------------------

    def configuration_items(self) -> list[Json]:
        """Read every item of the app's configuration, as raw JSON.

        The SDK's own store fails as a whole on one item of a type it does not know.
        """
        pages = self._pages(
            "app-configuration-items",
            "appConfigurationItems",
            appId=self.app_id,
            sort="createdAt:asc",
        )
        return [item for page in pages for item in page]

    def set_configuration_item(
        self, path: list[str], kind: str, value: str | None, item_id: str | None
    ) -> Json:
        """Change an item of the app's configuration, or make it where `item_id` is None."""
        if item_id:
            body: Json = {"type": kind, "value": value}
            return self._call("patch", f"app-configuration-items/{quote(item_id, safe='')}", body)
        body = {"appId": self.app_id, "path": path, "type": kind, "value": value}
        return self._call("post", "app-configuration-items", body)

    def entity_schemas(self) -> list[Json]:
        return [s for page in self._pages("entity-schemas", "entitySchemas") for s in page]

    def folders(self) -> list[Json]:
        return [folder for page in self._pages("folders", "folders") for folder in page]

    def registries(self) -> list[Json]:
        return list(self._get("registries").get("registries", []))

    def entity_schema(self, schema_id: str) -> Json:
        return self._get(f"entity-schemas/{quote(schema_id, safe='')}")

    def dropdown(self, dropdown_id: str) -> Json:
        return self._get(f"dropdowns/{quote(dropdown_id, safe='')}")

    def folder(self, folder_id: str) -> Json:
        return self._get(f"folders/{quote(folder_id, safe='')}")

    def entities(self, *, token: str = "", **filters: str) -> Iterator[EntityPage]:
        """List entities, archived ones too, from page `token` on.

        `filters` are the endpoint's own, such as `schemaId`, `registryId`, `modifiedAt`.
        """
        while True:
            body = self._get(
                "custom-entities",
                sort="createdAt:asc",
                pageSize=str(PAGE),
                archiveReason="ANY_ARCHIVED_OR_NOT_ARCHIVED",
                nextToken=token,
                **filters,
            )
            token = body.get("nextToken") or ""
            yield EntityPage(body.get("customEntities", []), token)
            if not token:
                return

    def entities_named(self, names: Sequence[str], *, registry_id: str) -> list[Json]:
        """Find who bears these names, aliases or registry ids (Benchling matches all three)."""
        return self._by_hundreds("names.anyOf", names, registryId=registry_id)

    def entities_registered(self, ids: Sequence[str], *, registry_id: str) -> list[Json]:
        """Find entities of any type by their registry ids."""
        found: list[Json] = []
        for start in range(0, len(ids), PAGE):
            body = self._get(
                f"registries/{quote(registry_id, safe='')}/registered-entities:bulk-get",
                entityRegistryIds=_joined(ids[start : start + PAGE]),
            )
            found += body.get("entities", [])
        return found

    def entities_with_ids(self, ids: Sequence[str], *, registry_id: str) -> list[Json]:
        """Read custom entities of any schema by their registry ids, archived ones too."""
        return self._by_hundreds(
            "entityRegistryIds.anyOf",
            ids,
            registryId=registry_id,
            archiveReason="ANY_ARCHIVED_OR_NOT_ARCHIVED",
        )

    def entities_by_id(self, ids: Sequence[str]) -> list[Json]:
        """Read custom entities by their Benchling ids; ids of others, or of none, give nothing.

        One that is not valid refuses all that were asked for with it, and is named.
        https://benchling.com/api/reference (listCustomEntities, ids)
        """
        try:
            return self._by_hundreds("ids", ids, archiveReason="ANY_ARCHIVED_OR_NOT_ARCHIVED")
        except Refused as refused:
            if refused.status != 400:
                raise
            named = [id_ for id_ in ids if id_ in refused.message]
        if named or len(ids) < 2:
            rest = [id_ for id_ in ids if id_ not in named]
            return self.entities_by_id(rest) if named and rest else []
        half = len(ids) // 2
        return self.entities_by_id(ids[:half]) + self.entities_by_id(ids[half:])

    def _by_hundreds(self, name: str, values: Sequence[str], **more: str) -> list[Json]:
        found: list[Json] = []
        for some in _short_lists(values):
            asked = {name: _joined(some)}
            for page in self._pages("custom-entities", "customEntities", **asked, **more):
                found += page
        return found

    # -- upserts ---------------------------------------------------------------------------

    def start_upsert(self, rows: list[Json]) -> str:
        """Send rows to be upserted, all or none of them, and return the task's id."""
        body = self._call("post", "custom-entities:bulk-upsert", {"customEntities": rows})
        return str(body["taskId"])

    def task(self, task_id: str) -> Task | None:
        """Look at a task; None once Benchling has forgotten it, 30 minutes after its end."""
        try:
            body = self._get(f"tasks/{quote(task_id, safe='')}")
        except Refused as refused:
            if refused.status == 404:
                return None
            raise
        response = body.get("response") or {}
        return Task(
            status=str(body.get("status")),
            entities=response.get("customEntities") or (),
            message=str(body.get("message") or ""),
            errors=body.get("errors"),
        )

    def upsert_one(self, row: Json) -> Json:
        """Upsert one entity and return it; its refusal carries Benchling's exact words."""
        row = dict(row)
        # The path is not encoded by the SDK: `A#1` would otherwise reach another endpoint.
        registry_id = quote(row.pop("entityRegistryId"), safe="")
        return self._call("patch", f"custom-entities/{registry_id}:upsert", row)

    def give_registry_id(self, entity_id: str, registry_id: str) -> Json:
        """Give an entity another registry id, and change nothing else of it."""
        body = {"entityRegistryId": registry_id}
        return self._call("patch", f"custom-entities/{quote(entity_id, safe='')}", body)

    # -- App Status ------------------------------------------------------------------------

    def create_session(self, body: Json, *, after_lost: Callable[[], Json | None]) -> Json:
        """Create a session; `after_lost` finds the one that was made though its answer was lost."""
        return self._call("post", "app-sessions", {"appId": self.app_id, **body}, after_lost)

    def update_session(self, session_id: str, body: Json) -> Json:
        return self._call("patch", f"app-sessions/{quote(session_id, safe='')}", body)

    def session(self, session_id: str) -> Json:
        return self._get(f"app-sessions/{quote(session_id, safe='')}")

    def sessions(self, *, most: int = 300) -> Iterator[Json]:
        """List this app's sessions, the last changed first."""
        pages = self._pages(
            "app-sessions", "appSessions", appId=self.app_id, sort="modifiedAt:desc"
        )
        seen = 0
        for page in pages:
            yield from page
            seen += len(page)
            if seen >= most:
                return

    # -- canvases --------------------------------------------------------------------------

    def create_canvas(self, body: Json, *, after_lost: Callable[[], Json | None]) -> Json:
        """Make a canvas; `after_lost` finds the one that was made though its answer was lost."""
        return self._call("post", "app-canvases", {"appId": self.app_id, **body}, after_lost)

    def update_canvas(self, canvas_id: str, body: Json) -> Json:
        return self._call("patch", f"app-canvases/{quote(canvas_id, safe='')}", body)

    def canvas(self, canvas_id: str) -> Json:
        """Read a canvas with what people typed into it."""
        return self._get(f"app-canvases/{quote(canvas_id, safe='')}")

    def canvas_of(self, resource_id: str, feature_id: str) -> Json | None:
        """Find the canvas of a feature on a page, if there is one."""
        pages = self._pages(
            "app-canvases",
            "appCanvases",
            appId=self.app_id,
            featureId=feature_id,
            resourceId=resource_id,
        )
        return next((canvas for page in pages for canvas in page), None)

    def user_name(self, user_id: str) -> str:
        """Name a person of the tenant."""
        return str(self._get(f"users/{quote(user_id, safe='')}").get("name") or "")

    # -- transport -------------------------------------------------------------------------

    def _pages(self, path: str, key: str, **query: str) -> Iterator[list[Json]]:
        token = ""
        while True:
            body = self._get(path, pageSize=str(PAGE), nextToken=token, **query)
            yield body.get(key, [])
            token = body.get("nextToken") or ""  # null would loop for ever in the SDK's iterator
            if not token:
                return

    def _get(self, path: str, **query: str) -> Json:
        asked = {name: value for name, value in query.items() if value != ""}
        return self._call("get", path + ("?" + urlencode(asked) if asked else ""))

    def _call(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        after_lost: Callable[[], Json | None] = lambda: None,
    ) -> Json:
        url = "api/v2/" + path
        failures = renewed = waits = 0
        while True:
            self._pace()
            self.requests += 1
            try:
                return self._send(method, url, body)
            except BenchlingError as error:
                status = error.status_code
                if status == 401 and not renewed and not _is_token_error(error):
                    # The SDK keeps a revoked token until it expires: start anew, once.
                    renewed, self._sdk = 1, None
                elif status == 429:
                    waits += 1
                    self._wait_for_limit(waits)
                elif status >= 500 and failures < 6:
                    failures += 1
                    self._back_off(failures)
                else:
                    raise _translated(error, path) from error
            except (httpx.TransportError, json.JSONDecodeError) as error:
                failures += 1
                if failures > 6:
                    raise unreachable(type(error).__name__) from error
                self._back_off(failures)
                if made := after_lost():
                    return made

    def _send(self, method: str, url: str, body: Json | None) -> Json:
        api = self._connection().api
        if method == "get":
            response = api.get_response(url)
        elif method == "post":
            response = api.post_response(url, body)
        else:
            response = api.patch_response(url, body)
        self.server_date = str(response.headers.get("date") or "")
        return response.parsed or {}

    def _connection(self) -> Benchling:
        if self._sdk is None:
            token = _Http(verify=_trusted())
            self._sdk = Benchling(
                self.url,
                ClientCredentialsOAuth2(self.client_id, self.client_secret, httpx_client=token),
                httpx_client=_Http(verify=_trusted()),
                retry_strategy=None,
                client_decorator=lambda client: client.with_timeout(self.timeout),
            )
        return self._sdk

    def _pace(self) -> None:
        """Stop before the request that the rate window has no room for."""
        if self._sdk is not None and self._sdk.rate_limit_remaining == "0":
            self.pause(self._reset_seconds(), "Benchling's request limit")

    def _reset_seconds(self) -> float:
        # Seconds left in the window, whatever the SDK's docstring says.
        reset = self._sdk.rate_limit_reset if self._sdk else None
        try:
            seconds = float(reset or 1)
        except ValueError:
            seconds = 1.0
        return min(max(seconds, 0.1), 60) + random.uniform(0.05, 0.5)

    def _wait_for_limit(self, waits: int) -> None:
        """Wait after a 429: for the window, or, with room in it, for the hourly object limit."""
        remaining = self._sdk.rate_limit_remaining if self._sdk else None
        if remaining == "0":
            self.pause(self._reset_seconds(), "Benchling's request limit")
            self._forget_window()
        else:
            longest = min(15.0, 2.0 ** (waits - 1))
            self.pause(random.uniform(longest / 2, longest), OBJECT_LIMIT)

    def _forget_window(self) -> None:
        if self._sdk is not None:
            self._sdk._rate_limit_remaining = None

    def _back_off(self, failures: int) -> None:
        # No reason is given, so the slice does not end in it: these tries must come to their end.
        self.pause(random.uniform(0.5, 1.0) * min(15.0, 2.0 ** (failures - 1)), "")


class _Http(httpx.Client):
    """httpx, whose answers go as soon as nobody needs them.

    An answer and its stream refer to each other, so that each task's answer (1 MB, and its text,
    and the batch that was sent) would stay until the garbage collector's last generation.
    """

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        response = super().send(request, **options)
        if response.is_closed:  # read to its end
            response.stream = httpx.ByteStream(b"")
        return response


@cache
def _trusted() -> ssl.SSLContext:
    """Read the trusted certificates once a process: 25 ms each time, twice a connection."""
    return httpx.create_ssl_context()


@dataclass(frozen=True, slots=True)
class EntityPage:
    """One page of entities, and the token of the page after it ("" after the last)."""

    entities: list[Json]
    next_token: str


def _short_lists(values: Sequence[str]) -> Iterator[list[str]]:
    """Cut a list so that each part fits a query: a hundred values, and an address of 6 KB."""
    some: list[str] = []
    size = 0
    for value in values:
        length = len(quote(value)) + 3
        if some and (len(some) == PAGE or size + length > 6000):
            yield some
            some, size = [], 0
        some.append(value)
        size += length
    if some:
        yield some


def _joined(values: Sequence[str]) -> str:
    """Join values for an `anyOf` filter; one that holds a comma is put in quotes."""
    return ",".join(f'"{value}"' if "," in value else value for value in values)


def _is_token_error(error: BenchlingError) -> bool:
    return bool(error.message and "token" in error.message.lower())


def unreachable(detail: str) -> SyncError:
    return SyncError(
        f"Benchling could not be reached ({detail}).",
        remedy="Nothing to do if it passes: the next run goes on where this one stopped. "
        "If it stays, the operator checks BENCHLING_URL and the network.",
        kind="transient",
        code="benchling_unreachable",
        transient=True,
    )


def _translated(error: BenchlingError, path: str) -> Exception:
    """Turn the SDK's error into ours: the whole run's cause, or one request's refusal."""
    status, said = error.status_code, _words(error)
    if _is_token_error(error) and status < 500:
        return SyncError(
            f"Benchling does not accept the app's client id and secret ({status}).",
            remedy="The operator checks BENCHLING_CLIENT_ID and BENCHLING_CLIENT_SECRET against "
            "the app's page in Benchling's Developer Console.",
            kind="benchling",
            code="benchling_credentials",
        )
    if status == 401:
        return SyncError(
            f"Benchling refused the app's token twice (401): {said}",
            remedy="A Benchling admin checks that the app is installed and active in this tenant.",
            kind="benchling",
            code="benchling_unauthorised",
        )
    if status >= 500:
        return unreachable(f"it answered {status}")
    details = (error.json or {}).get("error") if isinstance(error.json, dict) else None
    errors = details.get("errors") if isinstance(details, dict) else None
    return Refused(status, said or f"Benchling answered {status} to {path}.", errors)


def _words(error: BenchlingError) -> str:
    body = error.json if isinstance(error.json, dict) else {}
    details = body.get("error")
    if isinstance(details, dict):
        return str(details.get("userMessage") or details.get("message") or "")
    return str(error.message or "")


def retry_time(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)
