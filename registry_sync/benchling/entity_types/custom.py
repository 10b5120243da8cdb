"""Custom entities."""

from registry_sync.benchling.entity_types.base import EntityType, register


@register
class CustomEntity(EntityType):
    """https://benchling.com/api/reference (bulkUpsertCustomEntities)"""

    name = "custom_entity"
    label = "custom entities"
    endpoint = "custom-entities"
    key = "customEntities"
    ids_key = "customEntityIds"
    id_prefix = "bfi_"
    upsert_limit = 2500
