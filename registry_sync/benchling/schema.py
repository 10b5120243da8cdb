"""A Benchling entity schema, as far as a mapping needs it, from raw JSON.

The SDK's model loses dropdown ids, limits and link schemas of field definitions.
https://benchling.com/api/reference (getEntitySchema)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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

    @property
    def is_link(self) -> bool:
        """Return whether its values are entities."""
        return self.type in LINKS

    @property
    def kind(self) -> str:
        """Its type, and whether it takes several values."""
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

    def field(self, field_id: str) -> FieldDefinition | None:
        """Return the field with this id, archived or not; None if there is none."""
        return next((field for field in self.fields if field.id == field_id), None)


def parse_schema(raw: Json, dropdowns: Mapping[str, Json]) -> EntitySchema:
    """Return a schema; `dropdowns` are raw dropdowns by id, for the fields that need options."""
    return EntitySchema(
        id=str(raw["id"]),
        name=str(raw.get("name") or raw["id"]),
        type=str(raw.get("type")),
        registry_id=str(raw.get("registryId") or ""),
        archived=bool(raw.get("archiveRecord")),
        fields=tuple(_field(item, dropdowns) for item in raw.get("fieldDefinitions") or ()),
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
    )


def _option(raw: Json) -> Option:
    return Option(str(raw["id"]), str(raw["name"]), bool(raw.get("archiveRecord")))
