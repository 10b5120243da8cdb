"""A JSON Schema of Connector Settings, made of the settings' descriptions.

It accepts what drafts and `publish` accept, with exceptions that a schema cannot express: secrets,
the syntax of paths, expressions, addresses, time zones, times and formats, placeholders that
nothing fills, and settings of withdrawals that need another one to have an effect.
https://json-schema.org/draft/2020-12
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from registry_sync.core.setting import FILLED_PATH, Setting, settings_of
from registry_sync.core.types import Json
from registry_sync.source.auth import AUTH
from registry_sync.source.connector import DETAIL, INCREMENTAL, ResponseAction
from registry_sync.source.deletes import DELETES, GUARD, USED
from registry_sync.source.paginators import GUARDED, GUARDS, PAGINATORS
from registry_sync.source.scope import CONDITION, TESTS
from registry_sync.source.settings_sections import CLIENT, ENDPOINT, TOP

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def connector_schema() -> Json:
    """Return the JSON Schema of Connector Settings."""
    auths = {name: settings_of(kind, kind.required) for name, kind in AUTH.items()}
    pagers = {name: {**kind.settings(), **GUARDS} for name, kind in PAGINATORS.items()}
    paginator = _typed(pagers, "auto")
    client = section_schema(CLIENT, auth=_typed(auths, "bearer"), paginator=paginator)
    action = section_schema(settings_of(ResponseAction))
    filled: Json = {"type": "string", "pattern": r"\S"}
    triggers = {"status_code": {"type": "integer"}, "content": filled, "error_path": filled}
    action["anyOf"] = [
        {"required": [name], "properties": {name: schema}} for name, schema in triggers.items()
    ]
    endpoint = section_schema(
        ENDPOINT,
        paginator=paginator,
        incremental=section_schema(INCREMENTAL),
        detail=section_schema(DETAIL),
        response_actions={"type": "array", "items": action},
        deletes=_deletes(),
    )
    whole = section_schema(
        TOP, client=client, endpoint=endpoint, scope={"type": "array", "items": _condition()}
    )
    return {"$schema": DRAFT, "title": "Connector Settings of Registry Sync", **whole}


def _condition() -> Json:
    """Return the schema of a condition of the scope: a path, and exactly one test."""
    path = CONDITION["path"]
    values: Json = {"in": {"type": "array"}, "matches": {"type": "string", "format": "regex"}}
    tests = []
    for name in TESTS:
        schema = section_schema({"path": path, name: replace(CONDITION[name], required=True)})
        schema["properties"][name] |= values.get(name, {})
        tests.append(schema)
    return {"anyOf": tests}


def _deletes() -> Json:
    """Return the schema of `endpoint.deletes`: in each mode, the settings that it uses."""
    objects = []
    for mode, used in USED.items():
        names = (*used, *GUARD)
        required = [name for name in ("path",) if name in used]
        schema = section_schema({name: replace(DELETES[name], required=name in required)
                              for name in names})  # fmt: skip
        for name in required:
            schema["properties"][name] |= FILLED_PATH.schema
        for name in DELETES:  # null is the same as leaving it out
            schema["properties"].setdefault(name, {"type": "null"})
        kind: Json = {"enum": [mode, None]} if mode == "none" else {"const": mode}
        schema["properties"]["mode"] = kind
        schema["required"] = [*([] if mode == "none" else ["mode"]), *required]
        objects.append(schema)
    return {"anyOf": [{"enum": ["none", False]}, *objects]}


def section_schema(
    settings: Mapping[str, Setting], *, nullable: bool = True, **inner: Json
) -> Json:
    """Return the schema of an object with these settings; `inner` has the schemas of some.

    Where it is `nullable`, null is the same as leaving an optional setting out.
    """
    required = [name for name, each in settings.items() if each.required]
    return {
        "type": "object",
        "properties": {
            name: _described(each, inner.get(name, each.type.schema), nullable)
            for name, each in settings.items()
        },
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }


def _described(setting: Setting, schema: Json, nullable: bool) -> Json:
    values = _or_null(schema) if nullable and not setting.required else schema
    found = {"description": setting.meaning, **values}
    if setting.default is not None:
        found["default"] = setting.default
    if setting.example is not None:
        found["examples"] = [setting.example]
    return found


def _or_null(schema: Json) -> Json:
    if isinstance(schema.get("type"), str) and "enum" not in schema:
        return {**schema, "type": [schema["type"], "null"]}
    if isinstance(schema.get("type"), list):
        return {**schema, "type": [*schema["type"], "null"]}
    if "enum" in schema:
        return {**schema, "enum": [*schema["enum"], None]}
    return {"anyOf": [*schema.get("anyOf", [schema]), {"type": "null"}]} if schema else schema


def _typed(kinds: Mapping[str, Mapping[str, Setting]], usual: str) -> Json:
    """Return the schema of a type's name, or of an object with a type and its settings."""
    bare = [
        name for name, settings in kinds.items() if not any(s.required for s in settings.values())
    ]
    objects = []
    for name, settings in kinds.items():
        schema = section_schema(settings, guards=section_schema(GUARDED))
        is_usual = name == usual
        type_of: Json = {"enum": [name, None]} if is_usual else {"const": name}
        schema["properties"] = {"type": type_of, **schema["properties"]}
        schema["required"] = [*([] if is_usual else ["type"]), *schema.get("required", [])]
        objects.append(schema)
    return {"anyOf": [{"enum": bare}, *objects]}
