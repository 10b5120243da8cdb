"""What every entity type tells about itself, and the table that the types register in."""

from __future__ import annotations

from typing import Any, ClassVar

from registry_sync.benchling.entity_types.parts import ABSENT, COMMON, Part
from registry_sync.core.types import Json


class EntityType:
    """One type of entity that records can become."""

    name: ClassVar[str]
    """The `type` of its entity schemas."""
    label: ClassVar[str]
    """The plural in a sentence."""
    endpoint: ClassVar[str]
    """The path of its endpoints below `/api/v2/`."""
    key: ClassVar[str]
    """The key of its lists in requests and responses."""
    ids_key: ClassVar[str]
    """The key of its ids in requests that archive, and in their responses."""
    id_prefix: ClassVar[str]
    """How its ids in Benchling begin."""
    upsert_limit: ClassVar[int] = 1000
    """The most rows in one bulk upsert."""
    parts: ClassVar[tuple[Part, ...]] = ()
    """What an entity has beside its fields, of this type alone."""
    part_required: ClassVar[bool] = False
    """Whether Benchling takes no entity without the first of the parts."""
    alphabet: ClassVar[str] = ""
    """Which letters its sequence has: `dna`, `rna`, `aa` or ""."""
    empty_on_create: ClassVar[tuple[str, ...]] = ()
    """Lists of what people draw, which Benchling requires of a new entity. A known one is changed
    by its Benchling id instead, which leaves them as they are."""
    on_create: ClassVar[Json] = {}
    """Values by key that a new entity is given where its record says nothing."""
    drawings: ClassVar[tuple[str, ...]] = ()
    """The keys of what people draw on it."""

    @classmethod
    def part_keys(cls) -> frozenset[str]:
        """Return the keys of its parts."""
        return frozenset(part.key for part in (*cls.parts, *COMMON))

    @classmethod
    def put_parts(cls, row: Json, values: Json, *, is_new: bool) -> None:
        """Write an entity's parts into the row of an upsert or update."""
        for part in (*cls.parts, *COMMON):
            if part.key in values:
                part.put(row, values[part.key])
        if is_new:
            row.update({name: [] for name in cls.empty_on_create})

    @classmethod
    def read_parts(cls, raw: Json) -> dict[str, Any]:
        """Return the parts of an entity as Benchling has it, by key."""
        found = {part.key: part.read(raw) for part in (*cls.parts, *COMMON)}
        return {key: value for key, value in found.items() if value is not ABSENT}

    @classmethod
    def archive_path(cls) -> str:
        """Return the path that archives entities by their ids, below `/api/v2/`."""
        return f"{cls.endpoint}:archive"

    @classmethod
    def unarchive_path(cls) -> str:
        """Return the path that unarchives entities by their ids, below `/api/v2/`."""
        return f"{cls.endpoint}:unarchive"


ENTITY_TYPES: dict[str, type[EntityType]] = {}
"""The entity types that can be synced, by the `type` of their schemas."""


def register(kind: type[EntityType]) -> type[EntityType]:
    """Add an entity type to the table."""
    ENTITY_TYPES[kind.name] = kind
    return kind
