"""Benchling's entity types: one class each, with what the API calls it and how much it takes.

To add a type, add a class with `@register` to a module here and import the module below: the
client, the bulk upsert and the check of the schema read what differs between types from its class.
"""

from registry_sync.benchling.entity_types import molecules, oligos, sequences  # noqa: F401
from registry_sync.benchling.entity_types.base import ENTITY_TYPES, EntityType
from registry_sync.benchling.entity_types.custom import CustomEntity
from registry_sync.benchling.entity_types.refused import ONLY_READ, why_refused

__all__ = ["ENTITY_TYPES", "ONLY_READ", "CustomEntity", "EntityType", "why_refused"]
