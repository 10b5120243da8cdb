"""A JSON Schema of Mapping Rules, made of the rules' descriptions.

It accepts what the parser accepts, except formats of dates that cannot be read and time zones that
do not exist. https://json-schema.org/draft/2020-12
"""

from __future__ import annotations

from registry_sync.core.types import Json
from registry_sync.mapping.parts import PARTS, PartRule
from registry_sync.mapping.rules import RULES, Rule
from registry_sync.source.settings_schema import DRAFT, section_schema


def rules_schema() -> Json:
    """Return the JSON Schema of Mapping Rules: rules by field id, and parts by their keys."""
    bare = [name for name, kind in RULES.items() if not (_required(kind) or "anyOf" in kind.also)]
    rule_schema: Json = {"anyOf": [{"enum": bare}, *map(_rule_schema, RULES.values())]}
    return {
        "$schema": DRAFT,
        "title": "Mapping Rules of Registry Sync",
        "type": "object",
        "properties": {name: part_schema(part) for name, part in PARTS.items()},
        "additionalProperties": {
            "anyOf": [
                {"$ref": "#/$defs/rule"},
                {"type": "array", "items": {"$ref": "#/$defs/rule"}},
            ]
        },
        "$defs": {"rule": rule_schema},
    }


def part_schema(part: type[PartRule]) -> Json:
    """Return the schema of one part."""
    own_schema = part.schema if not part.settings else section_schema(part.settings, nullable=False)
    return {"description": part.about, **own_schema, **part.also}


def _required(kind: type[Rule]) -> list[str]:
    return [name for name, each in kind.settings.items() if each.required]


def _rule_schema(kind: type[Rule]) -> Json:
    found = section_schema(kind.settings, nullable=False)
    found["description"] = kind.about
    found["properties"] = {"rule": {"const": kind.name}, **found["properties"]}
    found["required"] = ["rule", *_required(kind)]
    return {**found, **kind.also}
