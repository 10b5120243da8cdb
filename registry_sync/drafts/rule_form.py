"""A mapping rule as a few small inputs, and back; what they cannot hold is JSON. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from registry_sync.core.json_text import parse_json
from registry_sync.core.types import Json
from registry_sync.mapping.rules import RULES

SEVERAL = "json"
LABELS = {"as_is": RULES["as_is"].label, **{name: rule.label for name, rule in RULES.items()},
          SEVERAL: "several rules (JSON)"}  # fmt: skip
KEYS = {name: tuple(rule.settings) for name, rule in RULES.items()}
HINTS = {f"{name}.{key}": setting.hint for name, rule in RULES.items()
         for key, setting in rule.settings.items()}  # fmt: skip
INPUTS = list(HINTS)
DIVIDER = " = "


def to_form(rule: Any) -> dict[str, str]:
    """Write a rule into form values: its `rule`, and its settings by `rule.setting`."""
    raw = {"rule": rule} if isinstance(rule, str) else rule
    if raw is None:
        return {"rule": "as_is"}
    if isinstance(raw, dict) and raw.get("rule") in KEYS:
        name = str(raw["rule"])
        settings = {
            key: json.dumps(value, ensure_ascii=False) if key == "empty_values" else _text(value)
            for key, value in raw.items()
            if key != "rule"
        }
        if set(settings) <= set(KEYS[name]) and None not in settings.values():
            return {"rule": name, **{f"{name}.{k}": str(v) for k, v in settings.items()}}
    return {"rule": SEVERAL, SEVERAL: json.dumps(rule, ensure_ascii=False)}


def _text(value: Any) -> str | None:
    """Write a setting as text; None where a small input cannot hold it."""
    if isinstance(value, str):
        return None if value != value.strip() and value.strip() else value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, dict) and all(map(_is_plain, [*value, *value.values()])):
        return "\n".join(f"{key}{DIVIDER}{to}" for key, to in value.items())
    return None


def _is_plain(value: Any) -> bool:
    return isinstance(value, str) and value == value.strip() and not {"=", "\n"} & set(value)


def to_rule(form: Mapping[str, str], was: Any = None) -> Any:
    """Read a rule from form values; `was` stays as it is written where nothing was changed.

    Raise ValueError with words.
    """
    name = form.get("rule") or "as_is"
    if name not in LABELS:
        raise ValueError(f"there is no rule “{name[:50]}”")
    values = {
        key: form[f"{name}.{key}"].replace("\r\n", "\n")
        for key in KEYS.get(name, ())
        if form.get(f"{name}.{key}")
    }
    before = to_form(was)
    now = {"rule": name, **{f"{name}.{key}": value for key, value in values.items()}}
    if name == SEVERAL:
        now[SEVERAL] = form.get(SEVERAL, "")
    if now == before:
        return was
    if name == SEVERAL:
        return _json(form.get(SEVERAL, ""))
    if name == "as_is":
        return None
    settings: Json = dict(values)
    if "table" in settings:
        settings["table"] = _table(settings["table"])
    if "factor" in settings:
        settings["factor"] = _number(settings["factor"])
    if "empty_values" in settings:
        settings["empty_values"] = _list(settings["empty_values"])
    return {"rule": name, **settings} if settings or KEYS[name] else name


def _json(text: str) -> Any:
    if not text.strip():
        return None
    try:
        return parse_json(text)
    except ValueError as error:
        raise ValueError(f"the rules are not valid JSON ({error})") from error


def _number(text: str) -> Any:
    try:
        return parse_json(text.strip())
    except ValueError:
        return text.strip()


def _list(text: str) -> list[Any]:
    """Read a JSON list, or one value that is JSON or text."""
    value = _number(text)
    return value if isinstance(value, list) else [value]


def _table(text: str) -> dict[str, str]:
    table = {}
    for line in text.splitlines():
        if line.strip():
            key, sign, to = line.partition("=")
            if not sign:
                raise ValueError(f"“{line.strip()}” in the label table has no equals sign")
            table[key.strip()] = to.strip()
    return table
