"""The tables of docs/connectors.md and the JSON Schemas beside it, rendered from the code.

`python -m registry_sync.mapping.reference` rewrites them: each table stands between two markers
(`<!-- settings: client -->` and `<!-- end of settings -->`). A test compares them.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from registry_sync.core.setting import Setting, settings_of
from registry_sync.core.types import Json
from registry_sync.mapping.parts import PARTS
from registry_sync.mapping.rules import RULES
from registry_sync.mapping.rules.schema import rules_schema
from registry_sync.source.auth import AUTH
from registry_sync.source.connector import DETAIL, INCREMENTAL, ResponseAction
from registry_sync.source.deletes import DELETES
from registry_sync.source.paginators import GUARDS, PAGINATORS, Paginator
from registry_sync.source.scope import CONDITION
from registry_sync.source.settings_schema import connector_schema
from registry_sync.source.settings_sections import CLIENT, ENDPOINT, TOP

MARKED = re.compile(
    r"(?P<start><!-- settings: (?P<name>\w+) -->\n)(?P<table>.*?)(?P<end><!-- end of settings -->)",
    re.DOTALL,
)
HEADS = ("setting", "values", "default", "meaning", "example")
COMMON = settings_of(Paginator)
SECTIONS = {
    "top": ("", TOP),
    "client": ("client.", CLIENT),
    "endpoint": ("endpoint.", ENDPOINT),
    "incremental": ("", INCREMENTAL),
    "every_paginator": ("", {**COMMON, **GUARDS}),
    "detail": ("", DETAIL),
    "response_actions": ("", settings_of(ResponseAction)),
    "parts": (
        "",
        {
            f"{name}.{key}": each
            for name, part in PARTS.items()
            for key, each in part.settings.items()
        },
    ),
    "scope": ("", CONDITION),
    "deletes": ("", DELETES),
}
SCHEMAS = {
    "connector-settings.schema.json": connector_schema,
    "mapping-rules.schema.json": rules_schema,
}


def rendered_vocabulary(text: str) -> str:
    """Return a document with each marked table replaced by the code's descriptions."""
    return MARKED.sub(lambda found: found["start"] + _table(found["name"]) + found["end"], text)


def schema_text(schema: Json) -> str:
    """Return a JSON Schema as its file has it."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _table(name: str) -> str:
    if name in SECTIONS:
        prefix, settings = SECTIONS[name]
        return _lines(HEADS, (_row(f"`{prefix}{key}`", each) for key, each in settings.items()))
    kinds, word, settings_by = _kinds(name)
    overview = _lines((word, "what it does"), ([f"`{k}`", kind.about] for k, kind in kinds.items()))
    rows = (
        _row(f"`{kind}`: `{key}`", each)
        for kind, settings in settings_by.items()
        for key, each in settings.items()
    )
    return overview + "\n" + _lines((f"{word}: setting", *HEADS[1:]), rows)


def _kinds(name: str) -> tuple[Mapping[str, Any], str, dict[str, Mapping[str, Setting]]]:
    """Return a table's classes by name, what they are called, and their settings by name."""
    if name == "rules":
        return RULES, "rule", {key: rule.settings for key, rule in RULES.items()}
    if name == "paginators":
        return PAGINATORS, "type", {key: _own(kind) for key, kind in PAGINATORS.items()}
    return AUTH, "type", {key: settings_of(kind, kind.required) for key, kind in AUTH.items()}


def _own(kind: type[Paginator]) -> dict[str, Setting]:
    """Return the settings that a paginator does not share with every other."""
    return {name: each for name, each in kind.settings().items() if name not in COMMON}


def _row(name: str, setting: Setting) -> list[str]:
    default = "required" if setting.required else _json(setting.default)
    return [name, setting.type.words, default, setting.meaning, _json(setting.example)]


def _json(value: Any) -> str:
    """Return a value as people write it in JSON; nothing for None."""
    return "" if value is None else f"`{json.dumps(value, ensure_ascii=False)}`"


def _lines(heads: Iterable[str], rows: Iterable[list[str]]) -> str:
    every = [[*heads], ["---"] * len([*heads]), *rows]
    cells = ([cell.replace("|", "\\|") for cell in row] for row in every)
    return "".join(f"| {' | '.join(row)} |\n".replace("|  |", "| |") for row in cells)


def write_vocabulary(docs: Path) -> None:
    """Rewrite the tables and the schemas of a folder of docs."""
    page = docs / "connectors.md"
    page.write_text(rendered_vocabulary(page.read_text("utf-8")), "utf-8")
    for name, schema in SCHEMAS.items():
        (docs / name).write_text(schema_text(schema()), "utf-8")


if __name__ == "__main__":
    write_vocabulary(Path(sys.argv[1] if sys.argv[1:] else "docs"))
