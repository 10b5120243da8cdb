"""Patches to Benchling's own OpenAPI document, where read strictly it refuses valid traffic.

Each has its reason, and a test shows that without it a valid exchange is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Patch:
    """One correction of the document."""

    name: str
    reason: str
    apply: Callable[[Json], None]


def _schemas(doc: Json) -> Json:
    return doc["components"]["schemas"]  # type: ignore[no-any-return]


def _operations(doc: Json) -> list[Json]:
    methods = ("get", "post", "put", "patch", "delete")
    return [path[m] for path in doc["paths"].values() for m in methods if m in path]


def _open_all_of(doc: Json) -> None:
    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if "allOf" in node and node.get("additionalProperties") is False:
                del node["additionalProperties"]
            for part in node.get("allOf", ()):
                target = part
                if "$ref" in part:
                    target = _schemas(doc)[part["$ref"].rpartition("/")[2]]
                if target.get("additionalProperties") is False:
                    del target["additionalProperties"]
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for item in node:
                walk(item)

    walk(doc["components"]["schemas"])


def _nullable_beside_ref(doc: Json) -> None:
    """Turn `{"$ref": X, "nullable": true}` and a nullable allOf into what is meant."""

    def walk(node: Any) -> Any:
        if isinstance(node, list):
            return [walk(item) for item in node]
        if not isinstance(node, dict):
            return node
        node = {key: walk(value) for key, value in node.items()}
        if node.get("nullable") is True and ("$ref" in node or "allOf" in node):
            plain = {k: v for k, v in node.items() if k in ("$ref", "allOf")}
            rest = {k: v for k, v in node.items() if k not in ("$ref", "allOf", "nullable")}
            null = {"nullable": True, "type": "string", "enum": [None]}
            return {**rest, "nullable": True, "anyOf": [plain, null]}
        return node

    doc["components"]["schemas"] = walk(doc["components"]["schemas"])


def _error_statuses(doc: Json) -> None:
    error = {
        "description": "An error that the document does not declare for this operation.",
        "content": {"application/json": {"schema": {
            "type": "object", "required": ["error"],
            "properties": {"error": {"type": "object", "required": ["message", "type"]}},
        }}},
    }  # fmt: skip
    for operation in _operations(doc):
        for status in ("400", "401", "403", "404", "413", "429", "500", "502", "503", "504"):
            operation["responses"].setdefault(status, error)


def _link_lists(doc: Json) -> None:
    """Let a field's value be a list of `{entityRegistryId}`, as the text of the upsert says."""
    value = {
        "nullable": True,
        "anyOf": [
            {"type": "string"}, {"type": "boolean"}, {"type": "number"}, {"type": "object"},
            {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "object"}]}},
            {"type": "string", "nullable": True, "enum": [None]},
        ],
    }  # fmt: skip
    for name in ("Field", "FieldWithResolution"):
        schema = _schemas(doc)[name]
        for part in (schema, *schema.get("allOf", ())):
            if "value" in part.get("properties", {}):
                part["properties"]["value"] = value


def _null_errors(doc: Json) -> None:
    _schemas(doc)["AsyncTask"]["properties"]["errors"]["nullable"] = True
    _schemas(doc)["AsyncTask"]["properties"]["errors"]["oneOf"].append(
        {"type": "string", "nullable": True, "enum": [None]}
    )


def _option_ids(doc: Json) -> None:
    del _schemas(doc)["DropdownOptionUpdate"]["properties"]["id"]["pattern"]


def _verbs_first(doc: Json) -> None:
    doc["paths"] = dict(sorted(doc["paths"].items(), key=lambda item: "}:" not in item[0]))


PATCHES = (
    Patch(
        "verbs_first",
        "`/custom-entities/{id}` also fits `/custom-entities/X:upsert`, and openapi-core takes the "
        "first of equals: paths with a verb go first.",
        _verbs_first,
    ),
    Patch(
        "all_of",
        "`additionalProperties: false` in one branch of an allOf refuses what the other declares "
        "(configuration items, the single upsert).",
        _open_all_of,
    ),
    Patch(
        "nullable_ref",
        "OpenAPI 3.0 ignores `nullable` beside `$ref` or allOf, so null would be refused where "
        "Benchling sends it (archiveRecord, linkedResource).",
        _nullable_beside_ref,
    ),
    Patch(
        "link_lists",
        "a multi link in an upsert is a list of objects, but the document only lists strings.",
        _link_lists,
    ),
    Patch(
        "null_errors",
        "a failed task may send `errors: null`; the SDK has a model of such an answer, and the "
        "document lists an array and an object.",
        _null_errors,
    ),
    Patch(
        "option_ids",
        "the id of an option must match `^sfs_`, which is how ids of dropdowns begin; Benchling "
        "gives options ids that begin with `sfso_`.",
        _option_ids,
    ),
    Patch(
        "errors",
        "error statuses that Benchling sends but declares on few operations (401, 403, 429, 5xx).",
        _error_statuses,
    ),
)
