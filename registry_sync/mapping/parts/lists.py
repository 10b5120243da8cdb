"""Lists that people add to as well: aliases and authors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from registry_sync.benchling.entity_types import EntityType
from registry_sync.benchling.schema import EntitySchema, FieldDefinition
from registry_sync.core.types import Json
from registry_sync.mapping.compile_field import compile_field
from registry_sync.mapping.model import FieldMapping
from registry_sync.mapping.parts.base import PartRule, register
from registry_sync.mapping.rules import RuleError
from registry_sync.source.answers.blanks import Blanks
from registry_sync.source.paths import ABSENT, Getter, compile_path

PATHS: Json = {
    "anyOf": [
        {"type": "string", "pattern": r"\S"},
        {"type": "array", "minItems": 1, "items": {"type": "string", "pattern": r"\S"}},
    ]
}


class ListRule(PartRule):
    """A list of paths; a path that gives a list gives all its items."""

    schema = PATHS

    @classmethod
    def compile(
        cls, raw: object, kind: type[EntityType], schema: EntitySchema, blanks: Blanks
    ) -> list[FieldMapping]:
        paths = cls.paths(raw)
        definition = FieldDefinition(cls.name, cls.name, cls.name, is_multi=True)
        found = compile_field(definition, "", None, blanks)
        get = _all_of([compile_path(path) for path in paths])
        return [
            FieldMapping(
                definition,
                ", ".join(paths),
                get,
                found.steps,
                found.absent,
                found.ended,
                found.nulls,
            )
        ]

    @classmethod
    def paths(cls, raw: object) -> list[str]:
        paths = [raw] if isinstance(raw, str) else raw
        if not isinstance(paths, list) or not paths or not all(map(_is_path, paths)):
            raise RuleError('needs a path or a list of paths, such as ["synonyms[*]", "cas"]')
        return paths


@register("aliases")
class AliasRule(ListRule):
    """Aliases: other names, unique in the Benchling registry as names are."""

    about = "Aliases: the items at one or more paths. Those that people add stay"


@register("authors")
class AuthorRule(ListRule):
    """Authors: users of Benchling, by their API ids."""

    about = "Authors: the API ids of Benchling users. Those that people add stay"


def _is_path(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _all_of(getters: Sequence[Getter]) -> Getter:
    """Return a function that collects the values at some paths, or ABSENT if none is there."""

    def get(record: Any) -> Any:
        found = [value for each in getters if (value := each(record)) is not ABSENT]
        return [item for value in found for item in _items(value)] if found else ABSENT

    return get


def _items(value: Any) -> list[Any]:
    if isinstance(value, list):
        return [item for each in value for item in _items(each)]
    return [value]
