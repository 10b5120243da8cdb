"""Every exchange is checked against the OpenAPI document that ships in benchling-api-client.

openapi-core finds the operation and checks parameters, bodies and answers, of each shape once: it
takes 3 ms an entity. Each value is checked against the same document's schemas by a compiled
validator: of requests by `request_check`, of answers here. So are the rows of a bulk upsert, a
task's result, which the document leaves untyped, and each item of the lists of entities and of
configuration items; openapi-core sees the first item of such a list.
"""

from __future__ import annotations

import hashlib
import json
import queue
import threading
import time
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

from openapi_core import Config, OpenAPI
from openapi_core.datatypes import RequestParameters
from werkzeug.datastructures import Headers, ImmutableMultiDict

from . import request_check
from .document import compiled, compiled_answer, overlaid
from .entity_types import TYPES
from .overlay import PATCHES, Patch
from .state import TenantState

Json = dict[str, Any]
MODELS = {kind.key: kind.model for kind in TYPES.values()}
LISTS = {**MODELS, "appConfigurationItems": "AppConfigItem"}
"""Lists that may be long, by their key, and the schema of their items."""
_VALID: set[bytes] = set()
"""Digests of the shapes of requests and answers that this process has found valid."""
LISTS_AT = (
    "/app-configuration-items",
    *(f"/{kind.path}{verb}" for kind in TYPES.values() for verb in ("", ":bulk-get")),
)
WRITTEN = {
    f"/api/v2/{kind.path}:bulk-{verb}": (kind.key, kind.bulk_model(verb))
    for kind in TYPES.values()
    if kind.writes
    for verb in ("upsert", "update")
}
"""Requests with many rows, by path: the key of the rows, and the schema of the whole."""


@cache
def _overlaid_api(patches: tuple[Patch, ...]) -> OpenAPI:
    # It knows no OpenID scheme; who asks is the token handler's business, not the contract's.
    warnings.filterwarnings("ignore", "Unsupported scheme type", UserWarning)
    # That the document is one at all is a test's to see: it takes seconds.
    return OpenAPI.from_dict(overlaid(patches), config=Config(spec_validator_cls=None))


@cache
def _digest_of(patches: tuple[Patch, ...]) -> bytes:
    return hashlib.sha256(repr(patches).encode()).digest()


def warm_up() -> None:
    """Read and compile the document before the first exchange needs it."""
    _overlaid_api(PATCHES)
    for name in ("CustomEntitiesBulkUpsertRequest", "AsyncTask", *LISTS.values()):
        compiled(name, PATCHES)


class _Request:
    """A request as openapi-core wants to see it."""

    def __init__(self, method: str, path: str, query: str, headers: Json, body: bytes) -> None:
        self.host_url = "http://tenant"
        self.path = path
        self.full_url_pattern = self.host_url + path
        self.method = method.lower()
        self.content_type = headers.get("content-type", "application/json").partition(";")[0]
        self.body = body or None
        asked = parse_qsl(query, keep_blank_values=True)
        self.parameters = RequestParameters(
            query=ImmutableMultiDict(asked), header=Headers(headers)
        )
        self.shape = self.content_type, sorted(name for name, _ in asked)
        """What kind of body it has, and which parameters."""


class _Response:
    """An answer as openapi-core wants to see it."""

    def __init__(self, status: int, headers: Json, body: bytes) -> None:
        self.status_code = status
        self.headers = Headers(headers)
        self.content_type = headers.get("content-type", "").partition(";")[0]
        self.data = body


def headers_of(scope: Json) -> dict[str, str]:
    """Return a request's headers, their names in lower case."""
    return {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}


