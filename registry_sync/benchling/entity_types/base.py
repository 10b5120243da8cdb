"""What every entity type tells about itself, and the table that the types register in."""

from __future__ import annotations

from typing import ClassVar


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
    part: ClassVar[str] = ""
    """The part that a record brings beside its fields: `structure`, `sequence` or ""."""
    part_required: ClassVar[bool] = True
    """Whether Benchling takes no entity without the part."""

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
