"""Parts as rows of a table: a key where a field has its id, and a path that stands for the rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from registry_sync.benchling.entity_types import ENTITY_TYPES
from registry_sync.benchling.schema import EntitySchema, FieldDefinition
from registry_sync.mapping.parts.base import PARTS, is_part
from registry_sync.mapping.parts.lists import ListRule

LETTERS = {"dna": "bases", "rna": "bases", "aa": "amino acids"}
ABOUT = {"structure": "structure (SMILES)", "folder": "folder"}


def part_fields(schema: EntitySchema) -> list[FieldDefinition]:
    """Return what entities of a schema have beside fields, as a row can choose it."""
    kind = ENTITY_TYPES.get(schema.type)
    if kind is None:
        return []
    own = [key for key in PARTS if key in kind.part_keys()]
    return [
        FieldDefinition(
            key,
            f"sequence ({LETTERS[kind.alphabet]})" if key == "sequence" else ABOUT.get(key, key),
            {"structure": "smiles", "sequence": kind.alphabet}.get(key, key),
            is_multi=issubclass(PARTS[key], ListRule),
            is_required=kind.part_required and key == kind.parts[0].key,
            options=schema.folders if key == "folder" else None,
        )
        for key in own
    ]


def rule_of_row(key: str, path: str, rule: Any) -> Any:
    """Return the rule of a part whose row has a path, a rule, or both."""
    if not path:
        return rule
    if issubclass(PARTS[key], ListRule):
        return [path, *rule] if isinstance(rule, list) else [path]
    settings = rule if isinstance(rule, dict) else {}
    if key == "structure":
        return settings or {"smiles": path}
    return {"path": path, **settings}


def row_of_rule(key: str, rule: Any) -> tuple[str, Any]:
    """Return a part's path, and what else its rule says (None for nothing)."""
    if isinstance(rule, str) and issubclass(PARTS[key], ListRule):
        return rule, None
    if isinstance(rule, list) and len(rule) == 1 and isinstance(rule[0], str):
        return rule[0], None
    name = "smiles" if key == "structure" else "path"
    if not isinstance(rule, dict) or not isinstance(rule.get(name), str):
        return "", rule
    settings = {each: rule[each] for each in rule if each != name}
    return ("", rule) if key == "structure" and settings else (rule[name], settings or None)


def without_parts(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows that are about fields."""
    return [row for row in rows if not is_part(row["field_id"])]
