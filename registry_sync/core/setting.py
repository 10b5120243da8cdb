"""Settings that people write, described beside their declaration.

The docs' tables and the JSON Schemas are made of these descriptions. A setting that is a field of
a dataclass is declared by `setting(default, meaning)`; the others are `Setting`s in a table.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from registry_sync.core.types import Json

_KEY = "setting"


@dataclass(frozen=True, slots=True)
class SettingType:
    """What values a setting may have: in words for the docs, and as a JSON Schema."""

    words: str
    schema: Json


ANY = SettingType("any value", {})
TEXT = SettingType("text", {"type": "string"})
FILLED = SettingType("text", {"type": "string", "pattern": r"\S"})
PATH = SettingType("path", {"type": "string"})
PLAIN = SettingType("text (ASCII)", {"type": "string", "pattern": r"^\s*[ -~]*\s*$"})
WORD = SettingType("text (ASCII)", {"type": "string", "pattern": r"^\s*[!-~]([ -~]*[!-~])?\s*$"})
ADDRESS = SettingType("URL", {"type": "string"})
FILLED_ADDRESS = SettingType("URL", FILLED.schema)
FLAG = SettingType("true or false", {"type": "boolean"})
LIST = SettingType("list of values", {"type": "array"})
OBJECT = SettingType("object", {"type": "object"})
FILLED_OBJECT = SettingType("object", {"type": "object", "minProperties": 1})
FILLED_PATH = SettingType("path", FILLED.schema)
PATHS = SettingType(
    "path, or a list of them",
    {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
)
TEXTS = SettingType("text, or a list of them", PATHS.schema)
_PLAIN_VALUE: Json = {"type": ["string", "number", "boolean"]}
VALUES = SettingType(
    "object of text, numbers, true or false, and lists of them",
    {
        "type": "object",
        "additionalProperties": {"anyOf": [_PLAIN_VALUE, {"type": "array", "items": _PLAIN_VALUE}]},
    },
)
DURATION = SettingType(
    "seconds, or text such as `5 min`, `1 h`, `2 d`, `PT5M`",
    {
        "anyOf": [
            {"type": "number", "minimum": 0, "exclusiveMaximum": 1e9},
            {"type": "string", "pattern": r"^\s*\d{1,9}(\.\d+)?\s*(s|m|min|h|d)?\s*$"},
            {"type": "string", "pattern": r"^\s*P[0-9.,YMWDTHS]+\s*$"},
        ]
    },
)
MOMENT = SettingType("text or number", {"type": ["string", "number"]})


def whole(least: int = 1) -> SettingType:
    """Return the type of whole numbers from `least` on."""
    return SettingType(f"whole number from {least}", {"type": "integer", "minimum": least})


def one_of(*words: str) -> SettingType:
    """Return the type of settings that are one of some words."""
    return SettingType(", ".join(f"`{word}`" for word in words if word), {"enum": list(words)})


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: what it means, its values, and examples of it, as JSON.

    `default` is shown where the code's own default is not what people write. `hint` is the label
    of its input in a form.
    """

    meaning: str
    type: SettingType = TEXT
    default: Any = None
    example: Any = None
    required: bool = False
    hint: str = ""


def setting(
    default: Any,
    meaning: str,
    *,
    type: SettingType | None = None,
    example: Any = None,
    shown: Any = None,
) -> Any:
    """Return a dataclass field with its description. `default` is a value, or makes one.

    Without a `type`, the type follows from the default. `shown` is the default as people write it.
    """
    described = (meaning, type, example, shown)
    if isinstance(default, Callable):  # type: ignore[arg-type]
        return dataclasses.field(default_factory=default, metadata={_KEY: described})
    return dataclasses.field(default=default, metadata={_KEY: described})


def settings_of(kind: Any, required: tuple[str, ...] = ()) -> dict[str, Setting]:
    """Return the described settings of a dataclass, by name. Fields without one are left out."""
    return {
        each.name: _described(each, each.name in required)
        for each in dataclasses.fields(kind)
        if _KEY in each.metadata
    }


def _described(each: dataclasses.Field[Any], required: bool) -> Setting:
    meaning, kind_given, example, shown = each.metadata[_KEY]
    kind = kind_given or _usual_type(each)
    default = shown if shown is not None else each.default
    if default is dataclasses.MISSING or default in ("", ()):
        default = None
    return Setting(meaning, kind, default, example, required and default is None)


def _usual_type(each: dataclasses.Field[Any]) -> SettingType:
    """Return the type as `SettingsReader.fields` reads it."""
    if each.name.endswith("_path"):
        return PATH
    if isinstance(each.default, bool):
        return FLAG
    if isinstance(each.default, int):
        return whole(0 if each.name.startswith("base_") else 1)
    return TEXT
