"""Requests that Benchling's document does not allow: refused, as Benchling refuses them.

The service must never send one, so each is also kept by the tenant (`malformed`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache, cached_property
from typing import Any
from urllib.parse import parse_qsl

from .document import compiled_schema, is_uuid, overlaid
from .overlay import PATCHES

Json = dict[str, Any]
METHODS = ("get", "post", "put", "patch", "delete")
FORM = "application/x-www-form-urlencoded"


class Operation:
    """What the document says of one operation's requests."""

    def __init__(self, template: str, parameters: list[Json], body: Json | None) -> None:
        self.template = template
        between = re.split(r"{\w+}", template)
        self.path = re.compile("/api/v2" + "([^/]+)".join(map(re.escape, between)))
        self.query = {p["name"]: p for p in parameters if p["in"] == "query"}
        ids = {p["name"] for p in parameters if p["schema"].get("format") == "uuid"}
        self.uuids = [name in ids for name in re.findall(r"{(\w+)}", template)]
        """Which of the ids in the path are UUIDs."""
        content = (body or {}).get("content", {})
        self.body_schema = content.get("application/json", {}).get("schema")

    @cached_property
    def validators(self) -> dict[str, Any]:
        """Return the query parameters' schemas, compiled when the operation is first requested."""
        return {name: compiled_schema(p["schema"]) for name, p in self.query.items()}

    @cached_property
    def body(self) -> Any:
        """Return the body's schema, compiled; None without a body."""
        return compiled_schema(self.body_schema, written=True) if self.body_schema else None

    def faults(self, path: str, query: str, content_type: str, body: bytes) -> Iterator[str]:
        """Yield what is wrong with a request."""
        found = self.path.fullmatch(path)
        for value, wanted in zip(found.groups() if found else (), self.uuids, strict=False):
            if wanted and not is_uuid(value):
                yield "an id in the path is no UUID"
        given = dict(parse_qsl(query, keep_blank_values=True))
        for name, value in given.items():
            yield from self._parameter_faults(name, value)
        for name, parameter in self.query.items():
            if parameter.get("required") and name not in given:
                yield f"the parameter {name} is missing"
        if self.body is not None:
            if content_type.partition(";")[0].strip().lower() != "application/json":
                yield "the body is not JSON"
            else:
                yield from _body_faults(self.body, body)

    def _parameter_faults(self, name: str, value: str) -> Iterator[str]:
        if name.startswith("schemaField."):
            return
        if name not in self.query:
            yield f"unknown query parameter {name}"
            return
        if not value:
            yield f"the parameter {name} is empty"
            return
        if self.query[name]["schema"].get("format") == "uuid" and not is_uuid(value):
            yield f"the parameter {name} is no UUID"
            return
        whole = self.query[name]["schema"].get("type") == "integer"
        item: Any = int(value) if whole and re.fullmatch(r"-?\d{1,18}", value) else value
        yield from _schema_faults(self.validators[name], item, name)


def faults_of(method: str, path: str, query: str, content_type: str, body: bytes) -> list[str]:
    """Return why a request is outside the document; nothing if it fits or has no operation."""
    operation = operation_of(method, path)
    if operation is None or content_type.startswith(FORM):
        return []
    return list(operation.faults(path, query, content_type, body))


def operation_of(method: str, path: str) -> Operation | None:
    """Return the operation that a request is for; None if this sandbox does not have it."""
    return next((o for o in _operations(method.lower()) if o.path.fullmatch(path)), None)


def warm_up() -> None:
    """Read the document's operations, and compile what this sandbox is asked most."""
    for method in METHODS:
        for operation in _operations(method):
            if operation.path.fullmatch("/api/v2/custom-entities:bulk-upsert"):
                _ = operation.body


@cache
def _operations(method: str) -> list[Operation]:
    """Return the operations of a method that this sandbox has, those with a verb first."""
    doc, found = overlaid(PATCHES), []
    for template, item in sorted(doc["paths"].items(), key=lambda each: "}:" not in each[0]):
        if method in item and has_operation(method, template):
            given = [*item.get("parameters", ()), *item[method].get("parameters", ())]
            parameters = [_resolved(doc, parameter) for parameter in given]
            found.append(Operation(template, parameters, item[method].get("requestBody")))
    return found


def has_operation(method: str, template: str) -> bool:
    """Return whether this sandbox has an operation of the document."""
    return (method.upper(), _shape(template)) in _served()


@cache
def _served() -> frozenset[tuple[str, str]]:
    """Return method and path of this sandbox's operations."""
    from .app import PARTS
    from .limits import Limits
    from .state import TenantState

    state = TenantState()
    tables = (part(state, Limits(state)).table() for part in PARTS)
    return frozenset((method, _shape(path)) for table in tables for method, path, _ in table)


def _shape(template: str) -> str:
    return re.sub(r"{\w+}", "{}", template)


def _resolved(doc: Json, parameter: Json) -> Json:
    if "$ref" in parameter:
        return doc["components"]["parameters"][parameter["$ref"].rpartition("/")[2]]  # type: ignore[no-any-return]
    return parameter


def _body_faults(validator: Any, body: bytes) -> Iterator[str]:
    try:
        value = json.loads(body, parse_constant=_no_constant)
        if rb"\ud" in body.lower():
            json.dumps(value, ensure_ascii=False).encode()  # half of a surrogate pair is no text
    except (ValueError, RecursionError) as error:
        yield f"the body is no JSON: {error}"[:200]
        return
    yield from _schema_faults(validator, value, "body")


def _schema_faults(validator: Any, value: Any, where: str) -> Iterator[str]:
    try:
        error = next(iter(validator.iter_errors(value)), None)
    except ValueError as unreadable:  # such as a number of a thousand digits
        yield f"{where}: {unreadable}"[:200]
        return
    if error is not None:
        yield f"{where}: {'/'.join(map(str, error.instance_path))}: {error.message}"[:500]


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
