"""Benchling's own OpenAPI document, as it ships in benchling-api-client, with the overlay on it."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

import jsonschema_rs
import yaml

from .overlay import PATCHES, Patch

Json = dict[str, Any]
BASE = "http://tenant/api/v2"
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def is_uuid(text: str) -> bool:
    """Return whether a text is of the document's format `uuid`."""
    return bool(UUID.fullmatch(text))


@cache
def document() -> Json:
    """Load the document as it ships; it is never changed."""
    path = files("benchling_api_client").joinpath("v2/stable/openapi.yaml")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # type: ignore[no-any-return]


@lru_cache(maxsize=2)
def overlaid(patches: tuple[Patch, ...] = PATCHES) -> Json:
    """Return the document with patches applied, and this tenant as its server.

    Callers must not change it: to copy it takes a third of a second, and seven readers want it.
    """
    doc = copy.deepcopy(document())
    for patch in patches:
        patch.apply(doc)
    doc["servers"] = [{"url": BASE}]
    return doc


@cache
def compiled(name: str, patches: tuple[Patch, ...] = PATCHES) -> Any:
    """Compile one schema of the overlaid document, by its name."""
    return compiled_schema({"$ref": f"#/components/schemas/{name}"}, patches)


def compiled_schema(
    schema: Json, patches: tuple[Patch, ...] = PATCHES, *, written: bool = False
) -> Any:
    """Compile a schema that may refer to the document's; `written` for the body of a request."""
    plain = _json_schema(schema, written)
    known = _json_schemas(patches, written)
    needed: Json = {}
    wanted = [*_referred(plain)]
    while wanted:
        if (name := wanted.pop()) not in needed:
            needed[name] = known[name]
            wanted += _referred(known[name])
    if needed:  # and not a thousand others
        plain["components"] = {"schemas": needed}
    return jsonschema_rs.Draft4Validator(plain, formats={"uuid": is_uuid})


def _referred(node: Any) -> Iterator[str]:
    """Yield the names of the document's schemas that a schema refers to."""
    if isinstance(node, list):
        for item in node:
            yield from _referred(item)
    elif isinstance(node, dict):
        if isinstance(ref := node.get("$ref"), str):
            yield ref.removeprefix("#/components/schemas/")
        for value in node.values():
            yield from _referred(value)


@cache
def compiled_answer(method: str, template: str, status: int, patches: tuple[Patch, ...]) -> Any:
    """Compile what an operation's answer must be; None where the document has no JSON of it."""
    operation = overlaid(patches)["paths"].get(template, {}).get(method, {})
    answer = operation.get("responses", {}).get(str(status), {})
    schema = answer.get("content", {}).get("application/json", {}).get("schema")
    return None if schema is None else compiled_schema(schema, patches)


@cache
def _json_schemas(patches: tuple[Patch, ...], written: bool) -> Json:
    return _json_schema(overlaid(patches)["components"]["schemas"], written)  # type: ignore[no-any-return]


def _json_schema(node: Any, written: bool) -> Any:
    """Convert to JSON Schema what only OpenAPI has: `nullable`, `discriminator`, `readOnly`.

    What is read only may not be in a request, and is required in an answer alone:
    https://spec.openapis.org/oas/v3.0.3#fixed-fields-19
    """
    if isinstance(node, list):
        return [_json_schema(item, written) for item in node]
    if not isinstance(node, dict):
        return node
    if written and node.get("readOnly") is True:
        return {"not": {}}
    # Without choices (an oligo) it only names the schemas that build on this one.
    if {"oneOf", "anyOf"} & set(node) and "mapping" in node.get("discriminator", ()):
        return _json_schema(_discriminated(node), written)
    plain = {
        k: _json_schema(v, written) for k, v in node.items() if k not in ("nullable", "example")
    }
    if written and isinstance(node.get("required"), list) and "properties" in node:
        owed = [k for k in node["required"] if not _is_read_only(node["properties"].get(k, {}))]
        plain.pop("required") if not owed else plain.update(required=owed)
    if node.get("nullable") is True and isinstance(node.get("type"), str):
        plain["type"] = [node["type"], "null"]
    if node.get("nullable") is True and isinstance(node.get("enum"), list):
        plain["enum"] = [*node["enum"], None]
    return plain


def _is_read_only(node: Json) -> bool:
    return any(part.get("readOnly") is True for part in (node, *node.get("allOf", ())))


def _discriminated(node: Json) -> Json:
    """Let the property that a discriminator names choose the schema, as OpenAPI has it."""
    name = node["discriminator"]["propertyName"]
    values: dict[str, list[str]] = {}
    for value, ref in node["discriminator"]["mapping"].items():
        values.setdefault(ref, []).append(value)
    rest = {k: v for k, v in node.items() if k not in ("discriminator", "oneOf", "anyOf")}
    one = {"type": "object", "required": [name]}
    choices = [
        {"allOf": [{"$ref": ref}, {**one, "properties": {name: {"enum": some}}}]}
        for ref, some in values.items()
    ]
    return {**rest, "anyOf": choices}
