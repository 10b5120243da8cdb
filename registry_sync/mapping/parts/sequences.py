"""Sequences: bases or amino acids, and whether they are circular."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from registry_sync.benchling.entity_types import EntityType
from registry_sync.benchling.schema import EntitySchema, FieldDefinition
from registry_sync.core.setting import FILLED_PATH, Setting, SettingType
from registry_sync.core.types import Json
from registry_sync.mapping.compile_field import compile_field
from registry_sync.mapping.model import FieldMapping
from registry_sync.mapping.parts.base import PartRule, checked_settings, path_in, register
from registry_sync.mapping.rules import RuleError
from registry_sync.mapping.values import is_empty
from registry_sync.source.answers.blanks import Blanks
from registry_sync.source.paths import ABSENT

EXAMPLE = '{"path": "bases", "circular": "is_circular"}'
CIRCULAR = SettingType(
    "path, or true", {"anyOf": [{"type": "string", "pattern": r"\S"}, {"type": "boolean"}]}
)


@register("sequence")
class SequenceRule(PartRule):
    """The sequence of DNA and AA sequences, and of oligos where it is mapped."""

    about = "The bases or amino acids of a sequence or an oligo"
    settings = {
        "path": Setting("Where a record has them.", FILLED_PATH, example="bases", required=True),
        "circular": Setting(
            "Of DNA sequences: where a record says that it is circular, or `true` where all are. "
            "Without it, all are linear; so are records with an empty value, and new ones that "
            "lack the path.", CIRCULAR, example="is_circular",
        ),
    }  # fmt: skip

    @classmethod
    def compile(
        cls, raw: object, kind: type[EntityType], schema: EntitySchema, blanks: Blanks
    ) -> list[FieldMapping]:
        settings = checked_settings(raw, list(cls.settings), EXAMPLE)
        path = path_in(settings, "path", EXAMPLE)
        required = kind.part_required
        bases = FieldDefinition("sequence", "sequence", kind.alphabet, is_required=required)
        found = [compile_field(bases, path, None, blanks)]
        if "circular" in kind.part_keys():
            found.append(_topology(settings.get("circular", False), blanks))
        elif "circular" in settings:
            raise RuleError(f"{kind.label} are never circular; remove `circular`")
        return found

    @classmethod
    def paths(cls, raw: object) -> list[str]:
        settings = checked_settings(raw, list(cls.settings), EXAMPLE)
        found = [settings.get("path"), settings.get("circular")]
        return [path for path in found if isinstance(path, str)]


def _topology(circular: object, blanks: Blanks) -> FieldMapping:
    definition = FieldDefinition("circular", "circular", "topology")
    if isinstance(circular, bool):
        rule: Json = {"rule": "constant", "value": circular}
        return compile_field(definition, "", rule, blanks)
    if not isinstance(circular, str) or not circular.strip():
        raise RuleError("needs a path or true as `circular`")
    mapped = compile_field(definition, circular, None, blanks)
    return replace(mapped, steps=(*mapped.steps, _cleared_is_linear))


def _cleared_is_linear(value: Any) -> Any:
    """Return False for null and blank text: a topology cannot be empty in Benchling."""
    return False if value is not ABSENT and is_empty(value) else value
