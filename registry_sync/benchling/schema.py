"""A Benchling entity schema, as far as a mapping needs it, from raw JSON.

The SDK's model loses dropdown ids, limits and link schemas of field definitions.
https://benchling.com/api/reference (getEntitySchema)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from registry_sync.benchling.entity_types import ENTITY_TYPES, CustomEntity, EntityType
from registry_sync.core.types import Json

LINKS = frozenset(
    {
        "entity_link",
        "custom_entity_link",
        "dna_sequence_link",
        "aa_sequence_link",
        "mixture_link",
        "molecule_link",
    }
)
MAPPABLE = LINKS | {
    "text", "long_text", "integer", "float", "boolean", "date", "datetime", "json", "dropdown",
}  # fmt: skip
"""The field types whose values can come from a record."""
EntityClass = type[EntityType]
FOLDERS = "folders"
"""The key of folders among dropdowns: the options of `folder` in Mapping Rules."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a dropdown."""

    id: str
    label: str
    archived: bool = False


@dataclass(frozen=True, slots=True)
class FieldDefinition:
    """One field of a schema; `options` are None unless it is a dropdown that was requested."""

    id: str
    name: str
    type: str
    is_multi: bool = False
    is_required: bool = False
    options: tuple[Option, ...] | None = None
    dropdown_id: str | None = None
    numeric_min: float | None = None
    numeric_max: float | None = None
    decimal_precision: int | None = None
    link_schema_id: str | None = None
    archived: bool = False
    unit: str = ""
    """The symbol of its unit, where a number has one."""

    @property
    def is_link(self) -> bool:
        """Return whether its values are entities."""
        return self.type in LINKS

    @property
    def kind(self) -> str:
        """Return its type, and whether it takes several values."""
        return f"{self.type}[]" if self.is_multi else self.type


@dataclass(frozen=True, slots=True)
class EntitySchema:
    """One entity schema."""

    id: str
    name: str
    type: str
    registry_id: str
    archived: bool
    fields: tuple[FieldDefinition, ...]
    has_unique_residues: bool = False
    """Whether no two of its entities may have one sequence or structure."""
    folders: tuple[Option, ...] | None = None
    """The folders that the app sees, where records name theirs."""

    @property
    def entity_type(self) -> EntityClass:
        """Return the type of its entities; custom entities for a type that cannot be synced."""
        return ENTITY_TYPES.get(self.type, CustomEntity)

    def field(self, field_id: str) -> FieldDefinition | None:
        """Return the field with this id, archived or not; None if there is none."""
        return next((field for field in self.fields if field.id == field_id), None)


def parse_schema(raw: Json, dropdowns: Mapping[str, Json]) -> EntitySchema:
    """Return a schema; `dropdowns` are raw dropdowns by id, for the fields that need options.

    Under FOLDERS it may have the folders that the app sees.
    """
    folders = dropdowns.get(FOLDERS)
    return EntitySchema(
        id=str(raw["id"]),
        name=str(raw.get("name") or raw["id"]),
        type=str(raw.get("type")),
        registry_id=str(raw.get("registryId") or ""),
        archived=bool(raw.get("archiveRecord")),
        fields=tuple(_field(item, dropdowns) for item in raw.get("fieldDefinitions") or ()),
        has_unique_residues=bool((raw.get("constraint") or {}).get("hasUniqueResidues")),
        folders=None if folders is None else tuple(_option(each) for each in folders["options"]),
    )


def _field(raw: Json, dropdowns: Mapping[str, Json]) -> FieldDefinition:
    dropdown = dropdowns.get(raw.get("dropdownId") or "")
    return FieldDefinition(
        id=str(raw["id"]),
        name=str(raw.get("name") or raw["id"]),
        type=str(raw.get("type")),
        is_multi=bool(raw.get("isMulti")),
        is_required=bool(raw.get("isRequired")),
        options=None if dropdown is None else tuple(_option(o) for o in dropdown["options"]),
        dropdown_id=raw.get("dropdownId"),
        numeric_min=raw.get("numericMin"),
        numeric_max=raw.get("numericMax"),
        decimal_precision=raw.get("decimalPrecision"),
        link_schema_id=raw.get("schemaId"),
        archived=bool(raw.get("archiveRecord")),
        unit=str((raw.get("unit") or {}).get("symbol") or ""),
    )


def _option(raw: Json) -> Option:
    return Option(str(raw["id"]), str(raw["name"]), bool(raw.get("archiveRecord")))
