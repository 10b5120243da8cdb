"""What a mapping and an entity are. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from registry_sync.benchling.schema import FieldDefinition
from registry_sync.core.problems import Problem
from registry_sync.core.text import name_key
from registry_sync.core.types import Json
from registry_sync.mapping.rules import Step
from registry_sync.source.answers.blanks import Absence
from registry_sync.source.deletes import Deletes
from registry_sync.source.paths import ABSENT, Getter
from registry_sync.source.scope import Scope

UNKNOWN: Any = [["?"]]
"""A value read from Benchling whose canonical form is unknown. No canonical value is a list of
lists, so that it equals none; and any database can store it."""


def links_of(values: Iterable[Any]) -> frozenset[str]:
    """Return the registry ids that canonical values link to."""
    found = set()
    for value in values:
        if not isinstance(value, (list, dict)):  # nearly all
            continue
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict) and set(item) == {"entityRegistryId"}:
                found.add(item["entityRegistryId"])
    return frozenset(found)


def with_links(fields: Json, targets: dict[str, str]) -> Json:
    """Return canonical values whose links lead to other registry ids, where `targets` has them."""

    def led(item: Any) -> Any:
        if isinstance(item, dict) and item.get("entityRegistryId") in targets:
            return {**item, "entityRegistryId": targets[item["entityRegistryId"]]}
        return item

    return {
        key: [led(item) for item in value] if isinstance(value, list) else led(value)
        for key, value in fields.items()
    }


_in_order = json.JSONEncoder(sort_keys=True).encode


@dataclass(frozen=True, slots=True)
class Entity:
    """An entity as it must be in Benchling: canonical values by field id."""

    external_id: str
    registry_id: str
    name: str
    fields: Json
    sources: Json = field(default_factory=dict, compare=False)
    """What the record has where the value differs: a list of one value, or of none."""
    _keys: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def links(self) -> frozenset[str]:
        """Return the registry ids of the entities that it links to."""
        return links_of(self.fields.values())

    @property
    def name_key(self) -> str:
        """Return the key of its name, by which names are compared; computed once."""
        return self._key(self.name)

    @property
    def registry_key(self) -> str:
        """Return the key of its registry id, which Benchling compares as it does names."""
        return self._key(self.registry_id)

    @property
    def alias_keys(self) -> frozenset[str]:
        """Return the keys of the aliases that it is given, but for its own name and id."""
        aliases = self.fields.get("aliases")
        if not isinstance(aliases, list):
            return frozenset()
        return frozenset(map(self._key, aliases)) - {self.name_key, self.registry_key}

    def _key(self, text: str) -> str:
        key = self._keys.get(text)
        if key is None:
            key = self._keys[text] = name_key(text)
        return key

    def digest(self) -> str:
        """Return a hash of what would be sent: 32 hex characters, for any order of the keys."""
        body = _in_order([self.registry_id, self.name, self.fields])
        return hashlib.blake2b(body.encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class FieldMapping:
    """One Benchling field, the path that feeds it, and the rules in between."""

    field: FieldDefinition
    path: str
    get: Getter
    steps: tuple[Step, ...] = ()
    absent: Absence = ""
    ended: Callable[[Json], bool] = lambda record: False
    """Whether a value on the way of the path counts as null, so that the path ends there."""
    nulls: Callable[[Any], Any] = lambda value: value
    """Returns a value with null in place of what counts as null."""

    def given(self, record: Json) -> Any:
        """Return the value that the rules are applied to: None also for what counts as null."""
        value = self.get(record)
        if value is ABSENT and (self.absent == "clear" or self.ended(record)):
            return None
        return value

    def is_held(self, fields: Json) -> bool:
        """Return whether canonical values have one for the field; a linear topology is none."""
        value = fields.get(self.field.id)
        is_linear = value is False and self.field.type == "topology"
        return value not in (None, [], "") and not is_linear

    def is_missing(self, record: Json) -> bool:
        """Return whether the path is not in the record, and nothing on its way says why."""
        return self.get(record) is ABSENT and not self.ended(record)


@dataclass(frozen=True, slots=True)
class Mapping:
    """Everything that decides an entity, compiled; `fingerprint` is a hash of all of it."""

    fields: tuple[FieldMapping, ...]
    name_path: str
    name: Getter
    registry_id_template: str
    schema_id: str
    fingerprint: str
    link_templates: dict[str, str] = field(default_factory=dict)
    """By schema, the templates of other lanes that fields link to; not where that is `{id}`."""
    identity: tuple[Getter, ...] = ()
    scope: Scope = field(default_factory=Scope)
    deletes: Deletes = field(default_factory=Deletes)

    @property
    def field_ids(self) -> tuple[str, ...]:
        """Return the ids of the mapped fields."""
        return tuple([mapped.field.id for mapped in self.fields])

    @property
    def definitions(self) -> tuple[FieldDefinition, ...]:
        """Return the mapped fields."""
        return tuple(mapped.field for mapped in self.fields)

    def identity_of(self, record: Json) -> str:
        """Return the substance of a record, by the paths of `identity`; "" if unknown."""
        values = [get(record) for get in self.identity]
        texts = [str(value).strip() for value in values if value not in (ABSENT, None, "", [])]
        return " / ".join(texts)

    def registry_id(self, external_id: str) -> str:
        """Return the registry id that an external id has in Benchling."""
        return self.registry_id_template.replace("{id}", external_id)

    def linked_id(self, schema_id: str | None, external_id: str) -> str:
        """Return the registry id that a link to a record of this or another lane has."""
        return self.template_of(schema_id).replace("{id}", external_id)

    def template_of(self, schema_id: str | None) -> str:
        """Return how registry ids of this schema, or of one that fields link to, are made."""
        if schema_id == self.schema_id:
            return self.registry_id_template
        return self.link_templates.get(schema_id or "", "{id}")


@dataclass(frozen=True, slots=True)
class Transformed:
    """What a record became: an entity, or every problem that prevents it."""

    entity: Entity | None
    problems: tuple[Problem, ...] = ()
    coercions: tuple[str, ...] = field(default=())
    rest: Json | None = None
    """The fields that can be mapped of a record that has problems."""
