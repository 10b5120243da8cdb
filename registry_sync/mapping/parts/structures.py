"""Chemical structures."""

from __future__ import annotations

from registry_sync.benchling.entity_types import EntityType
from registry_sync.benchling.schema import EntitySchema, FieldDefinition
from registry_sync.core.setting import FILLED_PATH, Setting
from registry_sync.mapping.compile_field import compile_field
from registry_sync.mapping.model import FieldMapping
from registry_sync.mapping.parts.base import PartRule, checked_settings, path_in, register
from registry_sync.mapping.rules import RuleError
from registry_sync.source.answers.blanks import Blanks

EXAMPLE = '{"smiles": "canonical_smiles"}'


@register("structure")
class StructureRule(PartRule):
    """The structure of molecules: SMILES or a molfile, never both."""

    about = "A molecule's chemical structure, as SMILES or as a molfile (V2000 or V3000)"
    settings = {
        "smiles": Setting(
            "Where a record has its SMILES.", FILLED_PATH, example="structure.smiles"
        ),
        "molfile": Setting("Where a record has its molfile.", FILLED_PATH, example="molblock"),
    }

    also = {"minProperties": 1, "maxProperties": 1}

    @classmethod
    def compile(
        cls, raw: object, kind: type[EntityType], schema: EntitySchema, blanks: Blanks
    ) -> list[FieldMapping]:
        form, path = cls._form(raw)
        definition = FieldDefinition("structure", "structure", form, is_required=True)
        return [compile_field(definition, path, None, blanks)]

    @classmethod
    def paths(cls, raw: object) -> list[str]:
        return [cls._form(raw)[1]]

    @classmethod
    def _form(cls, raw: object) -> tuple[str, str]:
        settings = checked_settings(raw, ["smiles", "molfile"], EXAMPLE)
        if len(settings) != 1:
            raise RuleError(f"needs either `smiles` or `molfile`, for example {EXAMPLE}")
        (form,) = settings
        return form, path_in(settings, form, EXAMPLE)
