"""Benchling's entity types: one class each, with what the API calls it and how much it takes.

To add a type, add a class with `@register` here: the client, the bulk upsert and the check of the
schema read everything that differs between types from its class.
"""

from __future__ import annotations

from typing import ClassVar


class EntityType:
    """One type of entity that records can become."""

    name: ClassVar[str]
    """The `type` of its entity schemas, and the `subtype` in an app manifest."""
    label: ClassVar[str]
    """The plural in a sentence."""
    endpoint: ClassVar[str]
    """The path of its endpoints below `/api/v2/`."""
    key: ClassVar[str]
    """The key of its lists in requests and responses."""
    upsert_limit: ClassVar[int]
    """The most rows in one bulk upsert."""


ENTITY_TYPES: dict[str, type[EntityType]] = {}
"""The entity types that can be synced, by the `type` of their schemas."""


def register(kind: type[EntityType]) -> type[EntityType]:
    """Add an entity type to the table."""
    ENTITY_TYPES[kind.name] = kind
    return kind


@register
class CustomEntity(EntityType):
    """https://benchling.com/api/reference (bulkUpsertCustomEntities)"""

    name = "custom_entity"
    label = "custom entities"
    endpoint = "custom-entities"
    key = "customEntities"
    upsert_limit = 2500
