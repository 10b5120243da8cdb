"""What a mapping and an entity are. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from registry_sync.benchling.schema import FieldDefinition
from registry_sync.core.problems import Problem
from registry_sync.core.types import Json
from registry_sync.mapping.rules import Step
from registry_sync.source.paths import ABSENT, Getter

UNKNOWN: Any = [["?"]]
"""A value read back from Benchling that cannot be told as we would send it. No value is a list of
lists, so that it equals none; and any database can hold it."""


def links_of(values: Iterable[Any]) -> frozenset[str]:
    """Name the registry ids that canonical values point at."""
    found = set()
    for value in values:
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict) and set(item) == {"entityRegistryId"}:
                found.add(item["entityRegistryId"])
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class Entity:
    """An entity as Benchling shall hold it: canonical values by field id."""

    external_id: str
    registry_id: str
    name: str
    fields: Json
    sources: Json = field(default_factory=dict, compare=False)
    """What the record had where that is not the value itself: a list of one value, or of none."""

    @property
    def links(self) -> frozenset[str]:
        """The registry ids of the entities it points at."""
        return links_of(self.fields.values())

    def digest(self) -> str:
        """Hash what would be sent: 32 hex characters, whatever the order of the keys."""
        body = json.dumps([self.registry_id, self.name, self.fields], sort_keys=True)
        return hashlib.blake2b(body.encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class FieldMapping:
    """One Benchling field, the path that feeds it, and the rules in between."""

    field: FieldDefinition
    path: str
    get: Getter
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Mapping:
    """Everything that decides an entity, compiled; `fingerprint` is a hash of all of it."""

    fields: tuple[FieldMapping, ...]
    name_path: str
    name: Getter
    registry_id_template: str
    schema_id: str
    fingerprint: str
    identity: tuple[Getter, ...] = ()

    @property
    def field_ids(self) -> tuple[str, ...]:
        return tuple(mapped.field.id for mapped in self.fields)

    @property
    def definitions(self) -> tuple[FieldDefinition, ...]:
        return tuple(mapped.field for mapped in self.fields)

    def identity_of(self, record: Json) -> str:
        """Say which substance a record is about, by the paths of `identity`; "" for unknown."""
        values = [get(record) for get in self.identity]
        known = [str(value).strip() for value in values if value not in (ABSENT, None, "", [])]
        return " / ".join(known)

    def registry_id(self, external_id: str) -> str:
        """Say which registry id an external id has in Benchling."""
        return self.registry_id_template.replace("{id}", external_id)


@dataclass(frozen=True, slots=True)
class Transformed:
    """What a record became: an entity, or every problem that stands in the way."""

    entity: Entity | None
    problems: tuple[Problem, ...] = ()
    coercions: tuple[str, ...] = field(default=())