class Contract:
    """Check exchanges, before or after the answer, and collect violations."""

    def __init__(self, state: TenantState, patches: tuple[Patch, ...] = PATCHES) -> None:
        self.state = state
        self.patches = patches
        self.by_shape = True
        """Whether openapi-core sees each shape once, and not each exchange."""
        self.todo: queue.Queue[tuple[Any, ...] | None] = queue.Queue()
        self.thread: threading.Thread | None = None
        self.underway = 0
        """Exchanges that may be answered and are not yet checked."""

    def check(self, scope: Json, body: bytes, answer: Any) -> None:
        """Check one exchange, or queue it."""
        if self.state.switches.contract == "off":
            return
        exchange = (
            scope["method"], scope["path"], scope["query_string"].decode("latin-1"),
            headers_of(scope), body,
            answer.status, answer.headers, answer.body,
        )  # fmt: skip
        if self.state.switches.contract == "after":
            if self.thread is None:
                self.thread = threading.Thread(target=self._work, daemon=True)
                self.thread.start()
            self.todo.put(exchange)
        else:
            self._check(*exchange)

    def drain(self) -> None:
        """Wait until every answered exchange is checked, a few seconds at most for active ones."""
        deadline = time.monotonic() + 5
        while self.underway and time.monotonic() < deadline:
            time.sleep(0.005)
        self.todo.join()

    def finish(self) -> None:
        if self.thread is not None:
            self.todo.put(None)

    def _work(self) -> None:
        while (exchange := self.todo.get()) is not None:
            self._check(*exchange)
            self.todo.task_done()
        self.todo.task_done()

    def _check(
        self, method: str, path: str, query: str, headers: Json, body: bytes,
        status: int, answer_headers: Json, answer: bytes,
    ) -> None:  # fmt: skip
        self.state.counters["exchanges_checked"] += 1
        if path.endswith("/token"):
            return  # declared with form parameters that openapi-core cannot unmarshal strictly
        api = _overlaid_api(self.patches)
        request = _Request(method, path, query, headers, body)
        where = f"{method} {path}{'?' + query if query else ''} → {status}"
        operation = request_check.operation_of(method, path)
        place = path if operation is None else operation.template
        exact = () if self.by_shape else (path, query)
        try:
            if path in WRITTEN and status < 400:
                key, schema = WRITTEN[path]
                self._note(schema, json.loads(body), where)
                request.body = json.dumps({key: []}).encode()  # the rest, without the many rows
            if status < 400 or status in (403, 404):
                self._once(
                    (method, place, exact, request.shape, self._key_of(request.body or b"")),
                    lambda: api.validate_request(request),  # type: ignore[arg-type]
                )
            if method == "GET" and "/tasks/" in path and status == 200:
                self._check_task(json.loads(answer), where)
            else:
                if method == "GET" and status == 200 and path.endswith(LISTS_AT):
                    answer = self._check_list(answer, where)
                response = _Response(status, answer_headers, answer)
                if self._has_wrong_values(method, place, answer, status, where):
                    return
                self._once(
                    (method, place, exact, status, response.content_type, self._key_of(answer)),
                    lambda: api.validate_response(request, response),  # type: ignore[arg-type]
                )
        except Exception as error:
            reason = getattr(error, "__cause__", None) or error
            details = "; ".join(
                f"{'/'.join(map(str, e.absolute_path))}: {e.message}"[:300]
                for e in getattr(reason, "schema_errors", ())
            )
            self.state.violations.append(
                f"{where}: {type(error).__name__} {details or str(reason)[:500]}"[:900]
            )

    def _once(self, what: tuple[object, ...], validate: Callable[[], object]) -> None:
        """Validate what has no shape that was found valid: openapi-core takes 3 ms each time."""
        digest = hashlib.sha256(_digest_of(self.patches) + repr(what).encode()).digest()
        if digest in _VALID:
            return
        validate()
        _VALID.add(digest)

    def _key_of(self, body: bytes) -> Any:
        return _shape_of(body) if self.by_shape else body

    def _check_task(self, task: Json, where: str) -> None:
        shape = {k: v for k, v in task.items() if k != "response"}
        self._note("AsyncTask", shape, where)
        for key, entities in (task.get("response") or {}).items():
            for entity in entities if key in MODELS else ():
                self._note(MODELS[key], entity, where)

    def _check_list(self, answer: bytes, where: str) -> bytes:
        """Check each item of a list; return the answer with the first item only."""
        page = json.loads(answer)
        for key, schema in LISTS.items():
            items = page.get(key)
            if isinstance(items, list):
                for item in items:
                    self._note(schema, item, where)
                page[key] = items[:1]
        return json.dumps(page).encode()

    def _has_wrong_values(
        self, method: str, place: str, answer: bytes, status: int, where: str
    ) -> bool:
        """Return whether an answer has values that its operation's may not have, and note one."""
        validator = compiled_answer(method.lower(), place, status, self.patches)
        return validator is not None and self._violates(validator, json.loads(answer), where)

    def _note(self, schema: str, value: Any, where: str) -> None:
        self._violates(compiled(schema, self.patches), value, where)

    def _violates(self, validator: Any, value: Any, where: str) -> bool:
        if validator.is_valid(value):  # the quick way, for almost all
            return False
        error = next(iter(validator.iter_errors(value)))
        at = "/".join(map(str, error.instance_path))
        self.state.violations.append(f"{where}: {at}: {error.message}"[:900])
        return True


def _shape_of(body: bytes) -> Any:
    """Return what a body is made of: names and types; the body itself where it is no JSON."""
    try:
        return _shape(json.loads(body))
    except ValueError:
        return body


def _shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _shape(value[name]) for name in sorted(value)}
    if isinstance(value, list):
        return sorted({repr(_shape(item)) for item in value})
    return type(value).__name__
