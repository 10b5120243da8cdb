"""An entity as the API returns it."""

from __future__ import annotations

from typing import Any

from .entity_types import TYPES
from .state import Entity, TenantState

Json = dict[str, Any]


def rendered(state: TenantState, entity: Entity, url: str) -> Json:
    """Return an entity as the API does."""
    schema = state.schemas[entity.schema_id]
    kind = TYPES[schema["type"]]
    shown = {
        "id": entity.id,
        "name": entity.name,
        "entityRegistryId": entity.entity_registry_id or None,
        "registryId": entity.registry_id or None,
        "schema": {"id": schema["id"], "name": schema["name"]},
        "fields": {
            d["name"]: _field(state, d, entity.fields.get(d["id"]))
            for d in schema["fieldDefinitions"]
            if not d["archiveRecord"]
        },
        "customFields": {name: {"value": value} for name, value in entity.custom_fields.items()},
        "aliases": list(entity.aliases),
        "authors": [person(state, id_) for id_ in entity.authors],
        "creator": person(state, entity.creator),
        "folderId": entity.folder_id,
        "archiveRecord": {"reason": entity.archived} if entity.archived else None,
        "registrationOrigin": {"originEntryId": None, "registeredAt": entity.created_at},
        "createdAt": entity.created_at,
        "modifiedAt": entity.modified_at,
        "apiURL": f"{url}/api/v2/{kind.path}/{entity.id}",
        "webURL": f"{url}/sandbox/f/{entity.id}",
        **kind.parts.shown(entity.parts),
    }
    return {**shown, "url": f"/sandbox/f/{entity.id}"} if kind.has_url else shown


def person(state: TenantState, id_: str) -> Json:
    """Return who did something, a user or an app."""
    return {"id": id_, "name": state.users.get(id_, id_), "handle": id_}


def _field(state: TenantState, definition: Json, value: Any) -> Json:
    if value is None and definition["isMulti"]:
        value = []
    shown = None
    if value not in (None, []):
        items = value if isinstance(value, list) else [value]
        shown = ", ".join(str(state.shown(definition, item)) for item in items)
    unit = {"unit": definition["unit"]} if definition.get("unit") else {}
    return {
        **unit,
        "value": value,
        "type": definition["type"],
        "isMulti": definition["isMulti"],
        "displayValue": shown,
        "textValue": shown,
    }
