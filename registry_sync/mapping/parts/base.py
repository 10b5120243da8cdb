"""What every part of Mapping Rules offers, and the table that they register in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from registry_sync.benchling.entity_types import EntityType
from registry_sync.benchling.schema import EntitySchema
from registry_sync.core.registration import registrar
from registry_sync.core.setting import Setting
from registry_sync.core.types import Json
from registry_sync.mapping.model import FieldMapping
from registry_sync.mapping.rules import RuleError
from registry_sync.source.answers.blanks import Blanks
from registry_sync.source.paths import PathError


class PartRule:
    """One key of Mapping Rules that is no field. `compile` raises RuleError and PathError."""

    name: ClassVar[str]
    about: ClassVar[str]
    """One line for the docs."""
    settings: ClassVar[dict[str, Setting]] = {}
    """The keys it has where it is an object."""
    schema: ClassVar[Json] = {}
    """Its JSON Schema, where it is no object of settings."""
    also: ClassVar[Json] = {}
    """What its JSON Schema demands beside its settings' own types."""

    @classmethod
    def compile(
        cls, raw: object, kind: type[EntityType], schema: EntitySchema, blanks: Blanks
    ) -> list[FieldMapping]:
        """Return what is mapped, each with a definition of its own."""
        raise NotImplementedError

    @classmethod
    def paths(cls, raw: object) -> list[str]:
        """Return the paths into a record that it names."""
        raise NotImplementedError


PARTS: dict[str, type[PartRule]] = {}
"""The parts, by their key in Mapping Rules."""
register = registrar(PARTS, "name")
"""Decorator: add a class to the table under its key in Mapping Rules."""


def is_part(key: str) -> bool:
    """Return whether a key of Mapping Rules is a part rather than a field's id."""
    return key in PARTS


def compile_parts(
    rules: Json, kind: type[EntityType], schema: EntitySchema, blanks: Blanks, faults: list[str]
) -> list[FieldMapping]:
    """Return what Mapping Rules map beside fields; add what is wrong to `faults`."""
    found: list[FieldMapping] = []
    for key in (key for key in rules if key in PARTS):
        own = key in kind.part_keys()
        if not own:
            faults.append(f"Mapping Rules: {key}: {kind.label} have none")
            continue
        try:
            found += PARTS[key].compile(rules[key], kind, schema, blanks)
        except (RuleError, PathError) as error:
            faults.append(f"Mapping Rules: {key}: {error}")
    if kind.part_required and kind.parts[0].key not in rules:
        key = kind.parts[0].key
        shown = '{"smiles": path}' if key == "structure" else '{"path": path}'
        faults.append(
            f'Mapping Rules: {kind.label} need a {key}; add "{key}": {shown}, with the path that '
            "it has in a record"
        )
    return found


def checked_settings(raw: object, names: Sequence[str], example: str) -> Json:
    """Return an object of settings. Raise RuleError for another value or an unknown key."""
    if not isinstance(raw, dict):
        raise RuleError(f"needs an object such as {example}")
    if unknown := sorted(set(raw) - set(names)):
        raise RuleError(f"does not have the setting {', '.join(map(str, unknown))}")
    return raw


def path_in(raw: Json, key: str, example: str) -> str:
    """Return a path of an object of settings. Raise RuleError."""
    path = raw.get(key)
    if not isinstance(path, str) or not path.strip():
        raise RuleError(f"needs a path as `{key}`, for example {example}")
    return path
