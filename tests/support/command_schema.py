"""docs/commands.schema.json, which what commands write with --json is held against."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs

from tests.support import ROOT

SCHEMA: dict[str, Any] = json.loads((ROOT / "docs/commands.schema.json").read_text("utf-8"))


def checked(name: str, text: str) -> Any:
    """Return JSON that a command wrote, once it is as documented under its name."""
    written = json.loads(text)
    schema = {**SCHEMA, "$ref": f"#/$defs/{name}"}
    jsonschema_rs.Draft202012Validator(schema).validate(written)
    return written
